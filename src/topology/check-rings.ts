/**
 * Tables that go in a ring of several channels.
 *
 * Rule kept here: a topology passes only if it is proven that no change can travel through several channels back to
 * where it was made. Patterns are compared by what they may have in common, so a doubt is a refusal. (Loops inside
 * one channel are ended by marks.)
 */
import type { ChannelSpec } from '../model/topology.ts';
import { type Arc, checkTwoWay, checkWrittenTwice, entryKey, type Passage } from './check-shared.ts';
import { namePath } from './check-tables.ts';
import type { Checked } from './checked.ts';
import { PatternIndex } from './pattern-index.ts';
import { tangles, type Way } from './tangles.ts';
import { valuePlace } from './tree.ts';

/** Steps of the search for rings; beyond them nothing is proven, so the topology is refused. */
const STEPS_MAX = 5_000_000;

interface Ring {
  readonly arcs: readonly Way<Passage>[];
  readonly passages: readonly Passage[];
}

export function checkRings(checked: Checked): void {
  const told = checkTwoWay(checked);
  const arcs = Object.entries(checked.topology.channel).flatMap(([name, channel]) => arcsOf(name, channel, told));
  checkWrittenTwice(checked, arcs);
  let exhausted = false;
  const rings = new Map<string, Ring>();
  for (const tangle of tangles(withoutTwins(arcs))) {
    const search = new RingSearch(tangle, rings);
    search.run();
    exhausted ||= search.exhausted;
  }
  const order = new Map(Object.keys(checked.topology.channel).map((name, rank) => [name, rank]));
  for (const ring of rings.values()) reportRing(checked, order, ring);
  if (!exhausted) return;
  const summary = 'the channels join the databases in too many ways to prove that no change goes in a ring';
  checked.report({ code: 'OT1045', summary, path: ['channels'], at: 'key' });
}

/** Ways of the same tables between the same databases make the same rings. */
function withoutTwins(arcs: readonly Arc[]): readonly Arc[] {
  const seen = new Set<string>();
  return arcs.map((arc) => ({
    ...arc,
    passages: arc.passages.filter(({ from, to }) => {
      const key = JSON.stringify([arc.source, arc.target, from, to]);
      return !seen.has(key) && seen.add(key);
    }),
  }));
}

function reportRing(checked: Checked, order: ReadonlyMap<string, number>, { arcs, passages }: Ring): void {
  const last = arcs.reduce((best, arc, i) => (order.get(arc.channel)! > order.get(arcs[best]!.channel)! ? i : best), 0);
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
  /** One for each set of channels that make one. */
  readonly #rings: Map<string, Ring>;
  #steps = 0;

  constructor(arcs: readonly Way<Passage>[], rings: Map<string, Ring>) {
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

/** Without the entries that were told already: one mistake makes one finding. */
function arcsOf(name: string, channel: ChannelSpec, told: ReadonlySet<string>): Arc[] {
  const passages = (back: boolean): Passage[] =>
    channel.tables.flatMap((table, i) => {
      if (told.has(entryKey(name, i))) return [];
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
