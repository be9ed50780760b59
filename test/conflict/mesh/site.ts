/** A site's own half: the reader of its log, the registers that it fills, the floor, the heartbeat. */
import type { LogFold } from '../../../src/replication/conflict/mesh/log-fold.ts';
import { Registers } from '../../../src/replication/conflict/mesh/registers.ts';
import { type Floor, Floors, stableClocks } from '../../../src/replication/conflict/mesh/stability.ts';
import { type TouchKind, touches } from '../../../src/replication/conflict/mesh/touches.ts';
import type { SeenClocks, Version } from '../../../src/replication/conflict/mesh/version.ts';
import { KEYS } from '../simulator/schema.ts';
import type { MeshDatabase, MeshEntry } from './database.ts';
import type { Fault } from './faults.ts';
import { makeFold } from './stream.ts';

const digests = new Map<string, string>();

/** Different for different texts, and quickly made; sixteen characters, as the registers ask. */
export function digest(text: string): string {
  let made = digests.get(text);
  if (made === undefined) {
    const number = digests.size + 1;
    made = String.fromCharCode(number & 255, (number >> 8) & 255, (number >> 16) & 255).padEnd(16, '.');
    digests.set(text, made);
  }
  return made;
}

export class MeshSite {
  readonly name: string;
  readonly database: MeshDatabase;
  readonly registers: Registers;
  /** The loader that is between locking and committing on the slow path. */
  deciding: string | null = null;
  readonly #has: (fault: Fault) => boolean;
  #fold: LogFold;
  #floors: Floors;
  #at = 0;

  constructor(database: MeshDatabase, sites: readonly string[], has: (fault: Fault) => boolean) {
    this.name = database.site;
    this.database = database;
    this.#has = has;
    this.registers = new Registers({ sites, digest });
    this.#fold = makeFold(database, database.floor, has);
    this.#floors = new Floors(this.name, database.floor);
  }

  get atEnd(): boolean {
    return this.#at === this.database.entries.length;
  }

  /** Killed and started again: all that was in memory comes from the log and the checkpoint rows. */
  restart(): void {
    const { floor } = this.database;
    this.deciding = null;
    this.registers.clear();
    this.evict();
    this.#fold = makeFold(this.database, floor, this.#has);
    this.#floors = new Floors(this.name, floor);
    this.#at = Number(floor.position);
  }

  beat(): void {
    this.database.floor = this.#floor();
    this.database.write('beat', [], null);
  }

  /** Reads one entry of the own log. */
  read(): void {
    const entry = this.database.entries[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    this.#note(entry);
  }

  readToEnd(): void {
    while (!this.atEnd) this.read();
  }

  evict(): void {
    this.registers.evict(this.stable(this.database.seenBy()));
  }

  stable(seenBy: ReadonlyMap<string, SeenClocks>): SeenClocks {
    if (!this.#has('evicting by one neighbour') && !this.#has('evicting by its writer') && !this.#has('evicting by own log'))
      return stableClocks(this.name, seenBy);
    const stable: Record<string, number> = { ...stableClocks(this.name, seenBy) };
    const least = Math.min(...[...seenBy.values()].map((seen) => seen[this.name] ?? 0));
    for (const site of Object.keys(stable)) {
      const peers = [...seenBy].filter(([peer]) => peer !== site);
      if (this.#has('evicting by one neighbour'))
        stable[site] = Math.max(...peers.map(([, seen]) => seen[site] ?? 0), 0);
      else if (this.#has('evicting by its writer') && site !== this.name) {
        const until = seenBy.get(site)![this.name] ?? 0;
        stable[site] = Math.max(stable[site]!, this.#appliedBefore(site, until));
      } else if (site !== this.name) stable[site] = Math.max(stable[site]!, this.#appliedBefore(site, least));
    }
    return stable;
  }

  /** Up to which clock of `site` this log had it when it came to the clock `until` of its own. */
  #appliedBefore(site: string, until: number): number {
    let applied = 0;
    for (const { mark, truth } of this.database.entries) {
      if (truth.version.clock > until) break;
      if (mark?.source === site) applied = mark.clock;
    }
    return applied;
  }

  #floor(): Floor {
    const stable = stableClocks(this.name, this.database.seenBy());
    if (this.#has('rebuilt from the last heartbeat')) return this.#floors.at(this.#all(Number.POSITIVE_INFINITY, stable));
    if (this.#has('rebuilt by the own log')) return this.#floors.at(this.#all(stable[this.name]!, stable));
    return this.#floors.at(stable);
  }

  #all(own: number, stable: SeenClocks): SeenClocks {
    const all = Object.keys(stable).map((site) => [site, Number.POSITIVE_INFINITY] as const);
    return { ...Object.fromEntries(all), [this.name]: own };
  }

  #note({ sequence, kind, time, changes, mark }: MeshEntry): void {
    if (mark !== null) {
      this.#fold.applied(mark.source, mark.clock);
      if (this.#has('applied writes forgotten')) return;
      for (const { clock, touched } of mark.record)
        for (const [lock, touch] of touched) this.#put({ site: mark.source, clock }, touch, lock);
    } else if (kind === 'user') {
      const version = { site: this.name, clock: this.#fold.user(time) };
      for (const change of changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        for (const touch of touches(KEYS, change.table, before, after)) this.#put(version, touch.kind, digest(touch.lock));
      }
    } else {
      this.#fold.beat(time);
      this.#floors.add({ position: String(sequence), ...this.#fold.state });
    }
  }

  #put(version: Version, kind: TouchKind, lock: string): void {
    if (kind === 'delete' && this.#has('deletes forgotten')) return;
    if (kind === 'claim' && this.#has('claims forgotten')) return;
    if (this.#has('version changed on applying') && version.site !== this.name)
      this.registers.note({ site: version.site, clock: this.#fold.state.clock }, kind, lock);
    else this.registers.note(version, kind, lock);
  }
}
