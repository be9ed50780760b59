/**
 * A reader of an owned database's log: select stage.
 *
 * It reads whole transactions in log order, tells user rows from otter's own, folds what the site had seen, and hands
 * each part to every listener before it goes on. It knows how far it has read in bytes, which is what the barrier of
 * the conflict rules asks. Rule kept: after a break it goes on exactly behind the last whole transaction it handed on.
 * Who listens to which reader is decided in `site-log.ts`.
 */
import { messageOf, OtterError } from '../model/error.ts';
import { forgetChanges } from '../model/forget-rows.ts';
import { readCarriedMark } from '../model/load.ts';
import type { Logger, LogItem, PastTable, ReadLogOptions, SourcePort, Statement } from '../model/ports.ts';
import type { LogPoint } from '../model/position.ts';
import { type Definition, type RowChange, type Seen, tableName } from '../model/row.ts';
import { seenText } from '../model/seen.ts';
import { LogClock } from '../replication/conflict/log-clock.ts';
import { type OtterRow, OtterRows } from '../replication/origin.ts';
import { definitions } from '../replication/structure-change.ts';
import { backoff } from './backoff.ts';
import type { ReaderMeter } from './meters.ts';

/** A part of a transaction, understood. */
export interface ReadPart {
  readonly gtid: string;
  readonly position: string;
  /** Of the log up to and with the transaction. */
  readonly clock: number;
  readonly bytes: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Pipeline that otter applied with this transaction, or null for a user's. */
  readonly mark: string | null;
  /** What this site had seen before the transaction, and behind it. */
  readonly seen: Seen;
  readonly seenBehind: Seen;
  readonly changes: readonly RowChange[];
  readonly own: readonly Exclude<OtterRow, { kind: 'mark' }>[];
}

/** Where in the log a statement stands. */
export interface StatementAt {
  readonly seen: Seen;
  readonly clock: number;
  /** The pipeline into this database that says it has made it, and the transaction of its source that it repeats. */
  readonly carried: { readonly pipeline: string; readonly gtid: string } | null;
}

/** All rows of a batch. */
export function changesOf(items: readonly LogItem[]): readonly RowChange[] {
  return items.flatMap((item) => (item.kind === 'rows' ? item.changes : []));
}

export type Unreadable = Extract<LogItem, { kind: 'unreadable' }>;

export interface LogListener {
  /** In log order; a promise holds the reader until it settles. */
  part(part: ReadPart): void | Promise<void>;
  statement(statement: Statement, at: StatementAt): void | Promise<void>;
  /** Some tables were changed in a way that the log does not tell; who has one of them cannot go on. */
  unreadable(what: Unreadable): void;
  /** Handed on from here on by another reader that may be a little behind: up to `position` nothing is taken twice. */
  moved(position: string, seen: Seen): void;
  /** What will come soon, for whoever must ask somebody about it; a promise holds the reader until it settles. */
  ahead(items: readonly LogItem[]): Promise<void> | null;
  /** The log cannot be read, and trying again did not help so far. */
  failed(error: unknown): void;
  /** The reader was reopened in the middle of a transaction whose parts were handed on. */
  broken(): void;
  /** Settles when there is room for more. */
  room(signal: AbortSignal): Promise<void> | null;
}

/** Where reading begins: behind `position`. */
export interface LogStart {
  readonly position: string;
  /** The log's clock there, exactly; null: nobody compares it with others'. */
  readonly clock: number | null;
  /** Tables as they were there, as far as that is known. */
  readonly past?: ReadonlyMap<string, PastTable>;
  /** What is known of tables further on. */
  readonly later?: ReadonlyMap<string, Definition>;
  /** See `ReadLogOptions`. */
  readonly sure?: ReadLogOptions['sure'];
}

export interface ReaderOptions {
  readonly source: SourcePort;
  /** Schema of otter's own tables. */
  readonly schema: string;
  readonly lineage: string;
  readonly wants: (schema: string, table: string) => boolean;
  /** Of which tables the history is kept; null: of none. */
  readonly keeps: () => ((schema: string, table: string) => boolean) | null;
  readonly logger: Logger;
  readonly meter: ReaderMeter;
  /** Called after each batch, before the next is taken. */
  readonly between: (reader: LogReader) => Promise<void>;
}

/** Transactions above this come in parts. */
const PART_BYTES = 1 << 20;
/** Attempts in a row after which pipelines say why they stand still. */
const FAILED_ATTEMPTS = 3;
const SKIP_TABLE = 'skip';
const NOTHING: ReadPart['own'] = [];
const NO_CHANGES: ReadPart['changes'] = [];
const LOG_TABLES = new Set([
  'checkpoint',
  'heartbeat',
  'answer',
  'version',
  'watermark',
  'definition',
  'resync',
  SKIP_TABLE,
]);

