/**
 * The same table in several channels: in two two-way ones, in a ring, or written twice.
 *
 * Rule kept here: a topology passes only if it is proven that no change can travel through several channels back to
 * where it was made. Patterns are compared by what they may have in common, so a doubt is a refusal. (Loops inside
 * one channel are ended by marks.)
 */
import type { ChannelSpec } from '../model/topology.ts';
import { namePath, namesAt } from './check-tables.ts';
import type { Checked } from './checked.ts';
import { PatternIndex } from './pattern-index.ts';
import { tangles, type Way } from './tangles.ts';
import type { Path } from './tree.ts';
import { valuePlace } from './tree.ts';

/** Steps of the search for rings; beyond them nothing is proven, so the topology is refused. */
const STEPS_MAX = 5_000_000;

interface Arc extends Way<Passage> {
  readonly twoWay: boolean;
}

/** A table entry as an arc sees it. */
interface Passage {
  readonly from: string;
  readonly to: string;
  readonly path: Path;
}

interface Ring {
  readonly arcs: readonly Way<Passage>[];
  readonly passages: readonly Passage[];
}

export function checkRings(checked: Checked): void {
  const shared = checkTwoWay(checked);
  const arcs = Object.entries(checked.topology.channel).flatMap(([name, channel]) => arcsOf(name, channel));
  checkWrittenTwice(checked, arcs);
  let exhausted = false;
  const rings = new Map<string, Ring>();
  for (const tangle of tangles(arcs)) {
    const search = new RingSearch(tangle, shared, rings);
    search.run();
    exhausted ||= search.exhausted;
  }
  for (const ring of rings.values()) reportRing(checked, ring);
  if (!exhausted) return;
  const summary = 'the channels join the databases in too many ways to prove that no change goes in a ring';
  checked.report({ code: 'OT1045', summary, path: ['channels'], at: 'key' });
}

/** A place in a topology where two channels have a table in common. */
interface Meeting {
  readonly one: number;
  readonly other: number;
  readonly database: string;
  readonly tables: string;
}

/** A table is in at most one two-way channel. Returns the pairs of channels that were reported. */
function checkTwoWay(checked: Checked): ReadonlySet<string> {
  const reported = new Set<string>();
  const channels = Object.entries(checked.topology.channel).filter(([, one]) => one.direction.kind === 'two-way');
  const at = entriesByDatabase(channels);
  for (const [rank, [name, channel]] of channels.entries()) {
    const meetings = [...meetingsOf(channel, rank, at)].sort(([a], [b]) => a - b);
    for (const [otherRank, { one, other: index, database, tables }] of meetings) {
      const [other] = channels[otherRank]!;
      reported.add(pairKey(name, other));
      const first = namePath(checked, ['channels', name, 'tables', one], 'from');
      checked.report({
        code: 'OT1044',
        summary: `\`${tables}\` of \`${database}\` is in two two-way channels, \`${name}\` and \`${other}\``,
        path: namePath(checked, ['channels', other, 'tables', index], 'from'),
        at: 'value',
        related: [{ message: `in channel \`${name}\``, range: valuePlace(checked.root, first) }],
      });
    }
  }
  return reported;
}

interface Entry {
  /** Of the channel, among those that are compared. */
  readonly rank: number;
  readonly index: number;
  readonly names: string;
}

type EntriesByDatabase = ReadonlyMap<string, PatternIndex<Entry>>;

function entriesByDatabase(channels: readonly (readonly [string, ChannelSpec])[]): EntriesByDatabase {
  const entries = channels.flatMap(([, channel], rank) =>
    databasesOf(channel).flatMap((database) =>
      channel.tables.map((table, index) => ({ database, rank, index, names: namesAt(channel, table, database) })),
    ),
  );
  return new Map(
    [...Map.groupBy(entries, ({ database }) => database)].map(([database, all]) => [
      database,
      new PatternIndex<Entry>(all.map((entry) => [entry.names, entry] as const)),
    ]),
  );
}

/** With the channels behind it, the first of each. */
function meetingsOf(channel: ChannelSpec, rank: number, at: EntriesByDatabase): Map<number, Meeting> {
  const found = new Map<number, Meeting>();
  for (const database of databasesOf(channel)) {
    for (const [one, table] of channel.tables.entries()) {
      for (const other of at.get(database)!.meeting(namesAt(channel, table, database))) {
        if (other.rank <= rank || found.has(other.rank)) continue;
        found.set(other.rank, { one, other: other.index, database, tables: other.names });
      }
    }
  }
  return found;
}

