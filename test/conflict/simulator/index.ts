/** The hub's index for one spoke, as the reader of its log fills it. */
import { parsePosition } from '../../../src/model/position.ts';
import type { Image, TableShape } from '../../../src/model/row.ts';
import { type EntryKind, type Recent, RecentWrites } from '../../../src/replication/conflict/recent.ts';
import { sha256 } from '../../../src/site/serialiser-index.ts';
import { type Database, type LogEntry, sequenceOf } from './database.ts';
import { BlindToAnswers, type Fault } from './faults.ts';
import { KEYS } from './schema.ts';

export interface IndexOptions {
  readonly database: Database;
  /** From the spoke, and to it. */
  readonly pipeline: string;
  readonly reverse: string;
  readonly has: (fault: Fault) => boolean;
}

export class Index {
  readonly #options: IndexOptions;
  readonly writes: RecentWrites;
  readonly #blind: BlindToAnswers;
  /** Entries of the log that were read. */
  #at = 0;

  constructor(options: IndexOptions) {
    this.#options = options;
    this.writes = new RecentWrites({
      from: parsePosition(options.database.start),
      limitBytes: 1 << 20,
      digest: sha256,
    });
    this.#blind = new BlindToAnswers(this.writes);
  }

  /** What the rules are given. */
  get recent(): Recent {
    return this.#options.has('answer from source') ? this.#blind : this.writes;
  }

  /** Everything in memory is gone, and the log is read again behind a position. */
  rebuild(from: string): void {
    this.writes.clear(parsePosition(from));
    this.#at = sequenceOf(from);
  }

  /** The reader goes back a little, as after a broken connection, and notes the same again. */
  reread(entries: number): void {
    this.#at = Math.max(0, this.#at - entries);
  }

  readOne(): void {
    const entry = this.#options.database.log[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    this.#note(entry);
  }

  readToEnd(): void {
    while (this.#at < this.#options.database.log.length) this.readOne();
  }

  #note(entry: LogEntry): void {
    const { pipeline, reverse, has } = this.#options;
    switch (entry.kind) {
      case 'user':
        this.#changed(entry);
        return;
      case 'applied':
        for (const answer of entry.answers) {
          if (answer.pipeline !== pipeline && !has("others' answers are entries")) continue;
          if (has('answer without entry')) continue;
          this.#put(entry, 'answer', has('unique values not noted') ? answer.locks.slice(0, 1) : answer.locks);
        }
        // What other spokes wrote is the hub's to this one.
        if (entry.pipeline === pipeline ? has('own writes are entries') : !has('index without other spokes'))
          this.#changed(entry);
        return;
      case 'high':
        if (entry.pipeline === reverse && !has('chunk without entry')) this.#put(entry, 'chunk', entry.locks);
        return;
      case 'beat':
      case 'low':
        return;
      default:
        throw new Error(entry.kind satisfies never);
    }
  }

  #changed(entry: LogEntry): void {
    for (const change of entry.changes) {
      const before = change.kind === 'insert' ? null : change.before;
      const after = change.kind === 'delete' ? null : change.after;
      this.#put(entry, 'local', this.#touched(change.table, before, after));
    }
  }

  #touched(table: TableShape, before: Image | null, after: Image | null): string[] {
    if (!this.#options.has('unique values not noted')) return KEYS.touched(table, before, after);
    return [before, after].flatMap((image) => (image === null ? [] : [KEYS.row(table, image)]));
  }

  #put(entry: LogEntry, kind: EntryKind, locks: readonly string[]): void {
    this.writes.note(entry.gtid, kind, locks);
    this.#blind.noted(kind, locks);
  }
}
