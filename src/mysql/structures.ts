/**
 * What tables were like at a reader's place in the log.
 *
 * The log does not name columns, and a server only says what a table is like now. Rule kept: a shape is taken for that of
 * the reader's place only when no statement between there and the end of the log, as it was after the server was asked,
 * changes the table's structure. A shape that was right before a statement which does not change it stays right behind it.
 */
import { OtterError } from '../model/error.ts';
import type { ReadLogOptions, Statement } from '../model/ports.ts';
import { type TableShape, tableName } from '../model/row.ts';

/** A shape; null: there is no such table now; an error: nobody can say what it was like. */
export type Structure = TableShape | null | OtterError;

export class Structures {
  readonly #reshapes: ReadLogOptions['reshapes'];
  readonly #known = new Map<string, Structure>();
  /** What tables are like here, though the server was not asked again since the last statement. */
  readonly #carried = new Map<string, TableShape>();

  constructor(reshapes: ReadLogOptions['reshapes']) {
    this.#reshapes = reshapes;
  }

  /** Undefined: the server must be asked. */
  get(schema: string, name: string): Structure | undefined {
    return this.#known.get(tableName({ schema, name }));
  }

  /** Whether these are what the tables were like before the last statement, which did not change them. */
  unchanged(shapes: Iterable<TableShape>): boolean {
    for (const shape of shapes) if (this.#carried.get(tableName(shape)) !== shape) return false;
    return true;
  }

  /** @param ahead every definition between the reader's place and the end of the log, from after the server was asked */
  provide(schema: string, name: string, shape: TableShape | null, ahead: readonly Statement[]): void {
    const table = { schema, name };
    const change = ahead.find((statement) => this.#reshapes(statement, table));
    const carried = this.#carried.get(tableName(table));
    const known = change === undefined || shape === null ? shape : unsure(tableName(table), change);
    this.#known.set(tableName(table), change !== undefined && carried !== undefined ? carried : known);
  }

  /** A definition is passed: the server is asked anew for every table. */
  pass(statement: Pick<Statement, 'schema' | 'sql'>): void {
    for (const [name, shape] of this.#known) {
      if (shape === null || shape instanceof OtterError) this.#carried.delete(name);
      else this.#carried.set(name, shape);
    }
    for (const [name, shape] of this.#carried) if (this.#reshapes(statement, shape)) this.#carried.delete(name);
    this.#known.clear();
  }
}

function unsure(table: string, { gtid }: Statement): OtterError {
  return new OtterError('OT4030', `rows of ${table} are older than a change of its structure (transaction ${gtid})`, {
    where: { table },
    hint: 'copy the table again (`otter explain OT4030` says how)',
  });
}
