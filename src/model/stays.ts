/**
 * Since when a pipeline or a table has been in its channel without a break: its *stay*.
 *
 * A node compares what should be with what it runs, so it never sees that something left and came back while it was
 * away. What it recorded belongs to one stay, and counts no longer in another. Rule kept: a table that is named
 * differently and goes to the same place as before has not left.
 */
import { type ChannelPast, compileChannel, type LeftTables, type TableStay } from './pipeline.ts';
import { matches, overlap, singleName, tablePattern } from './table-pattern.ts';
import type { ChannelSpec, DatabaseSpec, TableSpec } from './topology.ts';

/**
 * What came later than the channel itself, whose generation counts as 0. Of `tables` the first that means one counts; one
 * that none means has been there since the beginning. `left`: what went, as long as rows of it may be on their way.
 */
export interface Stays extends ChannelPast {
  readonly pipelines?: Readonly<Record<string, number>>;
}

/** Since when a table is in its channel, by its name at the channel's first database. */
export function stayOf(stays: readonly TableStay[], schema: string, table: string): number {
  const found = stays.find(({ all }) => all.every((pattern) => matches(pattern, schema, table)));
  return found?.since ?? 0;
}

/** Another database under the same name: positions in the log of the old one mean nothing to it, so its pipelines begin anew. */
export function isAnother(before: DatabaseSpec, after: DatabaseSpec): boolean {
  return before.engine !== after.engine;
}

/**
 * The stays when a channel becomes another in this generation.
 * @param settled generation that all its pipelines have reported: what left by then has no rows on their way
 */
export function staysAfter(
  channel: string,
  before: { readonly spec: ChannelSpec; readonly stays: Stays },
  after: ChannelSpec,
  generation: number,
  settled: number,
): Stays {
  const names = (spec: ChannelSpec): string[] => compileChannel(channel, spec).map(({ name }) => name);
  const there = new Set(names(before.spec));
  // What a dry run has passed was not written.
  const goesOn = before.spec.dryRun === after.dryRun;
  const pipelines = names(after).flatMap((name): (readonly [string, number])[] => {
    const since = goesOn && there.has(name) ? before.stays.pipelines?.[name] : generation;
    return since === undefined ? [] : [[name, since]];
  });
  const tables = worthSaying(tablesAfter([...(before.stays.tables ?? []), ...implied(before.spec)], after, generation));
  const entries = leftBy(before.spec, after);
  const gone = entries.length === 0 ? [] : [{ since: generation, entries }];
  const left = leavingAt({ left: [...(before.stays.left ?? []), ...gone] }, settled);
  return {
    ...(pipelines.length === 0 ? {} : { pipelines: Object.fromEntries(pipelines) }),
    ...(tables.length === 0 ? {} : { tables }),
    ...(left.length === 0 ? {} : { left }),
  };
}

/** What may have rows on their way still when all pipelines have reported this generation. */
export function leavingAt({ left = [] }: Stays, settled: number): readonly LeftTables[] {
  return left.filter(({ since }) => since > settled);
}

function leftBy(before: ChannelSpec, after: ChannelSpec): LeftTables['entries'] {
  const keyOf = ({ from, to }: TableSpec): string => JSON.stringify([from, to]);
  const stay = new Set(after.tables.map(keyOf));
  return before.tables
    .filter((table) => !stay.has(keyOf(table)))
    .map(({ from, to, columns, rows }) => {
      const whole = columns.only === null && columns.omit.length === 0 && Object.keys(columns.rename).length === 0;
      if (whole && to === null && rows === undefined) return from;
      return { from, to, columns, ...(rows === undefined ? {} : { rows }) };
    });
}

function implied(spec: ChannelSpec): readonly TableStay[] {
  return spec.tables.map(({ from }) => ({ all: [from], since: 0 }));
}

/** Of those from the beginning only what a later one could be taken for. */
function worthSaying(stays: readonly TableStay[]): readonly TableStay[] {
  const later = stays.filter(({ since }) => since !== 0);
  const wide = later.filter(isWide);
  const singles = new Set(later.flatMap(({ all }) => (all.length === 1 ? all : [])));
  const meet = (one: TableStay, other: TableStay): boolean =>
    one.all.every((pattern) => other.all.every((another) => overlap(pattern, another)));
  return stays.filter((stay) => {
    if (stay.since !== 0) return true;
    if (isWide(stay)) return later.some((other) => meet(stay, other));
    return singles.has(stay.all[0]!) || wide.some((other) => meet(stay, other));
  });
}

function tablesAfter(before: readonly TableStay[], after: ChannelSpec, generation: number): readonly TableStay[] {
  const singles = Map.groupBy(before, ({ all }) => (all.length === 1 ? all[0]! : null));
  // Thousands of single names are not compared each with each.
  const wide = before.filter(isWide);
  const stays = new Map<string, TableStay>();
  for (const { from } of after.tables) {
    const single = singleName(tablePattern(from));
    const near = single === null ? before : [...(singles.get(from) ?? []), ...wide];
    let covered = false;
    for (const old of near) {
      if (!old.all.every((pattern) => overlap(pattern, from))) continue;
      const all = both(old.all, from);
      covered ||= all.length === 1 && all[0] === from;
      put(stays, { all, since: old.since });
    }
    if (!covered) put(stays, { all: [from], since: generation });
  }
  return [...stays.values()];
}

/** The first of several that mean the same counts. */
function put(stays: Map<string, TableStay>, stay: TableStay): void {
  const key = JSON.stringify(stay.all);
  if (!stays.has(key)) stays.set(key, stay);
}

function isWide({ all }: TableStay): boolean {
  return all.every((pattern) => singleName(tablePattern(pattern)) === null);
}

/** Patterns that mean what all of these and the other mean; a single name among them says it alone. */
function both(all: readonly string[], other: string): readonly string[] {
  const patterns = [...new Set([...all, other])];
  const single = patterns.find((pattern) => singleName(tablePattern(pattern)) !== null);
  return single === undefined ? patterns.sort() : [single];
}
