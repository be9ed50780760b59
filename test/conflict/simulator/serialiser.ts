/** The hub's loader for one spoke, with its fast and slow path, one step at a time. */
import type { ConflictRecord } from '../../../src/model/conflict.ts';
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import type { Delivery, LoggedAnswer, Seen } from '../../../src/model/row.ts';
import type { Verdict } from '../../../src/replication/conflict/decide.ts';
import { firstConflict } from '../../../src/replication/conflict/detect.ts';
import { optimisticWrites } from '../../../src/replication/conflict/optimistic.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import { type Claim, type Token, Tokens } from '../../../src/replication/conflict/tokens.ts';
import { versionsOf } from '../../../src/replication/conflict/versions.ts';
import { sequenceOf } from './database.ts';
import { find } from './finding.ts';
import { Index } from './index.ts';
import { type LoaderOptions, Owner, takeWindow, type Window } from './loading.ts';
import { recordsOf } from './recording.ts';
import { KEYS, loadOf } from './schema.ts';
import { Blocked, Duplicate, Transaction } from './transaction.ts';
import { judge } from './verdict.ts';

export interface SerialiserOptions extends LoaderOptions {
  /** Indexes of all spokes, and a pipeline from another spoke if there is one, for rules that mix them up. */
  readonly indexes: Index[];
  readonly neighbour: string;
  readonly rule: ConflictRule;
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

export class Serialiser {
  readonly #options: SerialiserOptions;
  readonly #owner: Owner;
  readonly index: Index;
  readonly #tokens: Tokens;
  #stage: Stage = 'idle';
  #window: Window | null = null;
  #claims: readonly Claim[] = [];
  #truths: readonly number[] = [];
  #transaction: Transaction | null = null;
  #present: readonly LockedRow[] = [];
  #verdict: Verdict | null = null;
  #records: readonly ConflictRecord[] = [];

  constructor(options: SerialiserOptions) {
    this.#options = options;
    this.#owner = new Owner(options);
    this.index = new Index(options);
    this.#tokens = new Tokens(options.reverse);
    options.indexes.push(this.index);
  }

  get idle(): boolean {
    return this.#stage === 'idle';
  }

  /** Whether another owner has to wait with its claim. */
  get busy(): boolean {
    return this.#owner.busy;
  }

  /** Whether a transaction is open: its first write was the checkpoint row, which it holds. */
  get open(): boolean {
    return this.#transaction !== null;
  }

  /** Killed and started again: everything in memory is gone, and the index is filled from the log. */
  restart(outbound: string): void {
    this.#giveUp();
    const { database, pipeline, reverse, has } = this.#options;
    const from = has('index rebuilt from the outbound position')
      ? outbound
      : (database.checkpoint(pipeline).seen[reverse] ?? database.start);
    this.index.rebuild(from);
  }

  #giveUp(): void {
    this.#rollback();
    this.#stage = 'idle';
    this.#window = null;
  }

