/** Readers of the two logs, and the links that carry what they read. */
import type { Delivery, Image, RowChange, Seen } from '../../../src/model/row.ts';
import { type Channel, routed } from './channels.ts';
import { type Database, type LogEntry, sequenceOf } from './database.ts';
import type { Fault } from './faults.ts';
import { KEYS } from './schema.ts';

export interface StreamOptions {
  readonly database: Database;
  readonly channel: Channel;
  readonly out: string;
  readonly back: string;
  readonly has: (fault: Fault) => boolean;
}

function common(
  entry: LogEntry,
  seen: Seen,
): { gtid: string; position: string; seen: Seen; clock: number; bytes: number } {
  return { gtid: entry.gtid, position: entry.position, seen, clock: entry.clock, bytes: 1 };
}

/** What of the entry the channel carries, if anything. */
function changesOf(entry: LogEntry, channel: Channel, seen: Seen): Delivery[] {
  const changes = routed(channel, entry.changes);
  if (changes.length === 0) return [];
  return [{ ...common(entry, seen), kind: 'changes', first: true, last: true, changes }];
}

/** Reads the spoke's log for the hub, folding what the spoke had seen. */
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

  /** Starts again where a checkpoint of the hub says, with what was seen there. */
  reset(position: string, seen: Seen): void {
    const { database, out, has } = this.#options;
    this.queue.length = 0;
    this.#at = sequenceOf(position);
    this.#seen = has('present token after restart') ? { [out]: database.checkpoint(out).position } : seen;
    this.#seenBefore = this.#seen;
  }

  read(): void {
    const { database, channel, out, has } = this.#options;
    const entry = database.log[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    let seen = this.#seen;
    if (has('token claims too much')) seen = { ...seen, [out]: database.checkpoint(out).position };
    if (has('token claims too little')) seen = this.#seenBefore;
    if (entry.kind === 'applied') {
      this.#seenBefore = this.#seen;
      this.#seen = { ...this.#seen, [entry.pipeline!]: entry.mark! };
    } else if (entry.kind === 'beat') this.queue.push({ ...common(entry, seen), kind: 'beat', sentMs: 0, settled: 1 });
    else this.queue.push(...changesOf(entry, channel, seen));
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

/**
 * Reads the hub's log for one spoke: changes of the hub's users and of other spokes, answers to this one, and its chunks
 * at their high watermarks.
 */
export class HubStream {
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
    const { channel, back, has } = this.#options;
    const theirs = entry.pipeline !== null && entry.pipeline !== back;
    if (!theirs || !has('chunk blind to other spokes')) for (const change of entry.changes) this.#noteForChunk(change);
    switch (entry.kind) {
      case 'user':
        this.queue.push(...changesOf(entry, channel, {}));
        return;
      case 'applied': {
        const sent = theirs ? !has('other spokes not forwarded') : has('sent back to its writer');
        if (sent) this.queue.push(...changesOf(entry, channel, {}));
        const answers = entry.answers.filter(({ pipeline }) => pipeline === back);
        if (answers.length > 0) this.queue.push({ ...common(entry, {}), kind: 'answers', answers });
        return;
      }
      case 'beat':
        this.queue.push({ ...common(entry, {}), kind: 'beat', sentMs: 0, settled: 1 });
        return;
      case 'low':
        if (this.#mine(entry)) this.pending!.changed = new Set();
        return;
      case 'high':
        if (this.#mine(entry)) this.#deliver(entry, this.pending!);
    }
  }

  #mine(entry: LogEntry): boolean {
    return entry.pipeline === this.#options.out && this.pending?.id === entry.chunk;
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
    const table = this.#options.channel.tables[at]!;
    const cursor = last ? null : [rows.at(-1)![0]!];
    const kept = rows.filter((row) => !changed.has(KEYS.row(table, row)));
    this.queue.push({
      ...common(entry, {}),
      kind: 'chunk',
      chunk: { table, rows: kept, cursor, rowsDone: 0, rowsEstimate: 0 },
    });
  }
}
