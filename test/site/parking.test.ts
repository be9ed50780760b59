/** Rows that are set aside, in a made-up world: whatever is refused and whoever is killed, what is applied later gives the same rows. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { history, sorted } from './lanes-world.ts';
import { ParkingWorld } from './parking-world.ts';

const RUNS = 250;

interface Outcome {
  readonly equal: boolean;
  /** Chains that were refused though their cause was mended. */
  readonly refused: number;
  readonly world: ParkingWorld;
  readonly set: number;
  readonly behind: number;
}

async function played(seed: number, broken: (world: ParkingWorld) => void = () => undefined): Promise<Outcome> {
  const random = seededRandom(seed);
  const { log, rows } = history(random, random.between(5, 60));
  const world = new ParkingWorld(seed);
  const some = random.between(2, 9);
  world.refuses = (row) => Number(row[2]) % some === 0;
  broken(world);
  const half = random.between(1, log.length);
  await world.run(log.slice(0, half), 3);
  // Some of it is mended, and applied, while the log goes on.
  if (random.chance(0.5)) {
    world.refuses = (row) => Number(row[2]) % (some * 2) === 0;
    world.retry(() => world.random.chance(0.5));
  }
  if (half < log.length) await world.run(log, 3);
  const { letters } = world;
  world.refuses = () => false;
  const refused = world.retry();
  return {
    equal: JSON.stringify(sorted(world.rows)) === JSON.stringify(sorted(rows)),
    refused,
    world,
    set: letters.length,
    behind: letters.filter(({ error }) => error === null).length,
  };
}

test('when all that was set aside is applied, the rows are those that nothing would have been refused of', async () => {
  let [set, behind] = [0, 0];
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const outcome = await played(seed);
    const { equal, refused, world } = outcome;
    expect({ seed, equal, refused, last: equal ? null : world.seen.at(-1) }).toEqual({
      ...{ seed, equal: true, refused: 0, last: null },
    });
    set += outcome.set;
    behind += outcome.behind;
  }
  // That happened at all.
  expect(set).toBeGreaterThan(RUNS);
  expect(behind).toBeGreaterThan(RUNS / 4);
});

test('a node that does not know what was set aside before it is found', async () => {
  let found = false;
  for (let seed = 1; seed <= RUNS && !found; seed += 1) {
    const outcome = await played(seed, (world) => {
      world.told = () => [];
    }).catch(() => null);
    found = outcome === null || !outcome.equal || outcome.refused > 0;
  }
  expect(found).toBe(true);
});
