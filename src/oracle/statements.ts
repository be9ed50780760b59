/**
 * Writes as statements with arrays of binds.
 *
 * Rule kept: no statement hits a row that its write did not name. Rows are found by UPDATE and then, where they are missing,
 * merged in: a MERGE alone does not tell how many were missing, and a bind longer than a VARCHAR2 may stand in an INSERT or
 * UPDATE only, where it goes straight into a column (ORA-01461 elsewhere), so what has a LOB is inserted.
 */
import { type LoadTable, RowRefused } from '../model/load.ts';
import { isLob, parseOracleType } from '../model/oracle-types.ts';
import { type Image, tableName } from '../model/row.ts';
import type { Bind, BindKind } from './connection.ts';
import { qualified, quoteName } from './names.ts';
import { type Passenger, passenger, Unplaced } from './values.ts';

/** SQL with the columns whose values it binds, of one image or (`before`) of the other. */
export interface Statement {
  readonly sql: string;
  readonly kinds: readonly BindKind[];
  readonly binds: readonly { readonly column: number; readonly before: boolean }[];
}

export class TableStatements {
  readonly #table: LoadTable;
  readonly #passengers: readonly Passenger[];
  readonly #names: readonly string[];
  readonly #into: string;
  readonly #updates = new Map<string, Statement>();
  readonly hasLobs: boolean;

  constructor(table: LoadTable) {
    this.#table = table;
    this.#passengers = table.columns.map((column, index) => passenger(table.source.columns[index]!, column));
    this.#names = table.columns.map(({ name }) => quoteName(name));
    this.#into = qualified(table.target);
    const lobs = table.columns.map(({ type }) => isLob(parseOracleType(type)));
    this.hasLobs = lobs.includes(true);
    this.#all = lobs.map((_, index) => index).sort((a, b) => Number(lobs[a]) - Number(lobs[b]));
  }

  /** In the order in which they are bound: after a bind longer than 4000 bytes no other may be longer (ORA-24816). */
  readonly #all: readonly number[];

  readonly insert = once(() => {
    const statement = new Writing(this.#passengers);
    const values = this.#all.map((column) => statement.value(column));
    return statement.end(`INSERT INTO ${this.#into} (${this.#list}) VALUES (${values.join(',')})`);
  });

  /** Of a row by key, or one of those that are equal in all columns. */
  update(columns: readonly number[]): Statement {
    const name = columns.join();
    let known = this.#updates.get(name);
    if (known === undefined) {
      const statement = new Writing(this.#passengers);
      const inOrder = this.#all.filter((column) => columns.includes(column));
      const set = inOrder.map((column) => `${this.#names[column]}=${statement.value(column)}`);
      // Where nothing changed the row is looked for all the same.
      if (set.length === 0) set.push(`${this.#names[0]}=${this.#names[0]}`);
      known = statement.end(`UPDATE ${this.#into} SET ${set.join(',')} WHERE ${this.#found(statement)}`);
      this.#updates.set(name, known);
    }
    return known;
  }

  readonly delete = once(() => {
    const statement = new Writing(this.#passengers);
    return statement.end(`DELETE FROM ${this.#into} WHERE ${this.#found(statement)}`);
  });

  /** Puts rows there that are missing; `orChange`: and changes those that are not. Of tables without LOBs. */
  merge(orChange: boolean): Statement {
    const statement = new Writing(this.#passengers);
    const source = this.#all.map((column) => `${statement.value(column)} AS C${column}`);
    const on = this.#table.key.map((column) => `t.${this.#names[column]}=s.C${column}`);
    const set = this.others.map((column) => `t.${this.#names[column]}=s.C${column}`);
    const change = orChange && set.length > 0 ? ` WHEN MATCHED THEN UPDATE SET ${set.join(',')}` : '';
    return statement.end(
      `MERGE INTO ${this.#into} t USING (SELECT ${source.join(',')} FROM dual) s ON (${on.join(' AND ')})${change}` +
        ` WHEN NOT MATCHED THEN INSERT (${this.#list}) VALUES (${this.#all.map((column) => `s.C${column}`).join(',')})`,
    );
  }

  /** Locks a row and tells whether it is there. */
  readonly look = once(() => {
    const statement = new Writing(this.#passengers);
    return statement.end(`SELECT 1 FROM ${this.#into} WHERE ${this.#found(statement)} FOR UPDATE`);
  });

  get #list(): string {
    return this.#all.map((column) => this.#names[column]).join(',');
  }

  get clear(): string {
    return `DELETE FROM ${this.#into}`;
  }

  /** Columns that are not of the key. */
  get others(): readonly number[] {
    return this.#all.filter((column) => !this.#table.key.includes(column));
  }

  /** The binds of one row. @throws RowRefused naming it, when a value has no place */
  bind({ binds }: Statement, row: Image, before: Image = row): Bind[] {
    try {
      return binds.map((bind) => this.#passengers[bind.column]!.bind((bind.before ? before : row)[bind.column]!));
    } catch (error) {
      if (!(error instanceof Unplaced)) throw error;
      throw new RowRefused(error, { table: tableName(this.#table.target), key: this.keyOf(row) });
    }
  }

  /** `ID=5`, for messages; null for tables without a key, since other values never enter a message. */
  keyOf(row: Image): string | null {
    const { key, columns } = this.#table;
    return key.length === 0 ? null : key.map((index) => `${columns[index]!.name}=${row[index] ?? 'NULL'}`).join(', ');
  }

  #found(statement: Writing): string {
    const { key } = this.#table;
    if (key.length > 0)
      return key.map((column) => `${this.#names[column]}=${statement.value(column, true)}`).join(' AND ');
    const equal = this.#all.map((column) => {
      const name = this.#names[column];
      return `(${name}=${statement.value(column, true)} OR (${name} IS NULL AND ${statement.bare(column)} IS NULL))`;
    });
    return `ROWID=(SELECT MIN(ROWID) FROM ${this.#into} WHERE ${equal.join(' AND ')})`;
  }
}

/** Numbers the binds of a statement as they are written down. */
class Writing {
  readonly #passengers: readonly Passenger[];
  readonly #binds: { column: number; before: boolean }[] = [];

  constructor(passengers: readonly Passenger[]) {
    this.#passengers = passengers;
  }

  value(column: number, before = false): string {
    return this.#passengers[column]!.sql(this.#next(column, before));
  }

  /** As it is bound; to be asked whether it is NULL. */
  bare(column: number): string {
    return this.#next(column, true);
  }

  #next(column: number, before: boolean): string {
    this.#binds.push({ column, before });
    return `:${this.#binds.length}`;
  }

  end(sql: string): Statement {
    return { sql, binds: this.#binds, kinds: this.#binds.map(({ column }) => this.#passengers[column]!.kind) };
  }
}

function once<T>(make: () => T): () => T {
  let made: T | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
