/**
 * Locks on a lease and a transaction: a key of one's own that vanishes with its holder.
 *
 * Rules: who holds a lock writes nothing without `condition` among the conditions of the commit, so that a holder
 * that lost it without noticing changes nothing; the loss itself is seen through `lease.lost`. The key is written
 * once and not again while it is held.
 */
import { OtterError } from '../model/error.ts';
import type { Condition, Entry, Lease, StateStore } from '../model/ports.ts';
import type { LockRecord } from '../model/records.ts';

export interface Lock {
  readonly lease: Lease;
  readonly key: string;
  readonly revision: number;
  /** Belongs into every commit made under the lock. */
  readonly condition: Condition;
  /** Gives the lock back; whoever waits for it goes on at once. */
  release(): Promise<void>;
}

export interface Held {
  readonly heldBy: LockRecord;
}

/** Takes the lock, or says who has it. @throws OtterError when the store is away */
export async function acquireLock(
  store: StateStore,
  key: string,
  record: LockRecord,
  ttlMs: number,
  signal: AbortSignal,
): Promise<Lock | Held> {
  for (;;) {
    const present = await entryAt(store, key, signal);
    if (present !== null) return { heldBy: lockRecordOf(present) };
    const lock = await take(store, key, record, ttlMs, signal);
    if (lock !== null) return lock;
    // Somebody was faster: say who, or try again when they are gone already.
  }
}

/** Takes the lock when it becomes free; `waiting` hears who has it, once per holder. Rejects when `signal` aborts. */
export async function waitForLock(
  store: StateStore,
  key: string,
  record: LockRecord,
  ttlMs: number,
  signal: AbortSignal,
  waiting: (holder: LockRecord) => void = () => undefined,
): Promise<Lock> {
  let told: string | null = null;
  for (;;) {
    const result = await acquireLock(store, key, record, ttlMs, signal);
    if (!('heldBy' in result)) return result;
    const holder = JSON.stringify(result.heldBy);
    if (holder !== told) waiting(result.heldBy);
    told = holder;
    await untilGone(store, key, signal);
  }
}

async function take(
  store: StateStore,
  key: string,
  record: LockRecord,
  ttlMs: number,
  signal: AbortSignal,
): Promise<Lock | null> {
  const lease = await leaseUnless(signal, store.lease(ttlMs));
  let taken = false;
  try {
    signal.throwIfAborted();
    const result = await store.commit({
      conditions: [{ key, revision: null }],
      puts: [{ key, value: JSON.stringify(record), lease }],
      deletes: [],
    });
    if (!result.ok) return null;
    taken = true;
    const { revision } = result;
    return { lease, key, revision, condition: { key, revision }, release: async () => lease.revoke() };
  } finally {
    // Also when the outcome of the commit is unknown: the key goes with the lease.
    if (!taken) await lease.revoke().catch(() => undefined);
  }
}

/** Who gives up waits for no store; a lease that is granted all the same is given back. @throws the reason of `signal` */
async function leaseUnless(signal: AbortSignal, granted: Promise<Lease>): Promise<Lease> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([granted, promise]);
  } catch (error) {
    // One that cannot be given back runs out.
    granted.then((lease) => lease.revoke()).catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function untilGone(store: StateStore, key: string, signal: AbortSignal): Promise<void> {
  const { revision, entries } = await store.list(key, { signal });
  if (!entries.some((entry) => entry.key === key)) return;
  const over = new AbortController();
  for await (const batch of store.watch(key, revision, AbortSignal.any([signal, over.signal]))) {
    const gone = batch.reset
      ? !batch.events.some((event) => event.kind === 'put' && event.entry.key === key)
      : batch.events.some((event) => event.kind === 'delete' && event.key === key);
    if (!gone) continue;
    over.abort();
    return;
  }
  signal.throwIfAborted();
}

async function entryAt(store: StateStore, key: string, signal: AbortSignal): Promise<Entry | null> {
  const { entries } = await store.list(key, { signal });
  return entries.find((entry) => entry.key === key) ?? null;
}

function lockRecordOf({ key, value }: Entry): LockRecord {
  try {
    return JSON.parse(value) as LockRecord;
  } catch (error) {
    throw new OtterError('OT3007', 'the record of who holds the lock is not understood', {
      where: { key },
      cause: error,
    });
  }
}
