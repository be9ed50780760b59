/**
 * Deliveries become windows: as many whole transactions as have arrived, within limits.
 *
 * When nothing waits a window is one transaction; under backlog it grows to the limits. A transaction that is larger
 * than the limit comes as a run of pieces, the first with `opens`, the last with `closes`. A chunk of copied rows, or of rows that are sent
 * again, stands alone, so does a change of tables, and announcements of tables only with each other.
 */
import type { Delivery } from '../model/row.ts';

export interface Window {
  readonly deliveries: readonly Delivery[];
  /** False in the later pieces of a transaction that comes in pieces. */
  readonly opens: boolean;
  /** False in all but the last piece. */
  readonly closes: boolean;
}

export interface WindowLimits {
  readonly rows: number;
  readonly bytes: number;
}

/** Few enough that what is made of them before they are recorded is made in a moment. */
const TABLES_MAX = 50;

type Lone = Extract<Delivery, { kind: 'chunk' | 'resync' | 'table' | 'definition' }>;

function isLone(delivery: Delivery): delivery is Lone {
  const { kind } = delivery;
  return kind === 'chunk' || kind === 'resync' || kind === 'table' || kind === 'definition';
}

export class Feed {
  readonly #limits: WindowLimits;
  #held: Delivery[] = [];
  #start = 0;
  /** Of what is held and was not given out. */
  #bytes = 0;
  /** Within a transaction whose earlier parts were given out already. */
  #inside = false;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  push(deliveries: readonly Delivery[]): void {
    if (this.#start > 0) {
      this.#held = this.#held.slice(this.#start);
      this.#start = 0;
    }
    for (const delivery of deliveries) {
      this.#held.push(delivery);
      this.#bytes += delivery.bytes;
    }
  }

  /** Whether so much waits that a window need not grow any more. */
  get full(): boolean {
    return this.#bytes >= this.#limits.bytes / 2;
  }

  /** The next window, or null when more must arrive. */
  next(): Window | null {
    const window = this.#inside ? this.#piece(false) : (this.#whole() ?? this.#piece(true));
    if (window !== null) {
      this.#start += window.deliveries.length;
      for (const { bytes } of window.deliveries) this.#bytes -= bytes;
      this.#inside = !window.closes;
      if (this.#start === this.#held.length) {
        // Not kept while they are written and the next is waited for.
        this.#held = [];
        this.#start = 0;
      }
    }
    return window;
  }

  #whole(): Window | null {
    let end = this.#start;
    let rows = 0;
    let bytes = 0;
    let complete = this.#start;
    for (; end < this.#held.length; end += 1) {
      const delivery = this.#held[end]!;
      if (isLone(delivery)) {
        if (end === this.#start) complete = this.#endOfLone(delivery.kind);
        break;
      }
      if (delivery.kind === 'changes') rows += delivery.changes.length;
      bytes += delivery.bytes;
      if (complete > this.#start && (rows > this.#limits.rows || bytes > this.#limits.bytes)) break;
      if (delivery.kind !== 'changes' || delivery.last) complete = end + 1;
      else if (bytes > this.#limits.bytes) break;
    }
    if (complete === this.#start) return null;
    return { deliveries: this.#held.slice(this.#start, complete), opens: true, closes: true };
  }

  /** Behind what does not go with other kinds. */
  #endOfLone(kind: Lone['kind']): number {
    let end = this.#start + 1;
    if (kind !== 'table') return end;
    let { bytes } = this.#held[this.#start]!;
    for (; end < this.#held.length && end - this.#start < TABLES_MAX; end += 1) {
      bytes += this.#held[end]!.bytes;
      if (this.#held[end]!.kind !== 'table' || bytes > this.#limits.bytes) break;
    }
    return end;
  }

  /** A part of a transaction whose end has not arrived, once it is worth a round trip. */
  #piece(opens: boolean): Window | null {
    let end = this.#start;
    let bytes = 0;
    let closes = false;
    while (end < this.#held.length && bytes < this.#limits.bytes && !closes) {
      const delivery = this.#held[end]!;
      bytes += delivery.bytes;
      closes = delivery.kind === 'changes' && delivery.last;
      end += 1;
    }
    if (end === this.#start || (!closes && bytes < this.#limits.bytes)) return null;
    return { deliveries: this.#held.slice(this.#start, end), opens, closes };
  }
}
