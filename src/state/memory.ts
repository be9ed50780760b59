/**
 * The state store in memory, for tests and for topologies that live in one process.
 *
 * `MemoryState` is what a server would hold; `memoryStore` opens a handle on it. Closing a handle stops its leases
 * from being renewed, as the end of a process would, so that a test can let one "process" of several die.
 */
import { randomUUID } from 'node:crypto';
import { OtterError } from '../model/error.ts';
import type { Commit, CommitResult, Entry, Put, Snapshot, StateStore, WatchBatch, WatchEvent } from '../model/ports.ts';
import { checkCommit } from './commit.ts';
import type { HeldLease } from './held-lease.ts';
import { holdLease } from './held-lease.ts';

interface Stored extends Entry {
  readonly lease: string | null;
}

interface Past {
  readonly revision: number;
  readonly key: string;
  readonly event: WatchEvent;
}

export interface MemoryOptions {
  /** Events kept for watchers that are behind; older ones are forgotten and such a watcher gets a `reset`. */
  readonly historyMax?: number | undefined;
}

/** Share one between handles to have several "processes" on one store. */
export class MemoryState {
  readonly #historyMax: number;
  readonly #entries = new Map<string, Stored>();
  readonly #leases = new Map<string, { readonly ttlMs: number; expiry: NodeJS.Timeout }>();
  readonly #waiters = new Set<() => void>();
  #history: Past[] = [];
  /** Every event after this revision is in the history. */
  #floor = 0;
  #revision = 0;

  constructor({ historyMax = 10_000 }: MemoryOptions = {}) {
    this.#historyMax = historyMax;
  }

  list(prefix: string): Snapshot {
    const entries = [...this.#entries.values()]
      .filter((entry) => entry.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ lease: _, ...entry }) => entry);
    return { revision: this.#revision, entries };
  }

  commit({ conditions, puts, deletes }: Commit): CommitResult {
    const moved = conditions.filter((c) => (this.#entries.get(c.key)?.revision ?? null) !== c.revision);
    if (moved.length > 0) return { ok: false, moved: moved.map((c) => c.key) };
    for (const put of puts) {
      if (put.lease !== undefined && !this.#leases.has(put.lease.id)) {
        throw new OtterError('OT3004', 'the lease of a write has run out', { where: { key: put.key } });
      }
    }
    this.#write(puts, deletes);
    return { ok: true, revision: this.#revision };
  }

  /** What happened under `prefix` after `fromRevision`; null when nothing did. */
  since(prefix: string, fromRevision: number): WatchBatch | null {
    if (fromRevision < this.#floor || fromRevision > this.#revision) {
      const { revision, entries } = this.list(prefix);
      return { revision, reset: true, events: entries.map((entry) => ({ kind: 'put', entry })) };
    }
    const events = this.#history
      .filter((past) => past.revision > fromRevision && past.key.startsWith(prefix))
      .map((past) => past.event);
    return events.length === 0 ? null : { revision: this.#revision, reset: false, events };
  }

  get revision(): number {
    return this.#revision;
  }

  /** Resolves at the next change, or when `signal` aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add(resolve);
    const over = (): void => resolve();
    signal.addEventListener('abort', over, { once: true });
    await promise;
    signal.removeEventListener('abort', over);
    this.#waiters.delete(resolve);
  }

  grant(ttlMs: number): string {
    const id = randomUUID();
    this.#leases.set(id, { ttlMs, expiry: this.#expireIn(id, ttlMs) });
    return id;
  }

  renew(id: string): 'renewed' | 'gone' {
    const lease = this.#leases.get(id);
    if (lease === undefined) return 'gone';
    clearTimeout(lease.expiry);
    lease.expiry = this.#expireIn(id, lease.ttlMs);
    return 'renewed';
  }

  revoke(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    clearTimeout(lease.expiry);
    this.#leases.delete(id);
    const held = [...this.#entries.values()].filter((entry) => entry.lease === id).map((entry) => entry.key);
    this.#write([], held);
  }

  #expireIn(id: string, ttlMs: number): NodeJS.Timeout {
    return setTimeout(() => this.revoke(id), ttlMs).unref();
  }

  #write(puts: readonly Put[], deletes: readonly string[]): void {
    const gone = deletes.filter((key) => this.#entries.has(key));
    if (puts.length === 0 && gone.length === 0) return;
    this.#revision += 1;
    const revision = this.#revision;
    for (const { key, value, lease } of puts) {
      const entry: Entry = { key, value, revision, created: this.#entries.get(key)?.created ?? revision };
      this.#entries.set(key, { ...entry, lease: lease?.id ?? null });
      this.#history.push({ revision, key, event: { kind: 'put', entry } });
    }
    for (const key of gone) {
      this.#entries.delete(key);
      this.#history.push({ revision, key, event: { kind: 'delete', key } });
    }
    this.#forget();
    for (const wake of [...this.#waiters]) wake();
  }

  /** Whole revisions at a time, and rarely, so that a write stays cheap. */
  #forget(): void {
    if (this.#history.length < this.#historyMax * 1.25) return;
    this.#floor = this.#history[this.#history.length - this.#historyMax]!.revision;
    this.#history = this.#history.filter((past) => past.revision > this.#floor);
  }
}

export function memoryStore(state: MemoryState = new MemoryState(), url = 'memory:'): StateStore {
  return new MemoryStore(state, url);
}

class MemoryStore implements StateStore {
  readonly url: string;
  readonly #state: MemoryState;
  readonly #leases = new Set<HeldLease>();
  #closed = false;

  constructor(state: MemoryState, url: string) {
    this.url = url;
    this.#state = state;
  }

  async list(prefix: string): Promise<Snapshot> {
    return this.#state.list(prefix);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit);
    return this.#state.commit(commit);
  }

  async *watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    let at = fromRevision;
    while (!signal.aborted) {
      const batch = this.#state.since(prefix, at);
      at = this.#state.revision;
      if (batch === null) await this.#state.changed(signal);
      else yield batch;
    }
  }

  async lease(ttlMs: number): Promise<HeldLease> {
    const sinceMs = performance.now();
    const id = this.#state.grant(ttlMs);
    const lease = holdLease({
      id,
      ttlMs,
      sinceMs,
      renew: async () => this.#state.renew(id),
      revoke: async () => {
        if (!this.#closed) this.#state.revoke(id);
      },
    });
    this.#leases.add(lease);
    lease.lost.addEventListener('abort', () => this.#leases.delete(lease), { once: true });
    return lease;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const lease of [...this.#leases]) lease.abandon();
  }
}
