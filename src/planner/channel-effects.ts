/**
 * What a change of a channel does to its pipelines and to rows.
 *
 * Rule: what is said here is what nodes do with the compiled pipelines, so both come from `compileChannel`.
 */

import { UnreachableError } from '../model/error.ts';
import { compileChannel, type PipelineSpec, serialiserOf } from '../model/pipeline.ts';
import { formatName, overlap, singleName, tablePattern } from '../model/table-pattern.ts';
import type { ChannelSpec, ConflictSpec, RowSpec, TableSpec, Topology } from '../model/topology.ts';
import type { Effect } from './change.ts';

export function channelEffects(
  name: string,
  before: ChannelSpec | null,
  after: ChannelSpec | null,
  desired: Topology,
): Effect[] {
  const running = (spec: ChannelSpec | null): PipelineSpec[] =>
    spec === null ? [] : compileChannel(name, spec).filter(({ enabled }) => enabled);
  const [old, young] = [running(before), running(after)];
  const stopped = old.filter((one) => !young.some((other) => other.name === one.name));
  const created = young.filter((one) => !old.some((other) => other.name === one.name));
  const kept = young.filter((one) => old.some((other) => other.name === one.name));
  return [
    ...stoppedEffects(stopped, before, after),
    ...createdEffects(created, before, after, desired),
    ...(before !== null && after !== null && kept.length > 0 ? changedEffects(kept, before, after) : []),
    ...(after !== null && !after.enabled && before?.enabled !== true
      ? [{ risk: 'low' as const, text: 'nothing runs before `enabled: true` is applied' }]
      : []),
  ];
}

function stoppedEffects(
  stopped: readonly PipelineSpec[],
  before: ChannelSpec | null,
  after: ChannelSpec | null,
): Effect[] {
  if (before?.enabled === true && after?.enabled === false) {
    return [
      { risk: 'medium', text: `pipelines stop and keep their positions: ${namesOf(stopped)}` },
      { risk: 'medium', text: 'changes gather in the logs of the sources; continue before those are purged' },
    ];
  }
  if (stopped.length === 0) {
    return after === null ? [{ risk: 'medium', text: 'positions of its pipelines are lost' }] : [];
  }
  return [
    { risk: 'high', text: `pipelines stop and their positions are lost: ${namesOf(stopped)}` },
    {
      risk: 'high',
      text: 'what was written and has not arrived yet does not arrive any more: `otter status` tells the lag',
    },
    { risk: 'medium', text: 'rows stay where they are, and are not kept the same any more' },
  ];
}

function createdEffects(
  created: readonly PipelineSpec[],
  before: ChannelSpec | null,
  after: ChannelSpec | null,
  desired: Topology,
): Effect[] {
  if (created.length === 0 || after === null) return [];
  if (before !== null && !before.enabled) {
    return [{ risk: 'medium', text: `pipelines start, where they stood if they ran before: ${namesOf(created)}` }];
  }
  const effects: Effect[] =
    after.dryRun === true
      ? [{ risk: 'low', text: `pipelines are created that write nothing and only count: ${namesOf(created)}` }]
      : [{ risk: 'low', text: `pipelines are created: ${namesOf(created)}` }, ...copyEffects(created, after, null)];
  if (after.conflict !== null)
    effects.push({ risk: 'low', text: `when two sites write the same row, ${stands(after.conflict)}` });
  const ends = [...new Set(created.flatMap(({ source, target }) => [source, target]))];
  for (const database of ends) {
    const region = desired.database[database]?.region;
    if (region !== undefined && !Object.values(desired.node).some((node) => node.region === region)) {
      effects.push({
        risk: 'medium',
        text: `no node is declared in region ${region} of ${database}: pipelines do not start`,
      });
    }
  }
  return effects;
}

