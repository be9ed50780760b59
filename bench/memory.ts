/**
 * The most memory (VmHWM) that a node had, `otter node` as people run it: one node owns the source, another the target.
 *
 *   node bench/memory.ts [CASE ...] [--rows N] [--backlog N] [--stopped N] [--blobs N] [--tables N] [--together] [--mysql]
 *
 * - `transaction`: one transaction of so many rows
 * - `backlog`: so many transactions, written while no node ran (an hour of 1,000 a second is 3,600,000)
 * - `stopped`: the target's server is stopped (SIGSTOP) while the source commits so many, and then goes on
 * - `blobs`: rows of 16 MiB: so many copied, as many inserted one by one, half of them changed in one transaction
 * - `tables`: so many tables with rows, copied, then written to
 * - `two-way`: `stopped` and `transaction` in a two-way channel, where the stopped site is the one that does not decide
 *
 * Every case has fresh nodes; what is told is the larger of the two. `--together`: one node owns both databases. Needs `dist/`;
 * Linux only.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../src/lab/free-port.ts';
import { type DatabaseServer, startMariaDb, startMySql } from '../src/lab/servers.ts';
import { connect, Otter, passwordsOf, rows, streaming } from '../test/e2e/otter.ts';
import { cpuSeconds, until } from './shared/figures.ts';
import { ROOT, startPart } from './shared/part.ts';

const CASES = ['transaction', 'backlog', 'stopped', 'blobs', 'tables', 'two-way'] as const;
type Case = (typeof CASES)[number];

const bench = startPart({
  name: 'memory',
  sizes: {
    rows: { full: 5_000_000, quick: 100_000 },
    backlog: { full: 1_000_000, quick: 40_000 },
    stopped: { full: 500_000, quick: 40_000 },
    blobs: { full: 20, quick: 3 },
    tables: { full: 1_000, quick: 100 },
  },
  flags: ['together', 'mysql'],
  choices: CASES,
});
const { sizes, flags } = bench;

/** As people start it: with the flags that are in there. */
const OTTER = join(ROOT, 'bin/otter');
const WANTED_MB = 400;
const BLOB_BYTES = 16 << 20;
const PACKET = '--max-allowed-packet=256M';
const NODES = flags.together ? ['west-1'] : ['west-1', 'east-1'];

await using stack = new AsyncDisposableStack();
const start = async (): Promise<DatabaseServer> =>
  stack.use(await (flags.mysql ? startMySql({ args: [PACKET] }) : startMariaDb({ args: [PACKET] })));
const [source, target] = [await start(), await start()];
bench.uses(flags.mysql ? 'MySQL' : 'MariaDB', source.version);
const [from, to] = [await connect(source), await connect(target)];
for (const each of [from, to]) stack.defer(() => each.destroy());

const ORDERS = `(id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, amount DECIMAL(10,2) NOT NULL, status VARCHAR(20) NOT NULL,
  note VARCHAR(200), created DATETIME(3) NOT NULL, changed TIMESTAMP NULL, flags BIGINT UNSIGNED)`;
const VALUES = (n: string): string =>
  `${n} MOD 1000, ${n} / 7, 'shipped', CONCAT('a note about order ', ${n}, ' of somebody'), NOW(3), NOW(), ${n} * 4294967296`;
const COLUMNS = '(customer, amount, status, note, created, changed, flags)';
/** `trickle(n)`: n transactions of a row; `flood(n)`: one transaction of n rows. */
const WRITERS = `CREATE PROCEDURE trickle(n INT) BEGIN DECLARE i INT DEFAULT 0;
  WHILE i < n DO INSERT INTO orders ${COLUMNS} VALUES (${VALUES('i')}); SET i = i + 1; END WHILE; END;
CREATE PROCEDURE flood(n INT) BEGIN DECLARE i INT DEFAULT 1; START TRANSACTION;
  INSERT INTO orders ${COLUMNS} VALUES (${VALUES('1')});
  WHILE i * 2 <= n DO INSERT INTO orders ${COLUMNS} SELECT ${VALUES('id')} FROM orders LIMIT 4096; SET i = i + LEAST(i, 4096); END WHILE;
  WHILE i < n DO INSERT INTO orders ${COLUMNS} SELECT ${VALUES('id')} FROM orders LIMIT 4096; SET i = i + 4096; END WHILE; COMMIT; END`;