export class LogReader {
  #listeners: readonly LogListener[] = [];
  readonly #options: ReaderOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #own: OtterRows;
  readonly #clock: LogClock;
  #position: string;
  #seen: Seen = {};
  /** What was seen at `position`. */
  #seenThere: Seen = {};
  #clockThere: number;
  #mark: string | null = null;
  /** Its user wants the transaction at hand to be carried nowhere. */
  #skips = false;
  /** Position of the transaction whose parts are being handed on; null between transactions. */
  #inside: string | null = null;
  /** A statement is being handed on. */
  #telling = false;
  #point: LogPoint | null = null;
  /** Tables whose history is kept, as they were at `position`. */
  readonly past: Map<string, PastTable>;
  readonly later: Map<string, Definition>;
  /** What is sure of structures at the position where it began; further on they may be others. */
  #sure: LogStart['sure'];
  #connection = new AbortController();
  /** To be opened again when the transaction at hand has been handed on whole. */
  #anew = false;
  /** Why the log could not be read last, or null. */
  #complaint: string | null = null;

  /** Begins at once, behind the place. */
  constructor({ position, clock, past, later, sure }: LogStart, listener: LogListener, options: ReaderOptions) {
    this.#options = options;
    this.past = new Map(past);
    this.later = new Map(later);
    this.#sure = sure;
    this.#clock = new LogClock(clock);
    this.#own = new OtterRows(options.lineage);
    this.#position = position;
    this.#clockThere = this.#clock.now;
    this.add(listener);
    this.#running = this.#loop(this.#stop.signal);
  }

  /** Those of now: another list when one comes or leaves, so that who goes through it is not disturbed. */
  get listeners(): readonly LogListener[] {
    return this.#listeners;
  }