/** What is copied at the beginning: all tables, or only the ones given. */
function copyEffects(
  pipelines: readonly PipelineSpec[],
  spec: ChannelSpec,
  tables: readonly string[] | null,
): Effect[] {
  const copying = pipelines.filter(({ initial }) => initial === 'copy');
  const what = tables === null ? 'existing rows' : `existing rows of ${listed(tables)}`;
  // The site that is copied from has its tables.
  const targets = [...new Set((copying.length > 0 ? copying : pipelines).map(({ target }) => target))];
  const effects: Effect[] = copying.map(({ source, target }) => ({
    risk: 'medium',
    text: `${what} are copied from ${source} to ${target}`,
  }));
  if (copying.length === 0 && spec.initial === 'none') {
    effects.push({
      risk: 'medium',
      text: `${what} are not copied: only changes from when apply has ended travel, and what differs then stays different`,
    });
  }
  effects.push({ risk: 'low', text: `target tables are created where they are missing, in ${targets.join(', ')}` });
  const filled =
    copying.length === 0 ? null : existingEffect(spec.existing, [...new Set(copying.map(({ target }) => target))]);
  return filled === null ? effects : [...effects, filled];
}

function existingEffect(existing: ChannelSpec['existing'], targets: readonly string[]): Effect | null {
  const where = targets.join(', ');
  switch (existing) {
    case 'refuse':
      return {
        risk: 'low',
        text: `a table of ${where} that has rows already is not copied into; its pipeline stops and says so`,
      };
    case 'keep':
      return { risk: 'medium', text: `rows that are in ${where} already stay as they are` };
    case 'merge':
      return { risk: 'medium', text: `rows of ${where} with the same key are overwritten, others stay` };
    case 'replace':
      return { risk: 'high', text: `rows that are in the tables of ${where} are deleted first` };
    default:
      return existing satisfies never;
  }
}

function changedEffects(kept: readonly PipelineSpec[], before: ChannelSpec, after: ChannelSpec): Effect[] {
  const effects: Effect[] = [];
  const entryKey = ({ from, to }: TableSpec): string => JSON.stringify([from, to]);
  const [old, young] = [before.tables, after.tables].map(
    (tables) => new Map(tables.map((one) => [entryKey(one), one])),
  );
  const added = after.tables.filter((one) => !old!.has(entryKey(one)));
  const removed = before.tables.filter((one) => !young!.has(entryKey(one)));
  const shaped = after.tables.filter((one) => {
    const was = old!.get(entryKey(one));
    return was !== undefined && columnsOf(was) !== columnsOf(one);
  });
  // Tables that go to the same place under another entry have neither left nor come.
  const [joining, widened] = apart(added, before.tables);
  const [leaving, narrowed] = apart(removed, after.tables);
  if (joining.length > 0) {
    const names = joining.map(label);
    effects.push({
      risk: 'low',
      text: `${listed(names)} ${names.length === 1 ? 'joins' : 'join'} ${namesOf(kept)}; other tables go on undisturbed`,
    });
    effects.push(...copyEffects(kept, after, names));
  }
  if (widened.length > 0) {
    const names = listed(widened.map(label));
    effects.push({ risk: 'low', text: `tables of ${names} that are in the channel already go on undisturbed` });
    effects.push(...copyEffects(kept, after, [`tables of ${names} that join ${namesOf(kept)}`]));
  }
  if (leaving.length > 0) {
    const names = leaving.map(label);
    effects.push(
      {
        risk: 'medium',
        text: `${listed(names)} ${names.length === 1 ? 'is' : 'are'} not kept the same any more; rows stay where they are`,
      },
      {
        risk: 'medium',
        text: 'what was written before that arrives, unless its pipeline cannot go on with it',
      },
    );
  }
  if (narrowed.length > 0) {
    effects.push({
      risk: 'medium',
      text: `tables of ${listed(narrowed.map(label))} that no other entry names are not kept the same any more; rows stay where they are`,
    });
  }
  // The same table may be meant by another entry now, and travel with other columns.
  const overlapping = overlaps(before.tables);
  const reshaped = added.filter((entry) => overlapping(entry).some((other) => columnsOf(other) !== columnsOf(entry)));
  const otherwise = [...shaped, ...reshaped];
  if (otherwise.length > 0) {
    effects.push({
      risk: 'medium',
      text: `rows of ${listed(otherwise.map(({ from }) => from))} that travelled already stay as they are`,
    });
  }
  effects.push(...rowEffects(before, after), ...settingEffects(kept, before, after));
  return effects;
}

