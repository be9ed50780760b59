/**
 * The registers of a site in a mesh: for each primary key and each unique value the latest write, as long as an
 * earlier one may still arrive.
 *
 * Rules kept: noted in the order of this site's log, own transactions and applied ones, those too that lost here or
 * changed nothing. Only the latest write of a lock key is kept: what is later than it is later than all that it beat. A
 * write leaves when it is stable (`stability.ts`): whatever arrives from then on is later.
 *
 * Noting a part of the log again leaves the registers as they were, once the whole of it is noted.
 */

import type { TouchKind } from '../../../model/row.ts';
import { type Digest, KeyLog } from '../key-log.ts';
import type { StableClocks } from './stability.ts';
import { later, type Version } from './version.ts';

/** `resolution`: a person's decision about an open conflict, which is a write of its site. */
export type WriteKind = TouchKind | 'resolution';

export interface LastWrite extends Version {
  readonly kind: WriteKind;
}

/** What the rules ask of the registers. */
export interface LastWrites {
  readonly size: number;
  /** The latest write of a key, or claim of a value, as long as an earlier one may still arrive; else null. */
  last(lock: string): LastWrite | null;
}

export interface RegistersOptions {
  /** All sites of the mesh, this one among them. */
  readonly sites: readonly string[];
  readonly digest: Digest;
}

/** What one entry takes: its record, its bucket, and the room kept free for more. */
const ENTRY_BYTES = 64;
const KINDS: readonly WriteKind[] = ['delete', 'put', 'claim', 'resolution'];
const itself: Digest = (digest) => digest;

export class Registers implements LastWrites {
  readonly #digest: Digest;
  /** Of each site its writes in its own order, so that the oldest is always the first that can leave. */
  readonly #bySite: ReadonlyMap<string, KeyLog>;
  #stable: StableClocks = {};

  constructor({ sites, digest }: RegistersOptions) {
    this.#digest = digest;
    this.#bySite = new Map(sites.map((site) => [site, new KeyLog(itself)]));
  }

  get size(): number {
    let size = 0;
    for (const log of this.#bySite.values()) size += log.size;
    return size;
  }

  get bytes(): number {
    return this.size * ENTRY_BYTES;
  }

  /** Forgets all entries: the log is to be noted again, from `reach` of `stability.ts` on. */
  clear(): void {
    for (const log of this.#bySite.values()) log.clear();
  }

  last(lock: string): LastWrite | null {
    return this.#last(this.#digest(lock));
  }

  /** A transaction touched the lock key of this digest. @throws Error when the site is none of the mesh. */
  note(version: Version, kind: WriteKind, digest: string): void {
    const log = this.#bySite.get(version.site);
    if (log === undefined) throw new Error(`${version.site} is no site of this mesh`);
    const last = this.#last(digest);
    if (last !== null && later(last, version)) return;
    // What is beaten leaves even if what beats it need not stay: no peer builds on it any more.
    if (last !== null && last.site !== version.site) this.#bySite.get(last.site)!.drop(digest);
    if (version.clock <= (this.#stable[version.site] ?? 0)) log.drop(digest);
    else log.put(digest, { origin: 0, what: KINDS.indexOf(kind), number: version.clock, order: 0, clock: 0 });
  }

  /** Drops what is stable. Returns how many entries left. */
  evict(stable: StableClocks): number {
    this.#stable = stable;
    let dropped = 0;
    for (const [site, log] of this.#bySite) {
      const until = stable[site] ?? 0;
      for (let write = log.oldest(); write !== null && write.number <= until; write = log.oldest()) {
        log.dropOldest();
        dropped += 1;
      }
    }
    return dropped;
  }

  /** All entries, site by site, oldest first. */
  *entries(): IterableIterator<LastWrite> {
    for (const [site, log] of this.#bySite)
      for (const { what, number } of log) yield { site, clock: number, kind: KINDS[what]! };
  }

  #last(digest: string): LastWrite | null {
    for (const [site, log] of this.#bySite) {
      if (log.size === 0) continue;
      const write = log.get(digest);
      if (write !== null) return { site, clock: write.number, kind: KINDS[write.what]! };
    }
    return null;
  }
}
