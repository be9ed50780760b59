/**
 * Two nodes with an ocean between them: `node bench/ocean.ts [throughput] [latency] [wire] [share]`.
 *
 * A proxy stands where the link is: 100 ms each way, or a line of 10 Mbit/s for three pipelines. What crosses it is counted there, both ways, and
 * held against what the source's binary log takes. Nodes are processes and know each other by certificates. Needs `dist/`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { freePort } from '../src/lab/free-port.ts';
import { startProxy, type TcpProxy } from '../src/lab/proxy.ts';
import { startMariaDb } from '../src/lab/servers.ts';
import { connect, Otter, passwordsOf, streaming } from '../test/e2e/otter.ts';
import { authority, CertificateFolder } from '../test/link/certificates.ts';
import { median, quantile, until } from './shared/figures.ts';
import { startPart } from './shared/part.ts';

const bench = startPart({
  name: 'ocean',
  sizes: {
    rounds: { full: 3, quick: 1 },
    transactions: { full: 60_000, quick: 6_000 },
    commits: { full: 60, quick: 10 },
    seconds: { full: 20, quick: 3 },
  },
  choices: ['throughput', 'latency', 'wire', 'share'],
});
const { rounds, transactions, commits, seconds } = bench.sizes;

const ONE_WAY_MS = 100;
const LINE_BYTES = 10_000_000 / 8;
const MARKS = 20;

await using stack = new AsyncDisposableStack();
const [source, target] = await Promise.all([startMariaDb(), startMariaDb()]);
stack.use(source);
stack.use(target);
bench.uses('mariadb', source.version);
const [from, to] = [await connect(source), await connect(target)];
stack.defer(() => from.destroy());
stack.defer(() => to.destroy());
const folder = stack.use(await CertificateFolder.make());
const files = await folder.put(authority('ocean'));

const CHANNELS = ['inserts', 'oltp', 'one', 'two', 'three'];
for (const name of CHANNELS)
  await from.query(`CREATE DATABASE ${name}; CREATE TABLE ${name}.mark (id INT PRIMARY KEY)`);
await from.query(`CREATE TABLE inserts.orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, amount DECIMAL(10,2) NOT NULL,
    status VARCHAR(20) NOT NULL, note VARCHAR(200), created DATETIME(3) NOT NULL, changed TIMESTAMP NULL, flags BIGINT UNSIGNED);
  CREATE TABLE oltp.sbtest (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL, KEY k_1 (k));
  INSERT INTO oltp.sbtest SELECT seq, FLOOR(RAND() * 10000), REPEAT(MD5(seq), 3), MD5(-seq) FROM oltp.seq_1_to_10000`);
await from.query(`CREATE PROCEDURE inserts.fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
    INSERT INTO inserts.orders (customer, amount, status, note, created, changed, flags)
      VALUES (i MOD 1000, i / 7, 'shipped', CONCAT('a note about order ', i, ' of somebody'), NOW(3), NOW(), i * 4294967296);
    SET i = i + 1; END WHILE; END`);
await from.query(`CREATE PROCEDURE oltp.fill(n INT) BEGIN DECLARE i INT DEFAULT 0; DECLARE a, b, gone INT; WHILE i < n DO
    SET a = 1 + FLOOR(RAND() * 10000), b = 1 + FLOOR(RAND() * 10000), gone = 1 + FLOOR(RAND() * 10000);
    START TRANSACTION;
    UPDATE oltp.sbtest SET k = k + 1 WHERE id = a;
    UPDATE oltp.sbtest SET c = CONCAT(REPEAT(MD5(RAND()), 3), i) WHERE id = b;
    DELETE FROM oltp.sbtest WHERE id = gone;
    INSERT INTO oltp.sbtest VALUES (gone, FLOOR(RAND() * 10000), REPEAT(MD5(i), 3), MD5(RAND()));
    COMMIT; SET i = i + 1; END WHILE; END`);
for (const name of ['one', 'two', 'three'])
  await from.query(`CREATE TABLE ${name}.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(1000) NOT NULL);
    CREATE PROCEDURE ${name}.fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
      INSERT INTO ${name}.t (v) SELECT TO_BASE64(RANDOM_BYTES(600)) FROM seq_1_to_10; SET i = i + 10; END WHILE; END`);

const [listens, elsewhere] = [await freePort(), await freePort()];
const proxy: TcpProxy = stack.use(await startProxy({ target: { host: '127.0.0.1', port: listens } }));
const otter = stack.use(await Otter.in(passwordsOf([source, target])));
const topology = (priorities: Readonly<Record<string, number>> = {}): string => `version: 1
name: main
regions: { west: {}, east: {} }
link: { tls: { ca: ${files.ca}, cert: ${files.cert}, key: ${files.key} } }
nodes:
  west-1: { region: west, listen: "127.0.0.1:${listens}", advertise: "127.0.0.1:${proxy.port}" }
  east-1: { region: east, listen: "127.0.0.1:${elsewhere}" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["${source.host}:${source.port}"], user: ${source.otter.user}, password: { env: A_PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["${target.host}:${target.port}"], user: ${target.otter.user}, password: { env: B_PASSWORD } }
channels:
${CHANNELS.map((name) => `  ${name}: { from: a, to: b, tables: ["${name}.*"], priority: ${priorities[name] ?? 0} }\n`).join('')}`;
await apply(topology());
otter.node('west-1');
otter.node('east-1');
await otter.until('all stream', (pipelines) => pipelines.length === CHANNELS.length && streaming(pipelines));

if (bench.wants('throughput')) for (const name of ['inserts', 'oltp']) await throughput(name, name === 'oltp' ? 4 : 1);
if (bench.wants('latency')) await latency();
if (bench.wants('wire')) for (const name of ['inserts', 'oltp']) await wire(name, name === 'oltp' ? 4 : 1);
if (bench.wants('share')) await share();
bench.end();

async function apply(yaml: string): Promise<void> {
  await otter.write(yaml);
  const applied = await otter.run('apply', '--auto-approve', '--no-wait');
  if (applied.code !== 0) throw new Error(applied.out + applied.err);
}

/** Writes a backlog while the link is cut, with marks in it. */
async function backlog(name: string, count: number): Promise<void> {
  const before = await numberAt(from, `SELECT COALESCE(MAX(id), 0) FROM ${name}.mark`);
  await proxy.cut();
  for (let mark = 1; mark <= MARKS; mark++)
    await from.query(
      `CALL ${name}.fill(${Math.ceil(count / MARKS)}); INSERT INTO ${name}.mark VALUES (${before + mark})`,
    );
}

