/**
 * A plan cut into transactions of the state store.
 *
 * Rules: every change and its journal entry are in one transaction, and a wave never shares one with the next; `meta` and
 * `history` are in the last, so a serial that exists is wholly applied; nodes never see objects under the lineage of a
 * topology that was destroyed, so a new lineage is in the first.
 */
import type { Names } from '../model/kept-names.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { Condition, Put } from '../model/ports.ts';
import type { BatchRecord, ChangeRecord, HistoryRecord, MetaRecord, SpecRecord } from '../model/records.ts';
import { STATE_FORMAT } from '../model/records.ts';
import { isAnother, staysAfter } from '../model/stays.ts';
import type { ChannelSpec, DatabaseSpec } from '../model/topology.ts';
import type { AppliedState, Change, LiveState } from '../planner/change.ts';
import { nameOf } from '../planner/change.ts';
import { liveWithMoves, pendingMoves, stateFor } from '../planner/moves.ts';
import type { Plan } from '../planner/plan.ts';
import { settledGeneration } from '../planner/settled.ts';
import { historyKey, metaKey, pauseKey, runKey, specKey } from '../state/keys.ts';
import { runOf } from './journal.ts';

/** Two writes and one condition each, and a few of the batch: below the 128 that etcd takes. */
export const BATCH_CHANGES_MAX = 40;
/** Objects and a piece of the plan come to less than the 1.4 MB that etcd takes, also in wide characters. */
const BATCH_CHARACTERS_MAX = 100_000;

export interface Batch {
  readonly conditions: readonly Condition[];
  readonly puts: readonly Put[];
  readonly deletes: readonly string[];
  readonly addresses: readonly string[];
  /** Is there exactly when this batch was written. */
  readonly journalKey: string;
  /** Counts the waves from 0. */
  readonly wave: number;
}

export interface BatchInput {
  readonly plan: Plan;
  /** What is there now, under the lock. */
  readonly applied: AppliedState;
  readonly live: LiveState;
  readonly author: Author;
  readonly at: string;
  readonly newLineage: () => string;
  /** Changes that are written at once, see `waves.ts`; batches never go across. */
  readonly waves: readonly (readonly Change[])[];
  /** How many batches of this run are written already. */
  readonly written: number;
  readonly changesMax: number;
}

/** Who applies, as the history and the audit keep it. */
export interface Author {
  /** The user of the system. */
  readonly by: string;
  /** As git knows the person. */
  readonly author: string | null;
  readonly host: string;
  readonly pid: number;
  /** Of otter. */
  readonly version: string;
  readonly commit: string | null;
  readonly dirty: boolean | null;
  /** The command. */
  readonly command: string;
}

/** `conditions` name each key as the plan read it, besides the lock, which whoever commits adds. */
export function batchesOf(input: BatchInput): Batch[] {
  const { plan, author, at, waves, written } = input;
  const [applied, live] = [
    stateFor(plan, input.applied),
    liveWithMoves(input.live, pendingMoves(plan.moved, input.applied)),
  ];
  const { topology, serial, plan_digest } = plan;
  const run = runOf(plan);
  // A topology that was destroyed and begins anew must not resume from positions that a node away could not remove.
  const { record } = applied.meta;
  const anew = record === null || applied.specs.length === 0;
  const lineage = anew ? input.newLineage() : record.lineage;
  const { format: _, ...kept } = record ?? { format: STATE_FORMAT };
  const meta = (of: number): Put => ({
    key: metaKey(topology),
    value: JSON.stringify({ ...kept, format: STATE_FORMAT, lineage, serial: of } satisfies MetaRecord),
  });
  const before = new Map(applied.specs.map((spec) => [spec.key, spec]));
  const { names } = applied;
  const parts = waves.flatMap((changes, wave) =>
    cut(changes, { topology, names, live, changesMax: input.changesMax }).map((part) => ({ part, wave })),
  );
  return parts.map(({ part, wave }, index) => {
    const last = index === parts.length - 1;
    const number = written + index;
    const puts: Put[] = [];
    const deletes: string[] = [];
    const conditions: Condition[] = [];
    for (const [offset, change] of part.entries()) {
      const name = nameOf(change.address);
      const keptAs = names.kept(change.kind, name);
      const key = specKey(topology, change.kind, keptAs);
      conditions.push({ key, revision: plan.reads[key] ?? null });
      // Never one that was seen before under this name, also when the object was removed in between.
      const generation = Math.max((before.get(key)?.generation ?? 0) + 1, serial, record?.generationFloor ?? 0);
      deletes.push(...pausesOf(topology, change, live, names));
      if (change.after === null) deletes.push(key);
      else {
        const spec = names.keptSpec(change.kind, change.after) as unknown as SpecRecord['spec'];
        const object = {
          generation,
          spec,
          ...historyOf(change, before.get(key), generation, live, names),
          ...(keptAs === name ? {} : { name }),
        } satisfies SpecRecord;
        puts.push({ key, value: JSON.stringify(object) });
      }
      const { address, actions, moved_from } = change;
      puts.push({
        key: runKey(topology, run, String(number), String(offset)),
        value: JSON.stringify({
          address,
          actions,
          ...(moved_from === null ? {} : { moved_from }),
          generation: change.after === null ? null : generation,
        } satisfies ChangeRecord),
      });
    }
    const journalKey = runKey(topology, run, String(number));
    const addresses = part.map(({ address }) => address);
    const journal: BatchRecord = {
      serial,
      by: author.by,
      at,
      plan_digest,
      batch: number + 1,
      batches: written + parts.length,
      addresses,
    };
    puts.push({ key: journalKey, value: JSON.stringify(journal) });
    // The first batch finds `meta` as the plan did. Later ones rest on the lock: the first may have moved it.
    if (index === 0) conditions.push({ key: metaKey(topology), revision: applied.meta.revision });
    if (last) {
      const history = historyRecord(plan, author, run, at);
      puts.push(meta(serial), { key: historyKey(topology, serial), value: JSON.stringify(history) });
    } else if (index === 0 && anew) puts.push(meta(serial - 1));
    return { conditions, puts, deletes, addresses, journalKey, wave };
  });
}

