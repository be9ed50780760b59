/**
 * What tables were like at a reader's place in the log.
 *
 * The log does not name columns, and a server only says what a table is like now. Rule kept: a shape is taken for that of
 * the reader's place only when no statement between there and the end of the log, as it was after the server was asked,
 * changes the table's structure. A shape that was right before a statement which does not change it stays right behind it.
 */
import { OtterError } from '../model/error.ts';
import type { PlainStatement, ReadLogOptions, Statement } from '../model/ports.ts';
import { type TableShape, tableName } from '../model/row.ts';

export interface Structure {
  /** Null: there is no such table now. */
  readonly shape: TableShape | null;
  /** Why nobody can say that it was like this; rows that fit this shape are read wrong all the same. */
  readonly doubt: OtterError | null;
}

export class Structures {
  readonly #options: Pick<ReadLogOptions, 'definitions' | 'wants'>;
  readonly #known = new Map<string, Structure>();
  /** What tables are like here, though the server was not asked again since the last statement. */
  readonly #carried = new Map<string, TableShape>();
  /** Tables to be asked for at once. */
  #urgent: readonly { readonly schema: string; readonly name: string }[] = [];

  constructor(options: Pick<ReadLogOptions, 'definitions' | 'wants'>) {
    this.#options = options;
  }

  /** A table that should be asked for before the log goes on: the later, the more of it must be doubted. */
  get urgent(): { readonly schema: string; readonly name: string } | null {
    return this.#urgent.find(({ schema, name }) => this.get(schema, name) === undefined) ?? null;
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
    const change = ahead.find((statement) => this.#options.definitions.changes(statement, table));
    const carried = this.#carried.get(tableName(table));
    if (change !== undefined && carried !== undefined)
      this.#known.set(tableName(table), { shape: carried, doubt: null });
    else {
      const doubt = change === undefined || shape === null ? null : unsure(tableName(table), change);
      this.#known.set(tableName(table), { shape, doubt });
    }
  }

  /** A definition is passed: the server is asked anew, of the tables that it changed at once, of others when rows come. */
  pass(statement: PlainStatement): void {
    for (const [name, { shape, doubt }] of this.#known) {
      if (shape === null || doubt !== null) this.#carried.delete(name);
      else this.#carried.set(name, shape);
    }
    for (const [name, shape] of this.#carried)
      if (this.#options.definitions.changes(statement, shape)) this.#carried.delete(name);
    this.#known.clear();
    const { definitions, wants } = this.#options;
    this.#urgent = definitions.tables(statement).filter(({ schema, name }) => wants(schema, name));
  }
}

function unsure(table: string, { gtid }: Statement): OtterError {
  return new OtterError('OT4030', `rows of ${table} are older than a change of its structure (transaction ${gtid})`, {
    where: { table },
    hint: 'copy the table again (`otter explain OT4030` says how)',
  });
}
