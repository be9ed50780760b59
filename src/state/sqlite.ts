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
import type { Commit, CommitResult, Entry, Snapshot, StateStore, WatchBatch, WatchEvent } from '../model/ports.ts';
import { checkCommit } from './commit.ts';
import type { HeldLease } from './held-lease.ts';
import { holdLease } from './held-lease.ts';
import { isBusy, sqliteError } from './sqlite-file.ts';
import { StateFile } from './state-file.ts';

export interface SqliteOptions {
  /** Events kept for watchers that are behind; older ones are forgotten and such a watcher gets a `reset`. */
  readonly historyMax?: number | undefined;
  /** How often other processes' changes are looked for. */
  readonly pollMs?: number | undefined;
}

const BUSY_MS_MAX = 10_000;
const BUSY_RETRY_MS = 10;
const WATCH_EVENTS_MAX = 1000;
/** History is cut back once in so many revisions. */
const FORGET_EVERY = 128;

/** @throws OtterError OT3006 when the file cannot be opened. */
export function sqliteStore(path: string, options: SqliteOptions = {}): StateStore {
  return new SqliteStore(new StateFile(path), options);
}

class SqliteStore implements StateStore {
  readonly url: string;
  readonly #file: StateFile;
  readonly #historyMax: number;
  readonly #pollMs: number;
  readonly #leases = new Set<HeldLease>();
  readonly #waiters = new Set<() => void>();
  readonly #closed = new AbortController();

  constructor(file: StateFile, { historyMax = 10_000, pollMs = 50 }: SqliteOptions) {
    this.url = `file:${file.path}`;
    this.#file = file;
    this.#historyMax = historyMax;
    this.#pollMs = pollMs;
  }

  async list(prefix: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Snapshot> {
    await this.#expire(options.signal);
    return this.#transact('deferred', () => this.#listed(prefix), options.signal);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit);
    const { conditions, puts, deletes } = commit;
    return this.#transact('immediate', () => {
      this.#sweep();
      const moved = conditions.filter((c) => (this.#revisionOf(c.key) ?? null) !== c.revision).map((c) => c.key);
      if (moved.length > 0) return { ok: false, moved };
      const present = deletes.filter((key) => this.#revisionOf(key) !== undefined);
      if (puts.length === 0 && present.length === 0) return { ok: true, revision: this.#revision() };
      const revision = this.#nextRevision();
      for (const { key, value, lease } of puts) this.#put(key, value, lease?.id ?? null, revision);
      for (const key of present) this.#delete(key, revision);
      return { ok: true, revision };
    });
  }

  async *watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    const over = AbortSignal.any([signal, this.#closed.signal]);
    const { epoch } = this.#file;
    let at = fromRevision;
    while (!over.aborted) {
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
    await this.#transact('immediate', () => {
      this.#sweep();
      this.#run('insert into lease (id, ttl_ms, deadline_ms) values (?, ?, ?)', id, ttlMs, Date.now() + ttlMs);
    });
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

  // ------------------------------------------------------------ inside a transaction

  #listed(prefix: string): Snapshot {
    const rows = this.#all(
      'select key, value, revision, created from entry where key >= ? and key < ? order by key',
      prefix,
      end(prefix),
    );
    return { revision: this.#revision(), entries: rows.map(entryOf) };
  }

  #since(prefix: string, at: number, epoch: number): WatchBatch {
    if (epoch !== this.#file.epoch) throw new OtterError('OT3001', 'revisions of another state file were asked for');
    const now = this.#revision();
    const { floor } = this.#all('select floor from store')[0] as { floor: number };
    if (at < floor || at > now) {
      const { revision, entries } = this.#listed(prefix);
      return { revision, reset: true, events: entries.map((entry) => ({ kind: 'put', entry })) };
    }
    // Whole revisions only: what one commit did is never seen in part.
    const last = this.#all(
      'select revision from event where revision > ? and key >= ? and key < ? order by revision, key limit 1 offset ?',
      at,
      prefix,
      end(prefix),
      WATCH_EVENTS_MAX,
    )[0] as { revision: number } | undefined;
    const until = last === undefined ? now : last.revision;
    const rows = this.#all(
      'select key, value, revision, created from event where revision > ? and revision <= ? and key >= ? and key < ? order by revision, key',
      at,
      until,
      prefix,
      end(prefix),
    );
    return { revision: until, reset: false, events: rows.map(eventOf) };
  }

  /** Deletes what belonged to leases that have run out. */
  #sweep(): void {
    const expired = this.#all('select id from lease where deadline_ms <= ?', Date.now());
    for (const { id } of expired as { id: string }[]) this.#dropLease(id);
  }

