/**
 * One site's side of a two-way pipeline whose conflicts wait for a person: applies the other site's windows by the rules of
 * `replication/conflict/manual`.
 *
 * Write first and check after, as at a serialiser (`judge.ts`). Whatever touches a row that has something open, or meets a
 * write of this site that its writer had not seen, is decided change by change under locks, and parked in the same transaction.
 */

import type { ConflictRecord } from '../model/conflict.ts';
import { OtterError } from '../model/error.ts';
import { type Checkpoint, DuplicateKey, type LoadSession } from '../model/load.ts';
import type { Delivery, Seen } from '../model/row.ts';
import { readSeen } from '../model/seen.ts';
import { footprint } from '../replication/conflict/footprint.ts';
import {
  type Arrival,
  decideManual,
  type ManualVerdict,
  rowLocks,
  unseen,
} from '../replication/conflict/manual/decide.ts';
import { type ManualRecordContext, outdoneRecords, parkedRecord } from '../replication/conflict/manual/record.ts';
import { passedThrough } from '../replication/conflict/mesh/detect.ts';
import type { MeshClaim } from '../replication/conflict/mesh/touches.ts';
import { optimisticWrites } from '../replication/conflict/optimistic.ts';
import type { LockedRow } from '../replication/conflict/rows.ts';
import type { KeyedRow } from './known-keys.ts';
import { type Applied, type Attempt, countOutcomes, countTables, loadChanges, type Strategy } from './load.ts';
import type { MeshJudgingOptions } from './mesh-judge.ts';
import type { TargetTables } from './tables.ts';

const BARRIER_MS = 1_000;

export class ManualStrategy implements Strategy {
  readonly #options: MeshJudgingOptions;
  readonly #tables: TargetTables;
  /** What the other site had seen when the window, or the transaction in pieces, began. */
  #first: Seen = {};
  /** What the transaction under way parked and closed. */
  #parked: { readonly lock: string; readonly id: number }[] = [];
  #closed: { readonly lock: string; readonly ids: readonly number[] }[] = [];

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
    const arrivals = await this.#arrivals(deliveries);
    if (arrivals.length === 0 && closes) {
      await session.begin('read committed', false, from, to, []);
      return { rows: 0, conflicts: 0, drift: 0 };
    }
    if (closes && (await this.#asTheyAre(session, from, to, arrivals)))
      return { rows: claimsOf(arrivals).length, conflicts: 0, drift: 0 };
    await session.rollback();
    await session.begin('repeatable read', false, from, to, []);
    return this.#decide(session, arrivals);
  }

  async more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    return this.#decide(session, await this.#arrivals(deliveries));
  }

  async end(): Promise<void> {}

  committed(to: Checkpoint): void {
    const { open } = this.#options.index;
    for (const { lock, id } of this.#parked) open.add(lock, id);
    for (const { lock, ids } of this.#closed) open.drop(lock, new Set(ids));
    this.ended();
    this.#options.index.committed(this.#options.spec, to);
  }

  ended(): void {
    this.#parked = [];
    this.#closed = [];
  }

  /** Whether the window could be written without deciding anything; if so it is. */
  async #asTheyAre(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    arrivals: readonly Arrival[],
  ): Promise<boolean> {
    const { index } = this.#options;
    const claims = claimsOf(arrivals);
    const changes = claims.map(({ change }) => change);
    const isOpen = (claim: MeshClaim): boolean =>
      rowLocks(index.keys, claim.change).some((lock) => index.open.of(lock).length > 0);
    if (arrivals.some(({ kind }) => kind === 'resolution')) return false;
    if ((index.open.size > 0 && claims.some(isOpen)) || passedThrough(changes, index.keys) !== null) return false;
    try {
      const { missing, absent } = await session.begin('read committed', false, from, to, optimisticWrites(changes));
      if (missing + absent > 0) return false;
      await this.#barrier(session, rowsOf(claims));
      const { keys, registers, site } = index;
      return claims.every((claim) =>
        rowLocks(keys, claim.change).every((lock) => unseen(site, registers, lock, claim.seen) === null),
      );
    } catch (error) {
      if (error instanceof DuplicateKey) return false;
      throw error;
    }
  }

  async #decide(session: LoadSession, arrivals: readonly Arrival[]): Promise<Applied> {
    const { index, spec, levelOf, now } = this.#options;
    const claims = claimsOf(arrivals);
    const present: LockedRow[] = [];
    for (const { table, columns, rows } of footprint(claims.map(({ change }) => change))) {
      for (const image of await session.lock(table, columns, rows)) present.push({ table, image });
    }
    await this.#barrier(session, [...rowsOf(claims), ...present]);
    const { site: own, keys, registers } = index;
    const ids = await this.#open(session, new Set(claims.flatMap(({ change }) => rowLocks(keys, change))));
    // Who makes missing tables is the first.
    const first = spec.role === 'to-serialiser';
    const open = new Set(ids.keys());
    const verdict = decideManual({ own, first, arrivals, present, keys, registers, open });
    await session.write(verdict.writes);
    const context = { channel: spec.channel, pipeline: spec.name, levelOf, nowMs: now() };
    const records = await this.#keep(session, verdict, ids, context);
    const conflicts = [...verdict.parked, ...verdict.settled];
    return {
      rows: verdict.applied,
      conflicts: conflicts.length,
      conflictTables: countTables(conflicts.map(({ change }) => change.table)),
      outcomes: countOutcomes(records, [], levelOf),
      drift: verdict.drift,
    };
  }

