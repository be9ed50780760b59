/**
 * The state store in one SQLite file, for a single machine: several processes may have it open at once.
 *
 * Every change is a row of `event` with the revision it belongs to, written in the transaction of the change, so a
 * watcher in another process misses nothing however late it looks. Leases end by the wall clock; whoever opens a
 * transaction or looks for events first deletes what has expired, as changes like any other.
 *
 * Rule: SQLite is called synchronously, so no call waits for another process's lock longer than a blink; the waiting
 * is done outside, with the event loop free.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { Commit, CommitResult, Snapshot, StateStore, WatchBatch } from '../model/ports.ts';
import { checkCommit } from './commit.ts';
import type { HeldLease } from './held-lease.ts';
import { holdLease } from './held-lease.ts';
import { isBusy, lockedError, sqliteError } from './sqlite-file.ts';
import { StateRows } from './sqlite-rows.ts';
import { StateFile } from './state-file.ts';

export interface SqliteOptions {
  /** Events kept for watchers that are behind; older ones are forgotten and such a watcher gets a `reset`. */
  readonly historyMax?: number | undefined;
  /** How often other processes' changes are looked for. */
  readonly pollMs?: number | undefined;
  /** False: a file that is not there is an empty store until something is written. */
  readonly make?: boolean | undefined;
}

const BUSY_MS_MAX = 10_000;
const BUSY_RETRY_MS = 10;

/** @throws OtterError OT3006 when the file cannot be opened. */
export function sqliteStore(path: string, options: SqliteOptions = {}): StateStore {
  return new SqliteStore(new StateFile(path, options.make ?? true), options);
}

class SqliteStore implements StateStore {
  readonly url: string;
  readonly #file: StateFile;
  readonly #rows: StateRows;
  readonly #pollMs: number;
  readonly #leases = new Set<HeldLease>();
  readonly #waiters = new Set<() => void>();
  readonly #closed = new AbortController();

  constructor(file: StateFile, { historyMax = 10_000, pollMs = 50 }: SqliteOptions) {
    this.url = `file:${file.path}`;
    this.#file = file;
    this.#rows = new StateRows(() => file.db, historyMax);
    this.#pollMs = pollMs;
  }

  async list(prefix: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Snapshot> {
    if (this.#file.absent) return { revision: 0, entries: [] };
    await this.#expire(options.signal);
    return this.#transact('deferred', () => this.#rows.list(prefix), options.signal);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit);
    return this.#transact('immediate', () => this.#rows.commit(commit));
  }

  async *watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    const over = AbortSignal.any([signal, this.#closed.signal]);
    const { epoch } = this.#file;
    let at = fromRevision;
    while (!over.aborted) {
      if (this.#file.absent) {
        await this.#changed(over);
        continue;
      }
      let batch: WatchBatch;
      try {
        await this.#expire(over);
        batch = await this.#transact('deferred', () => this.#since(prefix, at, epoch), over);
      } catch (error) {
        if (over.aborted) return;
        throw error;
      }
      at = batch.revision;
      if (batch.reset || batch.events.length > 0) yield batch;
      else await this.#changed(over);
    }
  }

  async lease(ttlMs: number): Promise<HeldLease> {
    const id = randomUUID();
    const sinceMs = performance.now();
    await this.#transact('immediate', () => this.#rows.addLease(id, ttlMs));
    const lease = holdLease({
      id,
      ttlMs,
      sinceMs,
      renew: async (signal) => this.#renewLease(id, ttlMs, signal),
      revoke: async () => this.#revokeLease(id),
    });
    this.#leases.add(lease);
    lease.lost.addEventListener('abort', () => this.#leases.delete(lease), { once: true });
    return lease;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    for (const lease of [...this.#leases]) lease.abandon();
    this.#closed.abort();
    this.#wake();
    this.#file.close();
  }

  #since(prefix: string, at: number, epoch: number): WatchBatch {
    if (epoch !== this.#file.epoch) throw new OtterError('OT3001', 'revisions of another state file were asked for');
    return this.#rows.since(prefix, at);
  }

  // ------------------------------------------------------------ leases and waiting

  async #expire(signal?: AbortSignal): Promise<void> {
    const expired = await this.#retry(() => this.#rows.anyExpired(), signal);
    if (expired) await this.#transact('immediate', () => this.#rows.sweep(), signal);
  }

  async #renewLease(id: string, ttlMs: number, signal: AbortSignal): Promise<'renewed' | 'gone'> {
    return this.#transact('immediate', () => (this.#rows.renewLease(id, ttlMs) ? 'renewed' : 'gone'), signal);
  }

  async #revokeLease(id: string): Promise<void> {
    if (this.#closed.signal.aborted) return;
    await this.#transact('immediate', () => this.#rows.dropLease(id));
  }

  /** Resolves at once when this handle writes, else after the polling interval. */
  async #changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#pollMs);
    this.#waiters.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiters.delete(resolve);
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  // ------------------------------------------------------------ calls

  async #transact<T>(mode: 'deferred' | 'immediate', body: () => T, signal?: AbortSignal): Promise<T> {
    const result = await this.#retry(() => {
      const { db } = this.#file;
      db.exec(`begin ${mode}`);
      try {
        const value = body();
        db.exec('commit');
        return value;
      } catch (error) {
        if (db.isTransaction) db.exec('rollback');
        throw error;
      }
    }, signal);
    if (mode === 'immediate') this.#wake();
    return result;
  }

  async #retry<T>(call: () => T, signal?: AbortSignal): Promise<T> {
    const untilMs = performance.now() + BUSY_MS_MAX;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closed.signal.aborted) throw new OtterError('OT3001', 'the state store was closed');
      let busy: unknown;
      try {
        if (this.#file.ready()) return call();
      } catch (error) {
        if (error instanceof OtterError) throw error;
        if (!isBusy(error)) throw sqliteError(this.#file.path, error);
        busy = error;
      }
      if (performance.now() > untilMs) throw lockedError(this.#file.path, busy);
      await sleep(BUSY_RETRY_MS, undefined, { signal });
    }
  }
}
