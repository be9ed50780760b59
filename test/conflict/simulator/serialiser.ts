/** The serialiser's loader, with its fast and slow path, one step at a time. */
import assert from 'node:assert/strict';
import type { Delivery } from '../../../src/model/row.ts';
import { type AnswerPlan, decide, type LockedRow, type Verdict } from '../../../src/replication/conflict/decide.ts';
import { firstConflict } from '../../../src/replication/conflict/detect.ts';
import { footprint } from '../../../src/replication/conflict/footprint.ts';
import { optimisticWrites } from '../../../src/replication/conflict/optimistic.ts';
import { type Claim, type Token, Tokens } from '../../../src/replication/conflict/tokens.ts';
import { Duplicate, Transaction } from './database.ts';
import { byBeforeImages, decideForgetfully } from './faults.ts';
import { Index } from './index.ts';
import { type LoaderOptions, takeWindow, type Window } from './loading.ts';
import { KEYS, loadOf } from './schema.ts';
import { BACK, OUT } from './streams.ts';

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
  readonly #options: LoaderOptions;
  readonly index: Index;
  #stage: Stage = 'idle';
  #window: Window | null = null;
  #claims: readonly Claim[] = [];
  #truths: readonly number[] = [];
  #transaction: Transaction | null = null;
  #present: readonly LockedRow[] = [];
  #verdict: Verdict | null = null;

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.index = new Index(options.database, options.has);
  }

  get idle(): boolean {
    return this.#stage === 'idle';
  }

  /** Whether a transaction is open: its first write was the checkpoint row, which it holds. */
  get open(): boolean {
    return this.#transaction !== null;
  }

  /** Killed and started again: everything in memory is gone, and the index is filled from the log. */
  restart(outbound: string): void {
    this.#rollback();
    this.#stage = 'idle';
    this.#window = null;
    const { database, has } = this.#options;
    const from = has('index rebuilt from the outbound position')
      ? outbound
      : (database.checkpoint.seen[OUT] ?? database.start);
    this.index.rebuild(from);
  }

  step(queue: Delivery[]): void {
    const { database, oracle, has } = this.#options;
    switch (this.#stage) {
      case 'idle':
        this.#window = takeWindow(queue, this.#options);
        if (this.#window === null) return;
        this.#stage = 'begin';
        if (has('evicting too early')) this.#evict((queue.at(-1) ?? this.#window.deliveries.at(-1)!).seen);
        this.#claim();
        return;
      case 'begin':
        if (this.#window!.fromSeq !== database.checkpoint.seq && !has('window applied twice')) this.#finish();
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
        this.#oracleTaken(new Set());
        this.#commit([]);
        return;
      case 'write late':
        if (this.#options.random.chance(0.6)) return;
        this.#transaction = new Transaction(database);
        if (!this.#optimistic(this.#transaction)) {
          this.#stage = 'slow';
          return;
        }
        this.#commit([]);
        return;
      case 'slow':
        this.#rollback();
        this.#lockAll();
        return;
      case 'locked':
        if (!has('no barrier')) this.index.readToEnd();
        this.#stage = 'decide';
        return;
      case 'decide':
        this.#decide();
        return;
      case 'decided': {
        const { answers, refused } = this.#verdict!;
        try {
          this.#transaction!.run(this.#verdict!.writes);
        } catch (error) {
          if (!(error instanceof Duplicate)) throw error;
          assert(has('slow path without gap locks'), 'a decided write met a duplicate');
          this.#stage = 'slow';
          return;
        }
        this.#oracleTaken(new Set(refused.map(({ claim }) => claim)));
        this.#commit(has('unanswered refusal') ? [] : answers);
      }
    }
  }

  #claim(): void {
    const { other, has } = this.#options;
    const tokens = new Tokens(OUT);
    const { deliveries } = this.#window!;
    const last = tokens.of(deliveries.at(-1)!.seen);
    const claims: Claim[] = [];
    const truths: number[] = [];
    for (const delivery of deliveries) {
      if (delivery.kind !== 'changes') continue;
      const token: Token = has('one token for a window') ? last : tokens.of(delivery.seen);
      for (const change of delivery.changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        claims.push({
          token,
          change: { kind: change.kind, table: loadOf(change.table), before, after, fkChecks: true },
        });
        truths.push(other.entry(delivery.position).truth);
      }
    }
    this.#claims = claims;
    this.#truths = truths;
  }

  #writeFirst(): void {
    const { database, oracle } = this.#options;
    this.#transaction = new Transaction(database);
    if (this.#claims.length === 0) {
      this.#commit([]);
      return;
    }
    if (!this.#optimistic(this.#transaction)) {
      this.#stage = 'slow';
      return;
    }
    database.locks = this.#transaction.locks;
    oracle.count('fast');
    this.#stage = 'written';
  }

  #optimistic(transaction: Transaction): boolean {
    try {
      const { missing, absent } = transaction.run(optimisticWrites(this.#claims.map(({ change }) => change)));
      return missing + absent === 0;
    } catch (error) {
      if (error instanceof Duplicate) return false;
      throw error;
    }
  }

  /** Rows by every touched key, and holders of every touched value, and the locks of both. */
  #find(): { present: LockedRow[]; locks: Set<string> } {
    const { database } = this.#options;
    const present: LockedRow[] = [];
    const locks = new Set<string>();
    const changes = this.#claims.map(({ change }) => change);
    for (const { table, columns, rows } of footprint(changes)) {
      const unique = table.uniques.find((each) => each.columns === columns);
      for (const row of rows) {
        const values = table.columns.map((_, index) => (columns.includes(index) ? row[index]! : null));
        const lock = unique === undefined ? KEYS.row(table, row) : KEYS.uniques(table, values)[0]!;
        locks.add(lock);
        const key = unique === undefined ? lock : database.holders.get(lock);
        const found = key === undefined ? undefined : database.rows.get(key);
        if (found !== undefined) present.push({ table, image: found.image });
      }
    }
    return { present, locks };
  }

  #lockAll(): void {
    const { database, oracle, has } = this.#options;
    const { present, locks } = this.#find();
    if (has('slow path without gap locks')) locks.clear();
    for (const { table, image } of present) for (const lock of KEYS.touched(table, null, image)) locks.add(lock);
    this.#transaction = new Transaction(database);
    this.#present = present;
    database.locks = locks;
    oracle.count('slow');
    this.#stage = 'locked';
  }

  /** The absent-key race: rows that exist are locked, the check is made, and only then is anything written. */
  #lockPresent(): void {
    const { database } = this.#options;
    database.locks = new Set(this.#find().present.flatMap(({ table, image }) => KEYS.touched(table, null, image)));
    this.index.readToEnd();
    this.#stage = 'barred';
  }

  #decide(): void {
    const { oracle, has } = this.#options;
    const common = { pipeline: BACK, present: this.#present, keys: KEYS };
    if (has('before image')) {
      const present = new Map(this.#present.map(({ table, image }) => [KEYS.row(table, image), image]));
      const replaced = byBeforeImages(this.#claims, present);
      this.#claims = replaced.claims;
      this.#verdict = decide({ ...common, ...replaced });
    } else if (has('refusal not kept')) {
      this.#verdict = decideForgetfully(BACK, this.#claims, this.#present, this.index.recent);
    } else {
      this.#verdict = decide({ ...common, claims: this.#claims, recent: this.index.recent });
      const truths = new Map(this.#claims.map((claim, index) => [claim, this.#truths[index]!]));
      for (const refusal of this.#verdict.refused) oracle.refused(refusal, truths.get(refusal.claim)!);
      oracle.drifted(this.#verdict.drift);
    }
    if (has('image at refusal'))
      this.#verdict = { ...this.#verdict, answers: this.#verdict.answers.map((answer) => this.#stale(answer)) };
    if (has('one answer for a key change')) {
      const asked = new Set(
        this.#verdict.refused.map(({ claim: { change } }) => KEYS.row(change.table, change.before ?? change.after!)),
      );
      this.#verdict = { ...this.#verdict, answers: this.#verdict.answers.filter(({ locks }) => asked.has(locks[0]!)) };
    }
    this.#stage = 'decided';
  }

  #stale(answer: AnswerPlan): AnswerPlan {
    const row = this.#present.find(({ table, image }) => KEYS.row(table, image) === answer.locks[0]);
    return { ...answer, image: row?.image ?? null };
  }

  /** No write of this site that the spoke had not seen may be overwritten, as far as the transaction holds its locks. */
  #oracleTaken(refused: ReadonlySet<Claim>): void {
    const { database, oracle } = this.#options;
    for (const [index, claim] of this.#claims.entries()) {
      if (refused.has(claim)) continue;
      const { table, before, after } = claim.change;
      const held = KEYS.touched(table, before, after).filter((lock) => database.locks.has(lock));
      oracle.taken(held, this.#truths[index]!);
    }
  }

  #commit(answers: readonly AnswerPlan[]): void {
    const { database, random, oracle } = this.#options;
    const last = this.#window!.deliveries.at(-1)!;
    this.#transaction!.commit();
    const { checkpoint } = database;
    database.checkpoint = {
      ...checkpoint,
      seq: checkpoint.seq + 1,
      position: last.position,
      seen: { ...checkpoint.seen, ...last.seen },
    };
    const changes = this.#transaction!.changes;
    oracle.wrote(database.append({ kind: 'applied', mark: last.position, answers, changes }));
    oracle.count('answers', answers.length);
    this.#rollback();
    // The answer to COMMIT may be lost: then the window is begun again, and the checkpoint tells that it was committed.
    if (random.chance(0.04)) this.#stage = 'begin';
    else this.#finish();
  }

  #finish(): void {
    this.#window = null;
    this.#stage = 'idle';
    this.#evict(this.#options.database.checkpoint.seen);
  }

  #evict(seen: Readonly<Record<string, string>>): void {
    this.index.writes.evict(new Tokens(OUT).of(seen));
  }

  #rollback(): void {
    this.#transaction = null;
    this.#options.database.locks = new Set();
  }
}
