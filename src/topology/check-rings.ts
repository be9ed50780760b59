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
import type { Path } from './tree.ts';
import { valuePlace } from './tree.ts';

/** Steps of the search for rings; beyond them nothing is proven, so the topology is refused. */
const STEPS_MAX = 5_000_000;

/** A channel from one database to another. */
interface Arc {
  readonly channel: string;
  readonly twoWay: boolean;
  readonly source: string;
  readonly target: string;
  readonly tables: readonly Passage[];
  /** The same, by the tables they take at the source. */
  readonly bySource: PatternIndex<Passage>;
}

/** A table entry as an arc sees it. */
interface Passage {
  readonly from: string;
  readonly to: string;
  readonly path: Path;
}

interface Ring {
  readonly arcs: readonly Arc[];
  readonly passages: readonly Passage[];
}

export function checkRings(checked: Checked): void {
  const shared = checkTwoWay(checked);
  const arcs = Object.entries(checked.topology.channel).flatMap(([name, channel]) => arcsOf(name, channel));
  checkWrittenTwice(checked, arcs);
  const search = new RingSearch(arcs, shared);
  for (const ring of search.rings()) reportRing(checked, ring);
  if (!search.exhausted) return;
  const summary = 'the channels join the databases in too many ways to prove that no change goes in a ring';
  checked.report({ code: 'OT1045', summary, path: ['channels'], at: 'key' });
}

/** A table is in at most one two-way channel. Returns the pairs of channels that were reported. */
function checkTwoWay(checked: Checked): ReadonlySet<string> {
  const reported = new Set<string>();
  const channels = Object.entries(checked.topology.channel).filter(([, one]) => one.direction.kind === 'two-way');
  for (const [i, [name, channel]] of channels.entries()) {
    for (const [other, otherChannel] of channels.slice(i + 1)) {
      const meeting = meetingOf(channel, otherChannel);
      if (meeting === null) continue;
      reported.add(pairKey(name, other));
      const first = namePath(checked, ['channels', name, 'tables', meeting.one], 'from');
      checked.report({
        code: 'OT1044',
        summary: `\`${meeting.tables}\` of \`${meeting.database}\` is in two two-way channels, \`${name}\` and \`${other}\``,
        path: namePath(checked, ['channels', other, 'tables', meeting.other], 'from'),
        at: 'value',
        related: [{ message: `in channel \`${name}\``, range: valuePlace(checked.root, first) }],
      });
    }
  }
  return reported;
}

function meetingOf(
  one: ChannelSpec,
  other: ChannelSpec,
): { one: number; other: number; database: string; tables: string } | null {
  for (const database of databasesOf(one).filter((name) => databasesOf(other).includes(name))) {
    const index = new PatternIndex(other.tables.map((table, j) => [namesAt(other, table, database), j] as const));
    for (const [i, table] of one.tables.entries()) {
      const [j] = index.meeting(namesAt(one, table, database));
      if (j !== undefined) return { one: i, other: j, database, tables: namesAt(other, other.tables[j]!, database) };
    }
  }
  return null;
}

function checkWrittenTwice(checked: Checked, arcs: readonly Arc[]): void {
  const oneWay = arcs.filter((arc) => !arc.twoWay);
  const reported = new Set<string>();
  for (const [i, one] of oneWay.entries()) {
    for (const other of oneWay.slice(i + 1)) {
      const pair = pairKey(one.channel, other.channel);
      if (
        one.channel === other.channel ||
        one.source !== other.source ||
        one.target !== other.target ||
        reported.has(pair)
      )
        continue;
      const byTarget = new PatternIndex(other.tables.map((table) => [table.to, table] as const));
      for (const table of one.tables) {
        const twins = new Set(byTarget.meeting(table.to));
        const twin = other.bySource.meeting(table.from).find((t) => twins.has(t));
        if (twin === undefined) continue;
        reported.add(pair);
        const related = [
          {
            message: `in channel \`${one.channel}\``,
            range: valuePlace(checked.root, namePath(checked, table.path, 'from')),
          },
        ];
        const summary = `channels \`${one.channel}\` and \`${other.channel}\` both write \`${twin.to}\` of \`${one.target}\` from \`${one.source}\``;
        checked.report({
          code: 'OT1047',
          severity: 'warning',
          summary,
          path: namePath(checked, twin.path, 'from'),
          at: 'value',
          related,
        });
        break;
      }
    }
  }
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
  readonly #bySource = new Map<string, Arc[]>();
  readonly #shared: ReadonlySet<string>;
  #steps = 0;

  constructor(arcs: readonly Arc[], shared: ReadonlySet<string>) {
    this.#shared = shared;
    for (const arc of arcs) {
      const known = this.#bySource.get(arc.source);
      if (known === undefined) this.#bySource.set(arc.source, [arc]);
      else known.push(arc);
    }
  }

  /** One ring for each set of channels that make one. */
  rings(): Ring[] {
    const rings = new Map<string, Ring>();
    const starts = [...this.#bySource.keys()];
    for (const [rank, start] of starts.entries()) {
      // Each ring is found once, from the first of its databases.
      const barred = new Set(starts.slice(0, rank));
      this.#walk(start, [], barred, rings);
      if (this.exhausted) break;
    }
    return [...rings.values()];
  }

  #walk(database: string, arcs: readonly Arc[], barred: ReadonlySet<string>, rings: Map<string, Ring>): void {
    for (const arc of this.#bySource.get(database) ?? []) {
      if (++this.#steps > STEPS_MAX) this.exhausted = true;
      if (this.exhausted) return;
      const way = [...arcs, arc];
      if (arc.target === way[0]!.source) {
        this.#close(way, rings);
      } else if (!barred.has(arc.target) && !arcs.some((one) => one.source === arc.target)) {
        this.#walk(arc.target, way, barred, rings);
      }
    }
  }

  #close(arcs: readonly Arc[], rings: Map<string, Ring>): void {
    const channels = [...new Set(arcs.map((arc) => arc.channel))].sort();
    const key = channels.join(' ');
    if (channels.length < 2 || rings.has(key)) return;
    if (channels.some((one, i) => channels.slice(i + 1).some((other) => this.#shared.has(pairKey(one, other))))) return;
    for (const first of arcs[0]!.tables) {
      const passages = this.#follow(arcs, 1, [first]);
      if (passages === null) continue;
      rings.set(key, { arcs, passages });
      return;
    }
  }

  #follow(arcs: readonly Arc[], hop: number, passages: readonly Passage[]): readonly Passage[] | null {
    const here = passages.at(-1)!;
    if (hop === arcs.length) return closes(here, passages[0]!) ? passages : null;
    for (const next of arcs[hop]!.bySource.meeting(here.to)) {
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
  const arc = (twoWay: boolean, source: string, target: string, tables: readonly Passage[]): Arc => {
    const bySource = new PatternIndex(tables.map((table) => [table.from, table] as const));
    return { channel: name, twoWay, source, target, tables, bySource };
  };
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
