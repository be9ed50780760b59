/** Random histories of every policy, at two sites and in stars. `npm run sim` runs as many more as one likes. */
import { expect, test } from 'vitest';
import { LONG } from '../project/long.ts';
import { runHistory } from './simulator/world.ts';

const HISTORIES = LONG ? 15_000 : 250;

test(`${HISTORIES} random histories end with equal sites, and every promise holds on the way`, () => {
  const found: string[] = [];
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    const { violation } = runHistory({ seed });
    if (violation !== null) found.push(`seed ${seed}: ${violation}`);
  }
  expect(found).toEqual([]);
}, 900_000);
