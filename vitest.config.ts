/**
 * Three kinds of tests, told apart by their names: `*.test.ts` start no server and run side by side; `*.it.test.ts` start
 * real servers, three files at a time; `*.long.test.ts` take minutes and run only with `npm run test:long`, two at a time.
 */
import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './test/project/longest-first.ts';

const long = process.env['OTTER_TEST_LONG'] === '1';
const lent = ['OTTER_TEST_MARIADB', 'OTTER_TEST_MYSQL', 'OTTER_TEST_ETCD'].some(
  (name) => (process.env[name] ?? '') !== '',
);

// These tests wait more than they work, so that three files at once keep two cores busy; what takes minutes works more. A server
// that is given by address is lent within one process, see src/lab/external.ts.
const workers = (most: number): number => (lent ? 1 : most);

// The short run gates every change, so it does the same each time; the long one searches. Workers inherit the seed; see
// test/project/seed.ts.
process.env['OTTER_SEED'] ??= long ? String(Math.floor(Math.random() * 2 ** 31)) : '1';

// Nodes that tests start as processes of their own take no second port and keep no history on the disk, unless a test is about it.
process.env['OTTER_HTTP'] ??= 'off';
process.env['OTTER_DATA'] ??= 'off';

export default defineConfig({
  test: {
    globalSetup: 'test/project/say-seed.ts',
    teardownTimeout: 30_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: [...configDefaults.exclude, '**/*.it.test.ts', '**/*.long.test.ts'],
          setupFiles: ['test/project/seed.ts'],
          // Cheaper to start than processes, and apart from each other all the same.
          pool: 'threads',
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      serverTests('integration', 'test/**/*.it.test.ts', { maxWorkers: workers(3), order: 1 }),
      ...(long ? [serverTests('long', 'test/**/*.long.test.ts', { maxWorkers: workers(2), order: 2 })] : []),
    ],
  },
});

function serverTests(name: string, include: string, { maxWorkers, order }: { maxWorkers: number; order: number }) {
  return {
    test: {
      name,
      include: [include],
      setupFiles: ['test/project/seed.ts'],
      pool: 'forks' as const,
      maxWorkers,
      sequence: { groupOrder: order },
      testTimeout: long ? 1_800_000 : 120_000,
      hookTimeout: 120_000,
    },
  };
}
