/** The list of differences says what happens. Every one is between these; the other pairs are in `matrix.long.test.ts`. */
import { expect, test } from 'vitest';
import { runDifferences } from './differences.ts';

test.each([
  ['mysql', 'mariadb', 3],
  ['mariadb11', 'mysql', 4],
] as const)(
  '%s to %s',
  async (from, to, count) => {
    expect(await runDifferences(from, to)).toBe(count);
  },
  60_000,
);
