/**
 * A model of one database server: rows with unique keys, a log that is a total order of user and applied transactions,
 * a checkpoint row for each pipeline that ends here, and the locks of the loaders that write here.
 */
import type { ConflictRecord } from '../../../src/model/conflict.ts';
import type { Image, LoggedAnswer, RowChange, Seen, TableShape, Version } from '../../../src/model/row.ts';
import { Locks } from './locks.ts';
import { TABLES } from './schema.ts';

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
  /** The pipeline that was applied, or that watermarks belong to. */
  readonly pipeline: string | null;
  /** Position written into the checkpoint row by an applied transaction. */
  readonly mark: string | null;
  readonly answers: readonly LoggedAnswer[];
  readonly versions: readonly Version[];
  /** Commit time by this server's clock, microseconds. */
  readonly clock: number;
  /** Of watermarks: the chunk, and what the high one lists. */
  readonly chunk: number;
  readonly locks: readonly string[];
  /** The truth, which no reader may look at: how much of the hub's log this database held before the entry, by pipeline. */
  readonly truth: Readonly<Record<string, number>>;
}

export function sequenceOf(position: string): number {
  return Number(position.slice(position.lastIndexOf('-') + 1));
}

export class Database {
  readonly name: string;
  readonly #server: number;
  readonly #clock: () => number;
  readonly rows = new Map<string, StoredRow>();
  readonly holders = new Map<string, string>();
  readonly log: LogEntry[] = [];
  readonly locks = new Locks();
  readonly conflicts: ConflictRecord[] = [];
  /** Told of every entry of the log. */
  readonly listeners: ((entry: LogEntry) => void)[] = [];
  readonly #checkpoints = new Map<string, CheckpointRow>();
  readonly #epochs = new Map<string, number>();
  truth: LogEntry['truth'] = {};

  constructor(name: string, server: number, clock: () => number = () => 0) {
    this.name = name;
    this.#server = server;
    this.#clock = clock;
  }

  get start(): string {
    return `mariadb:0-${this.#server}-0`;
  }

  /** The checkpoint row of a pipeline that ends here. */
  checkpoint(pipeline: string): CheckpointRow {
    return this.#checkpoints.get(pipeline)!;
  }

  store(pipeline: string, row: CheckpointRow): void {
    this.#checkpoints.set(pipeline, row);
  }

  /** A new owner of a pipeline that ends here; returns its epoch. */
  claim(pipeline: string): number {
    const epoch = (this.#epochs.get(pipeline) ?? 0) + 1;
    this.#epochs.set(pipeline, epoch);
    return epoch;
  }

  /** Whether nobody has claimed it since. */
  owns(pipeline: string, epoch: number): boolean {
    return this.#epochs.get(pipeline) === epoch;
  }

  append(entry: Partial<LogEntry> & Pick<LogEntry, 'kind'>): LogEntry {
    const sequence = this.log.length + 1;
    const gtid = `0-${this.#server}-${sequence}`;
    const rest = {
      changes: [],
      pipeline: null,
      mark: null,
      answers: [],
      versions: [],
      clock: this.#clock(),
      chunk: 0,
      locks: [],
      truth: this.truth,
      ...entry,
    };
    const whole: LogEntry = { sequence, gtid, position: `mariadb:${gtid}`, ...rest };
    this.log.push(whole);
    for (const listener of this.listeners) listener(whole);
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

  /** Whole tables, as lines that can be compared. */
  dump(tables = TABLES): string[] {
    return tables.flatMap((table) => this.list(table).map((image) => `${table.name} ${image.join(' ')}`));
  }
}

export function compareKeys(a: string, b: string): number {
  const [x, y] = [a, b].map((key) => (key.startsWith("'") ? key.toLowerCase() : key.padStart(8, '0')));
  return x! < y! ? -1 : x! > y! ? 1 : 0;
}
