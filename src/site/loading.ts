/**
 * Window after window on one session, from one checkpoint to the next.
 *
 * Rule kept: the checkpoint moves with the rows, by whole transactions of the source; a window that meets a busy
 * server or a row in its way is rolled back and tried again in a narrower way, never passed over.
 */
import { OtterError } from '../model/error.ts';
import {
  type Checkpoint,
  type CopyState,
  DuplicateKey,
  type LoadSession,
  type LoadTable,
  NeedsCare,
  type Place,
  type TargetPort,
  type Write,
} from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type Delivery, type Image, type TableShape, tableName } from '../model/row.ts';
import { couldHold } from '../replication/key-literals.ts';
import { isOracle } from '../replication/oracle-fit.ts';
import { placeOf } from '../replication/places.ts';
import type { Arrivals } from './arrivals.ts';
import { backoff } from './backoff.ts';
import { type Changed, Changing, type ChangingOptions, type Move } from './changing.ts';
import { Departed } from './departed.ts';
import type { Window } from './feed.ts';
import type { Figures } from './figures.ts';
import { Joining, type Transact } from './joining.ts';
import type { Join } from './joins.ts';
import type { Applied, Strategy } from './load.ts';
import type { Overlap } from './overlap.ts';
import { refusedRow, shapesOf } from './refused-row.ts';
import { isRefusal, type SettingAside } from './setting-aside.ts';
import type { TargetTables } from './tables.ts';

/** How often a window is tried again in place when the server says "busy", before the pipeline starts over. */
const BUSY_TRIES = 20;

/** Which large transaction is written statement by statement when it comes again, and which piece of which row by row. */
export interface Care {
  gtid: string | null;
  refused: { readonly gtid: string; readonly piece: number } | null;
}

export interface LoadingOptions {
  readonly checkpoint: Checkpoint;
  readonly session: LoadSession;
  /** Null where a window is durable before the next is begun. */
  readonly overlap: Overlap | null;
  readonly strategy: Strategy;
  readonly tables: TargetTables;
  readonly arrivals: Arrivals;
  /** Told how far all is applied. */
  readonly reached: (position: string) => void;
  readonly target: ChangingOptions['target'] & Pick<TargetPort, 'sharesTable'>;
  /** Told of a table of which rows that are not at the source are left alone. */
  readonly unsure: (table: string) => void;
  readonly figures: Figures;
  readonly care: Care;
  /** Null where nothing is ever set aside. */
  readonly aside: SettingAside | null;
  /** Told of tables that join, before that is committed: see `KnownTable.since`. */
  readonly joined: (table: string, join: Join) => void;
  /** Told of a transaction that was passed over. */
  readonly passed: (transaction: string) => void;
  /** As the topology has it now, and of which generation of its channel that is. */
  readonly desired: () => { readonly spec: PipelineSpec; readonly generation: number };
}

export class Loading {
  readonly #options: LoadingOptions;
  #checkpoint: Checkpoint;
  /** What a transaction in pieces has applied so far. */
  #pieces: Applied[] = [];
  /** Some of those pieces are written, and not committed. */
  #inside = false;
  /** Within a transaction in pieces that is passed over. */
  #passing = false;
  readonly #departed = new Departed();
  readonly #joining: Joining;
  readonly #changing: Changing;

  constructor(options: LoadingOptions) {
    this.#options = options;
    this.#checkpoint = options.checkpoint;
    const { session, tables, arrivals, joined, desired, target, figures } = options;
    this.#changing = new Changing({ target, session, tables, figures, spec: () => this.#spec });
    const transact: Transact = async (deliveries, writes, work) => this.#transact(deliveries, writes, work);
    this.#joining = new Joining({ session, tables, arrivals, joined, desired, departed: this.#departed, transact });
  }

  /** Whatever can be made of the window before those ahead of it are applied. */
  prepare({ deliveries, opens, closes }: Window): void {
    const { strategy, overlap, session } = this.#options;
    const by = overlap === null ? session : overlap.next;
    if (opens && closes && by !== null) strategy.prepare?.(by, deliveries);
  }

