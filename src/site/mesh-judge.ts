/**
 * One site's side of a pipeline in a mesh: applies a peer's windows by the rules of `replication/conflict/mesh`.
 *
 * Write first and check after, as at a serialiser (`judge.ts`). What is decided change by change is decided by one
 * pipeline of the site at a time, and leaves in the log what it touched, also where it changed nothing.
 */

import type { ConflictLogLevel } from '../model/conflict.ts';
import { OtterError } from '../model/error.ts';
import { type Checkpoint, DuplicateKey, type LoadSession, type LoadTable } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { LogPoint } from '../model/position.ts';
import type { CopyChunk, Delivery, Seen } from '../model/row.ts';
import { readSeen } from '../model/seen.ts';
import { footprint } from '../replication/conflict/footprint.ts';
import { placeable } from '../replication/conflict/mesh/copied.ts';
import { decideMesh, type Written } from '../replication/conflict/mesh/decide.ts';
import { firstOpposed, passedThrough } from '../replication/conflict/mesh/detect.ts';
import { meshRecords } from '../replication/conflict/mesh/record.ts';
import { appliedTouches, type MeshClaim } from '../replication/conflict/mesh/touches.ts';
import { optimisticWrites } from '../replication/conflict/optimistic.ts';
import type { LockedRow } from '../replication/conflict/rows.ts';
import type { LoadChange } from '../replication/window.ts';
import type { KeyedRow } from './known-keys.ts';
import { type Applied, type Attempt, countOutcomes, countTables, loadChanges, type Strategy } from './load.ts';
import type { MeshIndex } from './mesh-index.ts';
import { sha256 } from './serialiser-index.ts';
import type { TargetTables } from './tables.ts';

export interface MeshJudgingOptions {
  readonly index: MeshIndex;
  /** True when the index has noted everything before the point of this site's log within the time. */
  readonly passed: (point: LogPoint, timeoutMs: number) => Promise<boolean>;
  readonly spec: PipelineSpec;
  readonly levelOf: (table: LoadTable) => ConflictLogLevel;
  readonly now: () => number;
}

const BARRIER_MS = 1_000;

export class MeshStrategy implements Strategy {
  readonly #options: MeshJudgingOptions;
  readonly #tables: TargetTables;
  /** What the peer had seen when the window, or the transaction in pieces, began. */
  #first: Seen = {};
  /** By earlier pieces of the transaction at hand. */
  #written: Written = new Map();
  /** Gives on the turn to decide. */
  #release: (() => void) | null = null;

  constructor(options: MeshJudgingOptions, tables: TargetTables) {
    this.#options = options;
    this.#tables = tables;
  }

  async begin(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    { closes }: Attempt,
  ): Promise<Applied> {
    this.ended();
    this.#first = from.seen;
    this.#written = new Map();
    const [first] = deliveries;
    if (first?.kind === 'chunk') return this.#copied(session, from, to, first.chunk);
    const claims = await this.#claims(deliveries);
    if (claims.length === 0 && closes) {
      await session.begin('read committed', false, from, to, []);
      return { rows: 0, conflicts: 0, drift: 0 };
    }
    if (closes && (await this.#asTheyAre(session, from, to, claims))) {
      return { rows: claims.length, conflicts: 0, drift: 0 };
    }
    await session.rollback();
    this.#release = await this.#options.index.turn();
    await session.begin('repeatable read', false, from, to, []);
    return this.#decide(session, claims);
  }

  async more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    return this.#decide(session, await this.#claims(deliveries));
  }

  async end(): Promise<void> {}

  committed(to: Checkpoint): void {
    this.ended();
    this.#options.index.committed(this.#options.spec, to);
  }

  ended(): void {
    this.#release?.();
    this.#release = null;
  }

