/** The lanes of a pipeline in a made-up world: whatever is killed when, every row is written once and all become equal. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { OtterError } from '../../src/model/error.ts';
import type { Division } from '../../src/replication/shares.ts';
import { history, sorted, World } from './lanes-world.ts';

interface Outcome {
  readonly equal: boolean;
  readonly world: World;
}

async function played(seed: number, broken: (world: World) => void = () => undefined, kills = 6): Promise<Outcome> {
  const random = seededRandom(seed);
  const { log, rows } = history(random, random.between(5, 60));
  const world = new World(seed);
  broken(world);
  const counts = [random.between(2, 5), random.between(1, 5)];
  await world.run(log, () => random.pick(counts), kills);
  return { equal: JSON.stringify(sorted(world.rows)) === JSON.stringify(sorted(rows)), world };
}

const RUNS = 300;

test('every row is written once, whatever is killed when and however many lanes there are then', async () => {
  let [divided, ahead] = [0, 0];
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const { equal, world } = await played(seed);
    expect({ seed, equal, last: equal ? null : world.seen.at(-1) }).toMatchObject({ seed, equal: true });
    // Nothing was refused that one writer would not have been refused.
    expect(world.seen.filter((error) => error instanceof OtterError && error.code !== 'OT5001')).toEqual([]);
    divided += world.divided;
    ahead += world.ahead;
  }
  // That happened at all.
  expect(divided).toBeGreaterThan(RUNS * 5);
  expect(ahead).toBeGreaterThan(RUNS / 2);
});

/** Whether some history ends otherwise, or does not end. */
async function finds(broken: (world: World) => void): Promise<boolean> {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const outcome = await played(seed, broken).catch(() => null);
    if (outcome?.equal !== true) return true;
  }
  return false;
}

test('rules that are broken are found: no record, a record of other lanes, lanes that stand elsewhere', async () => {
  const divisionOf = (text: string): Division => JSON.parse(text) as Division;
  expect(
    await finds((world) => {
      world.told = () => null;
    }),
  ).toBe(true);
  expect(
    await finds((world) => {
      world.told = (record) => {
        if (record === null) return null;
        const division = divisionOf(record.division);
        return { ...record, division: JSON.stringify({ ...division, lanes: Math.max(1, division.lanes - 1) }) };
      };
    }),
  ).toBe(true);
  expect(
    await finds((world) => {
      world.told = (record) => record && { ...record, positions: record.positions.map(() => record.positions[0]!) };
    }),
  ).toBe(true);
});

test('a key that nobody knew of sends rows back to their order; what is refused there too is said, and nothing is wrong', async () => {
  let [sentBack, stuck] = [0, 0];
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const played = await playedUnknowing(seed);
    const refused = played.world.seen.filter((error) => error instanceof OtterError && error.code !== 'OT5001');
    expect({ seed, equal: played.equal || codeOf(refused.at(-1)) === 'OT5016' }).toEqual({ seed, equal: true });
    if (refused.some((error) => codeOf(error) === 'OT5061')) sentBack += 1;
    if (!played.equal) stuck += 1;
  }
  expect(sentBack).toBeGreaterThan(0);
  // A lane that was ahead may have what is in the way.
  expect(stuck).toBeLessThan(sentBack);
});

const codeOf = (error: unknown): string => (error instanceof OtterError ? error.code : '');

/** Unique and foreign keys come to be known when rows are refused. */
async function playedUnknowing(seed: number): Promise<Outcome> {
  const known: World[] = [];
  const hidden = (world: World): void => {
    known.push(world);
    world.shapeOf = (table) =>
      world.seen.some((error) => codeOf(error) !== '')
        ? table
        : { ...table, uniques: [], foreignKeys: [], referencedBy: [] };
  };
  return played(seed, hidden, 0).catch(() => ({ equal: false, world: known[0]! }));
}
