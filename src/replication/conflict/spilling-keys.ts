/**
 * A log of lock keys that outgrows its memory: the oldest writes move to a store outside, batch by batch, and are asked for,
 * written over and dropped there as in memory.
 *
 * Rules kept: whatever is in the store was written before everything in memory, and it answers as one `KeyLog` of any size
 * would. A store that fails once is asked nothing more: the log then has no answer to anything but `clear`, since one that
 * has lost some of its writes would say that nobody wrote there.
 */
import { messageOf, OtterError } from '../../model/error.ts';
import type { KeyStore, KeyWrite, StoredWrite } from '../../model/key-store.ts';
import { type Digest, KeyLog, type Keys, outdoes } from './key-log.ts';

export interface SpillingOptions {
  readonly digest: Digest;
  /** How many writes stay in memory. */
  readonly inMemory: number;
  readonly open: () => KeyStore;
}

/** As many move at once, in some 50 ms, during which the process does nothing else. */
const BATCH = 4_096;
/** Of the oldest as many are read at once. */
const AHEAD = 1_024;

export class SpillingKeys implements Keys {
  readonly #options: SpillingOptions;
  readonly #memory: KeyLog;
  #store: KeyStore | null = null;
  /** How many writes are in the store. */
  #stored = 0;
  /** Number of the next write that is stored. */
  #next = 0;
  /** What is numbered below was dropped, though the store may still have it. */
  #floor = 0;
  /** The oldest of the store, from `#at` on. */
  #ahead: StoredWrite[] = [];
  #at = 0;
  #broken: OtterError | null = null;

  constructor(options: SpillingOptions) {
    this.#options = options;
    this.#memory = new KeyLog(options.digest);
  }

  /** Why it has no answer any more, or null. */
  get broken(): OtterError | null {
    return this.#broken;
  }

  get size(): number {
    this.#whole();
    return this.#stored + this.#memory.size;
  }

  get inMemory(): number {
    return this.#memory.size;
  }

  /** What the store takes of the disk, and what of that is in use. */
  get bytes(): number {
    return this.#store?.bytes ?? 0;
  }

  get usedBytes(): number {
    return this.#store?.usedBytes ?? 0;
  }

  clear(): void {
    this.#memory.clear();
    this.#broken = null;
    this.#close();
  }

  put(key: string, write: KeyWrite, all = false): void {
    this.#whole();
    this.#memory.put(key, write, all);
    for (const { seq, write: earlier } of this.#of(this.#memory.print)) {
      if (!all || outdoes(write, earlier)) this.#remove(seq);
    }
    if (this.#memory.size > this.#options.inMemory) this.#spill();
  }

  get(key: string): KeyWrite | null {
    this.#whole();
    return this.#memory.get(key) ?? this.#of(this.#memory.print)[0]?.write ?? null;
  }

  all(key: string): KeyWrite[] {
    this.#whole();
    const later = this.#memory.all(key);
    return [...later, ...this.#of(this.#memory.print).map(({ write }) => write)];
  }

  oldest(): KeyWrite | null {
    this.#whole();
    return this.#first()?.write ?? this.#memory.oldest();
  }

  dropOldest(): void {
    this.#whole();
    const first = this.#first();
    if (first === null) {
      this.#memory.dropOldest();
      return;
    }
    this.#at += 1;
    this.#floor = first.seq + 1;
    this.#leave();
    if (this.#stored > 0 && this.#at === this.#ahead.length) this.#ask((store) => store.removeBelow(this.#floor));
  }

  drop(key: string): void {
    this.#whole();
    this.#memory.drop(key);
    for (const { seq } of this.#of(this.#memory.print)) this.#remove(seq);
  }

  *[Symbol.iterator](): IterableIterator<KeyWrite> {
    this.#whole();
    for (let from = this.#floor; this.#stored > 0; ) {
      const some = this.#ask((store) => store.from(from, AHEAD));
      for (const { write } of some) yield write;
      if (some.length < AHEAD) break;
      from = some.at(-1)!.seq + 1;
    }
    yield* this.#memory;
  }

  /** What is stored of the key, the last first. Nearly always nothing is. */
  #of(print: Uint8Array): StoredWrite[] {
    if (this.#stored === 0) return [];
    const found = this.#ask((store) => store.of(print));
    return found.length === 0 ? found : found.filter(({ seq }) => seq >= this.#floor);
  }

  /** The oldest in the store, or null: there is none. */
  #first(): StoredWrite | null {
    if (this.#stored === 0) return null;
    if (this.#at === this.#ahead.length) {
      this.#ahead = this.#ask((store) => store.from(this.#floor, AHEAD));
      this.#at = 0;
    }
    const first = this.#ahead[this.#at];
    if (first !== undefined) return first;
    throw this.#fail(new OtterError('OT5032', 'there is less in the file of recent writes than was written to it'));
  }

  #remove(seq: number): void {
    this.#ask((store) => store.remove(seq));
    if (seq <= (this.#ahead.at(-1)?.seq ?? -1)) {
      this.#ahead = this.#ahead.slice(this.#at).filter((each) => each.seq !== seq);
      this.#at = 0;
    }
    this.#leave();
  }

  /** One less is stored; without any there is no store. */
  #leave(): void {
    this.#stored -= 1;
    if (this.#stored === 0) this.#close();
  }

  #spill(): void {
    const most = Math.min(BATCH, Math.max(1, Math.ceil(this.#options.inMemory / 4)));
    const writes = this.#memory.takeOldest(most);
    this.#ask((store) => store.append(this.#next, writes));
    this.#next += writes.length;
    this.#stored += writes.length;
  }

  #whole(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  #ask<T>(work: (store: KeyStore) => T): T {
    try {
      this.#store ??= this.#options.open();
      return work(this.#store);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(error: unknown): OtterError {
    this.#broken = error instanceof OtterError ? error : new OtterError('OT5032', messageOf(error), { cause: error });
    this.#close();
    return this.#broken;
  }

  #close(): void {
    const store = this.#store;
    this.#store = null;
    this.#stored = 0;
    this.#next = 0;
    this.#floor = 0;
    this.#ahead = [];
    this.#at = 0;
    store?.close();
  }
}