async function throughput(name: string, rowsOfOne: number): Promise<void> {
  const rates: Record<'near' | 'far', number[]> = { near: [], far: [] };
  const count = transactions / rowsOfOne;
  for (let round = 0; round < rounds; round++) {
    for (const where of round % 2 === 0 ? (['near', 'far'] as const) : (['far', 'near'] as const)) {
      await backlog(name, count);
      proxy.delay(where === 'far' ? ONE_WAY_MS : 0);
      const last = await numberAt(from, `SELECT MAX(id) FROM ${name}.mark`);
      await proxy.heal();
      const seen = async (mark: number): Promise<number> => {
        await until(
          'a mark is seen',
          async () => (await numberAt(to, `SELECT COALESCE(MAX(id), 0) FROM ${name}.mark`)) >= mark,
          2,
        );
        return performance.now();
      };
      // From the first tenth on: how long a node waits until it tries again is not the question.
      const began = await seen(last - MARKS + 2);
      const first = await numberAt(to, `SELECT MAX(id) FROM ${name}.mark`);
      const ended = await seen(last);
      rates[where].push((((last - first) / MARKS) * count * 1000) / (ended - began));
      bench.say(`${name}, ${where}: ${Math.round(rates[where].at(-1)!)} transactions/s`);
    }
  }
  proxy.delay(0);
  bench.tell({
    name: `${name}: backlog over 100 ms each way`,
    value: median(rates.far),
    unit: 'transactions/s',
    against: { name: 'no delay', value: median(rates.near) },
    wanted: { bound: 'at least', value: 0.9, of: 'ratio' },
  });
}

/** From one commit until it is visible at the target, ms. @param everyMs how often that is asked; null: at once again */
async function seenAfter(everyMs: number | null): Promise<number> {
  const id = (await numberAt(from, 'SELECT COALESCE(MAX(id), 0) FROM inserts.mark')) + 1;
  await from.query(`INSERT INTO inserts.mark VALUES (${id})`);
  const committed = performance.now();
  const isSeen = async (): Promise<boolean> =>
    (await numberAt(to, `SELECT COUNT(*) FROM inserts.mark WHERE id = ${id}`)) > 0;
  await until('it is seen', isSeen, everyMs);
  return performance.now() - committed;
}

async function latency(): Promise<void> {
  proxy.delay(ONE_WAY_MS);
  await sleep(2 * ONE_WAY_MS);
  const found: number[] = [];
  for (let n = 0; n < commits; n++) {
    found.push(await seenAfter(null));
    await sleep(20 + Math.random() * 50);
  }
  proxy.delay(0);
  const within = { bound: 'at most', value: ONE_WAY_MS + 50 } as const;
  bench.tell({ name: 'commit to visible over 100 ms, p50', value: quantile(found, 0.5), unit: 'ms', wanted: within });
  bench.tell({ name: 'commit to visible over 100 ms, p99', value: quantile(found, 0.99), unit: 'ms', better: 'less' });
}

