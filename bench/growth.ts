/**
 * How the cost grows: with the rows of a table, the tables of a channel, the sites of a star, and the way between two nodes. Each
 * is a plot; figures are told of its two ends.
 *
 *   node bench/growth.ts [rows] [tables] [sites] [rtt] [--rows N] [--tables N] [--sites N] [--rtt MS] [--transactions N]
 *
 * - `rows`: a table of so many rows, in steps of ten: copied, and as many rows from the log, in transactions of one and of 1,000
 * - `tables`: so many tables of ten rows, until all are copied
 * - `sites`: a star in one process; so many transactions written at its hub, until they are at every spoke
 * - `rtt`: two nodes (of `dist/`) whose link goes through a proxy that delays every byte: a backlog, and the latency of a commit
 *
 * Shown are CPU seconds of otter where waiting is not the point, since they say less of what else the machine does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { freePort } from '../src/lab/free-port.ts';
import { startProxy } from '../src/lab/proxy.ts';
import { type DatabaseServer, startMariaDb } from '../src/lab/servers.ts';
import { Otter, passwordsOf, rows as rowsOf, streaming } from '../test/e2e/otter.ts';
import { channel, rootOf, Sites } from '../test/site/harness.ts';
import { cpuSeconds, median, until } from './shared/figures.ts';
import { startPart } from './shared/part.ts';
import type { Measured } from './shared/report.ts';

const bench = startPart({
  name: 'growth',
  sizes: {
    rows: { full: 1_000_000, quick: 10_000 },
    tables: { full: 1_000, quick: 100 },
    sites: { full: 6, quick: 3 },
    rtt: { full: 200, quick: 100 },
    transactions: { full: 20_000, quick: 2_000 },
    commits: { full: 30, quick: 10 },
  },
  choices: ['rows', 'tables', 'sites', 'rtt'],
});
const { sizes } = bench;

type Line = (readonly [number, number])[];

const TABLE =
  '(id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, what VARCHAR(80) NOT NULL, made DATETIME(3) NOT NULL)';
const FILL = `CREATE PROCEDURE fill(n INT, each_ INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
  INSERT INTO t (customer, what, made) SELECT seq, CONCAT('row ', seq, ' of some'), NOW(3) FROM seq_1_to_1000 LIMIT each_; SET i = i + each_; END WHILE; END`;
const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

await using stack = new AsyncDisposableStack();
const servers: DatabaseServer[] = [];
const roots: Connection[] = [];

/** The servers up to this many, started when first asked for. */
async function reach(many: number): Promise<void> {
  while (servers.length < many) {
    const server = stack.use(await startMariaDb());
    const root = await rootOf(server);
    stack.defer(() => root.destroy());
    servers.push(server);
    roots.push(root);
  }
}

await reach(2);
bench.uses('MariaDB', servers[0]!.version);
if (bench.wants('rows')) await byRows();
if (bench.wants('tables')) await byTables();
if (bench.wants('sites')) await bySites();
if (bench.wants('rtt')) await byRtt();
bench.end();

/** 10 times as many, up to `most`. */
function steps(from: number, most: number): number[] {
  const all: number[] = [];
  for (let n = from; n <= most; n *= 10) all.push(n);
  return all;
}

async function cpuOf<T>(work: () => Promise<T>): Promise<number> {
  const before = cpuSeconds([process.pid])[0]!;
  await work();
  return cpuSeconds([process.pid])[0]! - before;
}

async function holds(at: Connection, table: string, count: number): Promise<boolean> {
  const found = await rowsOf(
    at,
    `SELECT COUNT(*) FROM information_schema.tables WHERE CONCAT(table_schema, '.', table_name) = '${table}'`,
  );
  return (
    found[0] !== '["0"]' &&
    found[0] !== '[0]' &&
    (await rowsOf(at, `SELECT COUNT(*) FROM ${table}`))[0]!.replace(/\D/g, '') === String(count)
  );
}

