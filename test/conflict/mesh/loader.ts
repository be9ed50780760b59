/** The loader of one pipeline into a site, with its fast and slow path, one step at a time. */

import type { Write } from '../../../src/model/load.ts';
import type { LockedRow } from '../../../src/replication/conflict/decide.ts';
import type { MeshClaim } from '../../../src/replication/conflict/mesh/claims.ts';
import { placeable } from '../../../src/replication/conflict/mesh/copied.ts';
import { decideMesh, type Loss } from '../../../src/replication/conflict/mesh/decide.ts';
import { firstOpposed, passedThrough } from '../../../src/replication/conflict/mesh/detect.ts';
import { type AppliedTouches, appliedTouches } from '../../../src/replication/conflict/mesh/touches.ts';
import { optimisticWrites } from '../../../src/replication/conflict/optimistic.ts';
import { find } from '../simulator/finding.ts';
import type { Random } from '../simulator/random.ts';
import { KEYS, loadOf } from '../simulator/schema.ts';
import { Blocked, Duplicate, Transaction } from '../simulator/transaction.ts';
import type { MeshEntry } from './database.ts';
import type { Fault } from './faults.ts';
import { decideNaively } from './naive.ts';
import type { SiteOracle } from './oracle.ts';
import { digest, type MeshSite } from './site.ts';
import type { MeshDelivery } from './stream.ts';

export interface MeshLoaderOptions {
  readonly site: MeshSite;
  readonly source: string;
  /** The source's log, for the oracle alone. */
  readonly truth: readonly MeshEntry[];
  readonly random: Random;
  readonly oracle: SiteOracle;
  readonly has: (fault: Fault) => boolean;
}

type Stage =
  | 'idle'
  | 'begin'
  | 'written'
  | 'barred'
  | 'checked'
  | 'write late'
  | 'slow'
  | 'locked'
  | 'decide'
  | 'decided';

interface Window {
  readonly deliveries: readonly MeshDelivery[];
  readonly fromSeq: number;
}

interface Decided {
  readonly writes: readonly Write[];
  readonly losses: readonly Loss[];
  readonly record: readonly AppliedTouches[];
}

/** Faults that another implementation of the slow path shows. */
const NAIVE: readonly Fault[] = [
  'claims of refused puts not made',
  'hidden rows shown',
  'holder without an entry stays',
  'losses of seen writes',
  'losses of hidden rows',
  'deletes not lost',
  'losses by unique value forgotten',
  'losses at every site',
];

export class MeshLoader {
  readonly #options: MeshLoaderOptions;
  readonly #naive: boolean;
  #stage: Stage = 'idle';
  #window: Window | null = null;
  #claims: readonly MeshClaim[] = [];
  #transaction: Transaction | null = null;
  #present: readonly LockedRow[] = [];
  #decided: Decided | null = null;

  constructor(options: MeshLoaderOptions) {
    this.#options = options;
    this.#naive = NAIVE.some((fault) => options.has(fault));
  }

  get idle(): boolean {
    return this.#stage === 'idle';
  }

  /** Killed: everything in memory is gone. */
  restart(): void {
    this.#rollback();
    this.#stage = 'idle';
    this.#window = null;
  }

