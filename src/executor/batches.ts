/**
 * A plan cut into transactions of the state store.
 *
 * Rules: every change and its journal entry are in one transaction; `meta` and `history` are in the last, so a serial
 * that exists is wholly applied; nodes never see objects under the lineage of a topology that was destroyed, so a new
 * lineage is in the first.
 */
import type { Names } from '../model/kept-names.ts';
import type { Condition, Put } from '../model/ports.ts';
import type { HistoryRecord, MetaRecord, SpecRecord } from '../model/records.ts';
import { STATE_FORMAT } from '../model/records.ts';
import { isAnother, staysAfter } from '../model/stays.ts';
import type { ChannelSpec, DatabaseSpec } from '../model/topology.ts';
import type { AppliedState, Change, LiveState } from '../planner/change.ts';
import { nameOf } from '../planner/change.ts';
import { liveWithMoves, stateFor } from '../planner/moves.ts';
import type { Plan } from '../planner/plan.ts';
import { settledGeneration } from '../planner/settled.ts';
import { historyKey, metaKey, runKey, specKey } from '../state/keys.ts';

/** Two writes and one condition each, and a few of the batch: below the 128 that etcd takes. */
export const BATCH_CHANGES_MAX = 40;
/** Object and journal (before and after) come to less than the 1.4 MB that etcd takes, also in wide characters. */
const BATCH_CHARACTERS_MAX = 100_000;
/** What the journal keeps of an object before and after. Beyond that the object itself would not fit beside it. */
const JOURNAL_CHARACTERS_MAX = 100_000;

export interface Batch {
  readonly conditions: readonly Condition[];
  readonly puts: readonly Put[];
  readonly deletes: readonly string[];
  readonly addresses: readonly string[];
  /** Is there exactly when this batch was written. */
  readonly journalKey: string;
}

export interface BatchInput {
  readonly plan: Plan;
  /** What is there now, under the lock. */
  readonly applied: AppliedState;
  readonly live: LiveState;
  readonly by: string;
  readonly commit: string | null;
  readonly at: string;
  readonly newLineage: () => string;
}

/** `conditions` name each key as the plan read it, besides the lock, which whoever commits adds. */
export function batchesOf(input: BatchInput): Batch[] {
  const { plan, by, commit, at } = input;
  const [applied, live] = [stateFor(plan, input.applied), liveWithMoves(input.live, plan.moved)];
  const { topology, serial, plan_digest, summary } = plan;
  const run = `${serial}-${[...plan_digest]
    .filter((c) => /[0-9A-Za-z]/.test(c))
    .join('')
    .slice(-12)}`;
  // A topology that was destroyed and begins anew must not resume from positions that a node away could not remove.
  const anew = applied.meta.record === null || applied.specs.length === 0;
  const lineage = anew ? input.newLineage() : applied.meta.record.lineage;
  const meta = (of: number): Put => ({
    key: metaKey(topology),
    value: JSON.stringify({ format: STATE_FORMAT, lineage, serial: of } satisfies MetaRecord),
  });
  const before = new Map(applied.specs.map((spec) => [spec.key, spec]));
  const { names } = applied;
  const parts = cut(plan.changes);
  return parts.map((changes, index) => {
    const last = index === parts.length - 1;
    const puts: Put[] = [];
    const deletes: string[] = [];
    const conditions: Condition[] = [];
    for (const [offset, change] of changes.entries()) {
      const name = nameOf(change.address);
      const kept = names.kept(change.kind, name);
      const key = specKey(topology, change.kind, kept);
      conditions.push({ key, revision: plan.reads[key] ?? null });
      // Never one that was seen before under this name, also when the object was removed in between.
      const generation = Math.max((before.get(key)?.generation ?? 0) + 1, serial);
      if (change.after === null) deletes.push(key);
      else {
        const spec = names.keptSpec(change.kind, change.after) as unknown as SpecRecord['spec'];
        const record = {
          generation,
          spec,
          ...historyOf(change, before.get(key), generation, live, names),
          ...(kept === name ? {} : { name }),
        } satisfies SpecRecord;
        puts.push({ key, value: JSON.stringify(record) });
      }
      puts.push({
        key: runKey(topology, run, String(index), String(offset)),
        value: JSON.stringify(journalOf(change, change.after === null ? null : generation)),
      });
    }
    const journalKey = runKey(topology, run, String(index));
    const addresses = changes.map(({ address }) => address);
    const journal = { serial, by, at, plan_digest, batch: index + 1, batches: parts.length, addresses };
    puts.push({ key: journalKey, value: JSON.stringify(journal) });
    // The first batch finds `meta` as the plan did. Later ones rest on the lock: the first may have moved it.
    if (index === 0) conditions.push({ key: metaKey(topology), revision: applied.meta.revision });
    if (last) {
      const history: HistoryRecord = {
        serial,
        at,
        by,
        commit,
        planDigest: plan_digest,
        summary,
        addresses: plan.changes.map(({ address }) => address),
        ...waivedIn(plan),
      };
      puts.push(meta(serial), { key: historyKey(topology, serial), value: JSON.stringify(history) });
    } else if (index === 0 && anew) puts.push(meta(serial - 1));
    return { conditions, puts, deletes, addresses, journalKey };
  });
}

