/**
 * What a plan copies, and how much that is: sizes from the databases themselves where they were asked, speed from what nodes measure.
 *
 * Rule: what is not known is null and never taken for nothing.
 */
import type { SizedTable, TableName } from '../model/inspection.ts';
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import { formatName, matches, singleName, tablePattern } from '../model/table-pattern.ts';
import type { ChannelSpec, TableSpec } from '../model/topology.ts';
import type { LiveState } from './change.ts';

/** Tables of databases that were asked. */
export type TableSizes = ReadonlyMap<string, readonly SizedTable[]>;

export const NOBODY_ASKED: TableSizes = new Map();

export interface Copy {
  readonly pipeline: string;
  readonly source: string;
  readonly target: string;
  /** Entries that are copied, as they are written. */
  readonly entries: readonly string[];
  /** Null where nobody asked, as the two below. */
  readonly tables: number | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  /** By the fastest that nodes copy or have copied; null where none tells. */
  readonly seconds: number | null;
}

/** @param anew pipelines that begin anew, which copy all of their tables again */
export function copiesOf(
  channel: string,
  before: ChannelSpec | null,
  after: ChannelSpec,
  anew: ReadonlySet<string>,
  live: LiveState,
  sizes: TableSizes,
): Copy[] {
  if (!after.enabled || after.dryRun === true) return [];
  const old = new Map((before === null ? [] : compileChannel(channel, before)).map((one) => [one.name, one]));
  const joining = before === null ? after.tables : joinsOf(before, after);
  return compileChannel(channel, after).flatMap((pipeline): Copy[] => {
    if (pipeline.initial !== 'copy') return [];
    const was = old.get(pipeline.name);
    // One that was told not to copy copies what has not begun.
    const whole = was === undefined || anew.has(pipeline.name) || was.initial === 'none';
    const entries = whole ? after.tables : joining;
    return entries.length === 0
      ? []
      : [copyOf(pipeline, after, entries, was === undefined || whole ? null : before, live, sizes)];
  });
}

function joinsOf(before: ChannelSpec, after: ChannelSpec): readonly TableSpec[] {
  const keyOf = ({ from, to }: TableSpec): string => JSON.stringify([from, to]);
  const had = new Set(before.tables.map(keyOf));
  return after.tables.filter((table) => !had.has(keyOf(table)));
}

/** @param had what is there already, and is not copied again */
function copyOf(
  { name, source, target }: PipelineSpec,
  spec: ChannelSpec,
  entries: readonly TableSpec[],
  had: ChannelSpec | null,
  live: LiveState,
  sizes: TableSizes,
): Copy {
  const there = sizes.get(source);
  const nameAt = ({ from, to }: TableSpec): string =>
    spec.direction.kind === 'two-way' && spec.direction.between[0] !== source ? (to ?? from) : from;
  const means = named(entries.map(nameAt));
  const meantBefore = named(had?.tables.map(nameAt) ?? []);
  const meant = there?.filter((table) => means(table) && !meantBefore(table));
  const sum = (of: 'rows' | 'bytes'): number | null => meant?.reduce((total, one) => total + one[of], 0) ?? null;
  const rows = sum('rows');
  const speed = copySpeed(live);
  return {
    pipeline: name,
    source,
    target,
    entries: entries.map(({ from }) => from),
    tables: meant?.length ?? null,
    rows,
    bytes: sum('bytes'),
    seconds: rows === null || speed === null ? null : Math.ceil(rows / speed),
  };
}

/** Whether one of these entries means a table; of thousands that name one each, the one is looked up. */
function named(entries: readonly string[]): (table: TableName) => boolean {
  const singles = new Set<string>();
  const wide: string[] = [];
  for (const entry of entries) {
    const single = singleName(tablePattern(entry));
    if (single === null) wide.push(entry);
    else singles.add(formatName(single.schema, single.table));
  }
  return ({ schema, name }) =>
    singles.has(formatName(schema, name)) || wide.some((pattern) => matches(pattern, schema, name));
}

/** Rows a second; of what copies now. */
function copySpeed({ nodes }: LiveState): number | null {
  const measured = Object.values(nodes).flatMap(({ pipelines }) =>
    Object.values(pipelines).flatMap(({ copy, rowsPerSecond }) =>
      copy !== null && rowsPerSecond > 0 ? [rowsPerSecond] : [],
    ),
  );
  return measured.length === 0 ? null : Math.max(...measured);
}