  #dropLease(id: string): void {
    this.#run('delete from lease where id = ?', id);
    const held = this.#all('select key from entry where lease = ?', id) as { key: string }[];
    if (held.length === 0) return;
    const revision = this.#nextRevision();
    for (const { key } of held) this.#delete(key, revision);
  }

  #put(key: string, value: string, lease: string | null, revision: number): void {
    if (lease !== null && this.#all('select 1 from lease where id = ?', lease).length === 0) {
      throw new OtterError('OT3004', 'the lease of a write has run out', { where: { key } });
    }
    const before = this.#all('select created from entry where key = ?', key)[0] as { created: number } | undefined;
    const created = before?.created ?? revision;
    this.#run(
      'insert or replace into entry (key, value, revision, created, lease) values (?, ?, ?, ?, ?)',
      key,
      value,
      revision,
      created,
      lease,
    );
    this.#run('insert into event (revision, key, value, created) values (?, ?, ?, ?)', revision, key, value, created);
  }

  #delete(key: string, revision: number): void {
    this.#run('delete from entry where key = ?', key);
    this.#run('insert into event (revision, key, value, created) values (?, ?, null, null)', revision, key);
  }

  #revision(): number {
    return (this.#all('select revision from store')[0] as { revision: number }).revision;
  }

  #revisionOf(key: string): number | undefined {
    return (this.#all('select revision from entry where key = ?', key)[0] as { revision: number } | undefined)
      ?.revision;
  }

  #nextRevision(): number {
    this.#run('update store set revision = revision + 1');
    const revision = this.#revision();
    if (revision % FORGET_EVERY === 0) this.#forget();
    return revision;
  }

  #forget(): void {
    const oldest = this.#all('select revision from event order by revision desc limit 1 offset ?', this.#historyMax)[0];
    if (oldest === undefined) return;
    const { revision } = oldest as { revision: number };
    this.#run('delete from event where revision <= ?', revision);
    this.#run('update store set floor = ?', revision);
  }

  // ------------------------------------------------------------ leases and waiting

  async #expire(signal?: AbortSignal): Promise<void> {
    const expired = await this.#retry(
      () => this.#all('select 1 from lease where deadline_ms <= ? limit 1', Date.now()),
      signal,
    );
    if (expired.length > 0) await this.#transact('immediate', () => this.#sweep(), signal);
  }

  async #renewLease(id: string, ttlMs: number, signal: AbortSignal): Promise<'renewed' | 'gone'> {
    return this.#transact(
      'immediate',
      () => {
        this.#sweep();
        const changes = this.#run('update lease set deadline_ms = ? where id = ?', Date.now() + ttlMs, id);
        return changes === 0 ? 'gone' : 'renewed';
      },
      signal,
    );
  }

  async #revokeLease(id: string): Promise<void> {
    if (this.#closed.signal.aborted) return;
    await this.#transact('immediate', () => this.#dropLease(id));
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
      try {
        this.#file.check();
        return call();
      } catch (error) {
        if (error instanceof OtterError) throw error;
        if (!isBusy(error) || performance.now() > untilMs) throw sqliteError(this.#file.path, error);
      }
      await sleep(BUSY_RETRY_MS, undefined, { signal });
    }
  }

  #all(sql: string, ...parameters: (string | number | null)[]): Record<string, unknown>[] {
    return this.#file.db.prepare(sql).all(...parameters);
  }

  /** Number of rows changed. */
  #run(sql: string, ...parameters: (string | number | null)[]): number {
    return Number(this.#file.db.prepare(sql).run(...parameters).changes);
  }
}

interface Row {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  readonly created: number;
}

function entryOf(row: Record<string, unknown>): Entry {
  const { key, value, revision, created } = row as unknown as Row;
  return { key, value, revision, created };
}

function eventOf(row: Record<string, unknown>): WatchEvent {
  return row['value'] === null ? { kind: 'delete', key: row['key'] as string } : { kind: 'put', entry: entryOf(row) };
}

/** Upper bound of the keys that begin with `prefix`. */
function end(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}