  step(queue: MeshDelivery[]): void {
    const { site, source, random, oracle, has } = this.#options;
    switch (this.#stage) {
      case 'idle':
        this.#take(queue);
        return;
      case 'begin':
        if (this.#window!.fromSeq !== site.database.from(source).seq && !has('window applied twice')) this.#finish();
        else if (has('absent-key race') && this.#claims.length > 0) this.#lockPresent();
        else this.#writeFirst();
        return;
      case 'written':
        if (!has('no barrier')) site.readToEnd();
        this.#stage = 'barred';
        return;
      case 'barred':
        if (firstOpposed(this.#claims, { own: site.name, source }, KEYS, site.registers) !== null) this.#stage = 'slow';
        else this.#stage = has('absent-key race') ? 'write late' : 'checked';
        return;
      case 'checked':
        oracle.count('taken whole');
        this.#commit([]);
        return;
      case 'write late':
        if (random.chance(0.6)) return;
        if (this.#optimistic()) this.#commit([]);
        return;
      case 'slow':
        this.#rollback();
        this.#lockAll();
        return;
      case 'locked':
        if (!has('no barrier')) site.readToEnd();
        this.#stage = 'decide';
        return;
      case 'decide':
        this.#decide();
        return;
      case 'decided':
        this.#writeDecided();
    }
  }

  /** The next deliveries as one window: those behind the checkpoint only, since a link may send again what was applied. */
  #take(queue: MeshDelivery[]): void {
    const { site, source, random, has } = this.#options;
    const { position, seq } = site.database.from(source);
    const deliveries: MeshDelivery[] = [];
    const most = 1 + random.below(4);
    while (queue.length > 0 && deliveries.length < most) {
      // A chunk is a window of its own.
      if (queue[0]!.chunk !== null && deliveries.length > 0) break;
      const delivery = queue.shift()!;
      if (delivery.sequence > Number(position) || has('window applied twice')) deliveries.push(delivery);
      if (delivery.chunk !== null) break;
    }
    if (deliveries.length === 0) return;
    this.#window = { deliveries, fromSeq: seq };
    this.#stage = 'begin';
    if (has('evicting too early')) {
      const { clock, seen } = queue.at(-1) ?? deliveries.at(-1)!;
      site.registers.evict(site.stable(site.database.peers().set(source, { clock, seen: seen[site.name]! })));
    }
    this.#claims = this.#claimsOf(deliveries);
  }

  #claimsOf(deliveries: readonly MeshDelivery[]): MeshClaim[] {
    const { site, has } = this.#options;
    const claims: MeshClaim[] = [];
    for (const { clock: own, seen, changes, chunk } of deliveries) {
      let clock = has('one clock for a window') ? deliveries.at(-1)!.clock : own;
      if (has('wall clock of the loader')) clock = (site.database.entries.at(-1)?.truth.version.clock ?? own) + 1;
      for (const change of changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        const table = loadOf(change.table);
        claims.push({
          clock,
          seen: seen[site.name]!.clock,
          change: { kind: change.kind, table, before, after, fkChecks: true },
        });
      }
      // Only for what is to be locked.
      for (const after of chunk?.rows ?? []) {
        const table = loadOf(chunk!.table);
        claims.push({ clock, seen: 0, change: { kind: 'insert', table, before: null, after, fkChecks: true } });
      }
    }
    return claims;
  }

  #writeFirst(): void {
    const { site, source, oracle, has } = this.#options;
    if (this.#chunk !== null) {
      this.#stage = 'slow';
      return;
    }
    if (this.#claims.length === 0) {
      this.#transaction = new Transaction(site.database, source);
      this.#commit([]);
      return;
    }
    const changes = this.#claims.map(({ change }) => change);
    if (!has('passing through unlocked') && passedThrough(changes, KEYS) !== null) {
      oracle.count('passed through');
      this.#stage = 'slow';
      return;
    }
    if (!this.#optimistic()) return;
    site.database.locks.hold(source, this.#transaction!.locks);
    oracle.count('fast');
    this.#stage = 'written';
  }

  /** False when it cannot, or cannot yet. */
  #optimistic(): boolean {
    const { site, source, has } = this.#options;
    const transaction = new Transaction(site.database, source);
    try {
      const { missing, absent } = transaction.run(optimisticWrites(this.#claims.map(({ change }) => change)));
      if (missing + (has('absent rows are nothing') ? 0 : absent) === 0) {
        this.#transaction = transaction;
        return true;
      }
    } catch (error) {
      if (error instanceof Blocked) {
        this.#blocked(transaction.locks, 'begin');
        return false;
      }
      if (!(error instanceof Duplicate)) throw error;
    }
    this.#stage = 'slow';
    return false;
  }

  #lockAll(): void {
    const { site, source, oracle, has } = this.#options;
    if (site.deciding !== null && !has('two decide at once')) return;
    const { locks } = site.database;
    const { present, rows, gaps } = find(
      site.database,
      this.#claims.map(({ change }) => ({ change, token: null })),
    );
    if ([...rows].some((lock) => locks.inTheWay(source, lock)) || [...gaps].some((lock) => locks.taken(source, lock))) {
      this.#blocked(new Set([...rows].filter((lock) => !locks.inTheWay(source, lock))), 'slow');
      return;
    }
    site.deciding = source;
    locks.hold(source, rows, has('slow path without gap locks') ? new Set() : gaps);
    this.#transaction = new Transaction(site.database, source);
    this.#present = present;
    oracle.count('slow');
    this.#stage = 'locked';
  }

  /** The absent-key race: rows that exist are locked, the check is made, and only then is anything written. */
  #lockPresent(): void {
    const { site, source } = this.#options;
    const { rows } = find(
      site.database,
      this.#claims.map(({ change }) => ({ change, token: null })),
    );
    site.database.locks.hold(source, rows);
    site.readToEnd();
    this.#stage = 'barred';
  }

  /** Another loader holds a lock: this one waits with what it has got so far, or rolls back, as after a deadlock. */
  #blocked(got: ReadonlySet<string>, again: Stage): void {
    const { site, source, random, oracle } = this.#options;
    oracle.count('blocked');
    this.#rollback();
    this.#stage = again;
    if (random.chance(0.5)) site.database.locks.hold(source, got);
  }

  get #chunk(): MeshDelivery['chunk'] {
    return this.#window!.deliveries[0]!.chunk;
  }

  #decide(): void {
    const { site, source, oracle, has } = this.#options;
    const input = {
      own: site.name,
      source,
      claims: this.#claims,
      present: this.#present,
      keys: KEYS,
      registers: site.registers,
    };
    this.#stage = 'decided';
    const chunk = this.#chunk;
    if (chunk !== null) {
      const { seen } = this.#window!.deliveries[0]!;
      const copied = { table: loadOf(chunk.table), rows: chunk.rows, source, seen };
      const blind = has('copied over unseen writes');
      const registers = blind ? { size: 0, last: () => null } : site.registers;
      const rows = placeable(copied, { present: this.#present, keys: KEYS, registers });
      oracle.count('copied', rows.length);
      oracle.count('not copied', chunk.rows.length - rows.length);
      this.#decided = { writes: [{ kind: 'insert', table: copied.table, rows }], losses: [], record: [] };
      return;
    }
    if (this.#naive) {
      const { writes, losses, refusedPuts } = decideNaively(input, has);
      const made = has('claims of refused puts not made')
        ? this.#claims.filter((claim) => !refusedPuts.has(claim))
        : this.#claims;
      this.#decided = { writes, losses, record: appliedTouches(made, KEYS, digest) };
      return;
    }
    const { writes, losses, refused, hidden } = decideMesh(input);
    oracle.count('refused', refused);
    oracle.count('hidden', hidden);
    this.#decided = { writes, losses, record: appliedTouches(this.#claims, KEYS, digest) };
  }

  #writeDecided(): void {
    const { site, source, oracle, random, has } = this.#options;
    const transaction = new Transaction(site.database, source);
    const { writes, losses, record } = this.#decided!;
    try {
      transaction.run(writes);
    } catch (error) {
      // Another loader has locked a gap that is to be filled: it waits for this one, or this one rolls back.
      if (error instanceof Blocked) oracle.count('deadlock');
      else if (!(error instanceof Duplicate && (has('slow path without gap locks') || has('two decide at once'))))
        throw error;
      if (error instanceof Blocked && random.chance(0.5)) return;
      this.#rollback();
      this.#stage = 'slow';
      return;
    }
    this.#transaction = transaction;
    this.#commit(losses, record);
  }

  #commit(
    losses: readonly Loss[],
    record: readonly AppliedTouches[] = appliedTouches(this.#claims, KEYS, digest),
  ): void {
    const { site, source, truth, random, oracle } = this.#options;
    const { database } = site;
    const { sequence, clock, seen, chunk } = this.#window!.deliveries.at(-1)!;
    this.#transaction!.commit();
    const { seq, position: from, cursor } = database.from(source);
    const position = String(sequence);
    database.move(source, { seq: seq + 1, position, clock, seen, cursor: chunk?.next ?? cursor });
    database.write('applied', this.#transaction!.changes, { source, position, clock, record });
    const entries = truth.slice(Number(from), sequence).filter(({ kind }) => kind === 'user');
    this.#rollback();
    oracle.applied(entries, losses);
    // The answer to COMMIT may be lost: then the window is begun again, and the checkpoint tells that it was committed.
    if (random.chance(0.04)) this.#stage = 'begin';
    else this.#finish();
  }

  #finish(): void {
    this.#window = null;
    this.#stage = 'idle';
    this.#options.site.evict();
  }

  #rollback(): void {
    const { site, source } = this.#options;
    this.#transaction = null;
    if (site.deciding === source) site.deciding = null;
    site.database.locks.release(source);
  }
}
