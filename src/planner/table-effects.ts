/**
 * What a change of a channel does to tables and their rows: which join and leave, what is copied, and what travelled already.
 *
 * Rule: an entry is known by where it takes tables from and to, so that one which is written otherwise has neither left nor come.
 */
import type { PipelineSpec } from '../model/pipeline.ts';
import { formatName, overlap, singleName, tablePattern } from '../model/table-pattern.ts';
import type { ChannelSpec, RowSpec, TableSpec } from '../model/topology.ts';
import type { Effect } from './change.ts';

/** @param kept pipelines that were there before and go on */
export function tableEffects(kept: readonly PipelineSpec[], before: ChannelSpec, after: ChannelSpec): Effect[] {
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
  effects.push(...rowEffects(before, after));
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

function label({ from, to }: TableSpec): string {
  return to === null || to === from ? from : `${from} -> ${to}`;
}

/** What is copied at the beginning: all tables, or only the ones given. */
export function copyEffects(
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

/** What becomes of rows that are at a target before a copy. */
export function existingEffect(existing: ChannelSpec['existing'], targets: readonly string[]): Effect | null {
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

export function namesOf(pipelines: readonly PipelineSpec[]): string {
  return pipelines.map(({ name }) => name).join(', ');
}

const LISTED_MAX = 6;

function listed(names: readonly string[]): string {
  const rest = names.length - LISTED_MAX;
  return rest > 0 ? `${names.slice(0, LISTED_MAX).join(', ')} and ${rest} more` : names.join(', ');
}
