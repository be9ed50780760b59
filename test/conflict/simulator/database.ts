/**
 * A model of one database server: rows with unique keys, a log that is a total order of user and applied transactions,
 * a checkpoint row, and the locks of the one loader that writes here.
 */
import assert from 'node:assert/strict';
import type { Write, WriteCounts } from '../../../src/model/load.ts';
import type { Image, RowChange, Seen, TableShape } from '../../../src/model/row.ts';
import type { AnswerPlan } from '../../../src/replication/conflict/decide.ts';
import { KEYS, TABLES } from './schema.ts';

export interface StoredRow {
  readonly table: TableShape;
  readonly image: Image;
}

export interface CopyCursor {
  /** Index into `TABLES`. */
  readonly table: number;
  readonly after: string | null;
}

export interface CheckpointRow {
  readonly seq: number;
  readonly position: string;
  readonly seen: Seen;
  readonly cursor: CopyCursor;
}

export interface LogEntry {
  readonly sequence: number;
  readonly gtid: string;
  readonly position: string;
  readonly kind: 'user' | 'applied' | 'beat' | 'low' | 'high';
  readonly changes: readonly RowChange[];
  /** Position written into the checkpoint row by an applied transaction. */
  readonly mark: string | null;
  readonly answers: readonly AnswerPlan[];
  /** Of watermarks: the chunk, and what the high one lists. */
  readonly chunk: number;
  readonly locks: readonly string[];
  /** The truth, which no reader may look at: how much of the other site's log this database held before the entry. */
  readonly truth: number;
}

export class Duplicate extends Error {}

export function sequenceOf(position: string): number {
  return Number(position.slice(position.lastIndexOf('-') + 1));
}

export class Database {
  readonly name: string;
  readonly #server: number;
  readonly rows = new Map<string, StoredRow>();
  readonly holders = new Map<string, string>();
  readonly log: LogEntry[] = [];
  /** Lock keys that the loader's open transaction holds. */
  locks: ReadonlySet<string> = new Set();
  checkpoint: CheckpointRow;
  truth = 0;

  constructor(name: string, server: number, other: number, cursor: CopyCursor) {
    this.name = name;
    this.#server = server;
    this.checkpoint = { seq: 0, position: `mariadb:0-${other}-0`, seen: {}, cursor };
  }

  get start(): string {
    return `mariadb:0-${this.#server}-0`;
  }

  append(entry: Partial<LogEntry> & Pick<LogEntry, 'kind'>): LogEntry {
    const sequence = this.log.length + 1;
    const gtid = `0-${this.#server}-${sequence}`;
    const rest = { changes: [], mark: null, answers: [], chunk: 0, locks: [], truth: this.truth, ...entry };
    const whole: LogEntry = { sequence, gtid, position: `mariadb:${gtid}`, ...rest };
    this.log.push(whole);
    return whole;
  }

  entry(position: string): LogEntry {
    return this.log[sequenceOf(position) - 1]!;
  }

  /** Rows of a table in key order. */
  list(table: TableShape): Image[] {
    const images = [...this.rows.values()].flatMap((row) => (row.table === table ? [row.image] : []));
    return images.sort((a, b) => compareKeys(a[0]!, b[0]!));
  }

  /** Everything, as lines that can be compared. */
  dump(): string[] {
    return TABLES.flatMap((table) => this.list(table).map((image) => `${table.name} ${image.join(' ')}`));
  }
}

export function compareKeys(a: string, b: string): number {
  const [x, y] = [a, b].map((key) => (key.startsWith("'") ? key.toLowerCase() : key.padStart(8, '0')));
  return x! < y! ? -1 : x! > y! ? 1 : 0;
}

/** An open transaction: what it removed and added, seen over the committed rows. */
export class Transaction {
  readonly #database: Database;
  readonly #removed = new Set<string>();
  readonly #added = new Map<string, StoredRow>();
  readonly #holders = new Map<string, string>();
  readonly changes: RowChange[] = [];
  /** Rows and index entries that its writes hold. Absent keys are not held: deleting nothing locks nothing. */
  readonly locks = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
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
      const row = this.holder(lock);
      if (row !== null) this.delete(table, this.at(row)!.image);
    }
  }

  #take(table: TableShape, image: Image): Image | null {
    const row = KEYS.row(table, image);
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
    if (this.at(row) !== null || uniques.some((unique) => this.holder(unique) !== null)) throw new Duplicate();
    this.#added.set(row, { table, image });
    for (const unique of uniques) this.#holders.set(unique, row);
    this.#lock({ table, image });
  }

  #lock({ table, image }: StoredRow): void {
    for (const lock of KEYS.touched(table, null, image)) this.locks.add(lock);
  }
}
