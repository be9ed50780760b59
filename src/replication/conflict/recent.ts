/**
 * The serialiser's index: who wrote a key or a unique value last, as long as the spoke may not have seen it.
 *
 * Rules kept: entries are noted in the order of the serialiser's log, so the oldest is always the first that the spoke
 * comes to have seen; an entry leaves only by `evict`, with the token that is *loaded* here, since later changes of the
 * spoke bear no lower one. What was applied for the spoke makes no entry (it was taken because its token covered
 * everything it touches, and so do all later tokens); an answer in the same transaction does, and only a token that
 * covers the answer covers it.
 *
 * Noting the same log again changes nothing: what was noted or left out before is skipped by its position.
 */
import { advance, coversGtid, type Position } from '../../model/position.ts';
import type { Token } from './tokens.ts';

/**
 * - `local`: a write of the serialiser's own users.
 * - `answer`: a row the spoke will be told because a change of it was refused.
 * - `chunk`: an existing row on its way to the spoke, at its high watermark.
 */
export type EntryKind = 'local' | 'answer' | 'chunk';

export interface RecentEntry {
  /** The transaction in the serialiser's log. */
  readonly gtid: string;
  readonly kind: EntryKind;
}

/** What the rules ask of the index. */
export interface Recent {
  readonly size: number;
  /** The last write of the key that the token does not cover, or null. */
  uncovered(lock: string, token: Token): RecentEntry | null;
}

/** Entries are a list in log order and a map by key at once; a key that is written again moves to the list's end. */
interface Node extends RecentEntry {
  readonly lock: string;
  gtid: string;
  kind: EntryKind;
  older: Node | null;
  newer: Node | null;
}

export interface RecentOptions {
  /** The position in the serialiser's log after which everything is noted. */
  readonly from: Position;
  /** Above this the index calls itself full. */
  readonly limitBytes: number;
}

/** What one entry takes besides its text: node, map slot, pointers; measured, rounded up. */
const ENTRY_BYTES = 120;

export class RecentWrites implements Recent {
  readonly #limitBytes: number;
  readonly #entries = new Map<string, Node>();
  #oldest: Node | null = null;
  #newest: Node | null = null;
  #bytes = 0;
  /** Everything in here was noted. */
  #noted: Position;
  /** The transaction noted last; it may go on, or come again from its beginning after a break. */
  #current: string | null = null;

  constructor({ from, limitBytes }: RecentOptions) {
    this.#noted = from;
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Holds more than it should: the serialiser's new changes had better wait. Reading its log must not. */
  get full(): boolean {
    return this.#bytes >= this.#limitBytes;
  }

  /** Forgets everything; noting begins anew behind `from`. */
  clear(from: Position): void {
    this.#entries.clear();
    this.#oldest = null;
    this.#newest = null;
    this.#bytes = 0;
    this.#noted = from;
    this.#current = null;
  }

  /** In log order. Of one transaction it may be called any number of times, before the next one. */
  note(gtid: string, kind: EntryKind, locks: readonly string[]): void {
    if (gtid !== this.#current) {
      if (coversGtid(this.#noted, gtid)) return;
      this.#noted = advance(this.#noted, gtid);
      this.#current = gtid;
    }
    for (const lock of locks) this.#put(lock, gtid, kind);
  }

  /** Drops what the spoke has seen. Only with a token whose window is committed here. Returns how many entries left. */
  evict(token: Token): number {
    if (token === null) return 0;
    let dropped = 0;
    let covered: string | null = null;
    for (let node = this.#oldest; node !== null; node = this.#oldest) {
      if (node.gtid !== covered) {
        if (!coversGtid(token, node.gtid)) break;
        covered = node.gtid;
      }
      this.#unlink(node);
      this.#entries.delete(node.lock);
      this.#bytes -= ENTRY_BYTES + node.lock.length * 2;
      dropped += 1;
    }
    // Seen whole: when it comes again after a break it is skipped like everything before it.
    if (this.#current !== null && coversGtid(token, this.#current)) this.#current = null;
    return dropped;
  }

  uncovered(lock: string, token: Token): RecentEntry | null {
    const node = this.#entries.get(lock);
    if (node === undefined || (token !== null && coversGtid(token, node.gtid))) return null;
    return { gtid: node.gtid, kind: node.kind };
  }

  /** All entries, oldest first. */
  *entries(): IterableIterator<RecentEntry & { readonly lock: string }> {
    for (let node = this.#oldest; node !== null; node = node.newer) {
      yield { lock: node.lock, gtid: node.gtid, kind: node.kind };
    }
  }

  #put(lock: string, gtid: string, kind: EntryKind): void {
    const known = this.#entries.get(lock);
    if (known !== undefined) {
      known.gtid = gtid;
      known.kind = kind;
      if (known === this.#newest) return;
      this.#unlink(known);
      this.#append(known);
      return;
    }
    const node: Node = { lock, gtid, kind, older: null, newer: null };
    this.#entries.set(lock, node);
    this.#bytes += ENTRY_BYTES + lock.length * 2;
    this.#append(node);
  }

  #append(node: Node): void {
    node.older = this.#newest;
    node.newer = null;
    if (this.#newest === null) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  #unlink(node: Node): void {
    if (node.older === null) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === null) this.#newest = node.older;
    else node.newer.older = node.older;
  }
}
