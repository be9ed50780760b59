/**
 * What the tables of a state file say, and how a change is written into them. Everything here happens inside a transaction
 * that `sqlite.ts` has begun: whole, or not at all.
 */
import type { DatabaseSync } from 'node:sqlite';
import { OtterError } from '../model/error.ts';
import type { Commit, CommitResult, Entry, Snapshot, WatchBatch, WatchEvent } from '../model/ports.ts';

const WATCH_EVENTS_MAX = 1000;
/** History is cut back once in so many revisions. */
const FORGET_EVERY = 128;

export class StateRows {
  readonly #db: () => DatabaseSync;
  readonly #historyMax: number;

  /** @param historyMax events kept for watchers that are behind */
  constructor(db: () => DatabaseSync, historyMax: number) {
    this.#db = db;
    this.#historyMax = historyMax;
  }

  list(prefix: string): Snapshot {
    const rows = this.#all(
      'select key, value, revision, created from entry where key >= ? and key < ? order by key',
      prefix,
      end(prefix),
    );
    return { revision: this.#revision(), entries: rows.map(entryOf) };
  }

  /** What leases that have run out held is gone first. */
  commit({ conditions, puts, deletes }: Commit): CommitResult {
    this.sweep();
    const moved = conditions.filter((c) => (this.#revisionOf(c.key) ?? null) !== c.revision).map((c) => c.key);
    if (moved.length > 0) return { ok: false, moved };
    const present = deletes.filter((key) => this.#revisionOf(key) !== undefined);
    if (puts.length === 0 && present.length === 0) return { ok: true, revision: this.#revision() };
    const revision = this.#nextRevision();
    for (const { key, value, lease } of puts) this.#put(key, value, lease?.id ?? null, revision);
    for (const key of present) this.#delete(key, revision);
    return { ok: true, revision };
  }

  /** Changes after the revision `at`; all entries, where the history does not reach back so far. */
  since(prefix: string, at: number): WatchBatch {
    const now = this.#revision();
    const { floor } = this.#all('select floor from store')[0] as { floor: number };
    if (at < floor || at > now) {
      const { revision, entries } = this.list(prefix);
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

  /** Deletes what belonged to leases that have run out. One that ends later than it can was written before the clock was set back. */
  sweep(): void {
    const now = Date.now();
    this.#run('update lease set deadline_ms = ? + ttl_ms where deadline_ms > ? + ttl_ms', now, now);
    const expired = this.#all('select id from lease where deadline_ms <= ?', now);
    for (const { id } of expired as { id: string }[]) this.dropLease(id);
  }

  /** Whether there is something to sweep. */
  anyExpired(): boolean {
    const now = Date.now();
    return (
      this.#all('select 1 from lease where deadline_ms <= ? or deadline_ms > ? + ttl_ms limit 1', now, now).length > 0
    );
  }

  addLease(id: string, ttlMs: number): void {
    this.sweep();
    this.#run('insert into lease (id, ttl_ms, deadline_ms) values (?, ?, ?)', id, ttlMs, Date.now() + ttlMs);
  }

  /** False when it has run out. */
  renewLease(id: string, ttlMs: number): boolean {
    this.sweep();
    return this.#run('update lease set deadline_ms = ? where id = ?', Date.now() + ttlMs, id) > 0;
  }

  /** With everything that was written under it. */
  dropLease(id: string): void {
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

  #all(sql: string, ...parameters: (string | number | null)[]): Record<string, unknown>[] {
    return this.#db()
      .prepare(sql)
      .all(...parameters);
  }

  /** Number of rows changed. */
  #run(sql: string, ...parameters: (string | number | null)[]): number {
    return Number(
      this.#db()
        .prepare(sql)
        .run(...parameters).changes,
    );
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
