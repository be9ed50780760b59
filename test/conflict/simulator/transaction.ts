/** An open transaction of the model: its rows over the committed ones, and what it meets there. */
import assert from 'node:assert/strict';
import type { Write, WriteCounts } from '../../../src/model/load.ts';
import type { Image, RowChange, TableShape } from '../../../src/model/row.ts';
import type { Database, StoredRow } from './database.ts';
import { KEYS } from './schema.ts';

export class Duplicate extends Error {}

/** Another loader holds a lock that is needed. */
export class Blocked extends Error {}

/** Thrown so often that a stack for each would take a tenth of the time. */
const DUPLICATE = new Duplicate();
const BLOCKED = new Blocked();

/** An open transaction: what it removed and added, seen over the committed rows. */
export class Transaction {
  readonly #database: Database;
  readonly #holder: string | null;
  readonly #removed = new Set<string>();
  readonly #added = new Map<string, StoredRow>();
  readonly #holders = new Map<string, string>();
  readonly changes: RowChange[] = [];
  /** Rows and index entries that its writes hold. Absent keys are not held: deleting nothing locks nothing. */
  readonly locks = new Set<string>();

  /** `holder`: the pipeline whose loader writes; users are asked about locks when they commit. */
  constructor(database: Database, holder: string | null) {
    this.#database = database;
    this.#holder = holder;
  }

  at(row: string): StoredRow | null {
    const added = this.#added.get(row);
    if (added !== undefined) return added;
    return this.#removed.has(row) ? null : (this.#database.rows.get(row) ?? null);
  }

  holder(unique: string): string | null {
    const added = this.#holders.get(unique);
    if (added !== undefined) return added;
    const row = this.#database.holders.get(unique);
    return row === undefined || this.#removed.has(row) ? null : row;
  }

  insert(table: TableShape, image: Image): void {
    this.#put(table, image);
    this.changes.push({ kind: 'insert', table, fkChecks: true, after: image });
  }

  delete(table: TableShape, image: Image): boolean {
    const before = this.#take(table, image);
    if (before !== null) this.changes.push({ kind: 'delete', table, fkChecks: true, before });
    return before !== null;
  }

  update(table: TableShape, key: Image, after: Image): boolean {
    const before = this.#take(table, key);
    if (before === null) return false;
    try {
      this.#put(table, after);
    } catch (error) {
      this.#put(table, before);
      throw error;
    }
    if (before.some((value, index) => value !== after[index]))
      this.changes.push({ kind: 'update', table, fkChecks: true, before, after });
    return true;
  }

  run(writes: readonly Write[]): WriteCounts {
    let missing = 0;
    let absent = 0;
    for (const write of writes) {
      switch (write.kind) {
        case 'insert':
          for (const row of write.rows) this.insert(write.table.target, row);
          break;
        case 'delete':
          for (const row of write.rows) if (!this.delete(write.table.target, row)) absent += 1;
          break;
        case 'upsert':
        case 'put':
          assert.equal(write.table.target.uniques.length, 0, 'an upsert may hit another row');
          for (const row of write.rows) {
            if (this.update(write.table.target, row, row)) continue;
            missing += 1;
            this.insert(write.table.target, row);
          }
          break;
        case 'evict':
          for (const row of write.rows) this.#evict(write.table.target, write.unique, row);
          break;
        case 'clear':
        case 'ensure':
        case 'fk-checks':
        case 'update':
          assert.fail(`the model has no ${write.kind}`);
          break;
        default:
          write satisfies never;
      }
    }
    return { missing, absent };
  }

  /** Makes the rows visible; the log entry is the caller's. */
  commit(): void {
    const { rows, holders } = this.#database;
    for (const row of this.#removed) {
      const stored = rows.get(row)!;
      for (const unique of KEYS.uniques(stored.table, stored.image)) holders.delete(unique);
      rows.delete(row);
    }
    for (const [row, stored] of this.#added) {
      assert(!rows.has(row), 'a locked key was taken');
      rows.set(row, stored);
      for (const unique of KEYS.uniques(stored.table, stored.image)) {
        assert(!holders.has(unique), 'a locked value was taken');
        holders.set(unique, row);
      }
    }
  }

  #evict(table: TableShape, unique: TableShape['uniques'][number], image: Image): void {
    const others = table.columns.map((_, index) => (unique.columns.includes(index) ? image[index]! : null));
    for (const lock of KEYS.uniques(table, others)) {
      this.#wait(lock);
      const row = this.holder(lock);
      if (row !== null) this.delete(table, this.at(row)!.image);
    }
  }

  #take(table: TableShape, image: Image): Image | null {
    const row = KEYS.row(table, image);
    this.#wait(row);
    const stored = this.at(row);
    if (stored === null) return null;
    this.#lock(stored);
    if (this.#added.delete(row)) {
      for (const unique of KEYS.uniques(table, stored.image)) this.#holders.delete(unique);
    } else this.#removed.add(row);
    return stored.image;
  }

  /** @throws Duplicate and changes nothing. */
  #put(table: TableShape, image: Image): void {
    const row = KEYS.row(table, image);
    const uniques = KEYS.uniques(table, image);
    for (const lock of [row, ...uniques]) this.#wait(lock);
    if (this.at(row) !== null || uniques.some((unique) => this.holder(unique) !== null)) throw DUPLICATE;
    this.#added.set(row, { table, image });
    for (const unique of uniques) this.#holders.set(unique, row);
    this.#lock({ table, image });
  }

  #lock({ table, image }: StoredRow): void {
    const locks = KEYS.touched(table, null, image);
    for (const lock of locks) this.#wait(lock);
    for (const lock of locks) this.locks.add(lock);
  }

  /** What another loader holds is neither there nor absent before that one is done. */
  #wait(lock: string): void {
    if (this.#holder !== null && this.#database.locks.inTheWay(this.#holder, lock)) throw BLOCKED;
  }
}
