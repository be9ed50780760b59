/**
 * The one reader of an owned database's log: select stage.
 *
 * It reads whole transactions in log order, tells user rows from otter's own, folds what the site had seen, and hands
 * each part to every listener before it goes on. It knows how far it has read in bytes, which is what the barrier of
 * the conflict rules asks. Rule kept: after a break it goes on exactly behind the last whole transaction it handed on.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { Logger, LogItem, SourcePort } from '../model/ports.ts';
import { comparePoints, covers, type LogPoint, parsePosition } from '../model/position.ts';
import type { RowChange, Seen } from '../model/row.ts';
import { type OtterRow, otterRow } from '../replication/origin.ts';
import { backoff } from './backoff.ts';

/** A part of a transaction, understood. */
export interface ReadPart {
  readonly gtid: string;
  readonly position: string;
  readonly commitMs: number;
  readonly bytes: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Pipeline that otter applied with this transaction, or null for a user's. */
  readonly mark: string | null;
  /** What this site had seen before the transaction. */
  readonly seen: Seen;
  readonly changes: readonly RowChange[];
  readonly own: readonly Exclude<OtterRow, { kind: 'mark' }>[];
}

export type ReadStatement = Extract<LogItem, { kind: 'statement' }>;

export interface LogListener {
  /** Whether it needs what the reader has still to read; a listener without a position yet does not. */
  readonly listening: boolean;
  /** In log order; a promise holds the reader until it settles. */
  part(part: ReadPart): void | Promise<void>;
  statement(statement: ReadStatement): void | Promise<void>;
  /** The reader goes back; everything up to `position` was handed on and must not be taken twice. */
  rewound(position: string, seen: Seen): void;
  /** Changes that will come soon, for whoever must ask somebody about them; a promise holds the reader until it settles. */
  ahead(changes: readonly RowChange[]): Promise<void> | null;
  /** The log cannot be read, and trying again did not help so far. */
  failed(error: unknown): void;
  /** The reader was reopened in the middle of a transaction whose parts were handed on. */
  broken(): void;
  /** Settles when there is room for more. */
  room(signal: AbortSignal): Promise<void> | null;
}