  step(queue: Delivery[]): void {
    const { database, pipeline, random, oracle, has } = this.#options;
    switch (this.#stage) {
      case 'idle':
        this.#window = takeWindow(queue, this.#options);
        if (this.#window === null) return;
        this.#verdict = null;
        this.#records = [];
        this.#stage = 'begin';
        if (has('evicting too early')) this.#evict((queue.at(-1) ?? this.#window.deliveries.at(-1)!).seen);
        this.#claim();
        return;
      case 'begin':
        if (this.#owner.fenced) this.#giveUp();
        else if (this.#window!.fromSeq !== database.checkpoint(pipeline).seq && !has('window applied twice'))
          this.#finish();
        else if (has('before image') && this.#claims.length > 0) this.#lockAll();
        else if (has('absent-key race') && this.#claims.length > 0) this.#lockPresent();
        else this.#writeFirst();
        return;
      case 'written':
        if (!has('no barrier')) this.index.readToEnd();
        this.#stage = 'barred';
        return;
      case 'barred':
        if (firstConflict(this.#claims, KEYS, this.index.recent) === null)
          this.#stage = has('absent-key race') ? 'write late' : 'checked';
        else this.#stage = 'slow';
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
        if (this.#owner.fenced) this.#giveUp();
        else this.#lockAll();
        return;
      case 'locked':
        if (!has('no barrier')) this.index.readToEnd();
        this.#stage = 'decide';
        return;
      case 'decide':
        this.#decide();
        return;
      case 'decided':
        this.#writeVerdict();
    }
  }

  #claim(): void {
    const { other, reverse, has } = this.#options;
    const { deliveries } = this.#window!;
    const tokenOf = (seen: Seen): Token => this.#tokenOf(seen, 'judging');
    const last = tokenOf(deliveries.at(-1)!.seen);
    const claims: Claim[] = [];
    const truths: number[] = [];
    for (const delivery of deliveries) {
      if (delivery.kind !== 'changes') continue;
      const token: Token = has('one token for a window') ? last : tokenOf(delivery.seen);
      for (const change of delivery.changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        claims.push({
          token,
          clock: delivery.clock,
          gtid: delivery.gtid,
          change: { kind: change.kind, table: loadOf(change.table), before, after, fkChecks: true },
        });
        truths.push(other.entry(delivery.position).truth[reverse] ?? 0);
      }
    }
    this.#claims = claims;
    this.#truths = truths;
  }

  #writeFirst(): void {
    const { database, oracle } = this.#options;
    if (this.#claims.length === 0) {
      this.#transaction = new Transaction(database, this.#owner.holder);
      this.#commit([]);
      return;
    }
    if (!this.#optimistic()) return;
    database.locks.hold(this.#owner.holder, this.#transaction!.locks);
    oracle.count('fast');
    this.#stage = 'written';
  }

  /** False when it cannot, or cannot yet. */
  #optimistic(): boolean {
    const { database } = this.#options;
    const transaction = new Transaction(database, this.#owner.holder);
    try {
      const { missing, absent } = transaction.run(optimisticWrites(this.#claims.map(({ change }) => change)));
      if (missing + absent === 0) {
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
    const { database, oracle, has } = this.#options;
    const { present, rows, gaps } = find(database, this.#claims);
    const { locks } = database;
    if (
      [...rows].some((lock) => locks.inTheWay(this.#owner.holder, lock)) ||
      [...gaps].some((lock) => locks.taken(this.#owner.holder, lock))
    ) {
      this.#blocked(new Set([...rows].filter((lock) => !locks.inTheWay(this.#owner.holder, lock))), 'slow');
      return;
    }
    locks.hold(this.#owner.holder, rows, has('slow path without gap locks') ? new Set() : gaps);
    this.#transaction = new Transaction(database, this.#owner.holder);
    this.#present = present;
    oracle.count('slow');
    this.#stage = 'locked';
  }

  /** The absent-key race: rows that exist are locked, the check is made, and only then is anything written. */
  #lockPresent(): void {
    const { database } = this.#options;
    database.locks.hold(this.#owner.holder, find(database, this.#claims).rows);
    this.index.readToEnd();
    this.#stage = 'barred';
  }

  /** Another loader holds a lock: this one waits with what it has got so far, or rolls back, as after a deadlock. */
  #blocked(got: ReadonlySet<string>, again: Stage): void {
    const { database, random, oracle } = this.#options;
    oracle.count('blocked');
    this.#rollback();
    this.#stage = again;
    if (random.chance(0.5)) database.locks.hold(this.#owner.holder, got);
  }

  #decide(): void {
    const { pipeline, oracle, has } = this.#options;
    oracle.window();
    const { claims, verdict, right } = judge(
      { pipeline, ruleOf: () => this.#options.rule },
      this.#claims,
      this.#present,
      this.index.recent,
      has,
    );
    if (right) {
      const truths = new Map(claims.map((claim, index) => [claim, this.#truths[index]!]));
      for (const refusal of verdict.refused) oracle.refused(refusal, truths.get(refusal.claim)!);
      oracle.drifted(verdict.drift);
    }
    const { database } = this.#options;
    this.#records = recordsOf(claims, verdict, { pipeline, rule: this.#options.rule, present: this.#present }, has);
    if (has('recorded when decided')) database.conflicts.push(...this.#records);
    this.#claims = claims;
    this.#verdict = verdict;
    this.#stage = 'decided';
  }

  #writeVerdict(): void {
    const { database, neighbour, random, has } = this.#options;
    const { answers, writes } = this.#verdict!;
    const transaction = new Transaction(database, this.#owner.holder);
    try {
      transaction.run(writes);
    } catch (error) {
      // Two loaders may have locked the same gap: both wait for ever to fill it, unless one rolls back.
      if (error instanceof Blocked) this.#options.oracle.count('deadlock');
      else if (!(error instanceof Duplicate && has('slow path without gap locks'))) throw error;
      if (error instanceof Blocked && random.chance(0.5)) return;
      this.#rollback();
      this.#stage = 'slow';
      return;
    }
    this.#transaction = transaction;
    if (has('unanswered refusal')) this.#commit([]);
    else if (has('answer to the wrong spoke'))
      this.#commit(answers.map((answer) => ({ ...answer, pipeline: neighbour })));
    else this.#commit(answers);
  }

  #committing(): void {
    const { database, oracle } = this.#options;
    const verdict = this.#verdict;
    for (const { beaten, evicted, lost: columns } of verdict?.overruled ?? []) {
      oracle.count(beaten === null ? 'nothing beaten' : 'beaten');
      oracle.count('evicted', evicted.length);
      oracle.count('lost in part', columns.length);
    }
    const holds = (lock: string): boolean => database.locks.holds(this.#owner.holder, lock);
    oracle.committing(database, { claims: this.#claims, truths: this.#truths, verdict, holds });
  }

  #commit(answers: readonly LoggedAnswer[]): void {
    const { database, pipeline, random, oracle, has } = this.#options;
    const last = this.#window!.deliveries.at(-1)!;
    this.#committing();
    this.#transaction!.commit();
    oracle.committed(database);
    if (!has('recorded when decided') && !has('recorded after the commit')) database.conflicts.push(...this.#records);
    const checkpoint = database.checkpoint(pipeline);
    database.store(pipeline, {
      ...checkpoint,
      seq: checkpoint.seq + 1,
      position: last.position,
      seen: { ...checkpoint.seen, ...last.seen },
    });
    const changes = this.#transaction!.changes;
    const versions = versionsOf(this.#claims, () => this.#options.rule, KEYS, this.#verdict ?? undefined);
    database.append({ kind: 'applied', pipeline, mark: last.position, answers, versions, changes });
    oracle.count('answers', answers.length);
    this.#rollback();
    // The answer to COMMIT may be lost: then the window is begun again, and the checkpoint tells that it was committed.
    if (random.chance(0.04)) this.#stage = 'begin';
    else {
      if (has('recorded after the commit')) database.conflicts.push(...this.#records);
      this.#finish();
    }
  }

  #finish(): void {
    this.#window = null;
    this.#stage = 'idle';
    const { database, pipeline } = this.#options;
    this.#evict(database.checkpoint(pipeline).seen);
  }

  #evict(seen: Seen): void {
    const { indexes, has } = this.#options;
    const token = this.#tokenOf(seen, 'evicting');
    for (const { writes } of has('entries dropped one peer early') ? indexes : [this.index]) writes.evict(token);
  }

  /** What is seen by the pipeline of this very channel, or by rules that know no channels. */
  #tokenOf(seen: Seen, what: 'judging' | 'evicting'): Token {
    const { reverse, has } = this.#options;
    const judges = what === 'judging';
    const highest = has(judges ? 'highest token over channels' : "evicting by another channel's token");
    if (!highest && !(judges && has('lowest token over channels'))) return this.#tokens.of(seen);
    const at = (pipeline: string): number => (seen[pipeline] === undefined ? 0 : sequenceOf(seen[pipeline]));
    const order = [reverse, ...Object.keys(seen)].sort((a, b) => at(a) - at(b));
    return new Tokens(highest ? order.at(-1)! : order[0]!).of(seen);
  }

  #rollback(): void {
    const { database } = this.#options;
    this.#transaction = null;
    database.locks.release(this.#owner.holder);
  }
}
