/**
 * `node scripts/task.mjs TASK [ARGUMENTS]`: what the npm scripts call. Makes the checkout ready first, so that in a fresh
 * clone one command is enough, then does the task under the new Node and ends with its exit code.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, newEnvironment, newNode, ROOT, run, say } from './set-up.mjs';

const CHECKS = {
  biome: [
    'node_modules/@biomejs/biome/bin/biome',
    'check',
    '--max-diagnostics=100',
    ...(process.stdout.isTTY ? [] : ['--colors=off']),
    '.',
  ],
  types: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'],
  eslint: ['node_modules/eslint/bin/eslint.js', '.'],
  imports: ['node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', 'src', '--output-type', 'err'],
  'dead code': ['node_modules/knip/bin/knip.js'],
};

const TASKS = {
  build: async () => await build({ always: true }),
  /** After npm ci: nothing to build from (a package), or nothing to build with (no development packages), is no failure. */
  prepare: async () => await build({ always: true }),
  test: async (args) => await test(args, {}),
  'test:long': async (args) => await test(args, { OTTER_TEST_LONG: '1' }),
  chaos: async (args) => await chaos(args),
  check: async (names) => (await install()) || (await check(names)),
  bench: async (args) => await ready(async () => await node(['bench/shared/run.ts', ...args])),
  sim: async (args) => (await install()) || (await node(['test/conflict/simulate.ts', ...args])),
  demo: async (args) => await ready(async () => await node(['dist/main.js', 'demo', ...args])),
};

const [name, ...args] = process.argv.slice(2);
const task = Object.hasOwn(TASKS, name ?? '') ? TASKS[name] : null;
if (task === null) say(`usage: node scripts/task.mjs ${Object.keys(TASKS).join('|')} [ARGUMENTS]`);
process.exitCode = task === null ? 3 : await task(args);

async function ready(then) {
  return (await install()) || (await build()) || (await then());
}

/** A build that fails does not hide what the tests have to say, nor do they hide it. */
async function test(args, env) {
  const installed = await install();
  if (installed !== 0) return installed;
  const built = await build();
  return (await node(['node_modules/vitest/vitest.mjs', 'run', ...args], env)) || built;
}

/** So many minutes in which everything goes wrong. */
async function chaos(args) {
  const { values } = parseArgs({ args, options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
  const seed = values.seed === undefined ? {} : { OTTER_SEED: values.seed };
  return await test(['test/e2e/chaos.long.test.ts', '--project', 'long'], {
    OTTER_TEST_LONG: '1',
    OTTER_CHAOS_MINUTES: values.minutes ?? '10',
    ...seed,
  });
}

/** Our own scripts get otter's exit codes and signals unchanged: one process, no shell between. */
async function node(args, env = {}) {
  return await run(newNode(), [join(ROOT, args[0]), ...args.slice(1)], { env: { ...newEnvironment(), ...env } });
}

/** All of them, or those that are named; one that fails does not hide the next. */
async function check(names) {
  const failed = [];
  for (const [check, command] of Object.entries(CHECKS)) {
    if (names.length > 0 && !names.includes(check)) continue;
    say(`-- ${check}`);
    if ((await node(command)) !== 0) failed.push(check);
  }
  say(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}.`);
  return failed.length === 0 ? 0 : 1;
}