export interface ReaderOptions {
  readonly source: SourcePort;
  /** Schema of otter's own tables. */
  readonly schema: string;
  readonly lineage: string;
  readonly wants: (schema: string, table: string) => boolean;
  readonly listeners: () => Iterable<LogListener>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Transactions above this come in parts. */
const PART_BYTES = 4 << 20;
/** Attempts in a row after which pipelines say why they stand still. */
const FAILED_ATTEMPTS = 3;
const LOG_TABLES = new Set(['checkpoint', 'heartbeat', 'answer', 'watermark']);

export class LogReader {
  readonly #options: ReaderOptions;
  #position: string | null = null;
  #seen: Seen = {};
  #mark: string | null = null;
  /** Position of the transaction whose parts are being handed on; null between transactions. */
  #inside: string | null = null;
  /** Where to go back to as soon as the part at hand is with all listeners. */
  #goal: string | null = null;
  #wentBack: (() => void)[] = [];
  #point: LogPoint | null = null;
  #run = new AbortController();
  /** Runs to be ended when the transaction at hand has been handed on whole. */
  #ending: AbortController[] = [];
  #running: Promise<void> | null = null;
  #waiters: { point: LogPoint; settle: (passed: boolean) => void }[] = [];
  /** Why the log could not be read last, or null. */
  #complaint: string | null = null;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /**
   * Sees to it that everything behind `position` is handed on from here: starts there, goes back there, or does nothing
   * when it has not come so far yet. Where nobody else needs what lies between, it goes there at once: what cannot be
   * passed must not hold up who begins behind it. After a move, what was seen is folded anew from the log. `ready` is
   * called at the moment from which nothing is handed on but what follows, and all of it.
   */
  cover(position: string, ready: () => void = () => undefined): void {
    const wanted = parsePosition(position);
    const reached = this.#goal ?? this.#inside ?? this.#position;
    if (reached !== null && covers(wanted, parsePosition(reached)) && (this.#goal !== null || this.#needed())) {
      if (this.#goal === null) ready();
      else this.#wentBack.push(ready);
      return;
    }
    this.#goal = position;
    this.#wentBack.push(ready);
    this.#restart();
  }

  #needed(): boolean {
    for (const { listening } of this.#options.listeners()) if (listening) return true;
    return false;
  }

  /** Opens the log again where it stands: the tables that are wanted have changed. */
  reopen(): void {
    if (this.#running !== null) this.#restart();
  }

  /** True when everything before `point` was handed on within `timeoutMs`. */
  async passed(point: LogPoint, timeoutMs: number): Promise<boolean> {
    if (this.#point !== null && comparePoints(this.#point, point) >= 0) return true;
    return new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => waiter.settle(false), timeoutMs);
      const waiter = {
        point,
        settle: (passed: boolean) => {
          clearTimeout(timer);
          this.#waiters = this.#waiters.filter((other) => other !== waiter);
          resolve(passed);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  async stop(): Promise<void> {
    this.#run.abort();
    await this.#running;
  }

  #restart(): void {
    // Parts of a transaction that were handed on cannot be taken back: its end is waited for.
    if (this.#inside === null) this.#run.abort();
    else this.#ending.push(this.#run);
    const run = new AbortController();
    this.#run = run;
    this.#point = null;
    const before = this.#running ?? Promise.resolve();
    const signal = AbortSignal.any([run.signal, this.#options.signal]);
    this.#running = before.then(async () => {
      this.#goBack();
      for (const tell of this.#wentBack.splice(0)) tell();
      await this.#loop(signal);
    });
  }

  #goBack(): void {
    if (this.#goal === null) return;
    if (this.#inside !== null) this.#abandon();
    if (this.#position !== null)
      for (const listener of this.#options.listeners()) listener.rewound(this.#position, this.#seen);
    this.#position = this.#goal;
    this.#seen = {};
    this.#goal = null;
  }

  async #loop(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        if (this.#inside !== null) this.#abandon();
        await this.#read(signal, () => {
          attempt = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error, attempt);
      }
      this.#point = null;
      await backoff(attempt, signal);
    }
  }

  /** Said once; who waits for this log is told when it is for good, or has lasted. */
  #failed(error: unknown, attempt: number): void {
    const message = messageOf(error);
    if (this.#complaint !== message)
      this.#options.logger.warn('log reader stopped; it will be reopened', {
        error: message,
        position: this.#position,
      });
    this.#complaint = message;
    const forGood = error instanceof OtterError && error.retry === 'never';
    if (forGood || attempt >= FAILED_ATTEMPTS)
      for (const listener of [...this.#options.listeners()]) listener.failed(error);
  }

  /** Listeners that got parts of a transaction will get it again from its beginning, so they must forget them. */
  #abandon(): void {
    this.#inside = null;
    for (const run of this.#ending.splice(0)) run.abort();
    for (const listener of this.#options.listeners()) listener.broken();
  }

  async #read(signal: AbortSignal, alive: () => void): Promise<void> {
    const { source, schema, wants } = this.#options;
    const batches = source.readLog({
      from: this.#position!,
      wants: (tableSchema, table) => (tableSchema === schema ? LOG_TABLES.has(table) : wants(tableSchema, table)),
      partBytes: PART_BYTES,
      signal,
    });
    for await (const batch of batches) {
      await this.#ahead(batch.items);
      // Who joined meanwhile waits for the reader to go back, and must not see anything from here first.
      if (signal.aborted) return;
      for (const item of batch.items) {
        if (item.kind === 'rows') await this.#rows(item);
        else await this.#statement(item);
        if (signal.aborted) return;
      }
      if (signal.aborted) return;
      this.#complaint = null;
      // A log that can be opened but not passed is no progress.
      if (batch.items.length > 0) alive();
      this.#point = batch.point;
      for (const waiter of this.#waiters) if (comparePoints(batch.point, waiter.point) >= 0) waiter.settle(true);
      for (const listener of this.#options.listeners()) await listener.room(signal);
      if (signal.aborted) return;
    }
  }

  async #ahead(items: readonly LogItem[]): Promise<void> {
    const changes = items.flatMap((item) => (item.kind === 'rows' ? item.changes : []));
    if (changes.length === 0) return;
    for (const listener of [...this.#options.listeners()]) await listener.ahead(changes);
  }

  async #rows(item: Extract<LogItem, { kind: 'rows' }>): Promise<void> {
    const { schema, lineage } = this.#options;
    if (item.first) this.#mark = null;
    this.#inside = item.position;
    // Who joins while this part is on its way has it by `cover`, not by half.
    const listeners = [...this.#options.listeners()];
    const seen = this.#seen;
    const changes: RowChange[] = [];
    const own: Exclude<OtterRow, { kind: 'mark' }>[] = [];
    for (const [index, change] of item.changes.entries()) {
      if (change.table.schema !== schema) changes.push(change);
      else {
        const row = otterRow(change, lineage);
        if (row?.kind === 'mark') {
          if (item.first && index === 0) this.#mark = row.pipeline;
          this.#seen = { ...this.#seen, [row.pipeline]: row.position };
        } else if (row !== null) own.push(row);
      }
    }
    const { gtid, position, commitMs, bytes, first, last } = item;
    const part: ReadPart = { gtid, position, commitMs, bytes, first, last, mark: this.#mark, seen, changes, own };
    for (const listener of listeners) {
      const wait = listener.part(part);
      if (wait !== undefined) await wait;
    }
    if (item.last) this.#handedOn(item.position);
  }

  async #statement(item: ReadStatement): Promise<void> {
    this.#inside = item.position;
    for (const listener of [...this.#options.listeners()]) {
      const wait = listener.statement(item);
      if (wait !== undefined) await wait;
    }
    this.#handedOn(item.position);
  }

  #handedOn(position: string): void {
    this.#position = position;
    this.#inside = null;
    for (const run of this.#ending.splice(0)) run.abort();
  }
}
