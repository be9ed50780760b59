/** The lock of a topology, as who applies takes it, and as somebody else looks at it or breaks it. */
import { OtterError } from '../model/error.ts';
import type { Put, StateStore } from '../model/ports.ts';
import type { LockRecord } from '../model/records.ts';
import { lockKey } from '../state/keys.ts';
import { acquireLock, type Lock, waitForLock } from '../state/lock.ts';
import { auditEntry } from './audit.ts';
import type { Author } from './batches.ts';

/** How long the lock of a process that is gone, or stands still, is kept. */
export const LOCK_TTL_MS = 15_000;

export interface LockOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly record: LockRecord;
  /** How long to wait for somebody else's lock; 0: not at all. */
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly waiting: (holder: LockRecord) => void;
  readonly ttlMs?: number | undefined;
}

/** @throws OtterError OT2002 naming who has it */
export async function lockFor(options: LockOptions): Promise<Lock> {
  const { store, topology, record, lockTimeoutMs, signal, waiting, ttlMs = LOCK_TTL_MS } = options;
  const key = lockKey(topology);
  const first = await acquireLock(store, key, record, ttlMs, signal);
  if (!('heldBy' in first)) return first;
  let holder = first.heldBy;
  if (lockTimeoutMs <= 0) throw held(holder, topology, 0);
  const late = AbortSignal.timeout(lockTimeoutMs);
  try {
    return await waitForLock(store, key, record, ttlMs, AbortSignal.any([signal, late]), (other) => {
      holder = other;
      waiting(other);
    });
  } catch (error) {
    if (late.aborted && !signal.aborted) throw held(holder, topology, lockTimeoutMs);
    throw error;
  }
}

export interface UnderLock extends Pick<LockOptions, 'store' | 'topology' | 'lockTimeoutMs' | 'signal' | 'waiting'> {
  readonly author: Author;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Work that is no plan, under the same lock. `put` belongs into its last commit: it is its line in the audit. */
export async function underLock(options: UnderLock, work: (lock: Lock, put: Put) => Promise<void>): Promise<void> {
  const { topology, author, now, newId } = options;
  const { by, host, pid, command } = author;
  const since = new Date(now()).toISOString();
  const lock = await lockFor({ ...options, record: { holder: by, host, pid, since, operation: command } });
  try {
    const audit = auditEntry(topology, author, now(), newId());
    await work(lock, audit.put({ what: topology, result: 'done' }));
  } finally {
    // When the store is away the lease runs out by itself.
    await lock.release().catch(() => undefined);
  }
}

function held(holder: LockRecord, topology: string, waitedMs: number): OtterError {
  const waited = waitedMs === 0 ? '' : `, also after ${Math.round(waitedMs / 1000)} s`;
  return new OtterError(
    'OT2002',
    `${personOf(holder)} holds the lock of ${topology} since ${holder.since}: ${holder.operation}${waited}`,
    {
      hint: 'Wait until it is done, or give `--lock-timeout 60s` to wait here. Then plan again. `otter lock list` says whether it lives.',
      where: { topology },
    },
  );
}

export function personOf({ holder, host, pid }: LockRecord): string {
  return `${holder}@${host} (pid ${pid})`;
}

/** A lock that is held. */
export interface HeldLock {
  readonly record: LockRecord;
  readonly revision: number;
}

/** Null: nobody has it. @throws OtterError OT3007 */
export async function readLock(store: StateStore, topology: string, signal?: AbortSignal): Promise<HeldLock | null> {
  const key = lockKey(topology);
  const entry = (await store.list(key, { signal })).entries.find((one) => one.key === key);
  if (entry === undefined) return null;
  try {
    return { record: JSON.parse(entry.value) as LockRecord, revision: entry.revision };
  } catch (error) {
    throw new OtterError('OT3007', 'the record of who holds the lock is not understood', {
      where: { key },
      cause: error,
    });
  }
}

/**
 * Takes the lock away from who has it: whatever they still write is refused. False when it is no longer the one that was shown.
 * @param put what is written with it, for the audit
 */
export async function breakLock(
  store: StateStore,
  topology: string,
  { revision }: HeldLock,
  put: Put,
): Promise<boolean> {
  const key = lockKey(topology);
  const result = await store.commit({ conditions: [{ key, revision }], puts: [put], deletes: [key] });
  return result.ok;
}