/** Bytes that cross the link for a row, against those of the log: as a backlog, and one by one. */
async function wire(name: string, rowsOfOne: number): Promise<void> {
  const count = Math.ceil(transactions / rowsOfOne / 4);
  for (const how of ['backlog', 'one by one'] as const) {
    if (how === 'backlog') await backlog(name, count);
    const log = async (): Promise<number> => {
      const [files] = await from.query('SHOW BINARY LOGS');
      return (files as { File_size: number }[]).reduce((sum, { File_size }) => sum + Number(File_size), 0);
    };
    const [before, logged] = [proxy.passed, await log()];
    const trickle = Math.min(2000, count);
    if (how === 'one by one') {
      for (let n = 0; n < trickle; n++) {
        await from.query(`CALL ${name}.fill(1)`);
        await sleep(2);
      }
      await from.query(`INSERT INTO ${name}.mark SELECT MAX(id) + 1 FROM ${name}.mark`);
    } else await proxy.heal();
    const last = await numberAt(from, `SELECT MAX(id) FROM ${name}.mark`);
    await until(
      'all is there',
      async () => (await numberAt(to, `SELECT COALESCE(MAX(id), 0) FROM ${name}.mark`)) >= last,
      20,
    );
    const after = proxy.passed;
    const rows = (how === 'backlog' ? count : trickle) * rowsOfOne;
    const written = how === 'backlog' ? (await logOf(name, log, Math.min(count, 1000))) * rows : (await log()) - logged;
    const perRow = (after.there - before.there + after.back - before.back) / rows;
    bench.tell({
      name: `${name}, ${how}: bytes of a row on the wire`,
      value: perRow,
      unit: 'bytes',
      against: { name: 'binary log', value: written / rows },
      wanted: { bound: 'at most', value: 0.4, of: 'ratio' },
    });
  }

  /** Bytes of a row in the log, by some more of the same. */
  async function logOf(workload: string, log: () => Promise<number>, some: number): Promise<number> {
    const before = await log();
    await from.query(`CALL ${workload}.fill(${some})`);
    return ((await log()) - before) / (some * rowsOfOne);
  }
}

/** Three pipelines that have more than the line takes: how much of it they use, and who has how much. */
async function share(): Promise<void> {
  const three = ['one', 'two', 'three'];
  for (const [how, priorities] of [
    ['even', {}],
    ['one goes first', { one: 1 }],
  ] as const) {
    const rows = Math.ceil((LINE_BYTES * (seconds + 10)) / 800);
    proxy.throttle(Number.POSITIVE_INFINITY);
    await apply(topology(priorities));
    await otter.until('all stream', streaming);
    await proxy.cut();
    const writers = await Promise.all(three.map(() => connect(source)));
    await Promise.all(three.map(async (name, i) => writers[i]!.query(`USE ${name}; CALL ${name}.fill(${rows})`)));
    for (const writer of writers) writer.destroy();
    proxy.throttle(LINE_BYTES);
    const start = proxy.passed.back;
    await proxy.heal();
    await until('the line is full', async () => proxy.passed.back - start > 4 * LINE_BYTES);
    const counts = async (): Promise<number[]> =>
      Promise.all(three.map(async (name) => numberAt(to, `SELECT COALESCE(MAX(id), 0) FROM ${name}.t`)));
    const [before, began, had] = [proxy.passed, performance.now(), await counts()];
    const quiet: number[] = [];
    while (performance.now() - began < seconds * 1000) {
      quiet.push(await seenAfter(2));
      await sleep(100);
    }
    const [after, ms, have] = [proxy.passed, performance.now() - began, await counts()];
    const parts = have.map((now, i) => now - had[i]!);
    const all = parts.reduce((sum, part) => sum + part, 0);
    bench.say(`10 Mbit/s, ${how}: ${parts.map((part) => `${((part * 100) / all).toFixed(1)} %`).join(', ')}`);
    bench.tell({
      name: `10 Mbit/s, ${how}: used`,
      value: ((after.back - before.back) * 100_000) / (LINE_BYTES * ms),
      unit: '%',
      wanted: { bound: 'at least', value: 95 },
    });
    if (how === 'even')
      bench.tell({
        name: '10 Mbit/s, even: least to most',
        value: Math.min(...parts) / Math.max(...parts),
        unit: '',
        wanted: { bound: 'at least', value: 0.8 },
      });
    else
      bench.tell({
        name: '10 Mbit/s, one goes first: its part',
        value: (parts[0]! * 100) / all,
        unit: '%',
        wanted: { bound: 'at least', value: 80 },
      });
    bench.tell({
      name: `10 Mbit/s, ${how}: a quiet channel's commit to visible, p50`,
      value: quantile(quiet, 0.5),
      unit: 'ms',
      better: 'less',
    });
  }
  proxy.throttle(Number.POSITIVE_INFINITY);
}

async function numberAt(at: Connection, sql: string): Promise<number> {
  const [found] = await at.query({ sql, rowsAsArray: true });
  return Number((found as unknown[][])[0]?.[0] ?? 0);
}
