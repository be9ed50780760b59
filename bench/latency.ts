/**
 * How long a commit at the source takes until it is visible at the target: otter beside a native replica of the same source,
 * in turns, commit by commit.
 *
 *   node bench/latency.ts [--commits N] [--rate TRX_PER_SECOND]
 *
 * Quiet, and under a load of other transactions at the source; one-way in one node, one-way and two-way between two nodes
 * (the two-way commits are made at the site that does not decide, which is the longer way). Needs `dist/`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { freePort } from '../src/lab/free-port.ts';
import { startMariaDb } from '../src/lab/servers.ts';
import { connect, Otter, passwordsOf, streaming } from '../test/e2e/otter.ts';
import { follow, quantile, until } from './shared/figures.ts';
import { startPart } from './shared/part.ts';
import type { Wanted } from './shared/report.ts';

const bench = startPart({
  name: 'latency',
  sizes: { commits: { full: 400, quick: 100 }, rate: { full: 500, quick: 500 } },
});
const { commits, rate } = bench.sizes;

await using stack = new AsyncDisposableStack();
const [source, target, replica] = await Promise.all([startMariaDb(), startMariaDb(), startMariaDb()]);
for (const server of [source, target, replica]) stack.use(server);
bench.uses('MariaDB', source.version);
const open = async (server: typeof source): Promise<Connection> => {
  const connection = await connect(server);
  stack.defer(() => connection.destroy());
  return connection;
};
const [from, to, native, loading, back] = [
  await open(source),
  await open(target),
  await open(replica),
  await open(source),
  await open(target),
];
for (const [connection, schemas] of [
  [from, ['one', 'two']],
  [to, []],
] as const)
  for (const schema of schemas)
    await connection.query(`CREATE DATABASE ${schema}; CREATE TABLE ${schema}.t (id BIGINT PRIMARY KEY, what VARCHAR(80) NOT NULL);
      CREATE TABLE ${schema}.other (id BIGINT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(80) NOT NULL)`);
await follow(native, source);
await native.query('START SLAVE');

let id = 0;

async function topology(apart: boolean): Promise<string> {
  const database = (name: string, region: string, server: typeof source): string =>
    `  ${name}: { region: ${region}, engine: mariadb, endpoints: ["${server.host}:${server.port}"], user: ${server.otter.user}, password: { env: ${name.toUpperCase()}_PASSWORD } }\n`;
  const node = async (name: string, region: string): Promise<string> =>
    `  ${name}: { region: ${region}, listen: "127.0.0.1:${await freePort()}" }\n`;
  return `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
${await node('west-1', 'west')}${await node('east-1', 'east')}databases:
${database('a', 'west', source)}${database('b', apart ? 'east' : 'west', target)}channels:
  one: { from: a, to: b, tables: ["one.*"] }
${apart ? '  two: { between: [a, b], conflict: { policy: site-priority }, tables: ["two.*"] }\n' : ''}`;
}

for (const apart of [false, true]) {
  await to.query('DROP DATABASE IF EXISTS one; DROP DATABASE IF EXISTS two; DROP DATABASE IF EXISTS otter');
  await from.query('DROP DATABASE IF EXISTS otter');
  await using otter = await Otter.in(passwordsOf([source, target]));
  await otter.write(await topology(apart));
  for (const name of apart ? ['west-1', 'east-1'] : ['west-1']) otter.node(name);
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  if (applied.code !== 0) throw new Error(applied.out + applied.err);
  await otter.until('all streams', streaming);
  for (const loaded of [false, true]) {
    await using _load = loaded ? load() : null;
    const when = loaded ? `at ${rate} trx/s` : 'quiet';
    if (!apart) {
      const both = await measure(from, 'one', [to, native]);
      tell(`one-way, one node, ${when}`, both[0]!, both[1]!, { bound: 'at most', value: 2, of: 'ratio' });
      continue;
    }
    const there = await measure(from, 'one', [to, native]);
    tell(`one-way, two nodes, ${when}`, there[0]!, there[1]!, { bound: 'at most', value: 5, of: 'value' });
    const twoWay = await measure(back, 'two', [from]);
    tell(`two-way, two nodes, ${when}`, twoWay[0]!, there[1]!, { bound: 'at most', value: 10, of: 'value' });
  }
}

bench.end();

/** Milliseconds of commits in turns, by where they were looked for. */
async function measure(at: Connection, schema: string, seenAt: readonly Connection[]): Promise<number[][]> {
  const found: number[][] = seenAt.map(() => []);
  for (let n = 0; n < commits * seenAt.length; n += 1) {
    id += 1;
    await at.query(`INSERT INTO ${schema}.t VALUES (${id}, 'seen at last')`);
    const committed = performance.now();
    const which = n % seenAt.length;
    await until(
      'it is seen',
      async () => (await rowsOf(seenAt[which]!, `SELECT 1 FROM ${schema}.t WHERE id=${id}`)) > 0,
      null,
    );
    found[which]!.push(performance.now() - committed);
    await sleep(2 + Math.random() * 10);
  }
  return found;
}

async function rowsOf(at: Connection, sql: string): Promise<number> {
  const [rows] = await at.query(sql);
  return (rows as unknown[]).length;
}

/** Other transactions at the source, evenly, until it is disposed. */
function load(): AsyncDisposable {
  let ended = false;
  const writing = (async () => {
    const began = performance.now();
    for (let written = 0; !ended; written += 1) {
      await loading.query("INSERT INTO one.other (what) VALUES ('one of many')");
      const early = began + (written * 1000) / rate - performance.now();
      if (early > 1) await sleep(early);
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      ended = true;
      await writing;
    },
  };
}

function tell(what: string, ours: readonly number[], theirs: readonly number[], wanted: Wanted): void {
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const)
    bench.tell({
      name: `${what}, ${name}`,
      value: quantile(ours, share),
      unit: 'ms',
      better: 'less',
      against: { name: 'native', value: quantile(theirs, share) },
      ...(name === 'p50' ? { wanted } : {}),
    });
}