const MARK = 'CREATE TABLE mark (id INT PRIMARY KEY)';

const RUN: Record<Case, () => Promise<void>> = {
  transaction: async () => {
    await using nodes = await begin('transaction', `CREATE TABLE orders ${ORDERS}; ${MARK}; ${WRITERS}`);
    await from.query(`CALL flood(${sizes.rows})`);
    await nodes.arrived();
    nodes.tell(`a transaction of ${label(sizes.rows)} rows`);
  },
  backlog: async () => {
    await using nodes = await begin('backlog', `CREATE TABLE orders ${ORDERS}; ${MARK}; ${WRITERS}`);
    await nodes.end();
    await from.query(`CALL trickle(${sizes.backlog})`);
    nodes.start();
    await nodes.arrived();
    nodes.tell(`a backlog of ${label(sizes.backlog)} transactions`);
  },
  stopped: async () => {
    await using nodes = await begin('stopped', `CREATE TABLE orders ${ORDERS}; ${MARK}; ${WRITERS}`);
    await target.freeze();
    await from.query(`CALL trickle(${sizes.stopped})`);
    target.thaw();
    await nodes.arrived();
    nodes.tell(`a target that stands still for ${label(sizes.stopped)} transactions`);
  },
  blobs: async () => {
    const make = `CREATE TABLE picture (id INT PRIMARY KEY AUTO_INCREMENT, bytes LONGBLOB NOT NULL); ${MARK}`;
    await using nodes = await begin('blobs', make, async () => {
      // Nothing that could be packed.
      await from.query('INSERT INTO picture (bytes) VALUES (?)', [randomBytes(BLOB_BYTES)]);
      for (let n = 1; n < sizes.blobs; n += 1) await from.query(another(n));
    });
    for (let n = 0; n < sizes.blobs; n += 1) await from.query(another(n));
    await from.query(`UPDATE picture SET bytes = CONCAT(SUBSTR(bytes, 2), 'x') LIMIT ${Math.ceil(sizes.blobs / 2)}`);
    await nodes.arrived();
    nodes.tell('rows of 16 MiB, one a transaction and many, copied');
  },
  tables: async () => {
    const names = Array.from({ length: sizes.tables }, (_, n) => `t${n}`);
    const make = names.map((name) => `CREATE TABLE ${name} ${ORDERS}`).join(';');
    await using nodes = await begin('tables', `${make}; ${MARK}`, async () => {
      for (const name of names)
        await from.query(`INSERT INTO ${name} ${COLUMNS} WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 500)
          SELECT ${VALUES('i')} FROM n`);
    });
    for (let round = 0; round < 3; round += 1)
      for (const name of names) await from.query(`UPDATE ${name} SET status = 'lost', flags = ${round} WHERE id < 50`);
    await nodes.arrived();
    nodes.tell(`${label(sizes.tables)} tables, copied and written to`);
  },
  'two-way': async () => {
    await using nodes = await begin('two_way', `CREATE TABLE orders ${ORDERS}; ${MARK}; ${WRITERS}`, undefined, true);
    await target.freeze();
    await from.query(`CALL trickle(${sizes.stopped})`);
    target.thaw();
    await from.query(`CALL flood(${sizes.rows / 10})`);
    await nodes.arrived();
    nodes.tell(`two-way: a site that stands still for ${label(sizes.stopped)} transactions`);
  },
};

for (const name of CASES) if (bench.wants(name)) await RUN[name]();
bench.end();

