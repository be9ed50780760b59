/** Random histories of two sites whose conflicts wait for a person; the same seed gives the same history. */
import type { Image } from '../../../src/model/row.ts';
import { Random } from '../simulator/random.ts';
import { change, type Fault, lockOf, ModelSite } from './site.ts';

export interface ManualHistory {
  readonly seed: number;
  readonly fault?: Fault;
}

export interface ManualOutcome {
  /** The broken promise, or null. */
  readonly violation: string | null;
  readonly parked: number;
  readonly resolved: number;
}

const IDS = ['1', '2', '3', '4'];
const VALUES = ['1', '2', '3', null];
const STEPS = 60;
/** Decisions in a row that may be needed until nothing waits. */
const DECISIONS = 400;

export function runManual({ seed, fault }: ManualHistory): ManualOutcome {
  const random = new Random(seed);
  const rows: Image[] = [
    ['1', '1', '0'],
    ['2', null, '0'],
  ];
  const [a, b] = [new ModelSite('a', rows, fault ?? null), new ModelSite('b', rows, fault ?? null)];
  const sites = [a, b] as const;
  const other = (site: ModelSite): ModelSite => (site === a ? b : a);
  let resolved = 0;
  const outcome = (violation: string | null): ManualOutcome => ({
    violation,
    parked: a.parked.length + b.parked.length,
    resolved,
  });
  const decide = (site: ModelSite): string | null => {
    if (site.open.length === 0) return null;
    const waiting = random.pick(site.open);
    const local = site.row(waiting.lock);
    const key = waiting.incoming ?? waiting.base ?? local!;
    const own: Image = [key[0]!, random.pick(VALUES), `decided ${random.below(1000)}`];
    site.resolve(waiting, random.pick([waiting.incoming, waiting.base, local, own]));
    resolved += 1;
    return waiting.lock;
  };

  for (let step = 0; step < STEPS; step += 1) {
    const site = random.pick(sites);
    const violation = random.weighted<() => unknown>([
      [10, () => write(site, random)],
      [6, () => site.take(other(site), 1 + random.below(4))],
      [3, () => void decide(site)],
      [1, () => site.restart(other(site))],
    ])();
    if (typeof violation === 'string') return outcome(violation);
  }
  for (let decisions = 0; ; decisions += 1) {
    for (const site of sites) {
      const violation = site.take(other(site), Number.POSITIVE_INFINITY);
      if (violation !== null) return outcome(violation);
    }
    const broken = differing(a, b);
    if (broken !== null) return outcome(broken);
    const waiting = sites.filter((site) => site.open.length > 0);
    if (waiting.length === 0) return outcome(null);
    if (decisions === DECISIONS) return outcome('it never ends');
    const site = random.pick(waiting);
    const lock = decide(site);
    const violation = other(site).take(site, Number.POSITIVE_INFINITY);
    if (violation !== null) return outcome(violation);
    // Nobody writes any more. Only a row that has the value there, and that nobody decided about, is in the way.
    const left = other(site).open.filter((each) => each.lock === lock);
    if (left.length > 0 && left.every(({ reason }) => reason !== 'duplicate')) return outcome(`${lock!} still waits`);
  }
}

/** A row that is not the same at both, and waits at neither. */
function differing(a: ModelSite, b: ModelSite): string | null {
  const open = new Set([...a.open, ...b.open].map(({ lock }) => lock));
  const locks = new Set([...a.rows, ...b.rows].map(lockOf));
  for (const lock of locks) {
    if (JSON.stringify(a.row(lock)) !== JSON.stringify(b.row(lock)) && !open.has(lock)) return `${lock} differs`;
  }
  return null;
}

function write(site: ModelSite, random: Random): void {
  const changes = [];
  const rows = new Map(site.rows.map((row) => [row[0]!, row]));
  for (let i = 0; i <= random.below(3); i += 1) {
    const id = random.pick(IDS);
    const now = rows.get(id) ?? null;
    const to = random.chance(0.2) ? random.pick(IDS) : id;
    const after: Image | null =
      now !== null && random.chance(0.25) ? null : [to, random.pick(VALUES), `${site.name} ${random.below(1000)}`];
    // Of one transaction each row once; the server refuses what does not fit.
    rows.delete(id);
    if (after !== null) {
      if (to !== id && rows.has(to)) continue;
      rows.set(to, after);
    }
    changes.push(change(now, after));
  }
  if (changes.length > 0) site.write(changes);
}
