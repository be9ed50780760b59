import { describe, expect, test } from 'vitest';
import { LONG } from '../project/long.ts';
import { channelsOf } from './simulator/channels.ts';
import { CHANNEL_FAULTS, FAULTS, type Fault, LOSS_FAULTS, POLICY_FAULTS, STAR_FAULTS } from './simulator/faults.ts';
import { lengthOf, shrink } from './simulator/shrink.ts';
import { type HistoryOptions, runHistory, spokesOf } from './simulator/world.ts';

function firstSeed(options: Omit<HistoryOptions, 'seed'>, wanted: string): number | null {
  for (let seed = 1; seed <= MOST; seed += 1) {
    if (runHistory({ ...options, seed }).violation === wanted) return seed;
  }
  return null;
}

describe('every policy, of two sites and of stars', () => {
  test('four of ten histories are stars, of two spokes to four', () => {
    const spokes = Array.from({ length: 2_000 }, (_, seed) => spokesOf(seed + 1));
    const share = (count: number): number => spokes.filter((each) => each === count).length / 200;
    for (const [count, expected] of [6, 2.5, 1, 0.5].entries())
      expect(Math.abs(share(count + 1) - expected), `${count + 1} spokes`).toBeLessThan(0.4);
  });

  test('three of ten histories have two channels between the same sites', () => {
    const two = Array.from({ length: 2_000 }, (_, seed) => channelsOf(seed + 1)).filter(({ length }) => length === 2);
    expect(Math.abs(two.length / 200 - 3)).toBeLessThan(0.4);
  });

  test('histories are worth something: all paths and reasons occur', () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= (LONG ? 1_000 : 700); seed += 1) {
      for (const [what, by] of runHistory({ seed }).counts) counts.set(what, (counts.get(what) ?? 0) + by);
    }
    for (const what of [
      'fast',
      'taken whole',
      'slow',
      'answers',
      'recent write',
      'refused before',
      'duplicate',
      'blocked',
      'beaten',
      'nothing beaten',
      'evicted',
      'lost in part',
      'records',
    ]) {
      expect(counts.get(what), what).toBeGreaterThan(20);
    }
  });

  test('what breaks a promise is shrunk to a history of few steps that breaks it too', () => {
    const short = shrink({
      seed: firstSeed({ faults: ['no barrier'] }, 'the sites differ') ?? 1,
      faults: ['no barrier'],
    })!;
    expect(short).toMatchObject({ spokes: 1, channels: 1 });
    expect(lengthOf(short)).toBeLessThan(40);
    expect(runHistory(short).violation).not.toBeNull();
    const kept = [...Array(short.steps).keys()].filter((step) => !short.without.has(step));
    for (const step of kept)
      expect(runHistory({ ...short, without: new Set([...short.without, step]) }).violation).toBeNull();
  });

  test('a seed replays its history', () => {
    const once = runHistory({ seed: 7, faults: ['before image'] });
    const again = runHistory({ seed: 7, faults: ['before image'] });
    expect([...again.counts]).toEqual([...once.counts]);
    expect(again.violation).toBe(once.violation);
  });
});

/** These keep the sites equal too, but not what a policy promises beyond that. */
const BROKEN: Readonly<Partial<Record<Fault, string>>> = {
  'token claims too little': 'a change was refused that nobody had contested',
  'own writes are entries': 'a change was refused that nobody had contested',
  'lowest token over channels': 'a change was refused that nobody had contested',
  "others' answers are entries": 'a change was refused that nobody had contested',
  'applied rows without versions': 'a write was lost to an earlier one',
  'last entry only': 'a write was lost to an earlier one',
  'naive counters': 'a sum is wrong',
};
const MOST = 3_000;

describe.each([
  ['the simulator can fail', FAULTS, {}],
  ['policies show', POLICY_FAULTS, {}],
  ['a star of two shows', STAR_FAULTS, { spokes: 2 }],
  ['two channels show', CHANNEL_FAULTS, { channels: 2 }],
] as const)('%s', (_name, list, star) => {
  const faults = Object.entries(list) as [Fault, string][];

  test.each(faults.filter(([fault]) => BROKEN[fault] === undefined))(
    'sites differ: %s (%s)',
    (fault) => {
      expect(firstSeed({ ...star, faults: [fault], patient: true }, 'the sites differ')).not.toBeNull();
    },
    60_000,
  );

  test.each(faults.filter(([fault]) => BROKEN[fault] !== undefined))('a promise is broken: %s (%s)', (fault) => {
    // A sum is asked for at rest, and a wrong one is told of on the way already.
    const patient = BROKEN[fault] === 'a sum is wrong';
    expect(firstSeed({ ...star, faults: [fault], patient }, BROKEN[fault]!)).not.toBeNull();
  });
});

describe('every loss is in the conflict log once', () => {
  const faults = Object.entries(LOSS_FAULTS) as [Fault, string][];

  test.each(faults)('a loss is told wrongly: %s (%s)', (fault) => {
    expect(firstSeed({ faults: [fault] }, 'the conflict log does not tell what was lost')).not.toBeNull();
  });

  test.each(faults)('nothing is decided by it: %s', (fault) => {
    for (let seed = 1; seed <= 100; seed += 1)
      expect(runHistory({ seed, faults: [fault], patient: true }).violation).toBeNull();
  });
});
