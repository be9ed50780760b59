/**
 * What was applied at an earlier serial, found by taking back from what is applied now everything that was written since.
 *
 * Rules: every change that was ever written stands in the journal, in the transaction that wrote it, so their order is that
 * of their transactions, also of runs that were cut; where a plan is not in the journal (earlier versions kept none), what
 * was before it is not known, and it is said so.
 */
import { OtterError } from '../model/error.ts';
import { specNamed } from '../model/kept-names.ts';
import type { StateStore } from '../model/ports.ts';
import type { HistoryRecord } from '../model/records.ts';
import type { Move } from '../model/topology.ts';
import { type AppliedSpec, type AppliedState, nameOf } from '../planner/change.ts';
import type { Plan } from '../planner/plan.ts';
import { readApplied } from './applied.ts';
import { type Run, readRuns, runOf } from './journal.ts';
import { readHistory } from './snapshot.ts';

export interface Past {
  readonly applied: AppliedState;
  readonly history: readonly HistoryRecord[];
  readonly runs: readonly Run[];
}

export async function readPast(store: StateStore, topology: string, signal?: AbortSignal): Promise<Past> {
  // What is applied last: a change between the two would be taken back without having been there.
  const runs = await readRuns(store, topology, signal);
  const history = await readHistory(store, topology);
  const { applied } = await readApplied(store, topology, signal);
  return { applied, history, runs };
}

/** The plan of a serial; null where none was kept. */
export function planOf({ history, runs }: Past, serial: number): Plan | null {
  const record = history.find((one) => one.serial === serial);
  if (record === undefined) return null;
  const run = record.run ?? runOf({ serial, plan_digest: record.planDigest });
  return runs.find(({ id }) => id === run)?.plan ?? null;
}

interface Written {
  readonly order: number;
  readonly run: Run;
  readonly addresses: readonly string[];
}

/**
 * What was applied when this serial was complete, in the form in which a plan reads it; revisions and generations are of now.
 * @throws OtterError OT7002 for a serial that never was, OT2033 where what was before a change is not known
 */
export function appliedAt(past: Past, serial: number): AppliedState {
  const { applied, history, runs } = past;
  const record = history.find((one) => one.serial === serial);
  if (record === undefined)
    throw new OtterError('OT7002', `there is no serial ${serial}`, { hint: '`otter history` lists them.' });
  const writes: Written[] = runs
    .flatMap((run) => run.batches.map((batch) => ({ order: batch.order, run, addresses: batch.record.addresses })))
    .sort((a, b) => b.order - a.order);
  const end = writes.find(({ run }) => isOf(run, record));
  const present = new Map(applied.specs.map((spec) => [`${spec.kind}.${spec.name}`, spec]));
  let last: Run | null = null;
  let moves: Move[] = [];
  for (const { order, run, addresses } of writes) {
    if (run !== last) callBack(present, moves);
    if (run !== last) [last, moves] = [run, []];
    if (end !== undefined && order <= end.order) break;
    if (run.plan === null) throw unknown(serial, run.id);
    const changes = new Map(run.plan.changes.map((change) => [change.address, change]));
    // Backwards, as they were written forwards.
    for (const address of [...addresses].reverse()) {
      const change = changes.get(address);
      if (change === undefined) throw unknown(serial, run.id);
      const known = present.get(address);
      present.delete(address);
      if (change.before === null) continue;
      const was = change.moved_from ?? address;
      if (was !== address) moves.push({ from: address, to: was });
      present.set(was, specOf(change.before, was, change.kind, applied, known));
    }
  }
  callBack(present, moves);
  if (end === undefined && writes.length > 0) throw unknown(serial, String(serial));
  return { ...applied, specs: [...present.values()] };
}

/** What refers to an object says the name that it had; in a plan all say the name that it gets. */
function callBack(present: Map<string, AppliedSpec>, moves: readonly Move[]): void {
  if (moves.length === 0) return;
  const was = new Map(moves.map(({ from, to }) => [from, nameOf(to)]));
  for (const [address, one] of present) {
    const spec = specNamed(one.kind, one.spec, (kind, name) => was.get(`${kind}.${name}`) ?? name);
    present.set(address, { ...one, spec });
  }
}

/**
 * How objects that got other names since a serial are called as they were, whatever they were called in between. Each is kept where it
 * is, so that nothing begins anew. `until`: of what was applied at that serial; without it, of now. What was destroyed since is not among
 * them, and what was made since is nobody's successor, whatever it is called.
 */
export function movesBack(past: Past, serial: number, until?: number): Move[] {
  const [from, to] = [endOf(past, serial), until === undefined ? Number.POSITIVE_INFINITY : endOf(past, until)];
  const runs = past.runs
    .map(({ plan, batches }) => ({ plan, batches: batches.filter(({ order }) => order > from && order <= to) }))
    .filter(({ batches }) => batches.length > 0);
  // From each name at the end to the one as far back as we have come; what is gone at the end has a number in place of a name.
  let names = new Map<string | number, string>();
  let lost = 0;
  for (const { plan, batches } of runs.reverse()) {
    const changes = new Map(plan?.changes.map((change) => [change.address, change]));
    const renamed = new Map(
      batches.flatMap(({ record: { addresses } }) =>
        addresses.flatMap((address): [string, string][] => {
          const was = changes.get(address)?.moved_from ?? null;
          return was === null ? [] : [[address, was]];
        }),
      ),
    );
    const written = batches.flatMap(({ record: { addresses } }) => addresses.flatMap((one) => changes.get(one) ?? []));
    const made = new Set(written.flatMap(({ address, before }) => (before === null ? [address] : [])));
    const gone = written.flatMap(({ address, after }) => (after === null ? [address] : []));
    const known = new Set(names.values());
    names = new Map<string | number, string>([
      ...[...names].flatMap(([now, then]): [string | number, string][] =>
        made.has(then) ? [] : [[now, renamed.get(then) ?? then]],
      ),
      ...[...renamed].filter(([address]) => !known.has(address)),
      ...gone.map((address, n): [number, string] => [lost + n, address]),
    ]);
    lost += gone.length;
  }
  return [...names].flatMap(([now, then]) =>
    typeof now === 'number' || now === then ? [] : [{ from: now, to: then }],
  );
}

/** The place in the order of writes at which it was complete. */
function endOf({ history, runs }: Past, serial: number): number {
  const record = history.find((one) => one.serial === serial);
  const run = record === undefined ? undefined : runs.find((one) => isOf(one, record));
  return run?.batches.at(-1)?.order ?? Number.POSITIVE_INFINITY;
}

function isOf(run: Run, { serial, planDigest, run: id }: HistoryRecord): boolean {
  return run.id === (id ?? runOf({ serial, plan_digest: planDigest }));
}

function specOf(
  spec: AppliedSpec['spec'],
  address: string,
  kind: AppliedSpec['kind'],
  { keyFor }: AppliedState,
  known: AppliedSpec | undefined,
): AppliedSpec {
  const name = nameOf(address);
  return {
    key: known?.key ?? keyFor(kind, name),
    kind,
    name,
    generation: known?.generation ?? 0,
    spec,
    revision: known?.revision ?? 0,
  };
}

function unknown(serial: number, run: string): OtterError {
  return new OtterError(
    'OT2033',
    `what was applied at serial ${serial} is not known: the plan of run ${run} was not kept`,
    {
      hint: 'Earlier versions kept no plans. Take the topology from version control and apply it.',
    },
  );
}