  add(listener: LogListener): void {
    if (!this.#listeners.includes(listener)) this.#listeners = [...this.#listeners, listener];
  }

  /** Returns whether it was there. */
  remove(listener: LogListener): boolean {
    const was = this.#listeners.includes(listener);
    if (was) this.#listeners = this.#listeners.filter((other) => other !== listener);
    return was;
  }

  /** Aborts when it ends. */
  get ended(): AbortSignal {
    return this.#stop.signal;
  }

  /** Behind the last whole transaction that was handed on, with what this site had seen there. */
  get position(): string {
    return this.#position;
  }

  get seen(): Seen {
    return this.#seenThere;
  }

  /** The log's clock there; null: not known exactly. */
  get clock(): number | null {
    return this.exact ? this.#clockThere : null;
  }

  get exact(): boolean {
    return this.#clock.exact;
  }

  /** Whether somebody who begins so may listen here, as to what tables are like. */
  knows({ past, later }: Pick<LogStart, 'past' | 'later'>): boolean {
    return (later?.size ?? 0) === 0 && [...(past?.keys() ?? [])].every((name) => this.past.has(name));
  }

  /** Whether parts of a transaction were handed on, and its end is still to come. */
  get inside(): boolean {
    return this.#inside !== null;
  }

  /** Everything behind this is still to be handed on; null while that cannot be said, or while it is not read. */
  get reached(): string | null {
    if (this.#telling || this.#complaint !== null || this.#stop.signal.aborted) return null;
    return this.#inside ?? this.#position;
  }

  /** How far the log has been handed on, in bytes; null before the first batch. */
  get point(): LogPoint | null {
    return this.#point;
  }

  /** Opens the log again where it stands: the tables that are wanted have changed. */
  reopen(): void {
    // Parts of a transaction that were handed on cannot be taken back: its end is waited for.
    if (this.#inside === null) this.#connection.abort();
    else this.#anew = true;
  }

  /** Nothing is handed on any more from here on; resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#connection.abort();
    await this.#running;
  }

  async #loop(stopped: AbortSignal): Promise<void> {
    for (let attempt = 0; !stopped.aborted; attempt += 1) {
      this.#connection = new AbortController();
      const { signal } = this.#connection;
      try {
        if (this.#inside !== null) this.#abandon();
        await this.#read(signal, () => {
          attempt = 0;
        });
      } catch (error) {
        if (!signal.aborted) this.#failed(error, attempt);
      }
      this.#point = null;
      if (this.#connection.signal.aborted) attempt = -1;
      else await backoff(attempt, signal);
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
    if (forGood || attempt >= FAILED_ATTEMPTS) for (const listener of this.#listeners) listener.failed(error);
  }

  /** Listeners that got parts of a transaction will get it again from its beginning, so they must forget them. */
  #abandon(): void {
    this.#inside = null;
    this.#clock.back(this.#clockThere);
    this.#anew = false;
    for (const listener of this.#listeners) listener.broken();
  }

  async #read(signal: AbortSignal, alive: () => void): Promise<void> {
    const { source, schema, wants, between, meter } = this.#options;
    this.#clock.settable = (await source.facts()).family === 'mariadb';
    const keeps = this.#options.keeps();
    if (keeps === null) this.past.clear();
    const batches = source.readLog({
      ...(keeps === null ? {} : { history: { keeps, past: this.past, later: this.later } }),
      ...(this.#sure === undefined ? {} : { sure: this.#sure }),
      from: this.#position,
      wants: (tableSchema, table) => (tableSchema === schema ? LOG_TABLES.has(table) : wants(tableSchema, table)),
      definitions,
      partBytes: PART_BYTES,
      signal,
    });
    let asked = performance.now();
    for await (const batch of batches) {
      meter.selected(performance.now() - asked);
      for (const listener of this.#listeners) await listener.ahead(batch.items);
      for (const item of batch.items) {
        if (signal.aborted) return;
        if (item.kind === 'rows') {
          const held = this.#rows(item);
          if (held !== null) await held;
          forgetChanges(item);
        } else if (item.kind === 'statement') await this.#statement(item);
        else for (const listener of this.#listeners) listener.unreadable(item);
      }
      if (signal.aborted) return;
      this.#complaint = null;
      // A log that can be opened but not passed is no progress.
      if (batch.items.length > 0) alive();
      this.#point = batch.point;
      await between(this);
      if (signal.aborted) return;
      asked = performance.now();
    }
  }

  /** Nearly always nobody holds it up, and no promise is made. */
  #rows(item: Extract<LogItem, { kind: 'rows' }>): Promise<void> | null {
    if (item.first) {
      this.#mark = null;
      this.#skips = false;
      this.#own.begin();
      for (const committed of item.passed) this.#clock.user(committed);
    }
    this.#inside = item.position;
    // Who joins while this part is on its way begins behind this transaction.
    const listeners = this.#listeners;
    const seen = this.#seen;
    // Nearly always all of them are users'.
    const sorted = hasOwn(item.changes, this.#options.schema) ? this.#sorted(item) : null;
    const own = sorted === null ? NOTHING : sorted.own;
    if (item.first) {
      if (own.length > 0 && own.some(({ kind }) => kind === 'beat')) this.#clock.beat(item.commitUs);
      else this.#clock.user(item.commitUs);
    }
    const part: ReadPart = {
      gtid: item.gtid,
      position: item.position,
      clock: this.#clock.now,
      bytes: item.bytes,
      first: item.first,
      last: item.last,
      mark: this.#mark,
      seen,
      seenBehind: this.#seen,
      changes: this.#skips ? NO_CHANGES : sorted === null ? item.changes : sorted.changes,
      own,
    };
    return this.#hand(part, listeners, 0);
  }

  #hand(part: ReadPart, listeners: readonly LogListener[], from: number): Promise<void> | null {
    for (let at = from; at < listeners.length; at += 1) {
      const wait = listeners[at]!.part(part);
      if (wait !== undefined) return wait.then(() => this.#hand(part, listeners, at + 1) ?? undefined);
    }
    if (part.last) {
      this.#options.meter.passed();
      this.#handedOn(part.position);
    }
    return null;
  }

  /** Rows of users, and what otter's own say. */
  #sorted(item: Extract<LogItem, { kind: 'rows' }>): Pick<ReadPart, 'changes' | 'own'> {
    const { schema } = this.#options;
    const changes: RowChange[] = [];
    const own: Exclude<OtterRow, { kind: 'mark' }>[] = [];
    for (const [index, change] of item.changes.entries()) {
      if (change.table.schema !== schema) changes.push(change);
      else if (change.table.name === SKIP_TABLE) this.#skip(item);
      else {
        const row = this.#own.read(change);
        if (row?.kind === 'mark') {
          if (item.first && index === 0) this.#mark = row.pipeline;
          // Where one of several lanes stands the others may not have come to.
          if (row.lane === 0) this.#seen = { ...this.#seen, [row.pipeline]: seenText(row) };
          this.#clock.applied(row.clock);
        } else if (row !== null) own.push(row);
      }
    }
    return { changes, own };
  }

  /** What was handed on cannot be taken back. */
  #skip({ first, gtid }: Extract<LogItem, { kind: 'rows' }>): void {
    if (first) this.#skips = true;
    else if (!this.#skips)
      this.#options.logger.warn('a large transaction touched otter.skip too late to be left out', {
        transaction: gtid,
      });
  }

  async #statement(item: Statement): Promise<void> {
    this.#telling = true;
    for (const committed of [...item.passed, item.commitUs]) this.#clock.user(committed);
    const carried = readCarriedMark(this.#options.lineage, item.sql);
    const at: StatementAt = { seen: this.#seen, clock: this.#clock.now, carried };
    try {
      for (const listener of this.#listeners) {
        const wait = listener.statement(item, at);
        if (wait !== undefined) await wait;
      }
    } finally {
      this.#telling = false;
    }
    for (const { schema, name, after } of item.history?.tables ?? []) {
      if (after !== null) this.later.delete(tableName({ schema, name }));
      if (after === null) this.past.delete(tableName({ schema, name }));
      else this.past.set(tableName({ schema, name }), after);
    }
    this.#handedOn(item.position);
  }

  #handedOn(position: string): void {
    this.#position = position;
    this.#sure = undefined;
    this.#seenThere = this.#seen;
    this.#clockThere = this.#clock.now;
    this.#inside = null;
    if (this.#anew) this.#connection.abort();
    this.#anew = false;
  }
}

/** Whether some are of otter's own tables, which are all in one schema. */
function hasOwn(changes: readonly RowChange[], schema: string): boolean {
  let last: RowChange['table'] | null = null;
  for (const { table } of changes) {
    if (table === last) continue;
    if (table.schema === schema) return true;
    last = table;
  }
  return false;
}