async function byRows(): Promise<void> {
  const [a, b] = [roots[0]!, roots[1]!];
  const lines: Record<'copied' | 'log, 1 a trx' | 'log, 1,000 a trx', Line> = {
    copied: [],
    'log, 1 a trx': [],
    'log, 1,000 a trx': [],
  };
  for (const n of steps(1_000, sizes.rows)) {
    for (const [name, each] of [
      ['copied', 1_000],
      ['log, 1 a trx', 1],
      ['log, 1,000 a trx', 1_000],
    ] as const) {
      const schema = `rows_${n}_${each}_${name === 'copied' ? 'copy' : 'log'}`;
      await a.query(`CREATE DATABASE ${schema}; USE ${schema}; CREATE TABLE t ${TABLE}; ${FILL}`);
      await using sites = new Sites({ a: servers[0]!, b: servers[1]! }, undefined, schema);
      sites.set({ c: channel(ONE_WAY, [`${schema}.t`]) });
      const run = (): void => {
        for (const site of ['a', 'b']) sites.start(site);
      };
      if (name !== 'copied') {
        run();
        await until('it streams', async () => sites.figures()['c/a>b']?.phase === 'streaming');
        for (const site of ['b', 'a']) await sites.stop(site);
      }
      await a.query(`CALL fill(${n}, ${each})`);
      const cpu = await cpuOf(async () => {
        run();
        await until('all is there', async () => holds(b, `${schema}.t`, n), 50);
      });
      lines[name].push([n, cpu]);
      bench.say(`${n} rows, ${name}: ${cpu.toFixed(2)} CPU seconds`);
      for (const root of [a, b]) await root.query(`DROP DATABASE ${schema}`);
    }
  }
  plot('rows', 'CPU seconds of otter by rows', 'rows', 'CPU seconds', 'log', lines);
  for (const [name, line] of Object.entries(lines))
    tellEnds(`${name}: CPU ms of 1,000 rows`, 'rows', line, ([n, cpu]) => (cpu / n) * 1e6, 'ms');
}

async function byTables(): Promise<void> {
  const [a, b] = [roots[0]!, roots[1]!];
  const cpuLine: Line = [];
  const wallLine: Line = [];
  for (const n of steps(1, sizes.tables)) {
    const schema = `tables_${n}`;
    await a.query(`CREATE DATABASE ${schema}; USE ${schema}`);
    for (let t = 0; t < n; t += 1)
      await a.query(
        `CREATE TABLE t${t} ${TABLE}; INSERT INTO t${t} (customer, what, made) SELECT seq, 'x', NOW(3) FROM seq_1_to_10`,
      );
    await using sites = new Sites({ a: servers[0]!, b: servers[1]! }, undefined, schema);
    sites.set({ c: channel(ONE_WAY, [`${schema}.*`]) });
    const began = performance.now();
    const cpu = await cpuOf(async () => {
      for (const site of ['a', 'b']) sites.start(site);
      await until(
        'all are copied',
        async () => {
          const now = sites.figures()['c/a>b'];
          return now?.phase === 'streaming' && now.copy === null && (await holds(b, `${schema}.t${n - 1}`, 10));
        },
        50,
      ).catch((error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
      });
    });
    cpuLine.push([n, cpu]);
    wallLine.push([n, (performance.now() - began) / 1000]);
    bench.say(`${n} tables: ${cpu.toFixed(2)} CPU seconds, ${wallLine.at(-1)![1].toFixed(1)} s`);
    for (const root of [a, b]) await root.query(`DROP DATABASE ${schema}`);
  }
  plot('tables', 'Until all tables are copied', 'tables of ten rows', 'seconds', 'log', {
    'CPU of otter': cpuLine,
    elapsed: wallLine,
  });
  tellEnds('copied: CPU ms a table', 'tables', cpuLine, ([n, cpu]) => (cpu / n) * 1e3, 'ms');
}

async function bySites(): Promise<void> {
  const line: Line = [];
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  for (let n = 2; n <= Math.min(names.length, sizes.sites); n += 1) {
    await reach(n);
    const between = names.slice(0, n);
    const schema = `sites_${n}`;
    const hub = roots[0]!;
    await hub.query(`CREATE DATABASE ${schema}; USE ${schema}; CREATE TABLE t ${TABLE}; ${FILL}`);
    await using sites = new Sites(Object.fromEntries(between.map((name, i) => [name, servers[i]!])), undefined, schema);
    sites.set({ c: channel({ kind: 'two-way', between }, [`${schema}.t`]) });
    for (const site of between) sites.start(site);
    await until('all stream', async () => {
      const all = Object.values(sites.figures());
      return all.length === 2 * (n - 1) && all.every(({ phase }) => phase === 'streaming');
    });
    const cpu = await cpuOf(async () => {
      await hub.query(`CALL fill(${sizes.transactions}, 1)`);
      for (const spoke of roots.slice(1, n))
        await until('it is at every spoke', async () => holds(spoke, `${schema}.t`, sizes.transactions), 50);
    });
    const micros = (cpu / sizes.transactions) * 1e6;
    line.push([n, micros]);
    bench.say(`${n} sites: ${micros.toFixed(1)} CPU us a transaction`);
    for (const site of between.toReversed()) await sites.stop(site);
    for (const root of roots.slice(0, n)) await root.query(`DROP DATABASE ${schema}`);
  }
  plot(
    'sites',
    'CPU of a transaction by sites of a star',
    'sites, hub included',
    'CPU microseconds a transaction',
    'linear',
    {
      'written at the hub': line,
    },
  );
  tellEnds('star: CPU us a transaction and spoke', 'sites', line, ([n, micros]) => micros / (n - 1), 'us');
}

