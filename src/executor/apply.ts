/**
 * A plan carried out: under the lock, if it is not stale, in transactions that each compare the lock first.
 *
 * Rules: nothing is written unless every key is as the plan read it; whoever lost the lock writes nothing more; a write
 * whose outcome is not known is looked up in the journal, which is part of the same transaction, at last when the lock is
 * given back: from then on it cannot land any more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Told } from '../model/apply-event.ts';
import { backoffMs } from '../model/backoff.ts';
import { messageOf, OtterError } from '../model/error.ts';
import type { CommitResult, StateStore } from '../model/ports.ts';
import type { LockRecord } from '../model/records.ts';
import { nameOf } from '../planner/change.ts';
import { type Plan, renumbered } from '../planner/plan.ts';
import { lockKey } from '../state/keys.ts';
import type { Lock } from '../state/lock.ts';
import { readApplied } from './applied.ts';
import { lockFor } from './apply-lock.ts';
import { type AuditEntry, auditEntry } from './audit.ts';
import { type Author, BATCH_CHANGES_MAX, type Batch, batchesOf } from './batches.ts';
import { passGate } from './gate.ts';
import { PARTS_PER_COMMIT, planParts, runOf } from './journal.ts';
import { tidied } from './pruning.ts';
import { resumed } from './resume.ts';
import { refuseStale } from './staleness.ts';
import { oneWave, wavesOf } from './waves.ts';

export { readApplied, readDepartures, readLive } from './applied.ts';
export { waitForNodes } from './wait.ts';

export interface ApplyOptions {
  readonly store: StateStore;
  readonly plan: Plan;
  readonly author: Author;
  /** How long to wait for somebody else's lock; 0: not at all. */
  readonly lockTimeoutMs: number;
  /** Aborted to end after the step that is under way. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** A random one. */
  readonly newId: () => string;
  /** Go on with what an earlier process began of this plan. */
  readonly resume?: boolean | undefined;
  /** Change a few channels at a time, and go on when they run and lag less than this. */
  readonly gate?: { readonly maxLagMs: number; readonly timeoutMs: number } | undefined;
  readonly onEvent?: ((event: Told) => void) | undefined;
  readonly lockTtlMs?: number | undefined;
  /** Fewer changes in a step than a store would take. */
  readonly stepChangesMax?: number | undefined;
}

export interface AppliedResult {
  readonly serial: number;
  readonly revision: number;
}

/** Some of the plan is written, or may be; `otter apply --resume` goes on. */
export class PartlyApplied extends OtterError {
  readonly done: readonly string[];
  /** Their write was under way, and the store does not say what became of it. */
  readonly inDoubt: readonly string[];
  readonly left: readonly string[];

  constructor(plan: Plan, parts: Pick<PartlyApplied, 'done' | 'inDoubt' | 'left'>, cause: unknown) {
    const { done, inDoubt, left } = parts;
    const doubt = inDoubt.length === 0 ? '' : `, ${inDoubt.length} may be`;
    const total = plan.changes.length;
    super('OT2003', `${done.length} of ${total} changes are applied${doubt}, then: ${messageOf(cause)}`, {
      hint: '`otter apply --resume` goes on with this plan; `otter plan` shows what is left.',
      where: { topology: plan.topology, next: inDoubt[0] ?? left[0] ?? '' },
      cause,
    });
    [this.done, this.inDoubt, this.left] = [done, inDoubt, left];
  }
}

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
  const lock = await lockFor({
    ...options,
    topology: plan.topology,
    record: lockRecord(options),
    ttlMs: options.lockTtlMs,
    waiting: (holder) => onEvent({ type: 'lock_waiting', ...holder }),
  });
  const progress: Progress = { serial: plan.serial, done: [], doubted: null, revision: 0 };
  try {
    await carryOut(options, lock, progress);
  } catch (error) {
    await settle(options, lock, progress, error);
  }
  const left = await tidied({ store, topology: plan.topology, lock, serial: progress.serial, signal });
  if (left !== null) onEvent({ type: 'note', message: left });
  // When the store is away the lease runs out by itself; what was written counts.
  await lock.release().catch(() => undefined);
  return { serial: progress.serial, revision: progress.revision };
}

/** What has become of the plan so far. */
interface Progress {
  serial: number;
  done: string[];
  /** Sent, and not answered. */
  doubted: Batch | null;
  revision: number;
}

async function carryOut(asked: ApplyOptions, lock: Lock, progress: Progress): Promise<void> {
  const { store, author, signal, now, newId, gate, onEvent = () => undefined } = asked;
  const { stepChangesMax: changesMax = BATCH_CHANGES_MAX } = asked;
  const { applied, live } = await readApplied(store, asked.plan.topology, signal);
  const before = asked.resume === true ? await resumed(store, asked.plan, applied, signal) : null;
  if (before === null) await refuseStale(store, asked.plan, applied);
  // What it does not depend on may have been applied meanwhile. What was begun keeps its number.
  const plan = before === null ? renumbered(asked.plan, applied) : asked.plan;
  const options = { ...asked, plan };
  progress.serial = plan.serial;
  const { done = [], written = 0 } = before ?? {};
  progress.done.push(...done);
  const changes = plan.changes.filter(({ address }) => !done.includes(address));
  const waves = gate === undefined ? oneWave(changes) : wavesOf(changes);
  const at = new Date(now()).toISOString();
  const batches = batchesOf({ plan, applied, live, author, at, waves, written, newLineage: newId, changesMax });
  onEvent({
    type: 'started',
    format_version: '1.0',
    topology: plan.topology,
    run: runOf(plan),
    serial: plan.serial,
    plan_digest: plan.plan_digest,
    changes: plan.changes.map(({ address, actions }) => ({ address, actions })),
    done,
    steps: batches.length,
  });
  const audit = auditEntry(plan.topology, author, now(), newId());
  const ready = before === null ? await keepPlan(options, batches, lock) : batches;
  await writeAll(options, audited(ready, plan, audit), lock, progress);
}

