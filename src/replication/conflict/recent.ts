/**
 * The serialiser's index: who wrote a key or a unique value, as long as the spoke may not have seen it.
 *
 * Rules kept: entries are noted in the order of the serialiser's log, so the oldest is always the first that the spoke
 * comes to have seen; an entry leaves only by `evict`, with the token that is *loaded* here, since later changes of the
 * spoke bear no lower one. What was applied for the spoke makes no entry (it was taken because its token covered
 * everything it touches, and so do all later tokens); an answer in the same transaction does, and only a token that
 * covers the answer covers it.
 *
 * Noting the same log again changes nothing: what was noted or left out before is skipped by its position.
 *
 * Where any unseen write is enough to decide, the last one of each key is kept; where it matters which one was later, or
 * what columns it wrote, all that can matter.
 */
import type { OtterError } from '../../model/error.ts';
import type { Spill } from '../../model/key-store.ts';
import { advance, coversGtid, type Position } from '../../model/position.ts';
import { ColumnSets } from './column-sets.ts';
import { type Digest, KeyLog, type Keys, type KeyWrite, WRITE_BYTES } from './key-log.ts';
import { SpillingKeys } from './spilling-keys.ts';
import type { Stamp } from './stamp.ts';
import type { Token } from './tokens.ts';

/**
 * - `local`: a write of the serialiser's own users.
 * - `answer`: a row the spoke will be told because a change of it was refused, or lost some columns.
 * - `settled`: a row the spoke will be told although its change was taken: others had written it, which lost, or the row is
 *   made of both.
 * - `chunk`: an existing row on its way to the spoke, at its high watermark.
 */
export type EntryKind = 'local' | 'answer' | 'settled' | 'chunk';

export interface RecentEntry {
  /** The transaction in the serialiser's log. */
  readonly gtid: string;
  readonly kind: EntryKind;
  /** The columns that were written, or that the spoke's change lost; null: the row as a whole. */
  readonly columns: ReadonlySet<string> | null;
  readonly stamp: Stamp;
}

/** What there is to note of a write beside its keys. */
export interface Noted {
  readonly stamp: Stamp;
  /** See `RecentEntry`. */
  readonly columns: ReadonlySet<string> | null;
  /** Whether earlier writes of the same keys still matter. */
  readonly all: boolean;
}

/** What the rules ask of the index. */
export interface Recent {
  readonly size: number;
  /** The last write of the key that the token does not cover, or null. */
  uncovered(lock: string, token: Token): RecentEntry | null;
  /** Every write of the key that is kept and that the token does not cover, the last one first. */
  allUncovered(lock: string, token: Token): readonly RecentEntry[];
}

export interface RecentOptions {
  /** The position in the serialiser's log after which everything is noted. */
  readonly from: Position;
  /** Of memory. */
  readonly limitBytes: number;
  readonly digest: Digest;
  /** Where writes go that find no room in memory; without it the index is full then. */
  readonly spill?: Spill;
}

/** Of those outside memory as many leave at once, in about a second; the rest when the spoke is heard of next. */
const EVICTED_MAX = 1 << 16;
const KINDS: readonly EntryKind[] = ['local', 'answer', 'settled', 'chunk'];
const LAST: Noted = { stamp: { order: 0, clock: 0 }, columns: null, all: false };

export class RecentWrites implements Recent {
  readonly #limitBytes: number;
  readonly #spill: Spill | null;
  readonly #spilling: SpillingKeys | null;
  readonly #keys: Keys;
  /** What GTIDs begin with, up to their number; there are as many as servers that wrote. */
  readonly #sources: string[] = [];
  readonly #columns = new ColumnSets();
  /** Everything in here was noted. */
  #noted: Position;
  /** The transaction noted last; it may go on, or come again from its beginning after a break. */
  #current: string | null = null;

