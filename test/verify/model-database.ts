/** A database in memory, as verify asks it: rows by their keys, in the order that it is given. */
import { createHash } from 'node:crypto';
import type { Checksum, ComparedDatabase, KeyRange } from '../../src/model/comparing.ts';
import type { Image, TableShape } from '../../src/model/row.ts';

export interface ModelTable {
  readonly shape: TableShape;
  rows: Image[];
}

export class ModelDatabase implements ComparedDatabase {
  readonly #tables: readonly ModelTable[];
  readonly #order: (a: string, b: string) => number;
  /** Rows that it was asked to hand out. */
  handed = 0;
  family: 'mariadb' | 'mysql' = 'mariadb';

  constructor(tables: readonly ModelTable[], order: (a: string, b: string) => number) {
    this.#tables = tables;
    this.#order = order;
  }

  async facts(): ReturnType<ComparedDatabase['facts']> {
    return { family: this.family, version: '', identity: '', logsCascades: true };
  }

  async tables(): ReturnType<ComparedDatabase['tables']> {
    return this.#tables.map(({ shape }) => shape);
  }

  async shape(schema: string, name: string): Promise<TableShape | null> {
    return this.#tables.map(({ shape }) => shape).find((one) => one.schema === schema && one.name === name) ?? null;
  }

  async rows(table: TableShape, columns: readonly number[], range: KeyRange, limit: number): Promise<readonly Image[]> {
    const rows = this.#within(table, range).slice(0, limit);
    this.handed += rows.length;
    return rows.map((row) => columns.map((index) => row[index]!));
  }

  async find(
    table: TableShape,
    columns: readonly number[],
    by: readonly number[],
    values: readonly Image[],
  ): Promise<readonly Image[]> {
    const wanted = new Set(values.map((key) => JSON.stringify(key)));
    const found = this.#of(table).rows.filter((row) => wanted.has(JSON.stringify(by.map((index) => row[index]))));
    this.handed += found.length;
    return found.map((row) => columns.map((index) => row[index]!));
  }

  async bound(table: TableShape, range: KeyRange, rows: number): Promise<Image | null> {
    const row = this.#within(table, range)[rows - 1];
    return row === undefined ? null : table.primaryKey.map((index) => row[index]!);
  }

  async checksum(table: TableShape, columns: readonly number[], range: KeyRange): Promise<Checksum> {
    const rows = this.#within(table, range).map((row) => columns.map((index) => row[index]));
    return { rows: rows.length, sum: createHash('sha256').update(JSON.stringify(rows)).digest('hex'), bytes: 0 };
  }

  async unequal(): Promise<readonly boolean[]> {
    throw new Error('columns of one type leave no doubt');
  }

  async logEnd(): Promise<string> {
    return 'mariadb:0-1-1';
  }

  async checkpoints(): Promise<ReadonlyMap<string, string>> {
    return new Map();
  }

  async askResync(): Promise<number> {
    throw new Error('nothing is written');
  }

  async resynced(): Promise<null> {
    return null;
  }

  async copying(): Promise<ReadonlySet<string>> {
    return new Set();
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #of(table: TableShape): ModelTable {
    return this.#tables.find(({ shape }) => shape === table)!;
  }

  #within(table: TableShape, { after, upTo }: KeyRange): Image[] {
    const keyOf = (row: Image): Image => table.primaryKey.map((index) => row[index]!);
    const compare = (one: Image, other: Image): number =>
      one.map((value, index) => this.#order(value!, other[index]!)).find((sign) => sign !== 0) ?? 0;
    return this.#of(table)
      .rows.filter((row) => after === null || compare(keyOf(row), after) > 0)
      .filter((row) => upTo === null || compare(keyOf(row), upTo) <= 0)
      .sort((one, other) => compare(keyOf(one), keyOf(other)));
  }
}
