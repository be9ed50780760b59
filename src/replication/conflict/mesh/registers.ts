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
import type { OtterError } from '../../../model/error.ts';
import type { Spill } from '../../../model/key-store.ts';
import type { TouchKind } from '../../../model/row.ts';
import { type Digest, KeyLog, type Keys, WRITE_BYTES } from '../key-log.ts';
import { SpillingKeys } from '../spilling-keys.ts';
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
  /** Where writes go that find no room in memory; without it all of them stay there. */
  readonly room?: { readonly limitBytes: number; readonly spill: Spill };
}

/** Of those outside memory as many leave at once, in about a second; the rest when a peer is heard of next. */
const EVICTED_MAX = 1 << 16;
const KINDS: readonly WriteKind[] = ['delete', 'put', 'claim', 'resolution'];
const itself: Digest = (digest) => digest;

export class Registers implements LastWrites {
  readonly #digest: Digest;
  /** Of each site its writes in its own order, so that the oldest is always the first that can leave. */
  readonly #bySite: ReadonlyMap<string, Keys>;
  readonly #spilling: readonly SpillingKeys[];
  readonly #fileLimitBytes: number;
  #stable: StableClocks = {};

  constructor({ sites, digest, room }: RegistersOptions) {
    this.#digest = digest;
    this.#fileLimitBytes = room?.spill.limitBytes ?? Number.POSITIVE_INFINITY;
    const inMemory = Math.floor((room?.limitBytes ?? 0) / WRITE_BYTES / sites.length);
    const spilling = (open: Spill['open']): SpillingKeys => new SpillingKeys({ digest: itself, inMemory, open });
    this.#spilling = room === undefined ? [] : sites.map(() => spilling(room.spill.open));
    this.#bySite = new Map(sites.map((site, at) => [site, this.#spilling[at] ?? new KeyLog(itself)]));
  }

  get size(): number {
    let size = 0;
    for (const log of this.#bySite.values()) size += log.size;
    return size;
  }

  /** Of memory. */
  get bytes(): number {
    let writes = 0;
    for (const log of this.#bySite.values()) writes += log.inMemory;
    return writes * WRITE_BYTES;
  }

  /** Of the disk. */
  get fileBytes(): number {
    return this.#spilling.reduce((bytes, log) => bytes + log.bytes, 0);
  }

  /** Hold more than they may. */
  get full(): boolean {
    return this.#spilling.reduce((bytes, log) => bytes + log.usedBytes, 0) >= this.#fileLimitBytes;
  }

  /** Why they know nothing any more and throw this whatever they are asked, until they are cleared; null: they know. */
  get broken(): OtterError | null {
    return this.#spilling.find(({ broken }) => broken !== null)?.broken ?? null;
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

  /** Drops what is stable; of what is outside memory only so much at once. Returns how many entries left. */
  evict(stable: StableClocks): number {
    this.#stable = stable;
    let dropped = 0;
    for (const [site, log] of this.#bySite) {
      const until = stable[site] ?? 0;
      const most = dropped + (log.size > log.inMemory ? EVICTED_MAX : log.size);
      for (let write = log.oldest(); write !== null && write.number <= until && dropped < most; write = log.oldest()) {
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
