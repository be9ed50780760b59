/** Every type, value and operation between servers of every family. */
import { expect, test } from 'vitest';
import type { Kind } from './cases.ts';
import { runDifferences } from './differences.ts';
import { runMatrix } from './matrix.ts';

const KINDS: readonly Kind[] = ['mariadb', 'mariadb11', 'mysql'];
let all = 0;
let differences = 0;

test.each(KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const)))(
  '%s to %s',
  async (from, to) => {
    const { cells, wrong } = await runMatrix(from, to, 1);
    expect(wrong).toEqual([]);
    expect(cells).toBeGreaterThan(3000);
    all += cells;
    console.log(`${from} to ${to}: ${cells} cells`);
  },
  600_000,
);

test.each(KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const)))(
  'the differences from %s to %s',
  async (from, to) => {
    differences += await runDifferences(from, to);
  },
  120_000,
);

test('as many cells as there should be', () => {
  expect(all).toBeGreaterThan(30_000);
  expect(differences).toBeGreaterThan(8);
});
