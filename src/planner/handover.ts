/**
 * A table goes from one channel to another, or back to the one it left.
 *
 * Rule kept: it joins only when the pipelines that had it before have carried all that their logs had of it when it left.
 * Positions, marks and tokens of one pipeline mean nothing to another, so rows that are still on their way in one would be
 * taken for new writes, or for older ones, by the other, or come after its copy; and what stands in no log position of both
 * is carried by none.
 */
import { leftEntries } from '../model/pipeline.ts';
import { leavingAt } from '../model/stays.ts';
import { overlap, singleName, tablePattern } from '../model/table-pattern.ts';
import type { ChannelSpec, Direction, TableSpec } from '../model/topology.ts';
import type { AppliedSpec, AppliedState, Change, LiveState } from './change.ts';
import type { Plan } from './plan.ts';
import { databasesOf } from './references.ts';
import type { Refusal } from './refusal.ts';
import { hasRun, settledGeneration, waitingFor } from './settled.ts';

export function handoverRefusals(plan: Plan, applied: AppliedState, live: LiveState): Refusal[] {
  const channels = applied.specs.filter(({ kind }) => kind === 'channel');
  const changes = new Map(plan.changes.map((change) => [change.address, change]));
  return plan.changes.flatMap(({ kind, address, before, after }) => {
    if (kind !== 'channel' || after === null) return [];
    const name = address.slice('channel.'.length);
    const joining = joiningTables(before === null ? null : specOf(before), specOf(after));
    if (joining.length === 0) return [];
    const refusals = channels.flatMap((other) => {
      const change = changes.get(`channel.${other.name}`);
      return refusedBy({ name, after: specOf(after), joining }, other, change, live);
    });
    return [...refusals, ...endingRefusals(address, specOf(after), applied, live)];
  });
}

interface Joins {
  /** Of the channel. */
  readonly name: string;
  readonly after: ChannelSpec;
  readonly joining: readonly Entry[];
}

/** @param change of the other channel, if the plan has one */
function refusedBy(
  { name, after, joining }: Joins,
  other: AppliedSpec,
  change: Change | undefined,
  live: LiveState,
): Refusal[] {
  const spec = specOf(other.spec);
  if (other.name !== name && hasRun(other.name, spec, live)) {
    const moved = meeting(after, joining, spec, leftInPlan(after, spec, change));
    if (moved !== null) return [moves(moved, other.name, name, isTwoWay(after) || isTwoWay(spec))];
  }
  const leaving = leavingAt(other.stays ?? {}, settledGeneration(other.name, spec, live)).flatMap(leftEntries);
  const late = meeting(after, joining, spec, leaving);
  return late === null ? [] : [stillLeaving(name, late, other, live)];
}

/** What the other channel has no more when the plan is applied, and was still to carry then. */
function leftInPlan(after: ChannelSpec, spec: ChannelSpec, change: Change | undefined): readonly Entry[] {
  if (change === undefined) return [];
  if (change.after !== null) return joiningTables(specOf(change.after), spec);
  // A pipeline that ends is ended before others begin. Then a copy is all there is, unless rows that are there count too.
  const copied = after.initial === 'copy' && (after.existing === 'replace' || after.existing === 'refuse');
  return isTwoWay(spec) || isTwoWay(after) || !copied ? spec.tables : [];
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
  if (!isTwoWay(after)) return [];
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

function moves(table: string, from: string, to: string, twoWay: boolean): Refusal {
  const out =
    'ake it out of the one channel and apply: what was on its way arrives, and apply waits for that (where the channel has no ' +
    'other table, wait until `otter status` shows that its pipelines have caught up, then remove the channel). Then put it into ' +
    `${to} and apply`;
  return {
    code: 'OT2006',
    message: `${table} would go from channel ${from} to channel ${to} in one step, with rows of it on their way`,
    hint: twoWay
      ? `Stop writing to it. T${out}, with \`initial: none\`; from then on it may be written again. What is written to it in between stays at the site where it is written.`
      : `T${out}. With \`initial: none\`, what is written to it in between does not arrive.`,
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
  for (const database of targetsOf(one.direction).filter((each) => targetsOf(other.direction).includes(each))) {
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
  return direction.kind === 'two-way' && direction.between[0] === database ? from : (to ?? from);
}

/** The databases that a channel writes. */
function targetsOf(direction: Direction): readonly string[] {
  return direction.kind === 'two-way' ? direction.between : direction.to;
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