async function byRtt(): Promise<void> {
  const [from, to] = [roots[0]!, roots[1]!];
  for (const root of [from, to]) await root.query('DROP DATABASE IF EXISTS otter');
  await from.query(`CREATE DATABASE far; USE far; CREATE TABLE t ${TABLE}; ${FILL}`);
  const port = await freePort();
  await using proxy = await startProxy({ target: { host: '127.0.0.1', port } });
  await using otter = await Otter.in(passwordsOf(servers.slice(0, 2)));
  const database = (name: string, region: string, { host, port: at, otter: account }: DatabaseServer): string =>
    `  ${name}: { region: ${region}, engine: mariadb, endpoints: ["${host}:${at}"], user: ${account.user}, password: { env: ${name.toUpperCase()}_PASSWORD } }\n`;
  await otter.write(`version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:${port}", advertise: "${proxy.host}:${proxy.port}" }
  east-1: { region: east, listen: "127.0.0.1:${await freePort()}" }
databases:
${database('a', 'west', servers[0]!)}${database('b', 'east', servers[1]!)}channels:
  c: { from: a, to: b, tables: ["far.t"] }
`);
  for (const node of ['west-1', 'east-1']) otter.node(node);
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  if (applied.code !== 0) throw new Error(applied.out + applied.err);
  await otter.until('it streams', streaming);
  const latency: Line = [];
  const rate: Line = [];
  let written = 0;
  for (let rtt = 0; rtt <= sizes.rtt; rtt += 50) {
    proxy.delay(rtt / 2);
    const one = async (): Promise<number> => {
      written += 1;
      await from.query(`CALL fill(1, 1)`);
      const committed = performance.now();
      await until('it is seen', async () => holds(to, 'far.t', written), null);
      return performance.now() - committed;
    };
    await one();
    const times: number[] = [];
    for (let n = 0; n < sizes.commits; n += 1) {
      times.push(await one());
      await sleep(5 + Math.random() * 20);
    }
    latency.push([rtt, median(times)]);
    otter.signal('west-1', 'SIGSTOP');
    await from.query(`CALL fill(${sizes.transactions}, 1)`);
    written += sizes.transactions;
    const began = performance.now();
    otter.signal('west-1', 'SIGCONT');
    await until('all is there', async () => holds(to, 'far.t', written), 10);
    rate.push([rtt, sizes.transactions / ((performance.now() - began) / 1000)]);
    bench.say(
      `${rtt} ms there and back: p50 ${latency.at(-1)![1].toFixed(1)} ms, ${Math.round(rate.at(-1)![1])} transactions/s`,
    );
  }
  plot('rtt-latency', 'Commit to visible by the way between nodes', 'there and back, ms', 'ms', 'linear', {
    p50: latency,
  });
  plot('rtt-rate', 'Catch-up by the way between nodes', 'there and back, ms', 'transactions/s', 'linear', {
    'a backlog': rate,
  });
  const [near, far] = [latency[0]!, latency.at(-1)!];
  bench.tell({
    name: `latency at ${far[0]} ms there and back, less the way there`,
    value: far[1] - far[0] / 2,
    unit: 'ms',
    wanted: { bound: 'at most', value: 50 },
  });
  bench.say(`without delay ${near[1].toFixed(1)} ms`);
}

function plot(
  name: string,
  title: string,
  x: string,
  y: string,
  scale: 'linear' | 'log',
  lines: Readonly<Record<string, Line>>,
): void {
  bench.plot({
    name,
    title,
    x: { label: x, scale },
    y: { label: y, scale },
    lines: Object.entries(lines).map(([line, points]) => ({ name: line, points })),
  });
}

/** The last step against the one before: what is added costs what the rest did. */
function tellEnds(
  name: string,
  what: string,
  line: Line,
  cost: (point: readonly [number, number]) => number,
  unit: Measured['unit'],
): void {
  const [before, last] = [line.at(-2), line.at(-1)!];
  bench.tell({
    name: `${name}, of ${last[0].toLocaleString('en-US')} ${what}`,
    value: cost(last),
    unit,
    better: 'less',
    ...(before === undefined
      ? {}
      : { against: { name: `of ${before[0].toLocaleString('en-US')}`, value: cost(before) } }),
  });
}
