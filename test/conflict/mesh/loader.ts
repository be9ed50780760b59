/** The loader of one pipeline into a site, with its fast and slow path, one step at a time. */

import type { AppliedTouches } from '../../../src/model/row.ts';
import type { Loss } from '../../../src/replication/conflict/mesh/decide.ts';
import { firstOpposed, passedThrough } from '../../../src/replication/conflict/mesh/detect.ts';
import { appliedTouches, type MeshClaim } from '../../../src/replication/conflict/mesh/touches.ts';
import { optimisticWrites } from '../../../src/replication/conflict/optimistic.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import { find } from '../simulator/finding.ts';
import { KEYS } from '../simulator/schema.ts';
import { Blocked, Duplicate, Transaction } from '../simulator/transaction.ts';
import { type Decided, judge } from './judging.ts';
import { digest } from './site.ts';
import type { MeshDelivery } from './stream.ts';
import { claimsOf, type MeshLoaderOptions, takeWindow, type Window } from './windows.ts';

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

export class MeshLoader {
  readonly #options: MeshLoaderOptions;
  #stage: Stage = 'idle';
  #window: Window | null = null;
  #claims: readonly MeshClaim[] = [];
  #transaction: Transaction | null = null;
  #present: readonly LockedRow[] = [];
  #decided: Decided | null = null;

  constructor(options: MeshLoaderOptions) {
    this.#options = options;
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

  #take(queue: MeshDelivery[]): void {
    const { site, source, has } = this.#options;
    this.#window = takeWindow(queue, this.#options);
    if (this.#window === null) return;
    this.#stage = 'begin';
    const { deliveries } = this.#window;
    if (has('evicting too early')) {
      const { clock, seen } = queue.at(-1) ?? deliveries.at(-1)!;
      site.registers.evict(site.stable(site.database.peers().set(source, { clock, seen: seen[site.name]! })));
    }
    this.#claims = claimsOf(deliveries, this.#options);
  }

  #writeFirst(): void {
    const { site, source, oracle, has } = this.#options;
    if (this.#window!.deliveries[0]!.chunk !== null) {
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
      this.#claims.map(({ change }) => ({ change, token: null, clock: 0 })),
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
      this.#claims.map(({ change }) => ({ change, token: null, clock: 0 })),
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

  #decide(): void {
    this.#decided = judge(this.#window!, this.#claims, this.#present, this.#options);
    this.#stage = 'decided';
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
