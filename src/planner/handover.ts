/**
 * A table goes from one two-way channel to another.
 *
 * Rule kept: it joins only when both pipelines that had it before have carried all that their logs had of it when it left.
 * Positions, marks and tokens of one pipeline mean nothing to another, so rows that are still on their way in one would be
 * taken for new writes, or for older ones, by the other; and what stands in no log position of both is carried by none.
 */
import { leftEntries } from '../model/pipeline.ts';
import { leavingAt } from '../model/stays.ts';
import { overlap, singleName, tablePattern } from '../model/table-pattern.ts';
import type { ChannelSpec, TableSpec } from '../model/topology.ts';
import type { AppliedSpec, AppliedState, LiveState } from './change.ts';
import type { Plan } from './plan.ts';
import { databasesOf } from './references.ts';
import type { Refusal } from './refusal.ts';
import { hasRun, settledGeneration, waitingFor } from './settled.ts';

export function handoverRefusals(plan: Plan, applied: AppliedState, live: LiveState): Refusal[] {
  const channels = applied.specs.filter(({ kind, spec }) => kind === 'channel' && isTwoWay(specOf(spec)));
  return plan.changes.flatMap(({ kind, address, before, after }) => {
    if (kind !== 'channel' || after === null || !isTwoWay(specOf(after))) return [];
    const name = address.slice('channel.'.length);
    const joining = joiningTables(before === null ? null : specOf(before), specOf(after));
    if (joining.length === 0) return [];
    const refusals = channels.flatMap((other) => refusedBy(name, specOf(after), joining, other, live));
    return [...refusals, ...endingRefusals(address, specOf(after), applied, live)];
  });
}

function refusedBy(
  name: string,
  after: ChannelSpec,
  joining: readonly Entry[],
  other: AppliedSpec,
  live: LiveState,
): Refusal[] {
  const spec = specOf(other.spec);
  const settled = settledGeneration(other.name, spec, live);
  const leaving = leavingAt(other.stays ?? {}, settled).flatMap(leftEntries);
  if (other.name === name) {
    // What is copied anew needs nothing of what was on its way.
    const back = after.initial === 'none' ? meeting(after, joining, spec, leaving) : null;
    return back === null ? [] : [stillLeaving(name, back, other, live)];
  }
  const moved = hasRun(other.name, spec, live) ? meeting(after, joining, spec, spec.tables) : null;
  if (moved !== null) return [moves(moved, other.name, name)];
  const late = meeting(after, joining, spec, leaving);
  return late === null ? [] : [stillLeaving(name, late, other, live)];
}

/** Pipelines of a channel that is gone, and that a node has not ended yet. */
function endingRefusals(
  address: string,
  after: ChannelSpec,
  { specs }: AppliedState,
  { pipelines, nodes }: LiveState,
): Refusal[] {
  const there = new Set(specs.flatMap(({ kind, name }) => (kind === 'channel' ? [name] : [])));
  const databases = databasesOf(after.direction);
  const ending = Object.keys(pipelines).filter((pipeline) => {
    const [channel = '', ends = ''] = pipeline.split('/');
    const both = ends.split('>').every((database) => databases.includes(database));
    return both && !there.has(channel) && nodes[pipelines[pipeline]!.node] !== undefined;
  });
  if (ending.length === 0) return [];
  return [
    {
      code: 'OT2006',
      message: `${ending.join(', ')} of a channel that was removed still run, and ${address} may take up tables of theirs`,
      hint: 'They end in a moment: plan again.',
    },
  ];
}

function moves(table: string, from: string, to: string): Refusal {
  return {
    code: 'OT2006',
    message: `${table} would go from channel ${from} to channel ${to} in one step, with rows of it on their way`,
    hint:
      'Stop writing to it. Take it out of the one channel and apply: what was on its way arrives, and apply waits for that ' +
      '(where the channel has no other table, wait until `otter status` shows that both pipelines have caught up, then remove ' +
      `the channel). Then put it into ${to} with \`initial: none\` and apply; from then on it may be written again. ` +
      'What is written to it in between stays at the site where it is written.',
  };
}

function stillLeaving(name: string, table: string, other: AppliedSpec, live: LiveState): Refusal {
  const since = Math.max(...(other.stays?.left ?? []).map((left) => left.since));
  const late = waitingFor(other.name, specOf(other.spec), live).filter(({ settled }) => settled < since);
  const waits = late.map(({ pipeline }) => pipeline).join(', ');
  return {
    code: 'OT2006',
    message: `${table} has left channel ${other.name}, and rows of it may still be on their way: ${waits} ${late.length === 1 ? 'has' : 'have'} not reported that none are`,
    hint: `Let ${waits} catch up (\`otter status\` says what is wrong, if anything), then plan again to put it into ${name}.`,
  };
}

type Entry = Pick<TableSpec, 'from' | 'to'>;

function joiningTables(before: ChannelSpec | null, after: ChannelSpec): readonly Entry[] {
  const keyOf = ({ from, to }: Entry): string => JSON.stringify([from, to]);
  const had = new Set(before?.tables.map(keyOf));
  return after.tables.filter((table) => !had.has(keyOf(table)));
}

/** A table that both may mean at one database, as it is named there by the first; patterns may have more in common than tables. */
function meeting(
  one: ChannelSpec,
  entries: readonly Entry[],
  other: ChannelSpec,
  others: readonly Entry[],
): string | null {
  for (const database of databasesOf(one.direction).filter((each) => databasesOf(other.direction).includes(each))) {
    const there = others.map((entry) => nameAt(other, entry, database));
    const singles = new Set(there.filter(isSingle));
    const wide = there.filter((name) => !isSingle(name));
    const found = entries
      .map((entry) => nameAt(one, entry, database))
      .find((name) => singles.has(name) || (isSingle(name) ? wide : there).some((each) => overlap(each, name)));
    if (found !== undefined) return found;
  }
  return null;
}

function nameAt({ direction }: ChannelSpec, { from, to }: Entry, database: string): string {
  return databasesOf(direction)[0] === database ? from : (to ?? from);
}

function isSingle(name: string): boolean {
  return singleName(tablePattern(name)) !== null;
}

function isTwoWay({ direction }: ChannelSpec): boolean {
  return direction.kind === 'two-way';
}

function specOf(value: unknown): ChannelSpec {
  return value as ChannelSpec;
}
