/** A site's own half: the reader of its log, the registers that it fills, the floor, the heartbeat. */

import type { TouchKind } from '../../../src/model/row.ts';
import { stableWhileCopying } from '../../../src/replication/conflict/mesh/copied.ts';
import { Registers } from '../../../src/replication/conflict/mesh/registers.ts';
import {
  type PeerPoint,
  reach,
  type StableClocks,
  stableClocks,
} from '../../../src/replication/conflict/mesh/stability.ts';
import { touches } from '../../../src/replication/conflict/mesh/touches.ts';
import type { Version } from '../../../src/replication/conflict/mesh/version.ts';
import { KEYS, TABLES } from '../simulator/schema.ts';
import type { MeshDatabase, MeshEntry } from './database.ts';
import type { Fault } from './faults.ts';
import type { LogFold } from './log-fold.ts';
import { makeFold } from './stream.ts';

/** The site whose rows are copied. */
export const FIRST = 'a';

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
  #at = 0;

  constructor(database: MeshDatabase, sites: readonly string[], has: (fault: Fault) => boolean) {
    this.name = database.site;
    this.database = database;
    this.#has = has;
    this.registers = new Registers({ sites, digest });
    this.#fold = this.#begin();
  }

  get atEnd(): boolean {
    return this.#at === this.database.entries.length;
  }

  /** Killed and started again: all that was in memory comes from the log and the checkpoint rows. */
  restart(): void {
    this.deciding = null;
    this.registers.clear();
    this.evict();
    this.#fold = this.#begin();
  }

  beat(): void {
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

  /** What the registers hold, as lines that can be compared. */
  entries(): string[] {
    return [...this.registers.entries()].map(({ site, clock, kind }) => `${clock} ${site} ${kind}`).sort();
  }

  evict(): void {
    this.registers.evict(this.stable(this.database.peers()));
  }

  stable(peers: ReadonlyMap<string, PeerPoint>): StableClocks {
    const stable: Record<string, number> = { ...this.#allStable(peers) };
    for (const [peer, { clock }] of peers) {
      const others = [...peers].filter(([other]) => other !== peer).map(([, point]) => point.clock);
      if (this.#has('evicting by one neighbour')) stable[peer] = Math.max(...others, 0);
      if (this.#has('evicting by its writer')) stable[peer] = Math.max(stable[peer]!, clock);
      if (this.#has('evicting by the own clock')) stable[peer] = Number.POSITIVE_INFINITY;
    }
    const all = [...peers.values()];
    if (this.#has('evicting by one neighbour')) stable[this.name] = Math.max(...all.map(({ seen }) => seen.clock));
    if (this.#has('own writes evicted by clocks') && !this.copying)
      stable[this.name] = Math.min(...all.map(({ clock }) => clock));
    return stable;
  }

  /** Whether rows are being copied here, from the first site. */
  get copying(): boolean {
    return (this.database.checkpoints.get(FIRST)?.cursor.table ?? TABLES.length) < TABLES.length;
  }

  #allStable(peers: ReadonlyMap<string, PeerPoint>): StableClocks {
    const stable = stableClocks(this.name, peers);
    if (!this.copying || this.#has('evicting as usual while copying')) return stable;
    return stableWhileCopying(stable, FIRST, this.database.from(FIRST).seen);
  }

  /** Where the log is read from; everything before it is stable. */
  #begin(): LogFold {
    const { entries, first } = this.database;
    const peers = this.database.peers();
    let { position, clock } = reach(peers);
    if (this.copying && !this.#has('rebuilt as usual while copying')) ({ position, clock } = first);
    if (this.#has('rebuilt from one neighbour')) {
      const seen = [...peers.values()].map((peer) => peer.seen);
      ({ position, clock } = seen.reduce((most, each) => (each.clock > most.clock ? each : most)));
    }
    if (this.#has('rebuilt from the end')) {
      position = String(entries.length);
      clock = entries.at(-1)?.truth.version.clock ?? clock;
    }
    this.#at = Number(position);
    return makeFold({ clock, seen: {} }, this.#has);
  }

  #note({ kind, time, changes, mark }: MeshEntry): void {
    if (mark !== null) {
      this.#fold.applied(mark.source, mark);
      if (this.#has('applied writes forgotten')) return;
      for (const { clock, touched } of mark.record)
        for (const [lock, touch] of touched) this.#put({ site: mark.source, clock }, touch, lock);
    } else if (kind === 'user') {
      const version = { site: this.name, clock: this.#fold.user(time) };
      for (const change of changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        for (const touch of touches(KEYS, change.table, before, after))
          this.#put(version, touch.kind, digest(touch.lock));
      }
    } else if (kind === 'beat') this.#fold.beat(time);
  }

  #put(version: Version, kind: TouchKind, lock: string): void {
    if (kind === 'delete' && this.#has('deletes forgotten')) return;
    if (kind === 'claim' && this.#has('claims forgotten')) return;
    if (this.#has('version changed on applying') && version.site !== this.name)
      this.registers.note({ site: version.site, clock: this.#fold.state.clock }, kind, lock);
    else this.registers.note(version, kind, lock);
  }
}
