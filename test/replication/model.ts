/** A model of a target table: what a server makes of writes, with its unique keys and a collation that folds case. */
import type { LoadTable, Write } from '../../src/model/load.ts';
import type { ColumnShape, Image, TableShape, Value } from '../../src/model/row.ts';
import { loadTable } from '../../src/replication/load-table.ts';

export function column(name: string, type = 'int', more: Partial<ColumnShape> = {}): ColumnShape {
  return { name, type, charset: null, collation: null, nullable: true, generated: false, ...more };
}

export function shape(more: Partial<TableShape> = {}): TableShape {
  return {
    schema: 'shop',
    name: 't',
    columns: [column('id'), column('u'), column('v')],
    primaryKey: [0],
    uniques: [],
    foreignKeys: [],
    referencedBy: [],
    triggers: [],
    engine: 'InnoDB',
    ...more,
  };
}

export function load(source: TableShape, target: TableShape = source): LoadTable {
  return loadTable(source, target, {});
}

/** Throws where a server would. Rows are in the order of `target.columns`. */
export class ModelTable {
  readonly #shape: TableShape;
  rows: Image[] = [];

  constructor(table: TableShape, rows: readonly Image[] = []) {
    this.#shape = table;
    this.rows = [...rows];
  }

  apply(writes: readonly Write[]): void {
    for (const write of writes) this.#write(write);
  }

  #write(write: Write): void {
    switch (write.kind) {
      case 'insert':
        for (const row of write.rows) this.insert(this.#full(write.table, row));
        return;
      case 'upsert':
      case 'put':
        for (const row of write.rows) {
          const full = this.#full(write.table, row);
          const at = this.rows.findIndex((other) => this.#equal(other, full, this.#shape.primaryKey));
          if (at < 0) this.insert(full);
          else this.#replace(at, this.#over(write.table, this.rows[at]!, row));
        }
        return;
      case 'ensure':
        for (const row of write.rows)
          if (!this.#taken(this.#full(write.table, row), -1)) this.insert(this.#full(write.table, row));
        return;
      case 'delete':
        for (const row of write.rows) {
          const full = this.#full(write.table, row);
          this.rows = this.rows.filter((other) => !this.#equal(other, full, this.#shape.primaryKey));
        }
        return;
      case 'update': {
        const before = this.#full(write.table, write.before);
        const at = this.rows.findIndex((other) => this.#equal(other, before, this.#shape.primaryKey));
        if (at < 0) this.insert(this.#full(write.table, write.after));
        else this.#replace(at, this.#over(write.table, this.rows[at]!, write.after));
        return;
      }
      case 'evict': {
        const names = write.unique.columns.map((index) => write.table.columns[index]!.name);
        const columns = names.map((name) => this.#shape.columns.findIndex((other) => other.name === name));
        for (const row of write.rows) {
          const full = this.#full(write.table, row);
          this.rows = this.rows.filter((other) => !this.#equal(other, full, columns));
        }
        return;
      }
      case 'clear':
        this.rows = [];
        return;
      case 'fk-checks':
        return;
      default:
        write satisfies never;
    }
  }

  insert(row: Image): void {
    if (this.#taken(row, -1)) throw new Error('duplicate');
    this.rows.push(row);
  }

  #replace(at: number, row: Image): void {
    if (this.#taken(row, at)) throw new Error('duplicate');
    this.rows[at] = row;
  }

  #taken(row: Image, but: number): boolean {
    const keys = [this.#shape.primaryKey, ...this.#shape.uniques.map(({ columns }) => columns)];
    const taken = (other: Image): boolean => keys.some((key) => key.length > 0 && this.#equal(other, row, key));
    return this.rows.some((other, at) => at !== but && taken(other));
  }

  /** As the server compares: NULL equals nothing, texts fold case. */
  #equal(a: Image, b: Image, columns: readonly number[]): boolean {
    return columns.every((index) => {
      const [x, y] = [a[index] ?? null, b[index] ?? null];
      if (x === null || y === null) return false;
      return this.#shape.columns[index]!.collation === null ? x === y : x.toLowerCase() === y.toLowerCase();
    });
  }

  /** Columns that are not written have their default. */
  #full(table: LoadTable, row: Image): Image {
    return this.#over(
      table,
      this.#shape.columns.map((): Value => null),
      row,
    );
  }

  #over(table: LoadTable, old: Image, row: Image): Image {
    const full = [...old];
    for (const [index, { name }] of table.columns.entries()) {
      full[this.#shape.columns.findIndex((other) => other.name === name)] = row[index] ?? null;
    }
    return full;
  }
}