  /** While what was written is being committed. */
  get committing(): Promise<void> | null {
    return this.#options.overlap?.committing ?? null;
  }

  /** Returns when it is durable, or, of many rows of whole transactions, when they are written: see `committing`. */
  async apply(arrived: Window, signal: AbortSignal): Promise<void> {
    const many = this.#options.overlap?.takes(arrived) === true;
    if (!many) await this.committing;
    const announcements = arrived.deliveries.filter((delivery) => delivery.kind === 'table');
    if (announcements.length > 0) await this.#joining.join(announcements, signal);
    const [first] = arrived.deliveries;
    if (first?.kind === 'definition') return this.#change(first, signal);
    if (await this.#passesPiece(arrived)) return;
    const window = { ...arrived, deliveries: await this.ready(arrived.deliveries) };
    if (window.deliveries.every(({ kind }) => kind === 'table')) return;
    if (many && (await this.#ahead(window.deliveries, signal))) return;
    await this.committing;
    if (window.opens && window.closes) await this.whole(window.deliveries, signal);
    else await this.#piece(window, signal);
  }

  /** What of it is to be written, with its tables matched. */
  async ready(arrived: readonly Delivery[]): Promise<readonly Delivery[]> {
    const isIn = ({ schema, name }: TableShape): boolean => placeOf(this.#spec, schema, name) !== null;
    const deliveries = this.#departed.without(arrived, isIn);
    await this.#options.tables.resolve(shapesOf(deliveries));
    const [first] = deliveries;
    return first?.kind === 'resync' && first.absent.length > 0 ? [await this.#surelyAbsent(first)] : deliveries;
  }

  /** Where another table goes there too, or a row has another key here, one that is not there may be a row of somebody else. */
  async #surelyAbsent(resync: Extract<Delivery, { kind: 'resync' }>): Promise<Delivery> {
    const { tables, target, unsure } = this.#options;
    const table = tables.of(resync.table);
    const [from, to] = [tableName(resync.table), tableName(table.target)];
    const known = table.key.every((index) => resync.table.primaryKey.includes(index));
    if (known && !(await target.sharesTable(this.#spec.name, from, to)))
      return { ...resync, absent: resync.absent.filter((key) => couldBeKey(table, resync.table, key)) };
    unsure(from);
    return { ...resync, absent: [] };
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** The checkpoint moves to where lanes have written everything, and `work` is done in the transaction that moves it. */
  async level(
    to: Pick<Checkpoint, 'position' | 'clock' | 'seen'>,
    work?: (session: LoadSession) => Promise<void>,
  ): Promise<void> {
    const { session } = this.#options;
    const from = this.#checkpoint;
    if (work === undefined && to.position === from.position) return;
    const { position, clock, seen } = to;
    const next = { ...from, seq: from.seq + 1, position, clock: Math.max(clock, from.clock), seen };
    await session.begin('read committed', false, from, next, []);
    await work?.(session);
    await session.commit();
    this.#checkpoint = next;
    this.#options.strategy.committed(next);
  }

  /** Writes what may be written while the window before is being committed; returns whether that was done. */
  async #ahead(deliveries: readonly Delivery[], signal: AbortSignal): Promise<boolean> {
    const { overlap, strategy, aside, figures, reached } = this.#options;
    if (overlap === null || strategy.ahead === undefined || this.#spec.skip !== undefined) return false;
    if (aside !== null && (await aside.holds(deliveries))) return false;
    const to = this.#next(deliveries);
    const { session, behind } = await overlap.turn();
    const durable = figures.window();
    try {
      const written = await strategy.ahead(session, this.#checkpoint, to, deliveries, behind);
      if (written === null) return false;
      const { applied, committed } = written;
      this.#checkpoint = to;
      overlap.written(session, committed, () => {
        durable(applied.rows);
        this.#done(to, deliveries, [applied]);
        reached(to.position);
      });
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      // At once: users may wait for its locks for as long as that commit takes.
      await session.rollback();
      await this.committing;
      // It is met again in the ordinary way, which knows what to do about it.
      strategy.ended();
      return false;
    }
  }

  /** A change of tables, which stands in a window of its own. */
  async #change(delivery: Changed, signal: AbortSignal): Promise<void> {
    const { session, strategy, reached, arrivals, aside } = this.#options;
    // What waits has the columns of before.
    await aside?.refuse(delivery.changes.map(({ from }) => tableName(from)));
    const move: Move = async (position, work) => {
      const next = this.#next([delivery]);
      const to = position === null ? { ...this.#checkpoint, seq: next.seq } : next;
      await session.begin('read committed', false, this.#checkpoint, to, []);
      await work();
      await session.commit();
      this.#checkpoint = to;
      strategy.committed(to);
      return to;
    };
    await this.#changing.apply(delivery, this.#checkpoint, move, signal);
    arrivals.changed();
    reached(this.#checkpoint.position);
  }

  /** Whole transactions, whose tables are matched. */
  async whole(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    if (await this.#around(deliveries, signal)) return;
    const { session, aside } = this.#options;
    let again = false;
    /** Written change by change, with what is refused or must wait set aside. */
    let apart = aside !== null && (await aside.holds(deliveries));
    if (apart) {
      const runs = await this.#runs(byTransaction(deliveries));
      if (runs.length > 1) {
        for (const run of runs) await this.whole(run, signal);
        return;
      }
      session.careful = true;
      session.rowByRow = true;
    }
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#once(deliveries, again, apart);
        session.careful = false;
        session.rowByRow = false;
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof NeedsCare) {
          await this.#rollback();
          session.careful = true;
        } else if (error instanceof OtterError && BUSY.has(error.code) && attempt < BUSY_TRIES) {
          await this.#rollback();
          const { figures } = this.#options;
          figures.waiting = error.message;
          const began = performance.now();
          await backoff(attempt, signal);
          figures.meter.stalled(performance.now() - began);
        } else if (error instanceof DuplicateKey && this.#twoWay && attempt < BUSY_TRIES) {
          await this.#rollback();
          again = true;
        } else if (isRefusal(error)) {
          await this.#rollback();
          const transactions = byTransaction(deliveries);
          if (transactions.length > 1) {
            for (const transaction of transactions) await this.whole(transaction, signal);
            return;
          }
          if (session.rowByRow) throw refusedRow(deliveries, error, this.#spec);
          // Once more, to say which row, or to set it aside.
          session.rowByRow = true;
          apart = aside?.may(deliveries) === true;
        } else throw error;
      }
    }
  }

  /** Whether one of the transactions is to be passed over; if so that is done, and the others are applied. */
  async #around(deliveries: readonly Delivery[], signal: AbortSignal): Promise<boolean> {
    const { skip } = this.#spec;
    if (skip === undefined || !deliveries.some((delivery) => isOf(delivery, skip))) return false;
    let before: Delivery[] = [];
    for (const transaction of byTransaction(deliveries)) {
      if (!isOf(transaction[0]!, skip)) before.push(...transaction);
      else {
        if (before.length > 0) await this.whole(before, signal);
        before = [];
        await this.#pass(transaction);
      }
    }
    if (before.length > 0) await this.whole(before, signal);
    return true;
  }

  /** Whether it is a piece of a transaction that is to be passed over: once begun so, to its end. */
  async #passesPiece({ deliveries, opens, closes }: Window): Promise<boolean> {
    if (opens && closes) return false;
    const [first] = deliveries;
    if (opens) this.#passing = first !== undefined && isOf(first, this.#spec.skip);
    if (!this.#passing) return false;
    if (closes) {
      this.#passing = false;
      await this.#pass(deliveries);
    }
    return true;
  }

  /** The checkpoint moves behind it, and nothing of it is written. */
  async #pass(transaction: readonly Delivery[]): Promise<void> {
    const { passed, reached } = this.#options;
    await this.level(this.#next(transaction));
    passed(transaction[0]!.gtid);
    reached(this.#checkpoint.position);
  }

  /** In as few groups as can be, each of transactions in which nothing has to wait, or of a single one. */
  async #runs(transactions: readonly Delivery[][]): Promise<Delivery[][]> {
    const { aside } = this.#options;
    const runs: Delivery[][] = [];
    let free = false;
    for (const transaction of transactions) {
      const held = await aside!.holds(transaction);
      if (free && !held) runs.at(-1)!.push(...transaction);
      else runs.push([...transaction]);
      free = !held;
    }
    return runs;
  }

  async #once(deliveries: readonly Delivery[], again: boolean, apart: boolean): Promise<void> {
    const { session, strategy, tables, reached, aside, figures } = this.#options;
    const committed = figures.window();
    const to = this.#next(deliveries);
    const last = deliveries.at(-1)!;
    const place = last.kind === 'chunk' ? tables.copiedTo(tableName(last.chunk.table)) : null;
    const copy = last.kind === 'chunk' && place !== null ? copyState(last, place) : null;
    const alone = deliveries.every(({ kind }) => kind !== 'chunk' && kind !== 'kept' && kind !== 'resync');
    const attempt = { closes: true, again, alone };
    const begun = apart ? [] : deliveries;
    const first = await strategy.begin(
      session,
      this.#checkpoint,
      to,
      begun,
      apart ? { ...attempt, alone: false } : attempt,
    );
    const applied = apart ? await aside!.write(deliveries) : first;
    if (applied.committed !== true) {
      if (copy !== null && this.#spec.dryRun !== true) await session.recordCopies(this.#spec.name, [copy]);
      for (const delivery of deliveries)
        if (delivery.kind === 'kept') await session.keepDefinitions(this.#spec.reverse!, delivery.definitions);
      await strategy.end(session);
      await session.commit();
    }
    committed(applied.rows);
    if (copy !== null) tables.record(copy);
    this.#moved(to, deliveries, [applied]);
    reached(to.position);
  }

  async #piece(window: Window, signal: AbortSignal): Promise<void> {
    const { session, care } = this.#options;
    const { gtid } = window.deliveries[0]!;
    if (window.opens) session.careful = care.gtid === gtid;
    const piece = window.opens ? 0 : this.#pieces.length;
    session.rowByRow = care.refused?.gtid === gtid && care.refused.piece === piece;
    try {
      await this.#written(window);
    } catch (error) {
      if (signal.aborted) throw error;
      if (isRefusal(error) && !session.rowByRow && !(error instanceof DuplicateKey && this.#twoWay)) {
        care.refused = { gtid, piece };
        throw this.#again(gtid, 'has a row that is refused');
      }
      if (error instanceof NeedsCare) {
        care.gtid = gtid;
        throw this.#again(gtid, 'changes rows that are not there');
      }
      if (error instanceof DuplicateKey && this.#twoWay) {
        throw this.#again(gtid, 'met a row that somebody else was writing');
      }
      this.#refuseOr(error, window.deliveries);
    }
    session.rowByRow = false;
    if (window.closes) {
      session.careful = false;
      care.gtid = null;
      care.refused = null;
    }
  }

  async #written(window: Window): Promise<void> {
    const { session, strategy, reached, aside } = this.#options;
    const to = this.#next(window.deliveries);
    const marks = aside?.active === true;
    if (window.opens) {
      this.#pieces = [];
      aside?.ended();
      const attempt = { closes: false, again: false, alone: false };
      const begun = marks ? [] : window.deliveries;
      this.#pieces.push(await strategy.begin(session, this.#checkpoint, to, begun, attempt));
      this.#inside = true;
    }
    if (marks) this.#pieces.push(await aside!.piece(window.deliveries));
    else if (!window.opens) this.#pieces.push(await strategy.more(session, window.deliveries));
    if (!window.closes) return;
    await strategy.end(session);
    await session.commit();
    this.#inside = false;
    this.#moved(to, window.deliveries, this.#pieces);
    this.#pieces = [];
    reached(to.position);
  }

  async #rollback(): Promise<void> {
    await this.#options.session.rollback();
    this.#options.strategy.ended();
    this.#options.aside?.ended();
  }

  get #spec(): PipelineSpec {
    return this.#options.desired().spec;
  }

  get #twoWay(): boolean {
    return this.#spec.role !== 'one-way';
  }

  /** The pieces before are not kept, so the transaction must come again from its source. */
  #again(gtid: string, why: string): OtterError {
    const { source, name } = this.#spec;
    return new OtterError('OT5026', `transaction ${gtid} of ${source} ${why} and is written anew`, {
      where: { pipeline: name, transaction: gtid },
      retry: 'backoff',
    });
  }

  #next(deliveries: readonly Delivery[]): Checkpoint {
    const last = deliveries.at(-1)!;
    const { seq, epoch, clock, seen } = this.#checkpoint;
    // The checkpoint stands behind the window: what the source had seen there includes what it says of every pipeline.
    return {
      seq: seq + 1,
      epoch,
      position: last.position,
      clock: Math.max(clock, last.clock),
      seen: { ...seen, ...last.seen },
    };
  }

  #moved(to: Checkpoint, deliveries: readonly Delivery[], applied: readonly Applied[]): void {
    this.#checkpoint = to;
    this.#done(to, deliveries, applied);
  }

  #done(to: Checkpoint, deliveries: readonly Delivery[], applied: readonly Applied[]): void {
    const { figures, aside } = this.#options;
    this.#options.strategy.committed(to);
    aside?.committed();
    for (const each of applied) figures.applied(each);
    for (const delivery of deliveries) if (delivery.kind === 'beat') figures.beat(delivery.sentMs);
  }

  /** In the midst of a transaction that comes in pieces tables join with it. Repeatable read locks what is not there. */
  async #transact(deliveries: readonly Delivery[], writes: readonly Write[], work: () => Promise<void>): Promise<void> {
    const { session } = this.#options;
    const to: Checkpoint = { ...this.#checkpoint, seq: this.#checkpoint.seq + 1 };
    const begun = this.#inside
      ? session.write(writes)
      : session.begin('repeatable read', false, this.#checkpoint, to, writes);
    await begun.catch((error: unknown) => this.#refuseOr(error, deliveries));
    await work();
    if (this.#inside) return;
    await session.commit();
    this.#checkpoint = to;
  }

  #refuseOr(error: unknown, deliveries: readonly Delivery[]): never {
    throw isRefusal(error) ? refusedRow(deliveries, error, this.#spec) : error;
  }
}

/** Of the row with this primary key of the source. */
function couldBeKey(table: LoadTable, { primaryKey }: TableShape, key: Image): boolean {
  if (isOracle(table.target)) return true;
  const value = (index: number): string => key[primaryKey.indexOf(index)] ?? '';
  return table.key.every((index) => couldHold(table.columns[index]!, value(index)));
}

const BUSY: ReadonlySet<string> = new Set(['OT4005', 'OT5017', 'OT5018']);

function copyState({ chunk }: Extract<Delivery, { kind: 'chunk' }>, place: Place): CopyState {
  const { table, cursor, rowsDone, rowsEstimate } = chunk;
  return { table: tableName(table), place, cursor, done: cursor === null, rowsDone, rowsEstimate };
}

/** Whether it is of the transaction that is to be passed over. */
function isOf({ kind, gtid }: Delivery, skip: string | undefined): boolean {
  return kind === 'changes' && gtid === skip;
}

/** Deliveries that may be applied apart from each other: the parts of one transaction stay together. */
function byTransaction(deliveries: readonly Delivery[]): Delivery[][] {
  const groups: Delivery[][] = [];
  let whole = true;
  for (const delivery of deliveries) {
    if (whole) groups.push([delivery]);
    else groups.at(-1)!.push(delivery);
    whole = delivery.kind === 'changes' ? delivery.last : delivery.kind !== 'table';
  }
  return groups;
}
