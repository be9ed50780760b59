/** Tables and statements at random between servers of every family. */
import { expect, test } from 'vitest';
import type { Kind } from './cases.ts';
import { runRandom } from './random.ts';

const KINDS: readonly Kind[] = ['mariadb', 'mariadb11', 'mysql'];

test.each(KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const)))(
  '200 tables, %s to %s',
  async (from, to) => {
    expect(await runRandom(from, to, 200)).toBeGreaterThan(200);
  },
  600_000,
);
