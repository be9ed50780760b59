/** The list of differences says what happens. Every one is between these pairs; the others are in `matrix.long.test.ts`. */

import { expect, test } from 'vitest';
import { LONG } from '../project/long.ts';
import { runDifferences } from './differences.ts';

const PAIRS = [
  ['mariadb11', 'mysql', 4],
  ['mysql', 'mariadb', 2],
] as const;

test.each(LONG ? PAIRS : PAIRS.slice(0, 1))(
  '%s to %s',
  async (from, to, count) => {
    expect(await runDifferences(from, to)).toBe(count);
  },
  60_000,
);