  /** Existing rows of the first site: older than everything, they take nothing from anybody. */
  async #copied(session: LoadSession, from: Checkpoint, to: Checkpoint, chunk: CopyChunk): Promise<Applied> {
    const { index } = this.#options;
    const table = this.#tables.of(chunk.table);
    this.#release = await index.turn();
    await session.begin('repeatable read', false, from, to, []);
    const inserts = chunk.rows.map((after) => ({
      kind: 'insert' as const,
      table,
      before: null,
      after,
      fkChecks: false,
    }));
    const present = await this.#locked(session, inserts);
    await this.#barrier(session, [...chunk.rows.map((image) => ({ table, image })), ...present]);
    const { keys, registers } = index;
    const rows = placeable(table, chunk.rows, { present, keys, registers });
    if (rows.length > 0) await session.write([{ kind: 'insert', table, rows }]);
    return { rows: rows.length, conflicts: 0, drift: 0 };
  }

  async #locked(session: LoadSession, changes: readonly LoadChange[]): Promise<LockedRow[]> {
    const present: LockedRow[] = [];
    for (const { table, columns, rows } of footprint(changes)) {
      for (const image of await session.lock(table, columns, rows)) present.push({ table, image });
    }
    return present;
  }

  /** Whether the window could be written without deciding anything; if so it is. */
  async #asTheyAre(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    claims: readonly MeshClaim[],
  ): Promise<boolean> {
    const { index, spec } = this.#options;
    const changes = claims.map(({ change }) => change);
    if (passedThrough(changes, index.keys) !== null) return false;
    const touched = appliedTouches(claims, index.keys, sha256);
    try {
      await session.begin('read committed', false, from, to, []);
      await session.tellTouches(spec.name, touched);
      const { missing, absent } = await session.write(optimisticWrites(changes));
      if (missing + absent > 0) return false;
      await this.#barrier(session, rowsOf(claims));
      const sites = { own: index.site, source: spec.source };
      return firstOpposed(claims, sites, index.keys, index.registers) === null;
    } catch (error) {
      if (error instanceof DuplicateKey) return false;
      throw error;
    }
  }

  async #decide(session: LoadSession, claims: readonly MeshClaim[]): Promise<Applied> {
    const { index, spec, levelOf, now } = this.#options;
    const present = await this.#locked(
      session,
      claims.map(({ change }) => change),
    );
    await this.#barrier(session, [...rowsOf(claims), ...present]);
    const { site: own, keys, registers } = index;
    const verdict = decideMesh({
      own,
      source: spec.source,
      claims,
      present,
      keys,
      registers,
      written: this.#written,
    });
    const touched = appliedTouches(claims, keys, sha256);
    await session.tellTouches(spec.name, touched);
    await session.write(verdict.writes);
    const context = { channel: spec.channel, pipeline: spec.name, keys, levelOf, nowMs: now() };
    const records = meshRecords(verdict.losses, context);
    await session.recordConflicts(records);
    const contested = verdict.losses.map(({ claim }) => claim.change.table);
    return {
      rows: Math.max(0, claims.length - verdict.refused - verdict.hidden),
      conflicts: contested.length,
      conflictTables: countTables(contested),
      outcomes: countOutcomes(records, contested, levelOf),
      drift: 0,
    };
  }

  /**
   * When the registers have all that this site's log has, and the spellings of these rows are known. Meanwhile they may have
   * been begun anew, and then had not.
   * @throws OtterError OT5018 when this site's own reader does not catch up in time; the window is tried again.
   */
  async #barrier(session: LoadSession, rows: readonly KeyedRow[]): Promise<void> {
    const { passed, spec, index } = this.#options;
    for (;;) {
      const { registers } = index;
      if (!(await passed(await session.logEnd(), BARRIER_MS))) break;
      await index.learnt(rows);
      if (index.registers === registers) return;
    }
    throw new OtterError('OT5018', `the log reader of ${spec.target} has not passed the end of its log`, {
      where: { pipeline: spec.name },
      retry: 'backoff',
    });
  }

  async #claims(deliveries: readonly Delivery[]): Promise<MeshClaim[]> {
    const { index, spec } = this.#options;
    const claims: MeshClaim[] = [];
    for (const delivery of deliveries) {
      const text = delivery.seen[spec.reverse!] ?? this.#first[spec.reverse!];
      const seen = text === undefined ? 0 : readSeen(text).clock;
      for (const change of loadChanges(delivery, this.#tables))
        claims.push({ change, clock: delivery.clock, seen, gtid: delivery.gtid });
    }
    await index.learnt(rowsOf(claims));
    return claims;
  }
}

function rowsOf(claims: readonly MeshClaim[]): KeyedRow[] {
  return claims.flatMap(({ change: { table, before, after } }) =>
    [before, after].flatMap((image) => (image === null ? [] : [{ table, image }])),
  );
}
