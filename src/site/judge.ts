/**
 * The serialiser's side of a two-way pipeline: applies the spoke's windows by the rules of `replication/conflict`.
 *
 * Write first and check after: every row is written, so every lock is held; then the reader of this site's log must
 * pass the log's end (the barrier), and the index says whether anybody wrote what the window touches unseen by the
 * spoke. If so everything is rolled back and decided change by change, with locks on absent keys too.
 */

import type { ConflictLogLevel } from '../model/conflict.ts';
import { OtterError } from '../model/error.ts';
import { type Checkpoint, DuplicateKey, type LoadSession, type LoadTable, NeedsCare } from '../model/load.ts';
import type { ConflictRule, PipelineSpec } from '../model/pipeline.ts';
import type { Logger } from '../model/ports.ts';
import type { LogPoint } from '../model/position.ts';
import type { Delivery, Seen, Version } from '../model/row.ts';
import { readSeen } from '../model/seen.ts';
import type { ConflictPolicy } from '../model/topology.ts';
import { Settled } from '../replication/conflict/contest.ts';
import { decide, type Refusal, type Verdict } from '../replication/conflict/decide.ts';
import { firstConflict } from '../replication/conflict/detect.ts';
import { footprint } from '../replication/conflict/footprint.ts';
import { optimisticWrites } from '../replication/conflict/optimistic.ts';
import { conflictRecords } from '../replication/conflict/record.ts';
import type { LockedRow } from '../replication/conflict/rows.ts';
import { type Claim, Tokens } from '../replication/conflict/tokens.ts';
import { versionsOf } from '../replication/conflict/versions.ts';
import type { KeyedRow } from './known-keys.ts';
import { type Applied, type Attempt, countOutcomes, countTables, loadChanges, type Strategy } from './load.ts';
import type { SerialiserIndex } from './serialiser-index.ts';
import type { TargetTables } from './tables.ts';
import { refuseUncarried } from './unseen-changes.ts';

export interface JudgingOptions {
  readonly index: SerialiserIndex;
  /** True when the index has noted everything before the point of this site's log within the time. */
  readonly passed: (point: LogPoint, timeoutMs: number) => Promise<boolean>;
  readonly spec: PipelineSpec;
  /** Whether other spokes must be told what the rows of this one were. */
  readonly star: () => boolean;
  /** The same as the topology has it now. */
  readonly current: () => PipelineSpec;
  /** Sees to it that the index holds everything since the position. */
  readonly indexSince: (position: string) => Promise<void>;
  /** What the conflict log holds of a table's rows, as the topology has it now. */
  readonly levelOf: (table: LoadTable) => ConflictLogLevel;
  readonly now: () => number;
  readonly logger: Logger;
}

/** How long locks are held while the reader catches up with the log's end. */
const BARRIER_MS = 1_000;
/** Changes of a transaction in pieces that are kept for deciding it again; above, it is sent again. */
const KEPT_BYTES = 64 << 20;

export function judging(options: JudgingOptions): (tables: TargetTables, checkpoint: Checkpoint) => Promise<Strategy> {
  /** Transactions too large to keep that met a conflict: decided piece by piece when they come again. */
  const disputed = new Set<string>();
  return async (tables, checkpoint) => {
    const seen = checkpoint.seen[options.spec.reverse!];
    if (seen === undefined)
      throw new Error(`the checkpoint of ${options.spec.name} does not say what the spoke had seen`);
    await options.indexSince(readSeen(seen).position);
    return new JudgingStrategy(options, tables, disputed);
  };
}

/** Tables here have changed since they were looked at: what was written is taken back, and they are looked at again. */
class Outdated extends Error {}

interface OpenTransaction {
  readonly gtid: string;
  /** What the spoke had seen when the transaction's window began, for deliveries that do not say. */
  readonly seen: Seen;
  claims: Claim[];
  bytes: number;
  readonly deciding: boolean;
  readonly settled: Settled;
}

class JudgingStrategy implements Strategy {
  readonly #options: JudgingOptions;
  readonly #tables: TargetTables;
  readonly #tokens: Tokens;
  readonly #disputed: Set<string>;
  /** The transaction in pieces that is under way. */
  #open: OpenTransaction | null = null;

  constructor(options: JudgingOptions, tables: TargetTables, disputed: Set<string>) {
    this.#options = options;
    this.#tables = tables;
    this.#disputed = disputed;
    this.#tokens = new Tokens(options.spec.reverse!);
  }

  async begin(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    { closes }: Attempt,
  ): Promise<Applied> {
    if (!closes) return this.#beginPieces(session, from, to, deliveries, await this.#claims(deliveries, from.seen));
    this.#open = null;
    for (;;) {
      const claims = await this.#claims(deliveries, from.seen);
      if (claims.length === 0) {
        await session.begin('read committed', false, from, to, []);
        return { rows: 0, conflicts: 0, drift: 0 };
      }
      try {
        return await this.#whole(session, from, to, claims);
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
        await session.rollback();
        await this.#tables.matchAgain(claims.map(({ change }) => change.table.source));
      }
    }
  }