function checkWrittenTwice(checked: Checked, arcs: readonly Arc[]): void {
  const reported = new Set<string>();
  const oneWay = arcs.filter((arc) => !arc.twoWay);
  for (const alike of Map.groupBy(oneWay, ({ source, target }) => JSON.stringify([source, target])).values()) {
    const passages = alike.flatMap((arc, rank) => arc.passages.map((table) => ({ arc, rank, table })));
    const bySource = new PatternIndex(passages.map((passage) => [passage.table.from, passage] as const));
    const byTarget = new PatternIndex(passages.map((passage) => [passage.table.to, passage] as const));
    for (const { arc, rank, table } of passages) {
      const twins = new Set(byTarget.meeting(table.to));
      for (const twin of bySource.meeting(table.from)) {
        const pair = pairKey(arc.channel, twin.arc.channel);
        if (twin.rank <= rank || twin.arc.channel === arc.channel || reported.has(pair) || !twins.has(twin)) continue;
        reported.add(pair);
        reportTwin(checked, arc, table, twin.arc, twin.table);
      }
    }
  }
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

function reportRing(checked: Checked, { arcs, passages }: Ring): void {
  const order = Object.keys(checked.topology.channel);
  const last = arcs.reduce(
    (best, arc, i) => (order.indexOf(arc.channel) > order.indexOf(arcs[best]!.channel) ? i : best),
    0,
  );
  const ways = arcs.map((arc) => `\`${arc.channel}\` carries it from \`${arc.source}\` to \`${arc.target}\``);
  const drawn = [...arcs.map((arc) => arc.source), arcs[0]!.source].join(' -> ');
  const related = arcs.flatMap((arc, i) =>
    i === last
      ? []
      : [
          {
            message: `${arc.source} -> ${arc.target}, channel \`${arc.channel}\``,
            range: valuePlace(checked.root, namePath(checked, passages[i]!.path, 'from')),
          },
        ],
  );
  checked.report({
    code: 'OT1045',
    summary: `\`${passages[0]!.from}\` goes in a ring of channels: ${drawn}`,
    detail: `${ways.join(', ')}.`,
    path: namePath(checked, passages[last]!.path, 'from'),
    at: 'value',
    related,
  });
}

/** Finds rings over databases first, which are few, and then asks whether a table can go round. */
class RingSearch {
  exhausted = false;
  readonly #bySource = new Map<string, Way<Passage>[]>();
  /** The entries of a way, by the tables they take at its source. */
  readonly #entries = new Map<Way<Passage>, PatternIndex<Passage>>();
  readonly #shared: ReadonlySet<string>;
  /** One for each set of channels that make one. */
  readonly #rings: Map<string, Ring>;
  #steps = 0;

  constructor(arcs: readonly Way<Passage>[], shared: ReadonlySet<string>, rings: Map<string, Ring>) {
    this.#shared = shared;
    this.#rings = rings;
    for (const arc of arcs) {
      this.#entries.set(arc, new PatternIndex(arc.passages.map((passage) => [passage.from, passage] as const)));
      const known = this.#bySource.get(arc.source);
      if (known === undefined) this.#bySource.set(arc.source, [arc]);
      else known.push(arc);
    }
  }

  run(): void {
    const starts = [...this.#bySource.keys()];
    for (const [rank, start] of starts.entries()) {
      // Each ring is found once, from the first of its databases.
      const barred = new Set(starts.slice(0, rank));
      this.#walk(start, [], barred);
      if (this.exhausted) break;
    }
  }

  #walk(database: string, arcs: readonly Way<Passage>[], barred: ReadonlySet<string>): void {
    for (const arc of this.#bySource.get(database) ?? []) {
      if (++this.#steps > STEPS_MAX) this.exhausted = true;
      if (this.exhausted) return;
      const way = [...arcs, arc];
      if (arc.target === way[0]!.source) {
        this.#close(way);
      } else if (!barred.has(arc.target) && !arcs.some((one) => one.source === arc.target)) {
        this.#walk(arc.target, way, barred);
      }
    }
  }

  #close(arcs: readonly Way<Passage>[]): void {
    const channels = [...new Set(arcs.map((arc) => arc.channel))].sort();
    const key = channels.join(' ');
    if (channels.length < 2 || this.#rings.has(key)) return;
    if (channels.some((one, i) => channels.slice(i + 1).some((other) => this.#shared.has(pairKey(one, other))))) return;
    for (const first of arcs[0]!.passages) {
      const passages = this.#follow(arcs, 1, [first]);
      if (passages === null) continue;
      this.#rings.set(key, { arcs, passages });
      return;
    }
  }

  #follow(arcs: readonly Way<Passage>[], hop: number, passages: readonly Passage[]): readonly Passage[] | null {
    const here = passages.at(-1)!;
    if (hop === arcs.length) return closes(here, passages[0]!) ? passages : null;
    for (const next of this.#entries.get(arcs[hop]!)!.meeting(here.to)) {
      if (++this.#steps > STEPS_MAX) this.exhausted = true;
      if (this.exhausted) return null;
      const found = this.#follow(arcs, hop + 1, [...passages, next]);
      if (found !== null) return found;
    }
    return null;
  }
}

function closes(last: Passage, first: Passage): boolean {
  return new PatternIndex([[first.from, first]]).meeting(last.to).length > 0;
}

function arcsOf(name: string, channel: ChannelSpec): Arc[] {
  const passages = (back: boolean): Passage[] =>
    channel.tables.map((table, i) => {
      const [from, to] = [table.from, table.to ?? table.from];
      return { from: back ? to : from, to: back ? from : to, path: ['channels', name, 'tables', i] };
    });
  const { direction } = channel;
  const arc = (twoWay: boolean, source: string, target: string, passages: readonly Passage[]): Arc => ({
    ...{ channel: name, twoWay, source, target, passages },
  });
  const forward = passages(false);
  if (direction.kind === 'one-way') {
    return direction.from.flatMap((source) => direction.to.map((target) => arc(false, source, target, forward)));
  }
  // Whatever the shape: seen from other channels, a change of one database reaches all.
  const backward = passages(true);
  const [first, ...others] = direction.between;
  return others.flatMap((other) => [arc(true, first!, other, forward), arc(true, other, first!, backward)]);
}

function databasesOf({ direction }: ChannelSpec): readonly string[] {
  return direction.kind === 'two-way' ? direction.between : [...direction.from, ...direction.to];
}

function pairKey(one: string, other: string): string {
  return [one, other].sort().join(' ');
}
