/**
 * An apply that was cut, taken up again: what its journal says is written, and whether nothing else has happened since.
 *
 * Rules: asked under the lock, so that nothing of the earlier process can land any more; every key is either as the plan
 * read it or as the run itself wrote it.
 */
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { BatchRecord } from '../model/records.ts';
import { type AppliedState, nameOf } from '../planner/change.ts';
import { stateFor } from '../planner/moves.ts';
import type { Plan } from '../planner/plan.ts';
import { historyPrefix, lockKey, parseKey, runsPrefix, topologyPrefix } from '../state/keys.ts';
import { type Run, readRuns, runOf } from './journal.ts';

/** Keys in a message. */
const KEYS_MAX = 10;

export interface Resumed {
  /** Addresses that are written. */
  readonly done: readonly string[];
  /** How many batches. */
  readonly written: number;
}

/**
 * The run that was cut: the last one that wrote, if no serial came of it.
 * @throws OtterError OT2032 when there is none
 */
export async function cutRun(store: StateStore, topology: string, signal?: AbortSignal): Promise<Run & { plan: Plan }> {
  const run = (await readRuns(store, topology, signal)).at(-1);
  const nothing = (why: string): OtterError =>
    new OtterError('OT2032', `there is nothing to resume: ${why}`, {
      hint: 'Plan: `otter plan` shows whether anything is to be done.',
      where: { topology },
    });
  const last = run?.batches.at(-1)?.record;
  if (run === undefined || last === undefined) throw nothing('no apply was cut');
  const serials = (await store.list(historyPrefix(topology), { signal })).entries.map(({ value }) => value);
  const finished = serials.some((value) => {
    const record = JSON.parse(value) as { readonly serial: number; readonly planDigest: string };
    return record.serial === last.serial && record.planDigest === last.plan_digest;
  });
  if (finished) throw nothing(`the last apply, serial ${last.serial}, is complete`);
  // What a plan read is told by revisions of its store, and here they are others.
  if (last.order !== undefined) {
    throw new OtterError(
      'OT2032',
      `there is nothing to resume: serial ${last.serial} was begun in the store that this state was exported from`,
      {
        hint: 'What it has written is here, what it has left is not told any more: `otter plan` with the files that it was planned from shows it.',
        where: { topology },
      },
    );
  }
  const { plan } = run;
  if (plan === null) throw nothing('the plan of the apply that was cut is not in the state store');
  return { ...run, plan };
}

/** What an apply has written of the serial that comes next, and whether it may still be at it. */
export interface Begun {
  /** Of its last step. */
  readonly step: Pick<BatchRecord, 'serial' | 'by' | 'at' | 'batch' | 'batches'>;
  /** Somebody holds the lock. */
  readonly underWay: boolean;
}

/** Null when nothing is there of it that could be gone on with. Reads of one run only, however many are kept. */
export async function begunOf(
  store: StateStore,
  topology: string,
  serial: number,
  signal?: AbortSignal,
): Promise<Begun | null> {
  const { entries } = await store.list(`${runsPrefix(topology)}${serial}-`, { signal });
  const steps = entries.flatMap((entry): { revision: number; step: BatchRecord }[] => {
    const key = parseKey(entry.key);
    if (key?.at !== 'run' || key.path.length !== 1) return [];
    return [{ revision: entry.revision, step: JSON.parse(entry.value) as BatchRecord }];
  });
  const last = steps.sort((a, b) => a.revision - b.revision).at(-1);
  if (last === undefined || last.step.order !== undefined) return null;
  const locks = await store.list(lockKey(topology), { signal });
  return { step: last.step, underWay: locks.entries.some(({ key }) => key === lockKey(topology)) };
}

/** @throws OtterError OT2001 when something else was written since, OT2032 */
export async function resumed(
  store: StateStore,
  plan: Plan,
  present: AppliedState,
  signal?: AbortSignal,
): Promise<Resumed> {
  // What is written may have its new name already, and the rest is about to get it.
  const applied = stateFor(plan, present);
  const run = await cutRun(store, plan.topology, signal);
  if (run.id !== runOf(plan)) {
    throw new OtterError('OT2032', `the apply that was cut is another one: run ${run.id}`, {
      hint: 'Plan again with `otter plan`.',
    });
  }
  const byAddress = new Map(
    run.batches.flatMap(({ record, revision }) => record.addresses.map((address) => [address, revision] as const)),
  );
  const wrote = new Map<string, number | null>();
  for (const { kind, address, after } of plan.changes) {
    const revision = byAddress.get(address);
    if (revision === undefined) continue;
    wrote.set(applied.keyOf(kind, nameOf(address)), after === null ? null : revision);
  }
  const there = new Map(applied.specs.map(({ key, revision }) => [key, revision]));
  const moved = [...new Set([...Object.keys(plan.reads), ...wrote.keys()])].filter((key) => {
    if (key === applied.meta.key) return false;
    const expected = wrote.has(key) ? wrote.get(key)! : (plan.reads[key] ?? null);
    return (there.get(key) ?? null) !== expected;
  });
  const { record } = applied.meta;
  const metaMoved =
    (record?.serial ?? 0) >= plan.serial || (plan.lineage !== null && (record?.lineage ?? null) !== plan.lineage);
  if (moved.length > 0 || metaMoved) {
    const prefix = topologyPrefix(plan.topology);
    const all = [...(metaMoved ? [applied.meta.key] : []), ...moved].map((key) => key.slice(prefix.length));
    const more = all.length - KEYS_MAX;
    const names = all.length > KEYS_MAX ? [...all.slice(0, KEYS_MAX), `and ${more} more`] : all;
    throw new OtterError(
      'OT2001',
      `the apply that was cut cannot be resumed, since then these have moved: ${names.join(', ')}`,
      { hint: 'Plan again with `otter plan`: it shows what is left.', where: { topology: plan.topology } },
    );
  }
  return { done: [...byAddress.keys()], written: run.batches.length };
}
