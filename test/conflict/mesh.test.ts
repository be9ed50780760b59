import { describe, expect, test } from 'vitest';
import { COPY_FAULTS, FAULTS, type Fault, LOSS_FAULTS } from './mesh/faults.ts';
import { restartWhileCopying } from './mesh/scripted.ts';
import { shortest } from './mesh/shrink.ts';
import { type MeshHistory, runMesh, sitesOf } from './mesh/world.ts';

const MOST = 4_000;
/** Too rare for chance. */
const SCRIPTED: Fault = 'rebuilt as usual while copying';

function firstSeed(options: Omit<MeshHistory, 'seed'>, wanted: readonly string[]): number | null {
  for (let seed = 1; seed <= MOST; seed += 1) {
    if (wanted.includes(runMesh({ ...options, seed }).violation ?? '')) return seed;
  }
  return null;
}

describe('last-write-wins in a mesh', () => {
  test('histories have two to five sites, most of them three', () => {
    const sites = Array.from({ length: 1_400 }, (_, seed) => sitesOf(seed + 1));
    expect([2, 3, 4, 5].map((count) => Math.round(sites.filter((each) => each === count).length / 100))).toEqual([
      4, 7, 2, 1,
    ]);
  });

  test('histories are worth something: all paths occur', () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= 200; seed += 1) {
      for (const [what, by] of runMesh({ seed }).counts) counts.set(what, (counts.get(what) ?? 0) + by);
    }
    for (const what of [
      'fast',
      'taken whole',
      'passed through',
      'slow',
      'refused',
      'hidden',
      'losses',
      'blocked',
      'copied',
    ])
      expect(counts.get(what), what).toBeGreaterThan(50);
  });

  test('a seed replays its history, and fewer steps are its beginning', () => {
    const once = runMesh({ seed: 7, faults: ['no barrier'] });
    const again = runMesh({ seed: 7, faults: ['no barrier'] });
    expect([...again.counts]).toEqual([...once.counts]);
    expect(again.violation).toBe(once.violation);
    const short = shortest({ faults: ['no barrier'] }, 20)!;
    expect(runMesh(short).violation).not.toBeNull();
    expect(runMesh({ ...short, steps: short.steps - 1 }).violation).toBeNull();
  });
});

describe('the simulator of the mesh can fail', () => {
  test.each(Object.entries(FAULTS) as [Fault, string][])(
    'sites differ: %s (%s)',
    (fault) => {
      const wanted = ['the sites differ', 'it never comes to rest'];
      expect(firstSeed({ faults: [fault], patient: true }, wanted)).not.toBeNull();
    },
    120_000,
  );

  test.each((Object.entries(COPY_FAULTS) as [Fault, string][]).filter(([fault]) => fault !== SCRIPTED))(
    'sites differ while rows are copied: %s (%s)',
    (fault) => {
      expect(firstSeed({ faults: [fault], patient: true, copies: true }, ['the sites differ'])).not.toBeNull();
    },
    120_000,
  );

  test(`sites differ while rows are copied: ${SCRIPTED} (${COPY_FAULTS[SCRIPTED]})`, () => {
    expect(restartWhileCopying(() => false)).toEqual([[], [], []]);
    expect(restartWhileCopying((fault) => fault === SCRIPTED)).toEqual([[], [], ['item 1   1 0']]);
  });

  test.each(Object.entries(LOSS_FAULTS) as [Fault, string][])('a loss is wrong: %s (%s)', (fault) => {
    expect(firstSeed({ faults: [fault] }, ['losses are not what was lost'])).not.toBeNull();
  });

  test.each(Object.keys(LOSS_FAULTS) as Fault[])('what is lost is only told, not decided by: %s', (fault) => {
    for (let seed = 1; seed <= 100; seed += 1)
      expect(runMesh({ seed, faults: [fault], patient: true }).violation).toBeNull();
  });
});
