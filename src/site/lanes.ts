/**
 * Several writers of one pipeline: each window's rows are divided between them (`replication/shares.ts`), and each writes
 * its share in transactions of its own, which move a checkpoint row of its own.
 *
 * The pipeline's checkpoint follows: it stands where every lane has written its share, and a lane stands at the farther of
 * its own row and the pipeline's. Rules kept: what cannot be divided waits until all lanes are level, and is written as if
 * there were one writer; the same goes for little when no lane has anything to do. Whoever comes after an interruption reads
 * on from the pipeline's checkpoint, leaves out what lanes have written beyond it as they were recorded to divide rows, and
 * divides anew when all is level.
 */
import { OtterError } from '../model/error.ts';
import type { Checkpoint, LanesRecord, LoadSession, TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { coversGtid, type Position, parsePosition, reaches } from '../model/position.ts';
import type { Delivery, RowChange, TableShape } from '../model/row.ts';
import { Divider } from '../replication/dividing.ts';
import { LogOrder } from '../replication/log-order.ts';
import { placeOf } from '../replication/places.ts';
import { type Division, divisionOf } from '../replication/shares.ts';
import type { Window } from './feed.ts';
import type { Figures } from './figures.ts';
import type { Loading } from './loading.ts';
import type { TargetTables } from './tables.ts';

/** Fewer rows are not worth a commit for each lane when none is under way. */
const FEW_ROWS = 200;
/** What windows under way may hold together: lanes may be so far apart. */
const FLIGHT_BYTES_MAX = 8 << 20;
/** What a lane writes in one transaction, of as many windows as wait for it. */
const SHARE_ROWS = 5_000;
/** How often the pipeline's checkpoint follows lanes that never rest. */
const LEVEL_MS = 1_000;

/** Up to where rows are not divided when they come again: a lane met one that was refused there. */
export interface InOrder {
  until: string | null;
}

export interface LanesOptions {
  readonly spec: () => PipelineSpec;
  /** Writers side by side; 1 where there were more. */
  readonly count: number;
  readonly record: LanesRecord | null;
  /** The pipeline's own. */
  readonly loading: Loading;
  /** One that writes on another session. */
  readonly loadingOf: (session: LoadSession, checkpoint: Checkpoint) => Loading;
  readonly target: Pick<TargetPort, 'session'>;
  readonly tables: TargetTables;
  readonly fkChecks: boolean;
  readonly figures: Pick<Figures, 'beat'>;
  readonly inOrder: InOrder;
  readonly settled: () => number;
  readonly reached: (position: string) => void;
  readonly now: () => number;
  /** Fewer rows are not divided when nothing is under way. */
  readonly fewRows?: number;
}

type End = Pick<Checkpoint, 'position' | 'clock' | 'seen'>;

/** A window whose rows are being written. */
interface Flight {
  readonly end: End;
  readonly bytes: number;
  readonly beats: readonly number[];
  /** Lanes that have not written their share yet. */
  open: number;
}

/** What a lane has to write of a window. */
interface Share {
  readonly changes: readonly RowChange[];
  readonly last: Delivery;
  readonly flight: Flight;
}

interface Lane {
  readonly session: LoadSession;
  loading: Loading;
  readonly waiting: Share[];
  /** While it writes. */
  running: Promise<void> | null;
}

/** What lanes wrote before an interruption, ahead of the pipeline's checkpoint. */
interface Ahead {
  readonly divider: Divider;
  readonly lanes: readonly (Position | null)[];
}

export class Lanes implements AsyncDisposable {
  readonly #options: LanesOptions;
  readonly #stop = new AbortController();
  readonly #lanes: Lane[] = [];
  readonly #flights: Flight[] = [];
  readonly #order: LogOrder;
  #ahead: Ahead | null;
  /** Rows of lanes are recorded that are none any more. */
  #leftover: boolean;
  #divider: Divider | null = null;
  /** Of the tables, when the divider was made. */
  #version = -1;
  /** Where all lanes have come to, if that is beyond the pipeline's checkpoint. */
  #end: End | null = null;
  #levelledAt = 0;
  /** Nothing is tried again when it has aborted. */
  #given: AbortSignal | null = null;
  #failure: { readonly error: unknown } | null = null;
  /** Something was committed since that was asked last. */
  #moved = false;
  #wake: (() => void) | null = null;

  constructor(options: LanesOptions) {
    this.#options = options;
    const { record, loading, count } = options;
    this.#order = new LogOrder(loading.checkpoint.position);
    this.#ahead =
      record === null ? null : aheadOf(record, loading.checkpoint.position, (table) => this.#placeOf(table));
    this.#leftover = record !== null && count === 1;
  }

  /** Takes a window over; returns whether anything was committed since the last call. */
  async apply(window: Window, signal: AbortSignal): Promise<boolean> {
    this.#throwIfFailed();
    const odd = this.#order.breaks(window.deliveries);
    if (this.#repeats) await this.#repeat(window, signal);
    else if (odd || !this.#divides(window)) await this.#alone(window, signal);
    else await this.#divide(window, signal);
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  /** Lanes write what they were given, if nothing is wrong, and are level then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map(({ running }) => running));
    this.#stop.abort();
    const end = this.#failure === null && this.#flights.length === 0 ? this.#end : null;
    // Otherwise whoever comes next finds how far each has come.
    if (end !== null) await this.#options.loading.level(end).catch(() => undefined);
    await Promise.all(this.#lanes.map(({ session }) => session[Symbol.asyncDispose]()));
  }

  get #repeats(): boolean {
    return this.#ahead !== null || this.#options.inOrder.until !== null;
  }

  #divides({ deliveries, opens, closes }: Window): boolean {
    const { count, tables, settled } = this.#options;
    if (count === 1 || !opens || !closes || tables.copying) return false;
    // With what is carried out records are struck of tables that left, whose rows must not come once more.
    return deliveries.every(
      (delivery) => delivery.kind === 'changes' || (delivery.kind === 'beat' && delivery.settled <= settled()),
    );
  }

  /** What was on its way when it was interrupted, in the order of the log. */
  async #repeat(window: Window, signal: AbortSignal): Promise<void> {
    const { loading, inOrder } = this.#options;
    const ahead = this.#ahead;
    const has = (lane: number, gtid: string): boolean => {
      const position = ahead?.lanes[lane - 1] ?? null;
      return position !== null && coversGtid(position, gtid);
    };
    const deliveries = ahead === null ? window.deliveries : ahead.divider.without(window.deliveries, has);
    await loading.apply({ ...window, deliveries }, signal);
    this.#moved = true;
    const now = parsePosition(loading.checkpoint.position);
    if (ahead?.lanes.every((lane) => lane === null || reaches(now, lane)) === true) this.#ahead = null;
    if (inOrder.until !== null && reaches(now, parsePosition(inOrder.until))) inOrder.until = null;
  }

  /** As one writer does it, behind all lanes. */
  async #alone(window: Window, signal: AbortSignal): Promise<void> {
    const { loading } = this.#options;
    await this.#landed(signal);
    if (this.#end !== null) await loading.level(this.#end);
    this.#end = null;
    if (this.#leftover) await loading.level(loading.checkpoint, (session) => session.recordLanes(this.#name, null));
    this.#leftover = false;
    await loading.apply(window, signal);
    this.#moved = true;
  }

  async #divide(window: Window, signal: AbortSignal): Promise<void> {
    const { loading, now } = this.#options;
    if (this.#flights.length === 0 && rowsOf(window) < (this.#options.fewRows ?? FEW_ROWS)) {
      // All that lanes have written is behind this, so the checkpoint moves past them.
      await loading.apply(window, signal);
      this.#end = null;
      this.#moved = true;
      return;
    }
    if (this.#end !== null && now() - this.#levelledAt >= LEVEL_MS) {
      await loading.level(this.#end);
      this.#levelledAt = now();
    }
    const deliveries = await loading.ready(window.deliveries);
    const divider = await this.#dividing(signal);
    const shares = divider.split(deliveries);
    if (shares === null) return this.#alone(window, signal);
    this.#given ??= AbortSignal.any([signal, this.#stop.signal]);
    this.#launch(deliveries, shares, this.#given);
    await this.#until(() => this.#hasRoom(), signal);
  }

  #launch(deliveries: readonly Delivery[], shares: readonly (readonly RowChange[])[], signal: AbortSignal): void {
    const last = deliveries.at(-1)!;
    const before = this.#flights.at(-1)?.end ?? this.#end ?? this.#options.loading.checkpoint;
    const flight: Flight = {
      end: {
        position: last.position,
        clock: Math.max(before.clock, last.clock),
        seen: { ...before.seen, ...last.seen },
      },
      bytes: deliveries.reduce((sum, { bytes }) => sum + bytes, 0),
      beats: deliveries.flatMap((delivery) => (delivery.kind === 'beat' ? [delivery.sentMs] : [])),
      open: shares.filter(({ length }) => length > 0).length,
    };
    this.#flights.push(flight);
    for (const [index, changes] of shares.entries()) {
      if (changes.length === 0) continue;
      const lane = this.#lanes[index]!;
      lane.waiting.push({ changes, last, flight });
      lane.running ??= this.#write(lane, signal).catch((error: unknown) => this.#fail(error));
    }
    if (flight.open === 0) this.#land();
  }

  /** Until nothing waits. The more waits the more goes into one transaction. */
  async #write(lane: Lane, signal: AbortSignal): Promise<void> {
    while (lane.waiting.length > 0 && !this.#stop.signal.aborted) {
      const shares = lane.waiting.splice(0, together(lane.waiting));
      const { gtid, position, clock, seen } = shares.at(-1)!.last;
      const changes = shares.length === 1 ? shares[0]!.changes : shares.flatMap((share) => share.changes);
      const place = { gtid, position, clock, seen, bytes: 0 };
      await lane.loading.whole([{ ...place, kind: 'changes', first: true, last: true, changes }], signal);
      for (const { flight } of shares) flight.open -= 1;
      this.#land();
    }
    lane.running = null;
  }

  /** Windows are done in their order. */
  #land(): void {
    const { reached, figures } = this.#options;
    while (this.#flights[0]?.open === 0) {
      const { end, beats } = this.#flights.shift()!;
      this.#end = end;
      this.#moved = true;
      reached(end.position);
      for (const sentMs of beats) figures.beat(sentMs);
    }
    this.#wake?.();
  }

  /** The others stop too; the first that failed says why. */
  #fail(error: unknown): void {
    if (this.#failure === null) this.#failure = { error: this.#inTurn(error) };
    this.#stop.abort();
    this.#wake?.();
  }

  /** What is refused beside other lanes may not be in the order of the log, or is refused there once more. */
  #inTurn(error: unknown): unknown {
    if (!(error instanceof OtterError) || error.code !== 'OT5016') return error;
    this.#options.inOrder.until = this.#flights.at(-1)!.end.position;
    return new OtterError(
      'OT5061',
      `a lane of ${this.#name} met a row that was refused; its rows come again in order`,
      {
        where: { pipeline: this.#name },
        retry: 'backoff',
        cause: error,
      },
    );
  }

  /** Rows are divided by the tables as they are; when that changes all lanes are level first, and begin anew. */
  async #dividing(signal: AbortSignal): Promise<Divider> {
    const { tables, count, fkChecks, spec, loading } = this.#options;
    const known = this.#divider;
    if (known !== null && this.#version === tables.version) return known;
    const { version } = tables;
    const division = divisionOf(tables.matched, count, { fkChecks, spec: spec() });
    const divider = new Divider(division, (table) => this.#placeOf(table));
    if (known === null || JSON.stringify(known.division) !== JSON.stringify(division)) {
      await this.#landed(signal);
      await loading.level(this.#end ?? loading.checkpoint, (session) =>
        session.recordLanes(this.#name, { count, division: JSON.stringify(division) }),
      );
      this.#end = null;
      await this.#begin();
    }
    this.#version = version;
    this.#divider = divider;
    return divider;
  }

  async #begin(): Promise<void> {
    const { target, count, loading, loadingOf } = this.#options;
    const checkpoint = { ...loading.checkpoint, seen: {} };
    for (const lane of this.#lanes) lane.loading = loadingOf(lane.session, checkpoint);
    if (this.#lanes.length > 0) return;
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const opened = await Promise.allSettled(numbers.map((lane) => target.session(this.#name, lane)));
    for (const each of opened) {
      if (each.status === 'rejected') continue;
      const session = each.value;
      this.#lanes.push({ session, loading: loadingOf(session, checkpoint), waiting: [], running: null });
    }
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
  }

  #hasRoom(): boolean {
    return this.#flights.reduce((sum, { bytes }) => sum + bytes, 0) < FLIGHT_BYTES_MAX;
  }

  #landed(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#flights.length === 0, signal);
  }

  async #until(done: () => boolean, signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        signal.throwIfAborted();
        this.#throwIfFailed();
        if (done()) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#wake = null;
    }
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  get #name(): string {
    return this.#options.spec().name;
  }

  #placeOf({ schema, name }: TableShape): string {
    return placeOf(this.#options.spec(), schema, name)?.target ?? '';
  }
}

/** Null when no lane has written more than the checkpoint says. */
function aheadOf(
  { division, positions }: LanesRecord,
  checkpoint: string,
  placeOf: (table: TableShape) => string,
): Ahead | null {
  const level = parsePosition(checkpoint);
  const lanes = positions.map((text) => parsePosition(text)).map((lane) => (reaches(level, lane) ? null : lane));
  if (lanes.every((lane) => lane === null)) return null;
  return { divider: new Divider(JSON.parse(division) as Division, placeOf), lanes };
}

/** How many of these go into one transaction; one at least. */
function together(waiting: readonly Share[]): number {
  let rows = 0;
  for (const [index, { changes }] of waiting.entries()) {
    rows += changes.length;
    if (rows > SHARE_ROWS && index > 0) return index;
  }
  return waiting.length;
}

function rowsOf({ deliveries }: Window): number {
  return deliveries.reduce((sum, delivery) => sum + (delivery.kind === 'changes' ? delivery.changes.length : 0), 0);
}