/** The rules that the plan broke and was let pass. */
function waivedIn({ findings }: Plan): Pick<HistoryRecord, 'waived'> {
  const waived = findings.flatMap(({ code, rule, address, waived: one }) =>
    one === null ? [] : [{ code, rule, address, until: one.until, reason: one.reason }],
  );
  return waived.length === 0 ? {} : { waived };
}

/** What the object keeps of how it came to be as it is. */
function historyOf(
  change: Change,
  applied: AppliedState['specs'][number] | undefined,
  generation: number,
  live: LiveState,
  names: Names,
): Pick<SpecRecord, 'stays' | 'since'> {
  if (change.kind === 'channel') return staysOf(change, applied, generation, live, names);
  if (change.kind !== 'database' || applied === undefined) return {};
  const [before, after] = [change.before, change.after] as unknown as [DatabaseSpec, DatabaseSpec];
  const since = isAnother(before, after) ? generation : applied.since;
  return since === undefined ? {} : { since };
}

/** What left and comes back must not be taken, by a node that was away meanwhile, for what stayed. */
function staysOf(
  { address, before, after }: Change,
  applied: AppliedState['specs'][number] | undefined,
  generation: number,
  live: LiveState,
  names: Names,
): Pick<SpecRecord, 'stays'> {
  if (before === null || after === null || applied === undefined) return {};
  const settled = settledGeneration(nameOf(address), before as unknown as ChannelSpec, live);
  // Nodes know pipelines by the names under which they are kept.
  const [was, is] = [before, after].map((spec) => names.keptSpec('channel', spec) as unknown as ChannelSpec);
  const past = { spec: was!, stays: applied.stays ?? {} };
  const stays = staysAfter(names.kept('channel', nameOf(address)), past, is!, generation, settled);
  return Object.keys(stays).length === 0 ? {} : { stays };
}

function journalOf({ address, actions, moved_from, before, after }: Change, generation: number | null): object {
  const entry = { address, actions, ...(moved_from === null ? {} : { moved_from }), generation };
  return JSON.stringify([before, after]).length > JOURNAL_CHARACTERS_MAX
    ? { ...entry, left_out: true }
    : { ...entry, before, after };
}

function cut(changes: readonly Change[]): Change[][] {
  const parts: Change[][] = [];
  let size = 0;
  for (const change of changes) {
    const own = JSON.stringify(change.before).length + 2 * JSON.stringify(change.after).length;
    const part = parts.at(-1);
    if (part === undefined || part.length === BATCH_CHANGES_MAX || size + own > BATCH_CHARACTERS_MAX) {
      parts.push([change]);
      size = own;
    } else {
      part.push(change);
      size += own;
    }
  }
  return parts;
}
