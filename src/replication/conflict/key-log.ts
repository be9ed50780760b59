/**
 * Lock keys in the order they were written, each with what is kept of the write; made to hold millions.
 *
 * A key is kept as the first 128 bits of its digest, so that an entry is some 50 bytes in flat arrays, which no garbage
 * collector walks, instead of some 170 on the heap. Nobody has found two texts that share these bits, and a pair would
 * only make one write look like a conflict with another. Records stand in log order; dead ones, of keys that were written
 * again, are left behind when the arrays are made anew.
 */
import type { Digest } from '../../model/digest.ts';
import type { KeyWrite, PrintedWrite } from '../../model/key-store.ts';

export type { KeyWrite } from '../../model/key-store.ts';

/** Lock keys in the order they were written, wherever they are kept. */
export interface Keys extends Iterable<KeyWrite> {
  /** Of all writes, and of those that are in memory. */
  readonly size: number;
  readonly inMemory: number;
  /**
   * The key becomes the one written last. `all`: what was kept of earlier writes of it stays, if it is something else or
   * later; so of one key few writes are kept, however often it is written.
   */
  put(key: string, write: KeyWrite, all?: boolean): void;
  /** The last write of the key. */
  get(key: string): KeyWrite | null;
  /** What is kept of the key, the last write first. */
  all(key: string): KeyWrite[];
  /** The write of the key that was written longest ago. */
  oldest(): KeyWrite | null;
  dropOldest(): void;
  /** Forgets the key, if it is there. */
  drop(key: string): void;
  clear(): void;
  /** All writes, the oldest first. */
  [Symbol.iterator](): IterableIterator<KeyWrite>;
}

export type { Digest } from '../../model/digest.ts';

/** What one write takes of memory: its record, its bucket, and the room kept free for more. */
export const WRITE_BYTES = 96;

/** The least room, in records. */
const CAPACITY_MIN = 256;
const WORDS = 4;
const NONE = -1;
const DEAD = -2;

/** Whether nothing can matter of an earlier write of the same key once this one is kept. */
export function outdoes({ what, order, clock }: KeyWrite, earlier: KeyWrite): boolean {
  if (what !== earlier.what) return false;
  return order > earlier.order || (order === earlier.order && clock >= earlier.clock);
}

export class KeyLog implements Keys {
  #prints = new Uint32Array(0);
  #numbers = new Float64Array(0);
  #origins = new Uint32Array(0);
  #whats = new Uint32Array(0);
  #orders = new Float64Array(0);
  #clocks = new Float64Array(0);
  /** The next record of the same bucket, or what it is instead. */
  #next = new Int32Array(0);
  /** The first record of each bucket; a power of two of them. */
  #buckets = new Int32Array(0);
  #head = 0;
  #tail = 0;
  #size = 0;
  /** Fingerprint of the key at hand. */
  readonly #print = new Uint32Array(WORDS);
  readonly #digest: Digest;

  constructor(digest: Digest) {
    this.#digest = digest;
  }

  get size(): number {
    return this.#size;
  }

  get inMemory(): number {
    return this.#size;
  }