function historyRecord(
  plan: Plan,
  { by, author, host, commit, dirty, command }: Author,
  run: string,
  at: string,
): HistoryRecord {
  const { serial, plan_digest, summary, changes } = plan;
  return {
    serial,
    at,
    by,
    author,
    host,
    commit,
    dirty,
    planDigest: plan_digest,
    summary,
    addresses: changes.map(({ address }) => address),
    operation: command,
    run,
    ...waivedIn(plan),
  };
}

/** What was paused and goes: what comes back under its name, a channel or a pipeline of it, is not what somebody paused. */
function pausesOf(
  topology: string,
  { kind, address, after }: Change,
  { pauses = {} }: LiveState,
  names: Names,
): string[] {
  if (kind !== 'channel') return [];
  const name = nameOf(address);
  const pipelines = after === null ? [] : compileChannel(name, after as unknown as ChannelSpec);
  const stays = new Set(after === null ? [] : [address, ...pipelines.map((one) => `pipeline.${one.name}`)]);
  return Object.keys(pauses).flatMap((paused) => {
    if (stays.has(paused)) return [];
    if (paused === address) return [pauseKey(topology, 'channel', names.kept('channel', name))];
    if (!paused.startsWith(`pipeline.${name}/`)) return [];
    return [pauseKey(topology, 'pipeline', names.keptPipeline(paused.slice('pipeline.'.length)))];
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
): Pick<SpecRecord, 'stays' | 'since' | 'created'> {
  const created = applied?.created === undefined ? {} : { created: applied.created };
  if (change.kind === 'channel') return { ...created, ...staysOf(change, applied, generation, live, names) };
  if (change.kind !== 'database' || applied === undefined) return created;
  const [before, after] = [change.before, change.after] as unknown as [DatabaseSpec, DatabaseSpec];
  const since = isAnother(before, after) ? generation : applied.since;
  return { ...created, ...(since === undefined ? {} : { since }) };
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

function cut(
  changes: readonly Change[],
  { topology, names, live, changesMax }: Pick<BatchInput, 'live' | 'changesMax'> & { topology: string; names: Names },
): Change[][] {
  const parts: Change[][] = [];
  let [size, writes] = [0, 0];
  for (const change of changes) {
    const own = JSON.stringify(change.before).length + 2 * JSON.stringify(change.after).length;
    const count = 1 + pausesOf(topology, change, live, names).length;
    const part = parts.at(-1);
    if (part === undefined || writes + count > changesMax || size + own > BATCH_CHARACTERS_MAX) {
      parts.push([change]);
      [size, writes] = [own, count];
    } else {
      part.push(change);
      [size, writes] = [size + own, writes + count];
    }
  }
  return parts;
}
