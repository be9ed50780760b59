/** The serialiser's index as the reader of its log fills it. */
import { parsePosition } from '../../../src/model/position.ts';
import type { Image, TableShape } from '../../../src/model/row.ts';
import { type EntryKind, type Recent, RecentWrites } from '../../../src/replication/conflict/recent.ts';
import { sha256 } from '../../../src/site/serialiser-index.ts';
import { type Database, type LogEntry, sequenceOf } from './database.ts';
import { BlindToAnswers, type Fault } from './faults.ts';
import { KEYS } from './schema.ts';

export class Index {
  readonly #database: Database;
  readonly #has: (fault: Fault) => boolean;
  readonly writes: RecentWrites;
  readonly #blind: BlindToAnswers;
  /** Entries of the log that were read. */
  #at = 0;

  constructor(database: Database, has: (fault: Fault) => boolean) {
    this.#database = database;
    this.#has = has;
    this.writes = new RecentWrites({ from: parsePosition(database.start), limitBytes: 1 << 20, digest: sha256 });
    this.#blind = new BlindToAnswers(this.writes);
  }

  /** What the rules are given. */
  get recent(): Recent {
    return this.#has('answer from source') ? this.#blind : this.writes;
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
    const entry = this.#database.log[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    this.#note(entry);
  }

  readToEnd(): void {
    while (this.#at < this.#database.log.length) this.readOne();
  }

  #note(entry: LogEntry): void {
    switch (entry.kind) {
      case 'user':
        for (const change of entry.changes) {
          const before = change.kind === 'insert' ? null : change.before;
          const after = change.kind === 'delete' ? null : change.after;
          this.#put(entry, 'local', this.#touched(change.table, before, after));
        }
        return;
      case 'applied':
        if (this.#has('answer without entry')) return;
        for (const { locks } of entry.answers)
          this.#put(entry, 'answer', this.#has('unique values not noted') ? locks.slice(0, 1) : locks);
        return;
      case 'high':
        if (!this.#has('chunk without entry')) this.#put(entry, 'chunk', entry.locks);
        return;
      case 'beat':
      case 'low':
        return;
      default:
        throw new Error(entry.kind satisfies never);
    }
  }

  #touched(table: TableShape, before: Image | null, after: Image | null): string[] {
    if (!this.#has('unique values not noted')) return KEYS.touched(table, before, after);
    return [before, after].flatMap((image) => (image === null ? [] : [KEYS.row(table, image)]));
  }

  #put(entry: LogEntry, kind: EntryKind, locks: readonly string[]): void {
    this.writes.note(entry.gtid, kind, locks);
    this.#blind.noted(kind, locks);
  }
}
