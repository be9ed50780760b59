/** Changes of tables every second under load, with cuts: every pair of server families. One alone: `npm run test:long -- ddl-storm -t 'mysql to mariadb'`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { storm } from './ddl-storm.ts';
import { STARTS } from './harness.ts';

const PAIRS = [
  ['mariadb', 'mariadb'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
  ['mysql', 'mariadb11'],
] as const;

const SEED = Number(process.env['OTTER_SEED'] ?? '1');
const SECONDS = Number(process.env['OTTER_STORM_SECONDS'] ?? '60');

test.each(PAIRS)(
  '%s to %s: a minute of changes, both equal in the end',
  async (from, to) => {
    const options = from === to ? {} : { args: ['--collation-server=utf8mb4_general_ci'] };
    const [a, b] = await Promise.all([STARTS[from](options), STARTS[to](options)]);
    try {
      const servers = [a, b] as const;
      await storm({ servers, statements: SECONDS, cuts: SECONDS / 5, seed: SEED, pause: () => sleep(1_000) });
    } finally {
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
    }
  },
  400_000,
);
