/** Plans that were carried out, or are being, out of the journal, the history and the lock, the newest first. */

import type { RunSeen } from '../dashboard/desk.ts';
import { readLock } from '../executor/apply-lock.ts';
import { type Run, readRuns, runOf } from '../executor/journal.ts';
import { readHistory } from '../executor/snapshot.ts';
import type { StateStore } from '../model/ports.ts';
import type { HistoryRecord, LockRecord } from '../model/records.ts';
import { symbolOf } from '../render/text.ts';

/** Older ones are for `otter history` and `otter show`. */
const RUNS_SHOWN = 100;
const CHANGES_SHOWN = 500;

export async function runsSeen(store: StateStore, topology: string, signal: AbortSignal): Promise<RunSeen[]> {
  // The lock first: who lets go of it in between has written its last step then.
  const lock = (await readLock(store, topology, signal))?.record ?? null;
  const runs = await readRuns(store, topology, signal);
  const history = await readHistory(store, topology);
  const records = new Map(
    history.map((record) => [record.run ?? runOf({ serial: record.serial, plan_digest: record.planDigest }), record]),
  );
  const last = runs.at(-1);
  const seen = runs.map((run) => seenOf(run, records.get(run.id) ?? null, run === last ? lock : null));
  const ids = new Set(runs.map(({ id }) => id));
  const bare = [...records].filter(([id]) => !ids.has(id)).map(([id, record]) => bareOf(id, record));
  return [...seen, ...bare]
    .sort((a, b) => (b.at ?? '').localeCompare(a.at ?? '') || b.serial - a.serial)
    .slice(0, RUNS_SHOWN);
}

function seenOf({ id, plan, batches }: Run, record: HistoryRecord | null, lock: LockRecord | null): RunSeen {
  const newest = batches.at(-1)?.record;
  const written = new Set(batches.flatMap((batch) => batch.record.addresses));
  const total = newest?.batches ?? 0;
  const done = record !== null;
  return {
    id,
    serial: record?.serial ?? newest?.serial ?? plan?.serial ?? 0,
    operation: record?.operation ?? (plan?.destroy === true ? 'destroy' : 'apply'),
    state: done ? 'done' : lock === null ? 'cut' : 'running',
    at: record?.at ?? newest?.at ?? null,
    by: record?.by ?? newest?.by ?? lock?.holder ?? '',
    commit: record?.commit ?? null,
    batches: { done: batches.length, total: done ? batches.length : Math.max(total, batches.length) },
    summary: record?.summary ?? plan?.summary ?? { add: 0, change: 0, destroy: 0 },
    changes:
      plan === null
        ? null
        : plan.changes.slice(0, CHANGES_SHOWN).map((change) => ({
            address: change.address,
            symbol: symbolOf(change),
            written: written.has(change.address),
            reason: change.reason,
            effects: change.effects,
          })),
  };
}

/** Of an earlier version, which kept no journal, or one that was cleared away. */
function bareOf(id: string, { serial, operation = 'apply', at, by, commit, summary }: HistoryRecord): RunSeen {
  const batches = { done: 1, total: 1 };
  return { id, serial, operation, state: 'done', at, by, commit, batches, summary, changes: null };
}
