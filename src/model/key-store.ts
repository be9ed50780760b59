/** Where lock keys go that do not fit into memory: a port, since the rules that ask for them do no input or output. */

/** What is kept of a write of a key. */
export interface KeyWrite {
  /** Small numbers, by the caller's own count: where from, and what. */
  readonly origin: number;
  readonly what: number;
  /** Up to 2^53. */
  readonly number: number;
  /** When, see `Stamp`. */
  readonly order: number;
  readonly clock: number;
}

/** With the fingerprint of its key, 16 bytes. */
export interface PrintedWrite {
  readonly print: Uint8Array;
  readonly write: KeyWrite;
}

/** With its number in the store. */
export interface StoredWrite {
  readonly seq: number;
  readonly write: KeyWrite;
}

/**
 * Writes in the order they were appended, numbered from 0 on. Calls are synchronous, so that rules may ask in the middle of
 * deciding, and the caller keeps them short. Every one throws OtterError OT5032 when the store cannot be used any more.
 */
export interface KeyStore {
  /** What it takes of the disk. */
  readonly bytes: number;
  /** What of that is in use. */
  readonly usedBytes: number;
  /** `first`: the number of the first of them. */
  append(first: number, writes: readonly PrintedWrite[]): void;
  /** Of one fingerprint, the last first. */
  of(print: Uint8Array): StoredWrite[];
  /** Numbered `seq` and above, the oldest first. */
  from(seq: number, most: number): StoredWrite[];
  remove(seq: number): void;
  /** All numbered below. */
  removeBelow(seq: number): void;
  /** Nothing is left of it. */
  close(): void;
}

/** How an index of recent writes gets more room than its memory. */
export interface Spill {
  readonly open: () => KeyStore;
  /** Above this there is no more room. */
  readonly limitBytes: number;
}