  constructor({ from, limitBytes, digest, spill }: RecentOptions) {
    this.#spill = spill ?? null;
    const inMemory = Math.floor(limitBytes / WRITE_BYTES);
    this.#spilling = spill === undefined ? null : new SpillingKeys({ digest, inMemory, open: spill.open });
    this.#keys = this.#spilling ?? new KeyLog(digest);
    this.#noted = from;
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Of memory. */
  get bytes(): number {
    return this.#keys.inMemory * WRITE_BYTES;
  }

  /** Of the disk. */
  get fileBytes(): number {
    return this.#spilling?.bytes ?? 0;
  }

  /** Holds more than it should: the serialiser's new changes had better wait. Reading its log must not. */
  get full(): boolean {
    if (this.#spilling === null) return this.bytes >= this.#limitBytes;
    return this.#spilling.usedBytes >= this.#spill!.limitBytes;
  }

  /** Why it knows nothing any more and throws this whatever it is asked, until it is cleared; null: it knows. */
  get broken(): OtterError | null {
    return this.#spilling?.broken ?? null;
  }

  /** Forgets everything; noting begins anew behind `from`. */
  clear(from: Position): void {
    this.#keys.clear();
    this.#noted = from;
    this.#current = null;
  }

  /** Whether the transaction was noted, or left out, or evicted. */
  noted(gtid: string): boolean {
    return coversGtid(this.#noted, gtid);
  }

  /** In log order. Of one transaction it may be called any number of times, before the next one. */
  note(gtid: string, kind: EntryKind, locks: readonly string[], noted: Noted = LAST): void {
    if (gtid !== this.#current) {
      if (coversGtid(this.#noted, gtid)) return;
      this.#noted = advance(this.#noted, gtid);
      this.#current = gtid;
    }
    if (locks.length === 0) return;
    const write = this.#write(gtid, kind, noted);
    for (const lock of locks) this.#keys.put(lock, write, noted.all);
  }

  /** Drops what the spoke has seen. Only with a token whose window is committed here. Returns how many entries left. */
  evict(token: Token): number {
    if (token === null) return 0;
    const before = this.#keys.size;
    const most = before > this.#keys.inMemory ? EVICTED_MAX : before;
    let dropped = 0;
    let covered: string | null = null;
    for (let write = this.#keys.oldest(); write !== null && dropped < most; write = this.#keys.oldest()) {
      const { gtid } = this.#entry(write);
      if (gtid !== covered && !coversGtid(token, gtid)) break;
      covered = gtid;
      this.#keys.dropOldest();
      dropped += 1;
    }
    // Seen whole: when it comes again after a break it is skipped like everything before it.
    if (this.#current !== null && coversGtid(token, this.#current)) this.#current = null;
    return dropped;
  }

  uncovered(lock: string, token: Token): RecentEntry | null {
    const write = this.#keys.get(lock);
    if (write === null) return null;
    const entry = this.#entry(write);
    return token !== null && coversGtid(token, entry.gtid) ? null : entry;
  }

  allUncovered(lock: string, token: Token): readonly RecentEntry[] {
    const entries = this.#keys.all(lock).map((write) => this.#entry(write));
    return token === null ? entries : entries.filter(({ gtid }) => !coversGtid(token, gtid));
  }

  /** All entries, oldest first. */
  *entries(): IterableIterator<RecentEntry> {
    for (const write of this.#keys) yield this.#entry(write);
  }

  #write(gtid: string, kind: EntryKind, { stamp, columns }: Noted): KeyWrite {
    const digits = Math.max(gtid.lastIndexOf('-'), gtid.lastIndexOf(':')) + 1;
    const source = gtid.slice(0, digits);
    let origin = this.#sources.indexOf(source);
    if (origin < 0) origin = this.#sources.push(source) - 1;
    const what = this.#columns.idOf(columns) * KINDS.length + KINDS.indexOf(kind);
    return { origin, what, number: Number(gtid.slice(digits)), ...stamp };
  }

  #entry({ origin, what, number, order, clock }: KeyWrite): RecentEntry {
    return {
      gtid: `${this.#sources[origin]!}${number}`,
      kind: KINDS[what % KINDS.length]!,
      columns: this.#columns.of(Math.floor(what / KINDS.length)),
      stamp: { order, clock },
    };
  }
}