/** The plan goes into the journal: with the first batch, or where it is long, before it. */
async function keepPlan(
  { store, plan, signal }: ApplyOptions,
  batches: readonly Batch[],
  lock: Lock,
): Promise<Batch[]> {
  const parts = planParts(plan.topology, plan);
  const [first, ...rest] = batches;
  if (parts.length === 1) return [{ ...first!, puts: [...parts, ...first!.puts] }, ...rest];
  for (let from = 0; from < parts.length; from += PARTS_PER_COMMIT) {
    signal.throwIfAborted();
    const puts = parts.slice(from, from + PARTS_PER_COMMIT);
    const result = await store.commit({ conditions: [lock.condition], puts, deletes: [] });
    if (!result.ok) throw refusedBy(result.moved, plan);
  }
  return [...batches];
}

/** Who did it stands in the audit with the first change, and how it ended with the last. */
function audited(batches: readonly Batch[], plan: Plan, audit: AuditEntry): Batch[] {
  const { add, change, destroy } = plan.summary;
  const what = `serial ${plan.serial}: ${add} to add, ${change} to change, ${destroy} to destroy`;
  const facts = { what, serial: plan.serial, planDigest: plan.plan_digest };
  const last = batches.length - 1;
  return batches.map((batch, index) => {
    if (index !== 0 && index !== last) return batch;
    return { ...batch, puts: [...batch.puts, audit.put({ ...facts, result: index === last ? 'done' : 'begun' })] };
  });
}

async function writeAll(
  options: ApplyOptions,
  batches: readonly Batch[],
  lock: Lock,
  progress: Progress,
): Promise<void> {
  const { store, plan, signal, onEvent = () => undefined } = options;
  const steps = batches.length;
  for (const [index, batch] of batches.entries()) {
    signal.throwIfAborted();
    if (lock.lease.lost.aborted) throw lostLock(plan);
    const { addresses } = batch;
    onEvent({ type: 'step_started', step: index + 1, steps, addresses });
    progress.doubted = batch;
    const result = await write(store, batch, lock, signal);
    progress.doubted = null;
    if (!result.ok) throw refusedBy(result.moved, plan);
    progress.revision = result.revision;
    progress.done.push(...addresses);
    onEvent({ type: 'step_written', step: index + 1, steps, addresses, revision: result.revision });
    const next = batches[index + 1];
    if (next !== undefined && next.wave !== batch.wave) await open(options, batches, batch, index + 1, lock);
  }
}

/** Waits until what the wave changed runs. @throws OtterError OT2031 */
async function open(
  { store, plan, gate, signal, onEvent = () => undefined }: ApplyOptions,
  batches: readonly Batch[],
  { wave }: Batch,
  step: number,
  lock: Lock,
): Promise<void> {
  const addresses = batches.flatMap((batch) => (batch.wave === wave ? batch.addresses : []));
  const channels = addresses.filter((address) => address.startsWith('channel.')).map(nameOf);
  if (gate === undefined || channels.length === 0) return;
  const obstacles = await passGate({
    ...gate,
    store,
    topology: plan.topology,
    channels,
    signal: AbortSignal.any([signal, lock.lease.lost]),
    waiting: (list) =>
      onEvent({ type: 'nodes_waiting', step, waiting: list.map(({ failed: _, ...obstacle }) => obstacle) }),
  });
  if (obstacles.length === 0) {
    onEvent({ type: 'gate_passed', step });
    return;
  }
  const [{ pipeline, why }] = obstacles as [(typeof obstacles)[0], ...typeof obstacles];
  throw new OtterError('OT2031', `the next step waits for ${pipeline}: ${why}`, {
    hint: 'Mend it (`otter status`), then go on: otter apply --resume',
    where: { topology: plan.topology },
  });
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

/** It broke off: what is written, what is not, and of what that is not known. Nothing is thrown when all of it is. */
async function settle({ store, plan }: ApplyOptions, lock: Lock, progress: Progress, error: unknown): Promise<void> {
  const { doubted } = progress;
  // From now on what was under way cannot land: it compares the lock.
  const released = await lock.release().then(
    () => true,
    () => false,
  );
  let inDoubt: readonly string[] = [];
  if (doubted !== null) {
    const found = await store.list(doubted.journalKey).catch(() => null);
    const entry = found?.entries.find(({ key }) => key === doubted.journalKey);
    if (entry !== undefined) {
      progress.done.push(...doubted.addresses);
      progress.revision = entry.revision;
    } else if (!released || found === null) inDoubt = doubted.addresses;
  }
  const known = new Set([...progress.done, ...inDoubt]);
  const left = plan.changes.map(({ address }) => address).filter((address) => !known.has(address));
  if (progress.done.length === 0) throw error;
  if (left.length + inDoubt.length > 0) throw new PartlyApplied(plan, { done: progress.done, inDoubt, left }, error);
}

function lockRecord({ plan, author, now, resume }: ApplyOptions): LockRecord {
  const { by, host, pid, command } = author;
  return {
    holder: by,
    host,
    pid,
    since: new Date(now()).toISOString(),
    operation: `${command}${resume === true ? ' --resume' : ''}, serial ${plan.serial}`,
  };
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
