/** Random histories of last-write-wins in a mesh. `npm run sim` runs as many more as one likes. */
import { expect, test } from 'vitest';
import { LONG } from '../project/long.ts';
import { runMesh } from './mesh/world.ts';

const HISTORIES = LONG ? 10_000 : 200;

test(`${HISTORIES} random histories end with equal sites, and every promise holds on the way`, () => {
  const found: string[] = [];
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    const { violation } = runMesh({ seed });
    if (violation !== null) found.push(`seed ${seed}: ${violation}`);
  }
  expect(found).toEqual([]);
}, 900_000);
