/**
 * What deciding conflicts costs: rows per second of a backlog of single-row transactions on keys that no other site writes,
 * through a two-way channel and through one-way channels, between the same two servers and nodes, in turns.
 *
 *   node bench/conflicts.ts [--transactions N] [--rounds N] [--mysql]
 *
 * So many are written at each site while the nodes are stopped (SIGSTOP); the time runs from when they go on until the
 * last row is there. Shown are the medians of all rounds, and of how much slower two-way was in each; where both sites
 * write, both directions are counted together, two-way and one-way alike. `--mysql`: between two MySQL in place of two MariaDB.
 * Servers and nodes share the machine. Needs `dist/`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { startMariaDb, startMySql } from '../src/lab/servers.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from '../test/e2e/otter.ts';
import { median } from './shared/figures.ts';
import { startPart } from './shared/part.ts';

const bench = startPart({
  name: 'conflicts',
  sizes: { transactions: { full: 12_000, quick: 4_000 }, rounds: { full: 7, quick: 1 } },
  flags: ['mysql'],
});
const { transactions, rounds } = bench.sizes;
const start = bench.flags.mysql ? startMySql : startMariaDb;

/** Shorter than the nodes' leases. */
const STOPPED_MS = 8_000;
const GIVE_UP_MS = 120_000;
const NODES = ['west-1', 'east-1'];

const CHANNELS = `  both: { between: [a, b], conflict: { policy: site-priority }, tables: ["two.*"] }
  there: { from: a, to: b, tables: ["there.*"] }
  back: { from: b, to: a, tables: ["back.*"] }
`;

/** What is written: the schema of each site's load, or null where nobody writes. */
interface Load {
  readonly name: string;
  readonly twoWay: readonly [string | null, string | null];
  readonly oneWay: readonly [string | null, string | null];
}

const LOADS: readonly Load[] = [
  { name: 'both sites write', twoWay: ['two', 'two'], oneWay: ['there', 'back'] },
  { name: 'only the preferred site writes', twoWay: ['two', null], oneWay: ['there', null] },
  { name: 'only the other site writes', twoWay: [null, 'two'], oneWay: [null, 'back'] },
];
/** Without and with a unique key beside the primary one. */
const TABLES = { plain: '', unique: ', UNIQUE KEY (token)' };

await using stack = new AsyncDisposableStack();
const servers = await Promise.all([0, 1].map(async () => stack.use(await start())));
bench.uses(bench.flags.mysql ? 'MySQL' : 'MariaDB', servers[0]!.version);
const otter = stack.use(await Otter.in(passwordsOf(servers)));
const sites: Connection[] = [];
for (const server of servers) {
  const site = await connect(server);
  stack.defer(() => site.destroy());
  sites.push(site);
}

for (const [side, site] of sites.entries()) {
  await site.query('CREATE DATABASE flood');
  for (const schema of side === 0 ? ['two', 'there'] : ['back']) {
    await site.query(`CREATE DATABASE ${schema}`);
    for (const [table, keys] of Object.entries(TABLES))
      await site.query(`CREATE TABLE ${schema}.${table} (id BIGINT PRIMARY KEY, token CHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        customer INT NOT NULL, amount DECIMAL(10,2) NOT NULL, status VARCHAR(20) NOT NULL, note VARCHAR(200),
        created DATETIME(3) NOT NULL, flags BIGINT UNSIGNED${keys})`);
  }
  for (const schema of side === 0 ? ['two', 'there'] : ['two', 'back'])
    for (const table of Object.keys(TABLES)) {
      // Every third is a change of a row of its own.
      await site.query(`CREATE PROCEDURE flood.${schema}_${table}(low INT, high INT) BEGIN DECLARE i INT DEFAULT low; WHILE i <= high DO
        IF i MOD 3 = 1 AND i > low THEN UPDATE ${schema}.${table} SET status = 'shipped', flags = i WHERE id = (i - 1) * 2 + ${side}; END IF;
        IF i MOD 3 <> 1 OR i = low OR i = high THEN INSERT INTO ${schema}.${table} VALUES (i * 2 + ${side}, CONCAT('${side} ', i), i MOD 1000, i / 7, 'new',
          CONCAT('a note about order ', i, ' of somebody'), NOW(3), i * 4294967296); END IF;
        SET i = i + 1; END WHILE; END`);
    }
}
await otter.write(await sitesOf(servers, CHANNELS));
for (const node of NODES) otter.node(node);
const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
if (applied.code !== 0) throw new Error(applied.out + applied.err);
await otter.until('all streams', streaming);

/** Of each table, how many were written to it at each site. */
let written = 0;

for (const table of Object.keys(TABLES)) {
  for (const { name, twoWay, oneWay } of LOADS) {
    const rates = { twoWay: [] as number[], oneWay: [] as number[] };
    // The first round warms up the nodes and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      const two = async (): Promise<number> => backlog(table, twoWay);
      const one = async (): Promise<number> => backlog(table, oneWay);
      const twoFirst = round % 2 === 0;
      const first = await (twoFirst ? two() : one());
      const second = await (twoFirst ? one() : two());
      if (round === 0) continue;
      rates.twoWay.push(twoFirst ? first : second);
      rates.oneWay.push(twoFirst ? second : first);
    }
    // Of each round by itself: what else the machine does changes from round to round.
    const slower = median(rates.twoWay.map((rate, at) => (1 - rate / rates.oneWay[at]!) * 100));
    const what = `${name}${table === 'unique' ? ', a unique key' : ''}`;
    bench.tell({
      name: `${what}: two-way`,
      value: median(rates.twoWay),
      unit: 'trx/s',
      better: 'more',
      against: { name: 'one-way', value: median(rates.oneWay) },
    });
    bench.tell({ name: `${what}: slower by`, value: slower, unit: '%', wanted: { bound: 'at most', value: 25 } });
    bench.say(`${what}: two-way ${range(rates.twoWay)}, one-way ${range(rates.oneWay)} transactions/s`);
  }
}
bench.end();

/** Transactions per second, of both directions together. */
async function backlog(table: string, schemas: readonly (string | null)[]): Promise<number> {
  const low = written + 1;
  const high = written + transactions;
  written = high;
  for (const node of NODES) otter.signal(node, 'SIGSTOP');
  const stopped = performance.now();
  await Promise.all(
    schemas.map(async (schema, side) => {
      if (schema !== null) await sites[side]!.query(`CALL flood.${schema}_${table}(${low}, ${high})`);
    }),
  );
  const began = performance.now();
  for (const node of NODES) otter.signal(node, 'SIGCONT');
  if (began - stopped > STOPPED_MS) throw new Error('writing took longer than a lease: ask for fewer TRANSACTIONS');
  await Promise.all(
    schemas.map(async (schema, side) => {
      if (schema === null) return;
      const last = `SELECT 1 FROM ${schema}.${table} WHERE id = ${high * 2 + side}`;
      while ((await rows(sites[1 - side]!, last)).length === 0) {
        if (performance.now() - began > GIVE_UP_MS)
          throw new Error(`not all came: ${JSON.stringify(await otter.status(), null, 1)}`);
        await sleep(5);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return (schemas.filter((schema) => schema !== null).length * transactions) / seconds;
}

function range(rates: readonly number[]): string {
  const sorted = [...rates].sort((a, b) => a - b).map(Math.round);
  return `${Math.round(median(rates))} (${sorted[0]}-${sorted.at(-1)})`;
}
