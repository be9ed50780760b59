/**
 * The same table in several channels that do not make a ring: in two two-way ones, or written twice.
 *
 * Rule kept here: of thousands of channels that have the same table each is told against the first only, and what is spelt alike is
 * compared once, so that neither findings nor work grow with the pairs.
 */
import type { ChannelSpec } from '../model/topology.ts';
import { namePath, namesAt } from './check-tables.ts';
import type { Checked } from './checked.ts';
import { PatternIndex } from './pattern-index.ts';
import type { Way } from './tangles.ts';
import type { Path } from './tree.ts';
import { valuePlace } from './tree.ts';

export interface Arc extends Way<Passage> {
  readonly twoWay: boolean;
}

/** A table entry as an arc sees it. */
export interface Passage {
  readonly from: string;
  readonly to: string;
  readonly path: Path;
}

interface Entry {
  readonly channel: string;
  /** Of the channel, among those that are compared. */
  readonly rank: number;
  readonly index: number;
}

/**
 * A table is in at most one two-way channel. Of many that have it, each is told against the first only. Returns the entries that
 * were not the first, as `entryKey` has them.
 */
export function checkTwoWay(checked: Checked): ReadonlySet<string> {
  const later = new Set<string>();
  const channels = Object.entries(checked.topology.channel).filter(([, one]) => one.direction.kind === 'two-way');
  const at = entriesByDatabase(channels);
  for (const [rank, [name, channel]] of channels.entries()) {
    const reported = new Set<string>();
    for (const database of databasesOf(channel)) {
      for (const [index, table] of channel.tables.entries()) {
        const tables = namesAt(channel, table, database);
        const first = earliest(at.get(database)!.meeting(tables), rank);
        if (first === null) continue;
        later.add(entryKey(name, index));
        if (reported.has(first.channel)) continue;
        reported.add(first.channel);
        const there = namePath(checked, ['channels', first.channel, 'tables', first.index], 'from');
        checked.report({
          code: 'OT1044',
          summary: `\`${tables}\` of \`${database}\` is in two two-way channels, \`${first.channel}\` and \`${name}\``,
          path: namePath(checked, ['channels', name, 'tables', index], 'from'),
          at: 'value',
          related: [{ message: `in channel \`${first.channel}\``, range: valuePlace(checked.root, there) }],
        });
      }
    }
  }
  return later;
}

/** Of what is spelt alike only the first, by which all are found to be later: thousands of alike are not compared each with each. */
function entriesByDatabase(
  channels: readonly (readonly [string, ChannelSpec])[],
): ReadonlyMap<string, PatternIndex<Entry>> {
  const firsts = new Map<string, Map<string, Entry>>();
  for (const [rank, [channel, spec]] of channels.entries()) {
    for (const database of databasesOf(spec)) {
      const known = firsts.get(database) ?? new Map<string, Entry>();
      firsts.set(database, known);
      for (const [index, table] of spec.tables.entries()) {
        const names = namesAt(spec, table, database);
        if (!known.has(names)) known.set(names, { channel, rank, index });
      }
    }
  }
  return new Map([...firsts].map(([database, known]) => [database, new PatternIndex<Entry>(known)]));
}

/** The first of the channels before this one. */
function earliest<E extends { readonly rank: number }>(entries: readonly E[], before: number): E | null {
  return entries.reduce<E | null>(
    (best, one) => (one.rank < before && (best === null || one.rank < best.rank) ? one : best),
    null,
  );
}

/** Of many channels that write the same, each is told against the first only. */
export function checkWrittenTwice(checked: Checked, arcs: readonly Arc[]): void {
  const reported = new Set<string>();
  const oneWay = arcs.filter((arc) => !arc.twoWay);
  for (const alike of Map.groupBy(oneWay, ({ source, target }) => JSON.stringify([source, target])).values()) {
    const passages = alike.flatMap((arc, rank) => arc.passages.map((table) => ({ arc, rank, table })));
    const firsts = firstOf(passages, ({ table }) => JSON.stringify([table.from, table.to]));
    const bySource = new PatternIndex(firsts.map((passage) => [passage.table.from, passage] as const));
    const byTarget = new PatternIndex(firsts.map((passage) => [passage.table.to, passage] as const));
    for (const { arc, rank, table } of passages) {
      const twins = new Set(byTarget.meeting(table.to));
      const first = earliest(
        bySource.meeting(table.from).filter((one) => twins.has(one)),
        rank,
      );
      if (first === null) continue;
      const pair = pairKey(first.arc.channel, arc.channel);
      if (reported.has(pair)) continue;
      reported.add(pair);
      reportTwin(checked, first.arc, first.table, arc, table);
    }
  }
}

function firstOf<T>(all: readonly T[], key: (one: T) => string): T[] {
  return [...Map.groupBy(all, key).values()].map((alike) => alike[0]!);
}

function reportTwin(checked: Checked, one: Arc, table: Passage, other: Arc, twin: Passage): void {
  const range = valuePlace(checked.root, namePath(checked, table.path, 'from'));
  checked.report({
    code: 'OT1047',
    severity: 'warning',
    summary: `channels \`${one.channel}\` and \`${other.channel}\` both write \`${twin.to}\` of \`${one.target}\` from \`${one.source}\``,
    path: namePath(checked, twin.path, 'from'),
    at: 'value',
    related: [{ message: `in channel \`${one.channel}\``, range }],
  });
}

function databasesOf({ direction }: ChannelSpec): readonly string[] {
  return direction.kind === 'two-way' ? direction.between : [...direction.from, ...direction.to];
}

function pairKey(one: string, other: string): string {
  return [one, other].sort().join(' ');
}

export function entryKey(channel: string, index: number): string {
  return JSON.stringify([channel, index]);
}