  /** Fingerprint of the key that was put or asked for last; 16 bytes, to be read before the next. */
  get print(): Uint8Array {
    return new Uint8Array(this.#print.buffer);
  }

  clear(): void {
    this.#size = 0;
    this.#rebuild();
  }

  put(key: string, write: KeyWrite, all = false): void {
    const last = this.#find(key);
    // What is written again and again stays in its place.
    const again = last !== NONE && last === this.#tail - 1 && (!all || outdoes(write, this.#at(last)));
    for (let record = again ? this.#next[last]! : last; record !== NONE; ) {
      const next = this.#next[record]!;
      if (this.#same(record) && (!all || outdoes(write, this.#at(record)))) this.#kill(record);
      record = next;
    }
    if (again) {
      this.#set(last, write);
      return;
    }
    if (this.#tail === this.#next.length) this.#rebuild();
    this.#append(this.#print, 0, write);
  }

  get(key: string): KeyWrite | null {
    const found = this.#find(key);
    return found === NONE ? null : this.#at(found);
  }

  all(key: string): KeyWrite[] {
    const writes: KeyWrite[] = [];
    for (let record = this.#find(key); record !== NONE; record = this.#next[record]!)
      if (this.#same(record)) writes.push(this.#at(record));
    return writes;
  }

  drop(key: string): void {
    for (let record = this.#find(key); record !== NONE; ) {
      const next = this.#next[record]!;
      if (this.#same(record)) this.#kill(record);
      record = next;
    }
  }

  oldest(): KeyWrite | null {
    while (this.#head < this.#tail && this.#next[this.#head] === DEAD) this.#head += 1;
    return this.#head === this.#tail ? null : this.#at(this.#head);
  }

  dropOldest(): void {
    if (this.oldest() === null) return;
    this.#kill(this.#head);
    if (this.#next.length > CAPACITY_MIN && this.#size * 8 < this.#next.length) this.#rebuild();
  }

  /** Takes out the writes of longest ago, as many as there are up to `most`, the oldest first. */
  takeOldest(most: number): PrintedWrite[] {
    const taken: PrintedWrite[] = [];
    while (taken.length < most) {
      const write = this.oldest();
      if (write === null) break;
      const at = this.#head * WORDS;
      taken.push({ print: new Uint8Array(this.#prints.slice(at, at + WORDS).buffer), write });
      this.dropOldest();
    }
    return taken;
  }

  *[Symbol.iterator](): IterableIterator<KeyWrite> {
    for (let record = this.#head; record < this.#tail; record += 1) {
      if (this.#next[record] !== DEAD) yield this.#at(record);
    }
  }

  #at(record: number): KeyWrite {
    return {
      origin: this.#origins[record]!,
      number: this.#numbers[record]!,
      what: this.#whats[record]!,
      order: this.#orders[record]!,
      clock: this.#clocks[record]!,
    };
  }

  #set(record: number, { origin, what, number, order, clock }: KeyWrite): void {
    this.#origins[record] = origin;
    this.#numbers[record] = number;
    this.#whats[record] = what;
    this.#orders[record] = order;
    this.#clocks[record] = clock;
  }

  #find(key: string): number {
    const digest = this.#digest(key);
    const print = this.#print;
    for (let word = 0; word < WORDS; word += 1) {
      const at = word * 4;
      print[word] =
        digest.charCodeAt(at) |
        (digest.charCodeAt(at + 1) << 8) |
        (digest.charCodeAt(at + 2) << 16) |
        (digest.charCodeAt(at + 3) << 24);
    }
    if (this.#size === 0) return NONE;
    let record = this.#buckets[print[0]! & (this.#buckets.length - 1)]!;
    while (record !== NONE && !this.#same(record)) record = this.#next[record]!;
    return record;
  }

  #same(record: number): boolean {
    const at = record * WORDS;
    for (let word = 0; word < WORDS; word += 1) if (this.#prints[at + word] !== this.#print[word]) return false;
    return true;
  }

  #append(from: Uint32Array, at: number, write: KeyWrite): void {
    const record = this.#tail;
    for (let word = 0; word < WORDS; word += 1) this.#prints[record * WORDS + word] = from[at + word]!;
    const bucket = from[at]! & (this.#buckets.length - 1);
    this.#set(record, write);
    this.#next[record] = this.#buckets[bucket]!;
    this.#buckets[bucket] = record;
    this.#tail = record + 1;
    this.#size += 1;
  }

  /** Out of its bucket; its place stays until the arrays are made anew. */
  #kill(record: number): void {
    const bucket = this.#prints[record * WORDS]! & (this.#buckets.length - 1);
    const after = this.#next[record]!;
    if (this.#buckets[bucket] === record) this.#buckets[bucket] = after;
    else {
      let before = this.#buckets[bucket]!;
      while (this.#next[before] !== record) before = this.#next[before]!;
      this.#next[before] = after;
    }
    this.#next[record] = DEAD;
    this.#size -= 1;
  }

  /** Only the living move, with room for half as many more. */
  #rebuild(): void {
    const [prints, next] = [this.#prints, this.#next];
    const [numbers, origins, whats] = [this.#numbers, this.#origins, this.#whats];
    const [orders, clocks] = [this.#orders, this.#clocks];
    const [head, tail, living] = [this.#head, this.#tail, this.#size];
    const capacity = Math.max(CAPACITY_MIN, Math.ceil(living * 1.5));
    this.#prints = new Uint32Array(capacity * WORDS);
    this.#numbers = new Float64Array(capacity);
    this.#origins = new Uint32Array(capacity);
    this.#whats = new Uint32Array(capacity);
    this.#orders = new Float64Array(capacity);
    this.#clocks = new Float64Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(capacity))).fill(NONE);
    this.#head = 0;
    this.#tail = 0;
    this.#size = 0;
    if (living === 0) return;
    for (let record = head; record < tail; record += 1) {
      if (next[record] === DEAD) continue;
      this.#append(prints, record * WORDS, {
        origin: origins[record]!,
        number: numbers[record]!,
        what: whats[record]!,
        order: orders[record]!,
        clock: clocks[record]!,
      });
    }
  }
}
