/** A one-way channel with four lanes under load, while the nodes that write and the connections of lanes are killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { numbers, pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

const KILLS = 16;
const TABLES = ['t', 'code', 'parent', 'child', 'u', 'log'];

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

async function write(root: Connection, going: () => boolean): Promise<void> {
  for (let n = 1; going(); n += 1) {
    const low = n * 1000;
    await root.query(`USE s; INSERT INTO t SELECT seq, ${n} FROM ${numbers(low, low + 399)}; UPDATE t SET n = n + 1 WHERE id > ${low - 2000};
      INSERT INTO code SELECT CONCAT('k', seq), ${n} FROM ${numbers(low, low + 99)}; DELETE FROM code WHERE id = 'K${low}'; INSERT INTO code VALUES ('K${low}', 0);
      INSERT INTO parent SELECT seq, ${n} FROM ${numbers(low, low + 99)}; INSERT INTO child SELECT seq, seq FROM ${numbers(low, low + 99)};
      DELETE FROM child WHERE id < ${low + 50}; DELETE FROM parent WHERE id < ${low + 50}; INSERT INTO u SELECT seq, seq FROM ${numbers(low, low + 99)};
      UPDATE u SET n = -n WHERE id >= ${low}; DELETE FROM u WHERE id BETWEEN ${low} AND ${low + 49}; INSERT INTO u SELECT -seq, -seq FROM ${numbers(low, low + 49)};
      UPDATE t SET id = -id WHERE id BETWEEN ${low} AND ${low + 20}; INSERT INTO log SELECT ${n}, seq FROM ${numbers(1, 50)}`);
    await sleep(5);
  }
}

test('every row is there once', async () => {
  const random = seededRandom(Number(process.env['OTTER_SEED']));
  const [from, to, writer] = await Promise.all([connect(a), connect(b), connect(a)]);
  const tables = `CREATE DATABASE s; USE s; CREATE TABLE t (id INT PRIMARY KEY, n INT);
    CREATE TABLE code (id VARCHAR(20) PRIMARY KEY, n INT) CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE parent (id INT PRIMARY KEY, n INT); CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id));
    CREATE TABLE u (id INT PRIMARY KEY, n INT UNIQUE); CREATE TABLE log (n INT, m INT)`;
  for (const root of [from, to]) await root.query(tables);
  await using otter = await Otter.in(passwordsOf([a, b]));
  const base = await sitesOf(
    [a, b],
    '  s: { from: a, to: b, initial: none, apply: { lanes: LANES, atomic: false }, tables: ["s.*"] }\n',
  );
  const set = async (lanes: number): Promise<void> => {
    await otter.write(base.replace('LANES', String(lanes)));
    expect(await otter.run('apply', '--auto-approve', '--timeout', '120s')).toMatchObject({ code: 0 });
  };
  for (const node of ['west-1', 'east-1', 'east-2']) otter.node(node);
  await set(4);
  await otter.until('it streams', streaming);
  let going = true;
  const writing = write(writer, () => going);
  writing.catch(() => undefined);
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(random.between(300, 2_500));
      if (random.chance(0.5)) {
        const node = random.pick(['east-1', 'east-2', 'west-1']);
        await otter.end(node, 'SIGKILL');
        otter.node(node);
      } else {
        for (const [id] of (
          await rows(to, `SELECT id FROM information_schema.processlist WHERE user='${b.otter.user}'`)
        ).map((row) => JSON.parse(row) as [string]))
          if (random.chance(0.4)) await to.query(`KILL ${id}`).catch(() => undefined);
      }
      if (kill === KILLS / 2) await set(3);
    }
  } finally {
    going = false;
    await writing;
  }
  await otter.until('it streams again', streaming, 120_000);
  for (const table of TABLES) {
    const sorted = async (root: Connection): Promise<string[]> => (await rows(root, `SELECT * FROM s.${table}`)).sort();
    await expect.poll(() => sorted(to), { timeout: 60_000, interval: 500 }).toEqual(await sorted(from));
  }
  const status = (await otter.status())!;
  expect(status.channels.flatMap(({ pipelines }) => pipelines).map(({ drift }) => drift)).toEqual([0]);
  await Promise.all([from, to, writer].map((root) => root.end()));
}, 600_000);