/** Those that share no table with any of the others, and those that may have tables beside what they share. */
function apart(entries: readonly TableSpec[], others: readonly TableSpec[]): [TableSpec[], TableSpec[]] {
  const target = ({ from, to }: TableSpec): string | null => (to === from ? null : to);
  const overlapping = overlaps(others);
  const shares = (entry: TableSpec): boolean => overlapping(entry).some((other) => target(other) === target(entry));
  const { true: sharing = [], false: alone = [] } = Object.groupBy(entries, (entry) => `${shares(entry)}` as const);
  return [alone, sharing.filter((entry) => nameOf(entry) === null)];
}

/** Entries that may mean tables that this one means too; of thousands that name one table each, the one is looked up. */
function overlaps(entries: readonly TableSpec[]): (entry: TableSpec) => readonly TableSpec[] {
  const singles = Map.groupBy(entries, nameOf);
  const wide = singles.get(null) ?? [];
  return (entry) => {
    const name = nameOf(entry);
    const others = (name === null ? entries : wide).filter((other) => overlap(other.from, entry.from));
    return name === null ? others : [...(singles.get(name) ?? []), ...others];
  };
}

function columnsOf({ columns, rows }: TableSpec): string {
  return JSON.stringify([columns, rows]);
}

/** Entries that make other rows of the same tables than before, filter or mask them otherwise. */
function rowEffects(before: ChannelSpec, after: ChannelSpec): Effect[] {
  const overlapping = overlaps(before.tables);
  const changed = (part: (rows: RowSpec | undefined) => unknown): string[] =>
    after.tables.flatMap((entry) => {
      const was = overlapping(entry);
      const same = (other: TableSpec): boolean => JSON.stringify(part(other.rows)) === JSON.stringify(part(entry.rows));
      return was.length === 0 || was.every(same) ? [] : [entry.from];
    });
  const filtered = changed((rows) => rows?.where);
  const processed = changed((rows) => rows?.process?.digest);
  const masked = changed((rows) => rows?.mask);
  const effects: Effect[] = [];
  if (filtered.length > 0) {
    effects.push({
      risk: 'medium',
      text: `rows of ${listed(filtered)} that the new filter leaves out stay at the target and are not followed any more; those that it lets in come when they change`,
    });
  }
  if (processed.length > 0) {
    effects.push({
      risk: 'medium',
      text: `rows of ${listed(processed)} that travelled already stay as the module made them then; those that it would drop now are not followed any more`,
    });
  }
  if (masked.length > 0)
    effects.push({
      risk: 'high',
      text: `values of ${listed(masked)} that travelled already stay as they were masked, or were not`,
    });
  if (JSON.stringify(before.maskKey) !== JSON.stringify(after.maskKey) && before.tables.some(hashes)) {
    effects.push({
      risk: 'high',
      text: 'hashed values differ from those before: rows that are found by a hashed key are not found any more',
    });
  }
  return effects;
}

function hashes({ rows }: TableSpec): boolean {
  return Object.values(rows?.mask ?? {}).includes('hash');
}

/** Null when it may mean several tables. */
function nameOf({ from }: TableSpec): string | null {
  const single = singleName(tablePattern(from));
  return single === null ? null : formatName(single.schema, single.table);
}

/** Tables with rules of their own aside. */
function stands({ policy, priority, by }: ConflictSpec): string {
  switch (policy) {
    case 'site-priority':
      return `${priority[0]} wins`;
    case 'last-write-wins':
      return by === null ? 'the later write wins' : `the one with the greater ${by} wins`;
    case 'manual':
      return 'each keeps its own until a person decides';
    default:
      throw new UnreachableError(policy satisfies never);
  }
}

function label({ from, to }: TableSpec): string {
  return to === null || to === from ? from : `${from} -> ${to}`;
}

/** What `conflict` says of the log, which decides nothing. */
const NO_LOG = { log: undefined, keep: undefined } as const;

