/** Changes of tables every second under load, with cuts: every pair of server families. One alone: `npm run test:long -- ddl-storm -t 'mysql to mariadb'`. */
import { test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { Otter, passwordsOf, sitesOf, streaming } from '../e2e/otter.ts';
import { type Crew, inProcess, LONG, storm } from './ddl-storm.ts';
import { STARTS } from './harness.ts';

const PAIRS = [
  ['mariadb', 'mariadb'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
  ['mysql', 'mariadb11'],
] as const;

const SEED = Number(process.env['OTTER_SEED'] ?? '1');
const SECONDS = Number(process.env['OTTER_STORM_SECONDS'] ?? '20');

test.each(PAIRS)(
  '%s to %s: changes every second, both equal in the end',
  async (from, to) => {
    const options = from === to ? {} : { args: ['--collation-server=utf8mb4_general_ci'] };
    const [a, b] = await Promise.all([STARTS[from](options), STARTS[to](options)]);
    try {
      const servers = [a, b] as const;
      const crew = async () => inProcess(a, b);
      await storm({ servers, crew, statements: SECONDS, cuts: SECONDS / 5, seed: SEED, ...LONG });
    } finally {
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
    }
  },
  400_000,
);

/** Nodes of their own, one for each server, which are killed; and so is the second server. */
async function nodes(a: DatabaseServer, b: DatabaseServer): Promise<Crew> {
  const otter = await Otter.in(passwordsOf([a, b]));
  await otter.write(await sitesOf([a, b], '  c: { from: a, to: b, ddl: replicate, tables: ["s.*"] }\n'));
  const names = ['west-1', 'east-1'];
  for (const name of names) otter.node(name);
  const { code, out, err } = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  if (code !== 0) throw new Error(out + err);
  return {
    cut: async (random) => {
      const which = random(4);
      if (which === 3) {
        await b.kill();
        await b.restart();
      } else {
        const name = names[which === 0 ? 0 : 1]!;
        await otter.end(name, 'SIGKILL');
        otter.node(name);
      }
    },
    whole: () => otter.until('it streams', (pipelines) => streaming(pipelines), 120_000),
    tell: async () => JSON.stringify(await otter.status()),
    [Symbol.asyncDispose]: () => otter[Symbol.asyncDispose](),
  };
}

/** Of `ddl-killed.long.test.ts` are those who die at a certain moment. */
test.each(PAIRS.slice(2))(
  '%s to %s: changes every second, while nodes and the second server are killed',
  async (from, to) => {
    const options = from === to ? {} : { args: ['--collation-server=utf8mb4_general_ci'] };
    const [a, b] = await Promise.all([STARTS[from](options), STARTS[to](options)]);
    try {
      const crew = async () => nodes(a, b);
      const servers = [a, b] as const;
      await storm({ servers, crew, statements: SECONDS, cuts: SECONDS / 5, seed: SEED, ...LONG });
    } finally {
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
    }
  },
  400_000,
);
