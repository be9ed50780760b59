/**
 * What tables were like at a reader's place in the log.
 *
 * The log does not name columns, and a server only says what a table is like now. Rule kept: a shape is taken for that of
 * the reader's place only when no statement between there and the end of the log, as it was after the server was asked,
 * changes the table's structure. A shape that was right before a statement which does not change it stays right behind it,
 * and the server is not even asked again of a table that the statement does not name.
 */
import { OtterError } from '../model/error.ts';
import type { PastTable, PlainStatement, ReadLogOptions, Statement } from '../model/ports.ts';
import { type TableShape, tableName } from '../model/row.ts';

export interface Structure {
  /** Null: there is no such table now. */
  readonly shape: TableShape | null;
  /** Why nobody can say that it was like this; rows that fit this shape are read wrong all the same. */
  readonly doubt: OtterError | null;
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

export class Structures {
  readonly #options: Pick<ReadLogOptions, 'definitions' | 'wants'>;
  /** Tables whose history is kept, exactly as they are here. */
  readonly #past: ReadonlyMap<string, PastTable>;
  readonly #known = new Map<string, Structure & { readonly table: Named }>();
  /** What tables are like here, though the server was not asked again since the last statement. */
  readonly #carried = new Map<string, TableShape>();
  /** Tables to be asked for at once. */
  #urgent: readonly Named[] = [];

  constructor(
    options: Pick<ReadLogOptions, 'definitions' | 'wants'>,
    past: ReadonlyMap<string, PastTable> = new Map<string, PastTable>(),
  ) {
    this.#options = options;
    this.#past = past;
  }

  /** A table that should be asked for before the log goes on: the later, the more of it must be doubted. */
  get urgent(): Named | null {
    // Asked at every event.
    if (this.#urgent.length === 0) return null;
    return this.#urgent.find(({ schema, name }) => this.get(schema, name) === undefined) ?? null;
  }

  /** Undefined: the server must be asked. */
  get(schema: string, name: string): Structure | undefined {
    const past = this.#past.get(tableName({ schema, name }));
    return past === undefined ? this.#known.get(tableName({ schema, name })) : { shape: past.shape, doubt: null };
  }

  /** Whether nothing is new in these: known here, or as before the last statement, which did not change them. */
  unchanged(shapes: Iterable<TableShape>): boolean {
    for (const shape of shapes) {
      const name = tableName(shape);
      if (!this.#known.has(name) && this.#carried.get(name) !== shape) return false;
    }
    return true;
  }

  /** @param ahead every definition between the reader's place and the end of the log, from after the server was asked */
  provide(schema: string, name: string, shape: TableShape | null, ahead: readonly Statement[]): void {
    const table = { schema, name };
    if (this.#known.has(tableName(table))) return;
    const changes = this.#options.definitions.changes;
    const change = ahead.find((statement) => mayConcern(statement, table, shape) && changes(statement, table));
    const carried = this.#carried.get(tableName(table));
    if (change !== undefined && carried !== undefined)
      this.#known.set(tableName(table), { table, shape: carried, doubt: null });
    else {
      const doubt = change === undefined || shape === null ? null : unsure(tableName(table), change);
      this.#known.set(tableName(table), { table, shape, doubt });
    }
  }

  /**
   * A definition is passed: of the tables that it may concern the server is asked anew, at once of those that it changed,
   * of others when rows come.
   */
  pass(statement: PlainStatement): void {
    const { definitions, wants } = this.#options;
    for (const [name, shape] of this.#carried)
      if (mayConcern(statement, shape, shape) && definitions.changes(statement, shape)) this.#carried.delete(name);
    for (const [name, { table, shape, doubt }] of this.#known) {
      if (!mayConcern(statement, table, shape)) continue;
      this.#known.delete(name);
      if (shape === null || doubt !== null || definitions.changes(statement, table)) this.#carried.delete(name);
      else this.#carried.set(name, shape);
    }
    this.#urgent = definitions.tables(statement).filter(({ schema, name }) => wants(schema, name));
  }
}

const lowered = new WeakMap<object, string>();

/** In small letters, since some servers keep names so whatever is written; remembered, for it is looked into by every table. */
function textOf(statement: PlainStatement): string {
  let text = lowered.get(statement);
  if (text === undefined) {
    text = statement.plain.toLowerCase();
    lowered.set(statement, text);
  }
  return text;
}

/**
 * Whether the statement names the table, one that it refers to, or its whole schema, anywhere in its text. Rather too often
 * than too seldom, and quick: it is asked of every table at every definition.
 */
function mayConcern(statement: PlainStatement, { schema, name }: Named, shape: TableShape | null): boolean {
  const text = textOf(statement);
  // A quote in a name is written twice.
  const names = (what: string): boolean => /[`"]/.test(what) || text.includes(what.toLowerCase());
  if (names(name) || shape?.foreignKeys.some(({ parentTable }) => names(parentTable)) === true) return true;
  return (text.includes('database') || text.includes('schema')) && names(schema);
}

function unsure(table: string, { gtid }: Statement): OtterError {
  return new OtterError('OT4030', `rows of ${table} are older than a change of its structure (transaction ${gtid})`, {
    where: { table },
    hint: 'copy the table again (`otter explain OT4030` says how)',
  });
}
