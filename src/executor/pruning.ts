/**
 * What is no longer kept of history, journal and audit, taken away under the lock of an apply.
 *
 * Rules: a kept serial can be shown, compared and gone back to, so every run that wrote after its end stays, and the run of the oldest one
 * itself; the run that was cut is always younger than that. History goes before the journal, so that one that is cut leaves nothing that
 * refers to what is gone, and the next takes the rest.
 */
import { messageOf } from '../model/error.ts';
import type { Entry, StateStore } from '../model/ports.ts';
import type { BatchRecord, HistoryRecord, SpecRecord } from '../model/records.ts';
import { HISTORY_KEPT, type HistorySpec } from '../model/topology.ts';
import { auditPrefix, historyPrefix, parseKey, runsPrefix, specKey } from '../state/keys.ts';
import type { Lock } from '../state/lock.ts';
import { runOf } from './journal.ts';

/** A tenth of what is kept: how many serials may pass until somebody looks, since it means to read all of it. */
const LOOK_PART = 10;
/** Below the 128 operations that a commit takes. */
const DELETES_PER_COMMIT = 100;

export interface Tidying {
  readonly store: StateStore;
  readonly topology: string;
  readonly lock: Lock;
  /** The one that was applied last. */
  readonly serial: number;
  readonly signal: AbortSignal;
}

/** What is to be said of it; null: nothing. What is applied is applied, and what could not be taken away is left to a later apply. */
export async function tidied(tidying: Tidying): Promise<string | null> {
  const { signal, lock } = tidying;
  try {
    const { serials, audit } = await prune({ ...tidying, signal: AbortSignal.any([signal, lock.lease.lost]) });
    const gone = [
      ...counted(serials, 'serial', 'serials'),
      ...counted(audit, 'entry of the audit', 'entries of the audit'),
    ];
    return gone.length === 0 ? null : `what is oldest is no longer kept: ${gone.join(', ')}`;
  } catch (error) {
    return signal.aborted ? null : `what is old was not taken away: ${messageOf(error)}`;
  }
}

function counted(number: number, one: string, many: string): string[] {
  return number === 0 ? [] : [`${number} ${number === 1 ? one : many}`];
}

interface Pruned {
  readonly serials: number;
  readonly audit: number;
}

/** Looks only at every so many serials. Whoever lost the lock takes nothing away. */
async function prune({ store, topology, lock, serial, signal }: Tidying): Promise<Pruned> {
  const keep = await kept(store, topology, signal);
  const nothing = { serials: 0, audit: 0 };
  if (serial % Math.max(1, Math.floor(keep.serials / LOOK_PART)) !== 0) return nothing;
  const [history, runs, audit] = [
    (await store.list(historyPrefix(topology), { signal })).entries,
    (await store.list(runsPrefix(topology), { signal })).entries,
    (await store.list(auditPrefix(topology), { signal })).entries,
  ];
  const serials = serialsToGo(history, keep.serials);
  const goes = new Set(serials.map(({ key }) => key));
  const rest = history.filter(({ key }) => !goes.has(key)).map(({ value }) => JSON.parse(value) as HistoryRecord);
  const old = audit.slice(0, Math.max(0, audit.length - keep.audit));
  const keys = [...serials, ...runsToGo(runs, rest), ...old].map(({ key }) => key);
  for (let from = 0; from < keys.length; from += DELETES_PER_COMMIT) {
    signal.throwIfAborted();
    const deletes = keys.slice(from, from + DELETES_PER_COMMIT);
    const { ok } = await store.commit({ conditions: [lock.condition], puts: [], deletes });
    if (!ok) return nothing;
  }
  return { serials: serials.length, audit: old.length };
}

async function kept(store: StateStore, topology: string, signal: AbortSignal): Promise<HistorySpec> {
  const key = specKey(topology, 'policy', 'history');
  const entry = (await store.list(key, { signal })).entries.find((one) => one.key === key);
  if (entry === undefined) return HISTORY_KEPT;
  return { ...HISTORY_KEPT, ...((JSON.parse(entry.value) as SpecRecord).spec as Partial<HistorySpec>) };
}

function serialsToGo(history: readonly Entry[], keep: number): Entry[] {
  const serialOf = ({ key }: Entry): number => {
    const parsed = parseKey(key);
    return parsed?.at === 'history' ? parsed.serial : 0;
  };
  const sorted = [...history].sort((a, b) => serialOf(a) - serialOf(b));
  return sorted.slice(0, Math.max(0, sorted.length - keep));
}

/** Runs that wrote nothing after the end of the oldest kept serial, whole; the one that is going on has its batches by now. */
function runsToGo(entries: readonly Entry[], history: readonly HistoryRecord[]): Entry[] {
  const byRun = Map.groupBy(entries, ({ key }) => runIn(key));
  const ends = new Map(
    [...byRun].map(([run, some]) => {
      const orders = some.flatMap((entry) => orderOf(entry) ?? []);
      return [run, orders.length === 0 ? Number.NEGATIVE_INFINITY : Math.max(...orders)];
    }),
  );
  const known = history.flatMap(({ run, serial, planDigest }) => {
    const end = ends.get(run ?? runOf({ serial, plan_digest: planDigest }));
    return end === undefined ? [] : [end];
  });
  // Where nothing is known of the ends, nothing is known not to be needed.
  const oldest = Math.min(...known, Number.POSITIVE_INFINITY);
  if (oldest === Number.POSITIVE_INFINITY) return [];
  return [...byRun].flatMap(([run, some]) => (run !== null && ends.get(run)! < oldest ? some : []));
}

function runIn(key: string): string | null {
  const parsed = parseKey(key);
  return parsed?.at === 'run' ? parsed.id : null;
}

/** Of a batch its place among all writes, as `journal.ts` has it. */
function orderOf({ key, value, revision }: Entry): number | null {
  const parsed = parseKey(key);
  if (parsed?.at !== 'run' || parsed.path.length !== 1) return null;
  return (JSON.parse(value) as BatchRecord).order ?? revision;
}
