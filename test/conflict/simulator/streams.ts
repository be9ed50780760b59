/** Readers of the two logs, and the links that carry what they read; the copier that feeds one of them. */
import type { Delivery, Image, RowChange, Seen } from '../../../src/model/row.ts';
import { type Database, type LogEntry, sequenceOf } from './database.ts';
import type { Fault } from './faults.ts';
import type { Random } from './random.ts';
import { KEYS, TABLES } from './schema.ts';

/** Pipeline names; `OUT` runs from the serialiser to the spoke. */
export const OUT = 'shop/s>p';
export const BACK = 'shop/p>s';

export interface StreamOptions {
  readonly database: Database;
  readonly has: (fault: Fault) => boolean;
}

function common(
  entry: LogEntry,
  seen: Seen,
): { gtid: string; position: string; seen: Seen; commitMs: number; bytes: number } {
  return { gtid: entry.gtid, position: entry.position, seen, commitMs: 0, bytes: 1 };
}

function userChanges(entry: LogEntry, seen: Seen): Delivery {
  return { ...common(entry, seen), kind: 'changes', first: true, last: true, changes: entry.changes };
}

/** Reads the spoke's log for the serialiser, folding what the spoke had seen. */
export class SpokeStream {
  readonly #options: StreamOptions;
  readonly queue: Delivery[] = [];
  #at = 0;
  #seen: Seen = {};
  #seenBefore: Seen = {};

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get atEnd(): boolean {
    return this.#at === this.#options.database.log.length;
  }

  /** Starts again where a checkpoint of the serialiser says, with what was seen there. */
  reset(position: string, seen: Seen): void {
    const { database, has } = this.#options;
    this.queue.length = 0;
    this.#at = sequenceOf(position);
    this.#seen = has('present token after restart') ? { [OUT]: database.checkpoint.position } : seen;
    this.#seenBefore = this.#seen;
  }

  read(): void {
    const { database, has } = this.#options;
    const entry = database.log[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    let seen = this.#seen;
    if (has('token claims too much')) seen = { [OUT]: database.checkpoint.position };
    if (has('token claims too little')) seen = this.#seenBefore;
    if (entry.kind === 'applied') {
      this.#seenBefore = this.#seen;
      this.#seen = { [OUT]: entry.mark! };
    } else if (entry.kind === 'beat') this.queue.push({ ...common(entry, seen), kind: 'beat', sentMs: 0 });
    else this.queue.push(userChanges(entry, seen));
  }
}

interface PendingChunk {
  readonly id: number;
  readonly table: number;
  rows: readonly Image[] | null;
  last: boolean;
  /** Row keys changed since the low watermark; null before it was read. */
  changed: Set<string> | null;
}

/** Reads the serialiser's log for the spoke: users' changes, answers, and chunks at their high watermarks. */
export class SerialiserStream {
  readonly #options: StreamOptions;
  readonly queue: Delivery[] = [];
  #at = 0;
  pending: PendingChunk | null = null;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get atEnd(): boolean {
    return this.#at === this.#options.database.log.length;
  }

  reset(position: string): void {
    this.queue.length = 0;
    this.#at = sequenceOf(position);
    this.pending = null;
  }

  read(): void {
    const entry = this.#options.database.log[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    for (const change of entry.changes) this.#noteForChunk(change);
    switch (entry.kind) {
      case 'user':
        this.queue.push(userChanges(entry, {}));
        return;
      case 'applied':
        if (entry.answers.length > 0)
          this.queue.push({ ...common(entry, {}), kind: 'answers', answers: entry.answers });
        return;
      case 'beat':
        this.queue.push({ ...common(entry, {}), kind: 'beat', sentMs: 0 });
        return;
      case 'low':
        if (this.pending?.id === entry.chunk) this.pending.changed = new Set();
        return;
      case 'high':
        if (this.pending?.id === entry.chunk) this.#deliver(entry, this.pending);
    }
  }

  #noteForChunk(change: RowChange): void {
    const changed = this.pending?.changed;
    if (changed == null) return;
    if (change.kind !== 'insert') changed.add(KEYS.row(change.table, change.before));
    if (change.kind !== 'delete') changed.add(KEYS.row(change.table, change.after));
  }

  #deliver(entry: LogEntry, { table: at, rows, last, changed }: PendingChunk): void {
    this.pending = null;
    if (changed === null || rows === null) return;
    const table = TABLES[at]!;
    const cursor = last ? null : [rows.at(-1)![0]!];
    const kept = rows.filter((row) => !changed.has(KEYS.row(table, row)));
    this.queue.push({
      ...common(entry, {}),
      kind: 'chunk',
      chunk: { table, rows: kept, cursor, rowsDone: 0, rowsEstimate: 0 },
    });
  }
}

/** Copies the serialiser's rows in chunks between watermarks, one step at a time. */
export class Copier {
  readonly #database: Database;
  readonly #stream: SerialiserStream;
  readonly #random: Random;
  #table: number;
  #after: string | null;
  #chunks = 0;
  #stage: 'low' | 'read' | 'high' | 'wait' = 'low';

  constructor(database: Database, stream: SerialiserStream, random: Random) {
    this.#database = database;
    this.#stream = stream;
    this.#random = random;
    this.#table = 0;
    this.#after = null;
  }

  get done(): boolean {
    return this.#table === TABLES.length;
  }

  /** The stream was opened again: go on where the spoke has come. */
  reset(cursor: { readonly table: number; readonly after: string | null }): void {
    this.#table = cursor.table;
    this.#after = cursor.after;
    this.#stage = 'low';
  }

  /** `mayWatermark`: no window stands between its check and its commit. */
  step(mayWatermark: boolean, noted: (entry: LogEntry) => void): void {
    if (this.done) return;
    const { log } = this.#database;
    switch (this.#stage) {
      case 'low':
        this.#chunks = log.length + 1;
        this.#stream.pending = { id: this.#chunks, table: this.#table, rows: null, last: false, changed: null };
        this.#database.append({ kind: 'low', chunk: this.#chunks });
        this.#stage = 'read';
        return;
      case 'read': {
        const limit = 1 + this.#random.below(3);
        const rows = this.#database
          .list(TABLES[this.#table]!)
          .filter(([id]) => this.#after === null || isAfter(id!, this.#after));
        const { pending } = this.#stream;
        pending!.rows = rows.slice(0, limit);
        pending!.last = rows.length < limit;
        this.#stage = 'high';
        return;
      }
      case 'high': {
        if (!mayWatermark) return;
        const table = TABLES[this.#table]!;
        const locks = this.#stream.pending!.rows!.flatMap((row) => KEYS.touched(table, null, row));
        noted(this.#database.append({ kind: 'high', chunk: this.#chunks, locks }));
        const { rows, last } = this.#stream.pending!;
        this.#after = last ? null : rows!.at(-1)![0]!;
        if (last) this.#table += 1;
        this.#stage = 'wait';
        return;
      }
      case 'wait':
        if (this.#stream.pending === null) this.#stage = 'low';
    }
  }
}

function isAfter(id: string, after: string): boolean {
  const [x, y] = [id, after].map((key) => (key.startsWith("'") ? key.toLowerCase() : key.padStart(8, '0')));
  return x! > y!;
}