  /** What is open of these rows: decisions fall between windows, so nobody is closing any of it. */
  async #open(session: LoadSession, locks: ReadonlySet<string>): Promise<Map<string, number[]>> {
    const { open } = this.#options.index;
    const mine = Map.groupBy(this.#parked, ({ lock }) => lock);
    const closed = new Set(this.#closed.flatMap(({ ids }) => ids));
    const known = [...locks].map((lock) => [lock, open.of(lock).filter((id) => !closed.has(id))] as const);
    const still = new Set(await session.stillOpen(known.flatMap(([, ids]) => ids)));
    const found = new Map<string, number[]>();
    for (const [lock, ids] of known) {
      open.drop(lock, new Set(ids.filter((id) => !still.has(id))));
      const parked = (mine.get(lock) ?? []).flatMap(({ id }) => (closed.has(id) ? [] : [id]));
      const all = [...ids.filter((id) => still.has(id)), ...parked];
      if (all.length > 0) found.set(lock, all);
    }
    return found;
  }

  /** Returns what was recorded. */
  async #keep(
    session: LoadSession,
    { parked, settled, resolved, outdone }: ManualVerdict,
    ids: ReadonlyMap<string, readonly number[]>,
    context: ManualRecordContext,
  ): Promise<readonly ConflictRecord[]> {
    const closing = new Map(resolved.map(({ lock }) => [lock, [...(ids.get(lock) ?? [])]]));
    const records: ConflictRecord[] = [];
    for (const each of settled) {
      const record = parkedRecord(each, context);
      records.push(record);
      closing.get(each.lock)!.push(await this.#park(session, each.lock, record));
    }
    for (const { claim, lock, stays } of resolved) {
      const closed = closing.get(lock)!;
      const winner = stays ? ('local' as const) : ('incoming' as const);
      const [level, by] = [context.levelOf(claim.change.table), `at ${this.#options.spec.source}`];
      await session.closeConflicts({ ids: closed, winner, level, by, atMs: context.nowMs });
      this.#closed.push({ lock, ids: closed });
    }
    for (const each of parked) {
      const record = parkedRecord(each, context);
      records.push(record);
      await this.#park(session, each.lock, record);
    }
    const over = outdoneRecords(outdone, context);
    await session.recordConflicts(over);
    return [...records, ...over];
  }

  async #park(session: LoadSession, lock: string, record: ConflictRecord): Promise<number> {
    const id = await session.parkConflict(record);
    this.#parked.push({ lock, id });
    return id;
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

  async #arrivals(deliveries: readonly Delivery[]): Promise<Arrival[]> {
    const { index, spec } = this.#options;
    const arrivals: Arrival[] = [];
    for (const delivery of deliveries) {
      const text = delivery.seen[spec.reverse!] ?? this.#first[spec.reverse!];
      const seen = text === undefined ? 0 : readSeen(text).clock;
      const { clock, gtid } = delivery;
      const claims = loadChanges(delivery, this.#tables).map((change) => ({ change, clock, seen, gtid }));
      if (claims.length > 0) arrivals.push({ kind: delivery.kind === 'answers' ? 'resolution' : 'change', claims });
    }
    await index.learnt(rowsOf(claimsOf(arrivals)));
    return arrivals;
  }
}

function claimsOf(arrivals: readonly Arrival[]): MeshClaim[] {
  return arrivals.flatMap(({ claims }) => claims);
}

function rowsOf(claims: readonly MeshClaim[]): KeyedRow[] {
  return claims.flatMap(({ change: { table, before, after } }) =>
    [before, after].flatMap((image) => (image === null ? [] : [{ table, image }])),
  );
}
