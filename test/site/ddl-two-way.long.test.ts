/** Changes of tables every second at the first site of a two-way channel under load, with kills. One alone: `-t 'mysql and mariadb'`. */
import { test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ConflictSpec } from '../../src/model/topology.ts';
import { Otter, passwordsOf, sitesOf, streaming } from '../e2e/otter.ts';
import { type Crew, inProcess, LONG } from './ddl-storm.ts';
import { twoWayStorm } from './ddl-storm-two-way.ts';
import { channel, STARTS } from './harness.ts';

const SEED = Number(process.env['OTTER_SEED'] ?? '1');
const SECONDS = Number(process.env['OTTER_STORM_SECONDS'] ?? '20');

const PAIRS = [
  ['mariadb', 'mariadb', {}],
  ['mysql', 'mysql', { policy: 'last-write-wins', merge: 'column', counters: ['n'] }],
  ['mariadb', 'mysql', { policy: 'last-write-wins' }],
  ['mysql', 'mariadb11', { merge: 'column' }],
] as const;

async function between(
  [from, to]: readonly [keyof typeof STARTS, keyof typeof STARTS],
  work: (a: DatabaseServer, b: DatabaseServer) => Promise<void>,
): Promise<void> {
  const options = from === to ? {} : { args: ['--collation-server=utf8mb4_general_ci'] };
  const [a, b] = await Promise.all([STARTS[from](options), STARTS[to](options)]);
  try {
    await work(a, b);
  } finally {
    await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  }
}

test.each(PAIRS)(
  '%s and %s: changes every second, both equal in the end',
  async (from, to, rule) => {
    const base = {
      policy: 'site-priority',
      priority: ['a', 'b'],
      by: null,
      merge: 'row',
      groups: [],
      counters: [],
    } as const;
    const conflict: ConflictSpec = { ...base, ...rule };
    const spec = channel({ kind: 'two-way', between: ['a', 'b'] }, ['s.*'], { ddl: 'replicate' });
    const { counters = [], ...plain } = { ...conflict };
    // Only one table has the columns that add up.
    const tables = ['s.hot', 's.*'].map((name) => ({
      ...spec.tables[0]!,
      from: name,
      conflict: name === 's.hot' ? { ...plain, counters } : { ...plain, counters: [] },
    }));
    await between([from, to], async (a, b) => {
      const crew = async () => inProcess(a, b, { ...spec, conflict, tables });
      await twoWayStorm({ servers: [a, b], crew, statements: SECONDS, cuts: SECONDS / 5, seed: SEED, ...LONG });
    });
  },
  400_000,
);

/** Nodes of their own, one for each server, which are killed; and so are the servers. */
async function nodes(a: DatabaseServer, b: DatabaseServer, policy: string): Promise<Crew> {
  const otter = await Otter.in(passwordsOf([a, b]));
  const conflict = policy === 'site-priority' ? '{ policy: site-priority, priority: [a, b] }' : `{ policy: ${policy} }`;
  await otter.write(
    await sitesOf([a, b], `  c: { between: [a, b], ddl: replicate, conflict: ${conflict}, tables: ["s.*"] }\n`),
  );
  const names = ['west-1', 'east-1'];
  for (const name of names) otter.node(name);
  const { code, out, err } = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  if (code !== 0) throw new Error(out + err);
  return {
    cut: async (random) => {
      const which = random(5);
      if (which === 4) {
        await b.kill();
        await b.restart();
      } else {
        const name = names[which % 2]!;
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
  '%s and %s: changes every second, while nodes and the second server are killed',
  async (from, to, rule) => {
    const policy = 'policy' in rule ? rule.policy : 'site-priority';
    await between([from, to], async (a, b) => {
      const crew = async () => nodes(a, b, policy);
      await twoWayStorm({ servers: [a, b], crew, statements: SECONDS, cuts: SECONDS / 5, seed: SEED, ...LONG });
    });
  },
  400_000,
);
