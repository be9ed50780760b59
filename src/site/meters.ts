/**
 * Counters of where rows and time go: of a log's reader, of a pipeline where it is read, and where it is written.
 *
 * Rule: adding costs a few additions for a window or a transaction and one for a row, makes no object and no promise.
 */
import {
  type ByOperation,
  type FeedMeasures,
  type LoadMeasures,
  OPERATIONS,
  type Operation,
  type ReaderMeasures,
  type Spread,
} from '../model/measures.ts';
import type { Delivery } from '../model/row.ts';

const ROW_BOUNDS = [1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000];
const SECOND_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

class Spreading {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds, Infinity].map(() => 0);
  }

  add(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > this.#bounds[at]!) at += 1;
    this.#counts[at]! += 1;
    this.#sum += value;
  }

  read(): Spread {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}

function zeros(): Record<Operation, number> {
  return Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Record<Operation, number>;
}

/** Times are given in milliseconds, as `performance.now()` tells them. */
export class LoadMeter {
  readonly #rows = zeros();
  readonly #bytes = zeros();
  #transactions = 0;
  readonly #windowRows = new Spreading(ROW_BOUNDS);
  readonly #windowSeconds = new Spreading(SECOND_BOUNDS);
  #prepareMs = 0;
  #loadMs = 0;
  #idleMs = 0;
  #stallMs = 0;
  readonly #conflicts = new Map<string, number>();
  #lastWriteMs: number | null = null;

  /** Took a window over into the database, or gave it to lanes. */
  wrote(deliveries: readonly Delivery[], tookMs: number, nowMs: number): void {
    this.#loadMs += tookMs;
    let rows = 0;
    for (const delivery of deliveries) rows += this.#count(delivery);
    if (rows === 0) return;
    this.#windowRows.add(rows);
    this.#windowSeconds.add(tookMs / 1000);
    this.#lastWriteMs = nowMs;
  }

  prepared(tookMs: number): void {
    this.#prepareMs += tookMs;
  }

  idled(tookMs: number): void {
    this.#idleMs += tookMs;
  }

  stalled(tookMs: number): void {
    this.#stallMs += tookMs;
  }

  decided(outcomes: ReadonlyMap<string, number>): void {
    for (const [outcome, count] of outcomes) this.#conflicts.set(outcome, (this.#conflicts.get(outcome) ?? 0) + count);
  }

  /** Since it began. */
  get rows(): ByOperation {
    return { ...this.#rows };
  }

  read(): LoadMeasures {
    return {
      rows: this.rows,
      bytes: { ...this.#bytes } satisfies ByOperation,
      transactions: this.#transactions,
      windowRows: this.#windowRows.read(),
      windowSeconds: this.#windowSeconds.read(),
      prepareSeconds: this.#prepareMs / 1000,
      loadSeconds: this.#loadMs / 1000,
      idleSeconds: this.#idleMs / 1000,
      stallSeconds: this.#stallMs / 1000,
      conflicts: Object.fromEntries(this.#conflicts),
      lastWriteMs: this.#lastWriteMs,
    };
  }

  #count(delivery: Delivery): number {
    switch (delivery.kind) {
      case 'changes':
        if (delivery.last) this.#transactions += 1;
        return this.#changes(delivery);
      case 'chunk':
        return this.#add('copy', delivery.chunk.rows.length, delivery.bytes);
      case 'resync':
        return this.#add('resync', delivery.rows.length + delivery.absent.length, delivery.bytes);
      case 'answers':
        return this.#add('answer', delivery.answers.length, delivery.bytes);
      case 'table':
      case 'definition':
      case 'kept':
      case 'beat':
        return 0;
      default:
        return delivery satisfies never;
    }
  }

  /** What a delivery weighs is divided by its images, of which an update has two. */
  #changes({ changes, bytes }: Extract<Delivery, { kind: 'changes' }>): number {
    if (changes.length === 0) return 0;
    let inserts = 0;
    let updates = 0;
    for (const { kind } of changes) {
      if (kind === 'insert') inserts += 1;
      else if (kind === 'update') updates += 1;
    }
    const deletes = changes.length - inserts - updates;
    const each = bytes / (changes.length + updates);
    if (inserts > 0) this.#add('insert', inserts, each * inserts);
    if (updates > 0) this.#add('update', updates, each * updates * 2);
    if (deletes > 0) this.#add('delete', deletes, each * deletes);
    return changes.length;
  }

  #add(operation: Operation, rows: number, bytes: number): number {
    // The end of a copy is a chunk without rows.
    if (rows === 0) return 0;
    this.#rows[operation] += rows;
    this.#bytes[operation] += bytes;
    return rows;
  }
}

export class FeedMeter {
  #extractMs = 0;
  #transformMs = 0;
  #transferMs = 0;
  #bytes = 0;

  /** Of a part of the log, what was transformed in it included. */
  extracted(tookMs: number): void {
    this.#extractMs += tookMs;
  }

  transformed(tookMs: number): void {
    this.#transformMs += tookMs;
    this.#extractMs -= tookMs;
  }

  transferred(batch: readonly Delivery[], tookMs: number): void {
    this.#transferMs += tookMs;
    for (const { bytes } of batch) this.#bytes += bytes;
  }

  read(): FeedMeasures {
    return {
      // Between the two calls of one part the difference may be below nothing.
      extractSeconds: Math.max(0, this.#extractMs) / 1000,
      transformSeconds: this.#transformMs / 1000,
      transferSeconds: this.#transferMs / 1000,
      bytes: this.#bytes,
    };
  }
}

export class ReaderMeter {
  #selectMs = 0;
  #stallMs = 0;
  #transactions = 0;

  selected(tookMs: number): void {
    this.#selectMs += tookMs;
  }

  stalled(tookMs: number): void {
    this.#stallMs += tookMs;
  }

  passed(): void {
    this.#transactions += 1;
  }

  read(): ReaderMeasures {
    return {
      selectSeconds: this.#selectMs / 1000,
      stallSeconds: this.#stallMs / 1000,
      transactions: this.#transactions,
    };
  }
}
