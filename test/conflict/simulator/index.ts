/** The hub's index for one spoke, as the reader of its log fills it. */

import { tmpdir } from 'node:os';
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import { parsePosition } from '../../../src/model/position.ts';
import type { LoggedAnswer, RowChange } from '../../../src/model/row.ts';
import { WRITE_BYTES } from '../../../src/replication/conflict/key-log.ts';
import { needsAll, noteAnswer, notedOf } from '../../../src/replication/conflict/noting.ts';
import { type EntryKind, type Noted, type Recent, RecentWrites } from '../../../src/replication/conflict/recent.ts';
import { Versions } from '../../../src/replication/conflict/versions.ts';
import { sha256 } from '../../../src/site/serialiser-index.ts';
import { openKeyFile } from '../../../src/state/key-file.ts';
import { type Channel, routed } from './channels.ts';
import { type Database, type LogEntry, sequenceOf } from './database.ts';
import { BlindToAnswers, type Fault } from './faults.ts';
import type { Random } from './random.ts';
import { KEYS } from './schema.ts';

export interface IndexOptions {
  readonly database: Database;
  readonly channel: Channel;
  /** From the spoke, and to it. */
  readonly pipeline: string;
  readonly reverse: string;
  readonly rule: ConflictRule;
  readonly random: Random;
  readonly has: (fault: Fault) => boolean;
}

/** How many indexes have room for next to nothing, so that all is in a file. */
const SPILLING = 0.005;
const SPILLS = { limitBytes: 3 * WRITE_BYTES, spill: { open: () => openKeyFile(tmpdir()), limitBytes: 1 << 30 } };

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
      digest: sha256,
      ...(options.random.chance(SPILLING) ? SPILLS : { limitBytes: 1 << 20 }),
    });
    this.#blind = new BlindToAnswers(this.writes);
  }

  /** What the rules are given. */
  get recent(): Recent {
    return this.#options.has('answer from source') ? this.#blind : this.writes;
  }

  /** Nothing is left of it. */
  close(): void {
    this.rebuild(this.#options.database.start);
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
    const { pipeline, reverse, rule, has } = this.#options;
    switch (entry.kind) {
      case 'user':
        this.#changed(entry);
        return;
      case 'applied':
        for (const answer of entry.answers) {
          if (answer.pipeline !== pipeline && !has("others' answers are entries")) continue;
          if (has('answer without entry')) continue;
          this.#answer(entry, answer);
        }
        // What other spokes wrote is the hub's to this one.
        if (entry.pipeline === pipeline ? has('own writes are entries') : !has('index without other spokes'))
          this.#applied(entry);
        return;
      case 'high':
        if (entry.pipeline === reverse && !has('chunk without entry'))
          this.#put(entry, 'chunk', entry.locks, { stamp: NO_TIME, columns: null, all: needsAll(rule) });
        return;
      case 'beat':
      case 'low':
        return;
      default:
        throw new Error(entry.kind satisfies never);
    }
  }

  /** Rows of another spoke bear the time and the columns of where they were written. */
  #applied(entry: LogEntry): void {
    const { channel, rule, has } = this.#options;
    const versions = new Versions();
    if (!has('applied rows without versions')) versions.add(entry.versions);
    for (const change of routed(channel, entry.changes))
      for (const [lock, noted] of versions.of(this.#touched(change), notedOf(change, rule, entry.clock, KEYS)))
        this.#put(entry, 'local', [lock], noted);
  }

  #changed(entry: LogEntry): void {
    for (const change of routed(this.#options.channel, entry.changes)) {
      if (change.kind === 'delete' && this.#options.has('deletes forgotten')) continue;
      this.#put(entry, 'local', this.#touched(change), notedOf(change, this.#options.rule, entry.clock, KEYS));
    }
  }

  #touched(change: RowChange): string[] {
    const before = change.kind === 'insert' ? null : change.before;
    const after = change.kind === 'delete' ? null : change.after;
    if (!this.#options.has('unique values not noted')) return KEYS.touched(change.table, before, after);
    return [before, after].flatMap((image) => (image === null ? [] : [KEYS.row(change.table, image)]));
  }

  #answer(entry: LogEntry, answer: LoggedAnswer): void {
    const { rule, has } = this.#options;
    const locks = has('unique values not noted') ? answer.locks.slice(0, 1) : answer.locks;
    noteAnswer(this.writes, entry.gtid, { ...answer, locks }, rule);
    this.#blind.noted('answer', locks);
  }

  #put(entry: LogEntry, kind: EntryKind, locks: readonly string[], noted: Noted): void {
    this.writes.note(entry.gtid, kind, locks, this.#options.has('last entry only') ? { ...noted, all: false } : noted);
    this.#blind.noted(kind, locks);
  }
}

const NO_TIME = { order: 0, clock: 0 };
