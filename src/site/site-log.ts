/**
 * The log of an owned database for all who listen to it: one reader while they keep up with each other, one of its own
 * for whoever does not.
 *
 * Rules kept: every listener is handed everything behind the position it joined with, once and in order, whichever reader
 * it is with; and nobody waits for another. Who begins further back than the first reader, or has no room for long, reads
 * alone until it has caught up. So a slow target holds up neither the other pipelines nor the index of recent writes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { comparePoints, covers, type LogPoint, parsePosition } from '../model/position.ts';
import { ReaderMeter } from './meters.ts';
import { type LogListener, LogReader, type LogStart, type ReaderOptions } from './reader.ts';

/** How long all wait for one who has no room: between transactions, and inside one, which it must be sent anew then. */
const SLOW_MS = 500;
const SLOW_INSIDE_MS = 3_000;

interface Waiter {
  readonly listener: LogListener;
  readonly point: LogPoint;
  readonly settle: (passed: boolean) => void;
}

export class SiteLog {
  readonly #options: Omit<ReaderOptions, 'between' | 'meter'>;
  /** Of all its readers together. */
  readonly meter = new ReaderMeter();
  /** The first leads; the others join it when they have caught up. */
  #readers: LogReader[] = [];
  #waiters: Waiter[] = [];
  readonly #ending = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: Omit<ReaderOptions, 'between' | 'meter'>) {
    this.#options = options;
  }

  /**
   * From here on the listener is handed everything behind the place. It skips by itself what it has had. Who goes by the
   * log's clock is handed it exactly.
   */
  join(listener: LogListener, start: LogStart): void {
    this.leave(listener);
    const lead = this.#readers[0];
    const reached = lead?.reached ?? null;
    const fits = lead?.exact === true || start.clock === null;
    if (
      fits &&
      reached !== null &&
      lead!.knows(start) &&
      covers(parsePosition(start.position), parsePosition(reached))
    ) {
      lead!.add(listener);
    } else this.#open(listener, start);
  }

  leave(listener: LogListener): void {
    const reader = this.#readerOf(listener);
    reader?.remove(listener);
    if (reader?.listeners.length === 0) this.#end(reader);
  }

  /** The tables that are wanted have changed. */
  reopen(): void {
    for (const reader of this.#readers) reader.reopen();
  }

  /** True when the listener was handed everything before `point` within `timeoutMs`. */
  async passed(listener: LogListener, point: LogPoint, timeoutMs: number): Promise<boolean> {
    const reached = this.#readerOf(listener)?.point ?? null;
    if (reached !== null && comparePoints(reached, point) >= 0) return true;
    return new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => waiter.settle(false), timeoutMs);
      const waiter: Waiter = {
        listener,
        point,
        settle: (passed) => {
          clearTimeout(timer);
          this.#waiters = this.#waiters.filter((other) => other !== waiter);
          resolve(passed);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const reader of [...this.#readers]) this.#end(reader);
    await Promise.all(this.#ending);
  }

  #open(listener: LogListener, start: LogStart): void {
    if (this.#stopped) return;
    this.#readers.push(
      new LogReader(start, listener, {
        ...this.#options,
        meter: this.meter,
        between: (reader) => this.#between(reader),
      }),
    );
  }

  #end(reader: LogReader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
    const ending = reader.stop();
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  #readerOf(listener: LogListener): LogReader | undefined {
    return this.#readers.find(({ listeners }) => listeners.includes(listener));
  }

  async #between(reader: LogReader): Promise<void> {
    const point = reader.point!;
    for (const waiter of this.#waiters) {
      if (reader.listeners.includes(waiter.listener) && comparePoints(point, waiter.point) >= 0) waiter.settle(true);
    }
    if (this.#joined(reader)) return;
    for (const listener of reader.listeners) {
      const room = listener.room(reader.ended);
      if (room === null) continue;
      const began = performance.now();
      await this.#wait(reader, listener, room);
      this.meter.stalled(performance.now() - began);
    }
  }

  /** Caught up with the first reader: whoever listened here listens there; or leads, if the first has no exact clock. */
  #joined(reader: LogReader): boolean {
    const lead = this.#readers[0]!;
    if (reader === lead || reader.inside) return false;
    const { reached } = lead;
    if (reached === null || !covers(parsePosition(reader.position), parsePosition(reached))) return false;
    if (!lead.knows(reader)) return false;
    if (reader.exact && !lead.exact) {
      // The others follow when they are as far as it is.
      this.#readers = [reader, ...this.#readers.filter((other) => other !== reader)];
      return false;
    }
    for (const listener of reader.listeners) {
      listener.moved(reader.position, reader.seen);
      reader.remove(listener);
      lead.add(listener);
    }
    this.#end(reader);
    return true;
  }

  async #wait(reader: LogReader, listener: LogListener, room: Promise<void>): Promise<void> {
    if (reader.listeners.length > 1) {
      const cut = new AbortController();
      const late = sleep(reader.inside ? SLOW_INSIDE_MS : SLOW_MS, true, { signal: cut.signal }).catch(() => true);
      const slow = await Promise.race([room.then(() => false), late]);
      cut.abort();
      if (!slow) return;
      if (reader.listeners.length > 1) {
        if (reader.inside) listener.broken();
        // It may have left meanwhile.
        if (!reader.remove(listener)) return;
        listener.moved(reader.position, reader.seen);
        this.#open(listener, reader);
        return;
      }
    }
    await room;
  }
}