/** A picture like the first, with other bytes in front. */
function another(n: number): string {
  return `INSERT INTO picture (bytes) SELECT CONCAT('picture ${n}', SUBSTR(bytes, 20)) FROM picture WHERE id = 1`;
}

interface Nodes extends AsyncDisposable {
  start(): void;
  end(): Promise<void>;
  /** Waits until what the source has written is at the target. */
  arrived(): Promise<void>;
  /** The most memory until now. */
  tell(what: string): void;
}

/** Makes a schema with these tables at the source, and nodes that carry it to the target; whatever `fill` writes is copied. */
async function begin(schema: string, make: string, fill?: () => Promise<void>, twoWay = false): Promise<Nodes> {
  for (const each of [from, to]) await each.query('DROP DATABASE IF EXISTS otter');
  await from.query(`CREATE DATABASE ${schema}; USE ${schema}; ${make}`);
  await fill?.();
  const otter = await Otter.in(passwordsOf([source, target]), [OTTER]);
  const began = performance.now();
  const processes = new Map<string, number>();
  const most = new Map<string, number>();
  const nodes: Nodes = {
    start: () => {
      for (const name of NODES) processes.set(name, otter.node(name).pid!);
    },
    end: async () => {
      for (const name of NODES) await otter.end(name, 'SIGTERM');
    },
    arrived: async () => {
      await from.query(`INSERT INTO ${schema}.mark VALUES (1)`);
      await until('all is at the target', async () => (await rows(to, `SELECT 1 FROM ${schema}.mark`)).length > 0, 100);
    },
    tell: (what) => {
      for (const [name, pid] of processes) most.set(name, mostBytes(pid));
      const each = [...most].map(([name, bytes]) => `${name} ${Math.round(bytes / 1e6)} MB`);
      const cpu = cpuSeconds([...processes.values()]).map((seconds) => seconds.toFixed(1));
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      bench.say(`${what}: ${each.join(', ')}; ${seconds} s, CPU seconds ${cpu.join(', ')}`);
      const value = Math.max(...most.values()) / 1e6;
      bench.tell({ name: what, value, unit: 'MB', wanted: { bound: 'at most', value: WANTED_MB } });
    },
    [Symbol.asyncDispose]: async () => {
      await otter[Symbol.asyncDispose]();
      for (const each of [from, to]) await each.query(`DROP DATABASE IF EXISTS ${schema}`);
    },
  };
  try {
    await otter.write(await topology(schema, twoWay));
    nodes.start();
    const applied = await otter.run('apply', '--auto-approve', '--timeout', '180s');
    if (applied.code !== 0) throw new Error(applied.out + applied.err);
    await otter.until('all streams', streaming, 180_000);
    return nodes;
  } catch (error) {
    await nodes[Symbol.asyncDispose]();
    throw error;
  }
}

async function topology(schema: string, twoWay: boolean): Promise<string> {
  const database = (name: string, region: string, { host, port, family, otter }: DatabaseServer): string =>
    `  ${name}: { region: ${region}, engine: ${family}, endpoints: ["${host}:${port}"], user: ${otter.user}, password: { env: ${name.toUpperCase()}_PASSWORD } }\n`;
  const far = flags.together ? 'west' : 'east';
  const listening = await Promise.all(
    NODES.map(async (node) => `  ${node}: { region: ${node.slice(0, 4)}, listen: "127.0.0.1:${await freePort()}" }\n`),
  );
  const way = twoWay ? 'between: [a, b], conflict: { policy: site-priority }' : 'from: a, to: b';
  return `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
${listening.join('')}databases:
${database('a', 'west', source)}${database('b', far, target)}channels:
  all: { ${way}, tables: ["${schema}.*"] }
`;
}

function mostBytes(pid: number): number {
  const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (found === null) throw new Error(`no VmHWM of process ${pid}`);
  return Number(found[1]) * 1024;
}

function label(count: number): string {
  return count.toLocaleString('en-US');
}