function settingEffects(kept: readonly PipelineSpec[], before: ChannelSpec, after: ChannelSpec): Effect[] {
  const differs = (key: keyof ChannelSpec): boolean => JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  const effects: Effect[] = [];
  const [deciding, decided] = [before, after].map(({ conflict }) => JSON.stringify({ ...conflict, ...NO_LOG }));
  if (differs('conflict') && deciding === decided) {
    effects.push({
      risk: 'low',
      text: 'the conflict log is kept by the new bounds from now on; what they leave out is removed from it for good',
    });
  } else if (differs('conflict')) {
    const [was, is] = [before.conflict?.priority[0], after.conflict?.priority[0]];
    effects.push(
      was !== is && is !== undefined
        ? {
            risk: 'high',
            text: `conflicts are won by ${is} from now on, no longer by ${was ?? 'nobody'}; those decided already stay decided`,
          }
        : {
            risk: 'medium',
            text: 'conflicts are decided by the new policy from now on; those decided already stay decided',
          },
    );
  }
  if (differs('dryRun')) {
    effects.push(
      after.dryRun === true
        ? {
            risk: 'high',
            text: 'nothing is written any more, only counted; positions are lost, and what comes meanwhile does not arrive later',
          }
        : {
            risk: 'medium',
            text: `pipelines begin anew, and write: ${after.initial === 'copy' ? 'existing rows are copied' : 'changes from when apply has ended travel'}`,
          },
    );
  }
  if (differs('ddl')) {
    const does = {
      replicate:
        after.direction.kind === 'two-way'
          ? `changes of tables that are safe are carried from ${decider(after, after.direction.between)} from now on; others, and those made elsewhere, stop pipelines`
          : 'changes of tables are carried over from now on: what is dropped or emptied at the source is dropped or emptied at the target',
      ignore: 'changes of table structure are passed over from now on; rows that do not fit stop the pipeline',
      stop: 'pipelines stop at the next change of table structure',
    } as const;
    effects.push({ risk: after.ddl === 'stop' ? 'low' : 'medium', text: does[after.ddl] });
  }
  if (differs('onError')) {
    effects.push(
      after.onError === 'park'
        ? {
            risk: 'medium',
            text: 'rows that cannot be written are set aside, with what must wait behind them, and their pipelines go on',
          }
        : { risk: 'low', text: 'a row that cannot be written stops its pipeline; what is set aside stays so' },
    );
  }
  if (differs('initial') || differs('existing')) {
    const copying = kept.filter(({ initial }) => initial === 'copy');
    const begins = copying.length > 0 && before.initial === 'none';
    effects.push(
      begins
        ? { risk: 'medium', text: 'existing rows of all tables whose copy has not begun are copied now' }
        : {
            risk: 'low',
            text: 'counts for tables whose copy has not begun; those that were copied are not copied again',
          },
    );
    const filled = existingEffect(after.existing, [...new Set(copying.map(({ target }) => target))]);
    if (copying.length > 0 && filled !== null) effects.push(filled);
  }
  if (differs('apply')) {
    effects.push({ risk: 'low', text: `pipelines pause for a moment: ${namesOf(kept)}` });
    if (after.apply.lanes > 1 && before.apply.lanes === 1)
      effects.push({ risk: 'medium', text: 'transactions of the source become visible in parts' });
  }
  if (differs('rate')) {
    const what = after.rate === undefined ? 'as much as it can' : `at most ${after.rate} out of each database`;
    effects.push({ risk: 'low', text: `carries ${what} from now on` });
  }
  if (differs('verify')) {
    const how = after.verify === undefined ? 'no longer' : `every ${after.verify.every}`;
    effects.push({ risk: 'low', text: `its databases are compared by themselves ${how}` });
  }
  if (differs('priority')) {
    effects.push({ risk: 'low', text: 'shares links with other channels by the new priority from now on' });
  }
  return effects;
}

function namesOf(pipelines: readonly PipelineSpec[]): string {
  return pipelines.map(({ name }) => name).join(', ');
}

const LISTED_MAX = 6;

function listed(names: readonly string[]): string {
  const rest = names.length - LISTED_MAX;
  return rest > 0 ? `${names.slice(0, LISTED_MAX).join(', ')} and ${rest} more` : names.join(', ');
}

/** The site from which changes of tables are carried. */
function decider({ conflict }: ChannelSpec, between: readonly string[]): string {
  return conflict === null ? between[0]! : serialiserOf(conflict, between);
}
