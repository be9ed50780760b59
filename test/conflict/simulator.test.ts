import { describe, expect, test } from 'vitest';
import { FAULTS, type Fault } from './simulator/faults.ts';
import { runHistory } from './simulator/world.ts';

/** Seeds whose histories break a promise, with what they broke; `runHistory({ seed })` replays one. */
function violations(histories: number): string[] {
  const found: string[] = [];
  for (let seed = 1; seed <= histories; seed += 1) {
    const { violation } = runHistory({ seed });
    if (violation !== null) found.push(`seed ${seed}: ${violation}`);
  }
  return found;
}

function firstSeed(
  faults: readonly Fault[],
  most: number,
  patient: boolean,
  wanted: (violation: string) => boolean,
): number | null {
  for (let seed = 1; seed <= most; seed += 1) {
    const { violation } = runHistory({ seed, faults, patient });
    if (violation !== null && wanted(violation)) return seed;
  }
  return null;
}

describe('site-priority of two sites', () => {
  test('2,000 random histories end with equal sites, and every promise holds on the way', () => {
    expect(violations(2_000)).toEqual([]);
  }, 60_000);

  test('histories are worth something: all paths and reasons occur', () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= 300; seed += 1) {
      for (const [what, by] of runHistory({ seed }).counts) counts.set(what, (counts.get(what) ?? 0) + by);
    }
    for (const what of ['fast', 'taken whole', 'slow', 'answers', 'recent write', 'refused before', 'duplicate']) {
      expect(counts.get(what), what).toBeGreaterThan(20);
    }
  });

  test('a seed replays its history', () => {
    const once = runHistory({ seed: 7, faults: ['before image'] });
    const again = runHistory({ seed: 7, faults: ['before image'] });
    expect([...again.counts]).toEqual([...once.counts]);
    expect(again.violation).toBe(once.violation);
  });
});

/** A token that claims too little refuses what it need not, but every refusal is answered: the sites stay equal. */
const CONVERGENT: ReadonlySet<Fault> = new Set<Fault>(['token claims too little']);
const MOST = 3_000;

describe('the simulator can fail', () => {
  const faults = Object.entries(FAULTS) as [Fault, string][];

  test.each(faults.filter(([fault]) => !CONVERGENT.has(fault)))(
    'sites differ: %s (%s)',
    (fault) => {
      expect(firstSeed([fault], MOST, true, (violation) => violation === 'the sites differ')).not.toBeNull();
    },
    60_000,
  );

  test.each(faults.filter(([fault]) => CONVERGENT.has(fault)))('a promise is broken: %s (%s)', (fault) => {
    expect(
      firstSeed([fault], MOST, false, (violation) => violation === 'a change was refused that nobody had contested'),
    ).not.toBeNull();
  });
});
