/** Several writers of one pipeline, against real servers: divided, interrupted, and level again where that is needed. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from '../../src/lab/proxy.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { parsePosition, reaches } from '../../src/model/position.ts';
import { channel, dump, equal, numbers, pair, recorder, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let from: Connection;
let to: Connection;
/** Between nodes and the second server. */
let line: TcpProxy;

beforeAll(async () => {
  [a, b] = await pair();
  [from, to] = await Promise.all([rootOf(a), rootOf(b)]);
  line = await startProxy({ target: { host: b.host, port: b.port } });
});
afterAll(async () => {
  await line[Symbol.asyncDispose]();
  await Promise.all([from.end(), to.end()]);
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const lanes = (tables: readonly string[], count: number, more = {}) =>
  channel({ kind: 'one-way', from: ['a'], to: ['b'] }, tables, { apply: { lanes: count, atomic: false }, ...more });

/** As many rows of otter's own table in the target. */
const recorded = (table: string, where: string): Promise<string[]> => dump(to, `otter.${table} WHERE ${where}`);

test('a backlog is divided, and every row is there once', async () => {
  await from.query(`CREATE DATABASE wide; CREATE TABLE wide.t (id INT PRIMARY KEY, n INT);
    CREATE TABLE wide.c (code VARCHAR(20) PRIMARY KEY, n INT) CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE wide.u (id INT PRIMARY KEY, n INT UNIQUE);
    CREATE TABLE wide.log (n INT, word VARCHAR(20))`);
  await using sites = new Sites({ a, b });
  // What lanes write is written there, to any other channel.
  const tables = [{ from: 'wide.t', to: 'mirror.t' }];
  const back = channel({ kind: 'one-way', from: ['b'], to: ['a'] }, tables, { initial: 'none' });
  await from.query('CREATE DATABASE mirror; CREATE TABLE mirror.t LIKE wide.t');
  sites.set({ wide: lanes(['wide.*'], 4, { initial: 'none' }), back });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'wide/a>b');
  await sites.stop('b');
  await from.query(`INSERT INTO wide.t SELECT seq, seq FROM ${numbers(1, 2000)}`);
  await from.query(`INSERT INTO wide.c SELECT CONCAT('k', seq), seq FROM ${numbers(1, 2000)}`);
  await from.query(
    `INSERT INTO wide.u SELECT seq, seq FROM ${numbers(1, 300)}; INSERT INTO wide.log SELECT seq, 'x' FROM ${numbers(1, 300)}`,
  );
  for (let n = 1; n <= 200; n += 1) {
    // The same key in other letters, and values of a unique key that change hands.
    const [one, other] = [2 * (n % 140) + 1, 2 * (n % 140) + 2];
    await from.query(`UPDATE wide.t SET n = n + 1 WHERE id IN (${n}, ${n + 700}); UPDATE wide.t SET id = id + 10000 WHERE id = ${n};
      DELETE FROM wide.c WHERE code = 'K${n}'; INSERT INTO wide.c VALUES ('K${n}', -1); UPDATE wide.u SET n = NULL WHERE id = ${one};
      UPDATE wide.u SET n = ${one} WHERE id = ${other}; UPDATE wide.u SET n = ${other} WHERE id = ${one}`);
  }
  sites.start('b');
  await until('it is there', async () => (await dump(to, 'wide.t WHERE id > 10000')).length === 200);
  for (const table of ['wide.t', 'wide.c', 'wide.u', 'wide.log']) await equal(from, to, table);
  const mirrored = async (): Promise<boolean> =>
    JSON.stringify(await dump(from, 'mirror.t')) === JSON.stringify(await dump(from, 'wide.t'));
  await until('it is carried on', mirrored);
  expect(sites.figures()['wide/a>b']).toMatchObject({ drift: 0, error: null });
  expect(await recorded('checkpoint', `pipeline='wide/a>b' AND lane > 0`)).toHaveLength(4);
}, 60_000);

/** Where a pipeline stands, and its lanes. */
async function places(pipeline: string): Promise<{ level: string; lanes: string[] }> {
  const [found] = await to.query(
    `SELECT lane, position FROM otter.checkpoint WHERE pipeline='${pipeline}' ORDER BY lane`,
  );
  const [level, ...lanes] = (found as { position: string }[]).map(({ position }) => position);
  return { level: level!, lanes };
}

/** Lanes that have written more than the pipeline's checkpoint says. */
async function ahead(pipeline: string): Promise<number> {
  const { level, lanes } = await places(pipeline);
  return lanes.filter((lane) => !reaches(parsePosition(level), parsePosition(lane))).length;
}

/** One that cannot be reached any more when lanes stand apart. */
function behindLine(): DatabaseServer {
  return new Proxy(b, {
    get: (server, key) => {
      if (key === 'port') return line.port;
      const value = Reflect.get(server, key) as unknown;
      return typeof value === 'function' ? value.bind(server) : value;
    },
  });
}

test.each([4, 2, 1])(
  'lanes that stand apart when their connections are lost are level again, then %i of them',
  async (then) => {
    const db = `apart${then}`;
    const own = `${db}/a>b`;
    const logs = ['log1', 'log2', 'log3'].map((log) => `${db}.${log}`);
    await from.query(`CREATE DATABASE ${db}; CREATE TABLE ${db}.t (id INT PRIMARY KEY, n INT)`);
    for (const log of logs) await from.query(`CREATE TABLE ${log} (n INT)`);
    const written = (low: number, high: number): string =>
      logs.map((log) => `INSERT INTO ${log} SELECT seq FROM ${numbers(low, high)}`).join(';');
    await using sites = new Sites({ a, b: behindLine() });
    const set = (count: number): void => sites.set({ [db]: lanes([`${db}.*`], count, { initial: 'none' }) });
    set(4);
    sites.start('a');
    sites.start('b');
    await streaming(sites, own);
    await from.query(`INSERT INTO ${db}.t SELECT seq, 0 FROM ${numbers(1, 2000)}`);
    await equal(from, to, `${db}.t`);
    // Somebody holds a row, so that one lane waits with its share and the others do not.
    const holder = await rootOf(b);
    await holder.query(`START TRANSACTION; SELECT * FROM ${db}.t WHERE id = 7 FOR UPDATE`);
    await from.query(`UPDATE ${db}.t SET n = n + 1; ${written(1, 300)}`);
    await from.query(`UPDATE ${db}.t SET id = id + 10000 WHERE id > 1000`);
    await until('three are ahead', async () => (await ahead(own)) === 3);
    await line.cut();
    set(then);
    await holder.end();
    await from.query(`UPDATE ${db}.t SET n = n + 1; DELETE FROM ${db}.t WHERE id < 100; ${written(301, 500)}`);
    expect(await ahead(own)).toBeGreaterThan(0);
    await line.heal();
    await equal(from, to, `${db}.t`);
    for (const log of logs) await equal(from, to, log);
    await streaming(sites, own);
    expect(sites.figures()[own]).toMatchObject({ drift: 0 });
    await until('they are level', async () => (await ahead(own)) === 0);
    if (then === 1) await until('there are none', async () => (await places(own)).lanes.length === 0);
  },
  60_000,
);

test('changes of tables stand between rows; tables with keys of all kinds, while one lane after the other is killed', async () => {
  await from.query(`CREATE DATABASE mixed; USE mixed; CREATE TABLE t (id INT PRIMARY KEY, n INT);
    CREATE TABLE parent (id INT PRIMARY KEY, n INT); CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
    CREATE TABLE u (id INT PRIMARY KEY, n INT UNIQUE); INSERT INTO t SELECT seq, 0 FROM ${numbers(1, 500)}`);
  const problems: string[] = [];
  await using sites = new Sites(
    { a, b },
    recorder((message, { code }) => {
      if (code === 'OT5061' || code === 'OT5016') problems.push(`${message} ${String(code)}`);
    }),
  );
  sites.set({ mixed: lanes(['mixed.*'], 4, { ddl: 'replicate' }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'mixed/a>b');
  let killed = 0;
  for (let n = 1; n <= 12; n += 1) {
    const [low, high] = [n * 1000, n * 1000 + 299];
    await from.query(`USE mixed; INSERT INTO parent SELECT seq, ${n} FROM ${numbers(low, high)}; INSERT INTO child SELECT seq, seq FROM ${numbers(low, high)};
      INSERT INTO u SELECT seq, seq FROM ${numbers(low, high)}; UPDATE u SET n = -n WHERE id BETWEEN ${low} AND ${high};
      UPDATE t SET n = n + 1; DELETE FROM u WHERE id BETWEEN ${low} AND ${low + 99}; INSERT INTO u SELECT seq + 100000, -seq FROM ${numbers(low, low + 99)};
      DELETE FROM parent WHERE id BETWEEN ${low} AND ${low + 149}; UPDATE t SET id = id + 1000000 * (id MOD 2) WHERE id < ${n * 20}`);
    if (n === 4) await from.query('ALTER TABLE mixed.t ADD COLUMN late INT DEFAULT 5');
    if (n === 6) await from.query('ALTER TABLE mixed.t ADD UNIQUE KEY free (late, id)');
    if (n === 8) await from.query('TRUNCATE TABLE mixed.child');
    if (n % 3 === 0) killed += await killWriters();
  }
  for (const table of ['t', 'parent', 'child', 'u']) await equal(from, to, `mixed.${table}`);
  await streaming(sites, 'mixed/a>b');
  expect(sites.figures()['mixed/a>b']).toMatchObject({ drift: 0 });
  expect(killed).toBeGreaterThan(0);
  expect(problems).toEqual([]);
}, 90_000);

/** Of otter's connections those that write now, or else one. */
async function killWriters(): Promise<number> {
  const [found] = await to.query(
    `SELECT id FROM information_schema.processlist WHERE user='${b.otter.user}' ORDER BY info LIKE '%mixed%' DESC, RAND() LIMIT 2`,
  );
  const ids = (found as { id?: string; ID?: string }[]).map((row) => row.id ?? row.ID!);
  // One may have gone by itself.
  for (const id of ids) await to.query(`KILL ${id}`).catch(() => undefined);
  return ids.length;
}
