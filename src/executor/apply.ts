/**
 * A plan carried out: under the lock, if it is not stale, in transactions that each compare the lock first.
 *
 * Rules: nothing is written unless every key is as the plan read it; whoever lost the lock writes nothing more; a write
 * whose outcome is not known is looked up in the journal, which is part of the same transaction.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../model/backoff.ts';
import { messageOf, OtterError } from '../model/error.ts';
import type { CommitResult, StateStore } from '../model/ports.ts';
import type { LockRecord } from '../model/records.ts';
import { type Plan, renumbered } from '../planner/plan.ts';
import { lockKey } from '../state/keys.ts';
import { acquireLock, type Lock, waitForLock } from '../state/lock.ts';
import { readApplied } from './applied.ts';
import { type Batch, batchesOf } from './batches.ts';
import { refuseStale } from './staleness.ts';

export { readApplied, readDepartures, readLive } from './applied.ts';
export { waitForNodes } from './wait.ts';

export interface ApplyOptions {
  readonly store: StateStore;
  readonly plan: Plan;
  /** The person. */
  readonly by: string;
  readonly host: string;
  readonly pid: number;
  /** Of the repository that the topology is kept in, when there is one. */
  readonly commit: string | null;
  /** How long to wait for somebody else's lock; 0: not at all. */
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly newLineage: () => string;
  readonly onEvent?: ((line: string) => void) | undefined;
}

export interface AppliedResult {
  readonly serial: number;
  readonly revision: number;
}

const LOCK_TTL_MS = 15_000;
/** How soon the journal is asked again while the store is away. */
const LOOK_UP = { baseMs: 50, maxMs: 1000 };

/** A plan without changes writes nothing, and may be stale all the same. @throws OtterError OT2001 to OT2005 */
export async function applyPlan(options: ApplyOptions): Promise<AppliedResult> {
  const { store, plan, signal, onEvent = () => undefined } = options;
  signal.throwIfAborted();
  if (plan.changes.length === 0) {
    await refuseStale(store, plan, (await readApplied(store, plan.topology, signal)).applied);
    return { serial: plan.serial, revision: plan.base_revision };
  }
  if (!plan.applyable) {
    throw new OtterError('OT2004', 'the plan was refused by a guard when it was made', {
      hint: 'Plan again: `otter plan` says what is refused.',
    });
  }
  const lock = await lockFor(options, onEvent);
  try {
    const { applied, live } = await readApplied(store, plan.topology, signal);
    await refuseStale(store, plan, applied);
    // What it does not depend on may have been applied meanwhile.
    const numbered = renumbered(plan, applied);
    const batches = batchesOf({
      plan: numbered,
      applied,
      live,
      by: options.by,
      commit: options.commit,
      at: new Date(options.now()).toISOString(),
      newLineage: options.newLineage,
    });
    return { serial: numbered.serial, revision: await writeAll(options, batches, lock, onEvent) };
  } finally {
    // When the store is away the lease runs out by itself; what was written counts.
    await lock.release().catch(() => undefined);
  }
}

async function writeAll(
  { store, plan, signal }: ApplyOptions,
  batches: readonly Batch[],
  lock: Lock,
  onEvent: (line: string) => void,
): Promise<number> {
  let revision = 0;
  for (const [index, batch] of batches.entries()) {
    try {
      signal.throwIfAborted();
      if (lock.lease.lost.aborted) throw lostLock(plan);
      const result = await write(store, batch, lock, signal);
      if (!result.ok) throw refusedBy(result.moved, plan);
      revision = result.revision;
    } catch (error) {
      if (index === 0) throw error;
      const left = batches.slice(index).flatMap(({ addresses }) => addresses);
      const total = plan.changes.length;
      throw new OtterError(
        'OT2003',
        `${total - left.length} of ${total} changes are applied, then: ${messageOf(error)}`,
        {
          hint: 'Run `otter plan` to see what is left, and `otter apply` to continue.',
          where: { topology: plan.topology, next: left[0]! },
          cause: error,
        },
      );
    }
    if (batches.length > 1) onEvent(`Written ${index + 1} of ${batches.length} parts.`);
  }
  return revision;
}

async function write(store: StateStore, batch: Batch, lock: Lock, signal: AbortSignal): Promise<CommitResult> {
  const { conditions, puts, deletes, journalKey } = batch;
  try {
    return await store.commit({ conditions: [lock.condition, ...conditions], puts, deletes });
  } catch (error) {
    // The answer may have been lost, and not the write.
    const revision = await writtenAt(store, journalKey, AbortSignal.any([lock.lease.lost, signal]));
    if (revision === null) throw error;
    return { ok: true, revision };
  }
}

/** Null when the journal has no such batch, or did not answer for as long as the lock could hold. */
async function writtenAt(store: StateStore, journalKey: string, signal: AbortSignal): Promise<number | null> {
  for (let failures = 0; ; failures += 1) {
    try {
      const { entries } = await store.list(journalKey);
      return entries.find(({ key }) => key === journalKey)?.revision ?? null;
    } catch (error) {
      const mayPass = error instanceof OtterError && error.retry === 'backoff';
      if (!mayPass || signal.aborted) return null;
      await sleep(backoffMs(failures, LOOK_UP, Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }
}

async function lockFor(options: ApplyOptions, onEvent: (line: string) => void): Promise<Lock> {
  const { store, plan, by, host, pid, lockTimeoutMs, signal, now } = options;
  const key = lockKey(plan.topology);
  const record: LockRecord = {
    holder: by,
    host,
    pid,
    since: new Date(now()).toISOString(),
    operation: `${plan.destroy ? 'destroy' : 'apply'}, serial ${plan.serial}`,
  };
  const first = await acquireLock(store, key, record, LOCK_TTL_MS, signal);
  if (!('heldBy' in first)) return first;
  let holder = first.heldBy;
  if (lockTimeoutMs <= 0) throw held(holder, plan.topology, 0);
  const late = AbortSignal.timeout(lockTimeoutMs);
  try {
    return await waitForLock(store, key, record, LOCK_TTL_MS, AbortSignal.any([signal, late]), (other) => {
      holder = other;
      onEvent(`Waiting for ${personOf(other)}, who holds the lock since ${other.since} (${other.operation}).`);
    });
  } catch (error) {
    if (late.aborted && !signal.aborted) throw held(holder, plan.topology, lockTimeoutMs);
    throw error;
  }
}

function held(holder: LockRecord, topology: string, waitedMs: number): OtterError {
  const waited = waitedMs === 0 ? '' : `, also after ${Math.round(waitedMs / 1000)} s`;
  return new OtterError(
    'OT2002',
    `${personOf(holder)} holds the lock of ${topology} since ${holder.since}: ${holder.operation}${waited}`,
    { hint: 'Wait until it is done, or give `--lock-timeout 60s` to wait here. Then plan again.', where: { topology } },
  );
}

function personOf({ holder, host, pid }: LockRecord): string {
  return `${holder}@${host} (pid ${pid})`;
}

function refusedBy(moved: readonly string[], plan: Plan): OtterError {
  if (moved.includes(lockKey(plan.topology))) return lostLock(plan);
  return new OtterError('OT2001', `the plan is stale, these moved while it was applied: ${moved.join(', ')}`, {
    hint: 'Something writes these keys without the lock. Plan again with `otter plan`.',
    where: { topology: plan.topology },
  });
}

function lostLock(plan: Plan): OtterError {
  return new OtterError('OT2005', `the lock of ${plan.topology} was lost before everything was written`, {
    hint: 'Plan again with `otter plan`, then apply.',
    where: { topology: plan.topology },
  });
}