  async #whole(session: LoadSession, from: Checkpoint, to: Checkpoint, claims: readonly Claim[]): Promise<Applied> {
    try {
      const versions = this.#versions(claims);
      const writes = optimisticWrites(claims.map(({ change }) => change));
      let { missing } = await session.begin('read committed', false, from, to, versions.length > 0 ? [] : writes);
      if (versions.length > 0) {
        await session.tellVersions(this.#options.spec.name, versions);
        ({ missing } = await session.write(writes));
      }
      const unopposed = await this.#unopposed(session, claims);
      if (missing === 0 && unopposed) {
        return { rows: claims.length, conflicts: 0, drift: 0 };
      }
    } catch (error) {
      if (!(error instanceof DuplicateKey)) throw error;
    }
    await session.rollback();
    await session.begin('repeatable read', false, from, to, []);
    return this.#decide(session, claims);
  }

  async more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    const open = this.#open!;
    const claims = await this.#claims(deliveries, open.seen);
    return this.#piece(open, async () => {
      if (open.deciding) return this.#decide(session, claims);
      await this.#writePiece(session, claims, bytesOf(deliveries));
      return { rows: claims.length, conflicts: 0, drift: 0 };
    });
  }

  async end(session: LoadSession): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null || open.deciding) return;
    const unopposed = await this.#piece(open, async () => this.#unopposed(session, open.claims));
    if (!unopposed) throw this.#again(open.gtid);
  }

  committed(to: Checkpoint): void {
    this.#options.index.evict(this.#tokens.of(to.seen));
    this.#disputed.clear();
  }

  ended(): void {}

  async #beginPieces(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    claims: Claim[],
  ): Promise<Applied> {
    const { gtid } = deliveries[0]!;
    const deciding = this.#disputed.has(gtid);
    const open = { gtid, seen: from.seen, claims: [], bytes: 0, deciding, settled: new Settled() };
    this.#open = open;
    return this.#piece(open, async () => {
      if (deciding) {
        await session.begin('repeatable read', false, from, to, []);
        return this.#decide(session, claims);
      }
      await session.begin('read committed', false, from, to, []);
      await this.#writePiece(session, claims, bytesOf(deliveries));
      return { rows: claims.length, conflicts: 0, drift: 0 };
    });
  }

  /** What came before is not kept: where tables have changed since, the transaction must come again. */
  async #piece<T>({ gtid }: OpenTransaction, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Outdated)) throw error;
      const { source, name } = this.#options.spec;
      throw new OtterError(
        'OT5026',
        `transaction ${gtid} of ${source} met a change of its tables and is written anew`,
        {
          where: { pipeline: name, transaction: gtid },
          retry: 'backoff',
        },
      );
    }
  }

  async #writePiece(session: LoadSession, claims: readonly Claim[], bytes: number): Promise<void> {
    const open = this.#open!;
    try {
      await this.#tellVersions(session, claims);
      const { missing } = await session.write(optimisticWrites(claims.map(({ change }) => change)));
      if (missing > 0) throw this.#again(open.gtid);
    } catch (error) {
      if (error instanceof DuplicateKey || error instanceof NeedsCare) throw this.#again(open.gtid);
      throw error;
    }
    open.bytes += bytes;
    for (const claim of claims) open.claims.push(claim);
    if (open.bytes <= KEPT_BYTES) return;
    // Too much to keep: judge what is written now, its locks are held.
    if (!(await this.#unopposed(session, open.claims))) throw this.#again(open.gtid);
    open.claims = [];
    open.bytes = 0;
  }

  /** The transaction is rolled back, comes again from the source, and is then decided piece by piece. */
  #again(gtid: string): OtterError {
    this.#disputed.add(gtid);
    return new OtterError(
      'OT5025',
      `transaction ${gtid} of ${this.#options.spec.source} met a conflict and is decided anew`,
      {
        where: { pipeline: this.#options.spec.name, transaction: gtid },
        retry: 'backoff',
      },
    );
  }

  async #decide(session: LoadSession, claims: readonly Claim[]): Promise<Applied> {
    const { index, spec, logger, levelOf, now } = this.#options;
    const ruleOf = (table: LoadTable): ConflictRule => this.#tables.conflictRule(table);
    const policyOf = (table: LoadTable): ConflictPolicy => ruleOf(table).policy;
    const present: LockedRow[] = [];
    for (const { table, columns, rows } of footprint(claims.map(({ change }) => change))) {
      for (const image of await session.lock(table, columns, rows)) present.push({ table, image });
    }
    await this.#barrier(session, [...rowsOf(claims), ...present]);
    this.#requireFresh(claims);
    const verdict = decide({
      pipeline: spec.name,
      claims,
      present,
      keys: index.keys,
      recent: index.recent,
      ruleOf,
      ...(this.#open === null ? {} : { settled: this.#open.settled }),
    });
    await this.#tellVersions(session, claims, verdict);
    await session.write(verdict.writes);
    await session.answer(spec.name, verdict.answers);
    const { channel, name: pipeline } = spec;
    const context = { channel, pipeline, keys: index.keys, present, levelOf, policyOf, nowMs: now() };
    const records = conflictRecords(claims, verdict, context);
    await session.recordConflicts(records);
    for (const refusal of verdict.refused) logger.info('change refused', describe(refusal));
    const { refused, overruled } = verdict;
    const contested = [...refused, ...overruled].map(({ claim }) => claim.change.table);
    return {
      rows: claims.length - refused.length,
      conflicts: contested.length,
      conflictTables: countTables(contested),
      outcomes: countOutcomes(records, contested, levelOf),
      drift: verdict.drift.length,
    };
  }

  /** For the indexes of other spokes, ahead of the rows. */
  async #tellVersions(session: LoadSession, claims: readonly Claim[], verdict?: Verdict): Promise<void> {
    await session.tellVersions(this.#options.spec.name, this.#versions(claims, verdict));
  }

  #versions(claims: readonly Claim[], verdict?: Verdict): readonly Version[] {
    if (!this.#options.star()) return [];
    return versionsOf(claims, (table) => this.#tables.conflictRule(table), this.#options.index.keys, verdict);
  }

  /** Whether nobody here wrote, unseen by the spoke, what the claims touch. */
  async #unopposed(session: LoadSession, claims: readonly Claim[]): Promise<boolean> {
    const { index } = this.#options;
    await this.#barrier(session, rowsOf(claims));
    this.#requireFresh(claims);
    return firstConflict(claims, index.keys, index.recent) === null;
  }

  /**
   * Their rows are locked, and all that this site's log has is known: whoever would change one of these tables now waits.
   * @throws Outdated, OtterError OT5033
   */
  #requireFresh(claims: readonly Claim[]): void {
    const { changes } = this.#options.index;
    const tables = tablesOf(claims);
    for (const { target, changesKnown } of tables) if (changes.count(target) !== changesKnown) throw new Outdated();
    for (const { target } of tables) refuseUncarried(changes, target, this.#options.current());
  }

  /**
   * When the index has all that this site's log has, and the spellings of these rows are known. Meanwhile it may have been
   * begun anew, and then had not.
   * @throws OtterError OT5018 when this site's own reader does not catch up in time; the window is tried again.
   */
  async #barrier(session: LoadSession, rows: readonly KeyedRow[]): Promise<void> {
    const { passed, spec, index } = this.#options;
    for (;;) {
      const { recent } = index;
      if (!(await passed(await session.logEnd(), BARRIER_MS))) break;
      await index.learnt(rows);
      if (index.recent === recent) return;
    }
    throw new OtterError('OT5018', `the log reader of ${spec.target} has not passed the end of its log`, {
      where: { pipeline: spec.name },
      retry: 'backoff',
    });
  }

  async #claims(deliveries: readonly Delivery[], first: Seen): Promise<Claim[]> {
    const { index, spec } = this.#options;
    const claims: Claim[] = [];
    for (const delivery of deliveries) {
      // Before the spoke has applied anything it has seen what the first checkpoint says.
      const seen = delivery.seen[spec.reverse!] === undefined ? first : delivery.seen;
      const token = this.#tokens.of(seen);
      for (const change of loadChanges(delivery, this.#tables))
        claims.push({ change, token, clock: delivery.clock, gtid: delivery.gtid });
    }
    for (const { target } of tablesOf(claims)) refuseUncarried(index.changes, target, this.#options.current());
    await index.learnt(rowsOf(claims));
    return claims;
  }
}

/** The rows whose keys the claims touch. */
function rowsOf(claims: readonly Claim[]): KeyedRow[] {
  return claims.flatMap(({ change: { table, before, after } }) =>
    [before, after].flatMap((image) => (image === null ? [] : [{ table, image }])),
  );
}

function tablesOf(claims: readonly Claim[]): ReadonlySet<LoadTable> {
  const tables = new Set<LoadTable>();
  let last: LoadTable | null = null;
  for (const {
    change: { table },
  } of claims) {
    if (table !== last) tables.add(table);
    last = table;
  }
  return tables;
}

function bytesOf(deliveries: readonly Delivery[]): number {
  return deliveries.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Names and reasons; no values but the key's own table. */
function describe({ claim, reason }: Refusal): Record<string, string> {
  const { table, kind } = claim.change;
  return { table: `${table.target.schema}.${table.target.name}`, change: kind, reason };
}
