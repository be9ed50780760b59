/** Three sites, one of them the hub: what a spoke writes reaches the other through it, and never comes back. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, count, dump, equal, rootOf, Sites, servers, streaming, until } from './harness.ts';
import { logOf } from './idle.ts';

const NAMES = ['hub', 'one', 'two'] as const;
const PIPELINES = ['s/hub>one', 's/one>hub', 's/hub>two', 's/two>hub'];
const star = { s: channel({ kind: 'two-way', between: NAMES }, ['d.*']) };

let lab: Record<(typeof NAMES)[number], DatabaseServer>;
let roots: Connection[];

beforeAll(async () => {
  const [hub, one, two] = await servers(3);
  lab = { hub: hub!, one: one!, two: two! };
  roots = await Promise.all(NAMES.map(async (name) => rootOf(lab[name])));
});
beforeEach(async () => {
  for (const root of roots) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
});
afterAll(async () => {
  for (const root of roots ?? []) root.destroy();
  await Promise.all(Object.values(lab ?? {}).map((server) => server[Symbol.asyncDispose]()));
});

async function running(channels = star): Promise<Sites> {
  const sites = new Sites(lab);
  sites.set(channels);
  for (const name of NAMES) sites.start(name);
  await streaming(sites, ...PIPELINES);
  return sites;
}

async function allEqual(table: string): Promise<void> {
  const [hub, one, two] = roots;
  await equal(hub!, one!, table);
  await equal(hub!, two!, table);
}

test('rows are copied to every spoke; a write of one reaches the others once, and a table made at a spoke too', async () => {
  const [hub, one, two] = roots;
  await hub!.query(
    "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO d.t VALUES (1,'x')",
  );
  await using sites = await running();
  await allEqual('d.t');
  const places = await Promise.all(roots.map(async (root) => logOf(root)));
  await one!.query("INSERT INTO d.t VALUES (2, 'one')");
  await two!.query("INSERT INTO d.t VALUES (3, 'two')");
  await until('all is at each', async () => {
    const counts = await Promise.all(roots.map(async (root) => count(root, 'd.t')));
    return counts.every((rows) => rows === 3);
  });
  // Time for what should not come.
  await sleep(1_000);
  for (const [i, root] of roots.entries())
    expect((await logOf(root, places[i])).filter((table) => table === 'd.t')).toHaveLength(2);
  await one!.query('CREATE TABLE d.made (id INT PRIMARY KEY); INSERT INTO d.made VALUES (1), (2)');
  await until('it is at the other spoke', async () => (await dump(two!, 'd.made').catch(() => [])).length === 2);
  // What is written there while it is copied may lose against the hub's rows.
  await until('it is copied', async () => (await dump(two!, 'otter.copy WHERE done=1')).length === 2);
  await streaming(sites, ...PIPELINES);
  await two!.query("INSERT INTO d.t VALUES (9, 'seen')");
  await until('it has been seen', async () => (await count(hub!, 'd.t')) === 4);
  await two!.query('DELETE FROM d.made WHERE id=1');
  await until('and back', async () => (await dump(one!, 'd.made')).length === 1);
  await allEqual('d.made');
}, 60_000);

test.runIf(LONG)(
  'idle, nobody writes more than one position update a heartbeat',
  async () => {
    const [hub] = roots;
    await hub!.query(
      "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO d.t VALUES (1,'x')",
    );
    await using _sites = await running();
    await sleep(500);
    const before = await Promise.all(roots.map(async (root) => logOf(root)));
    await sleep(4_000);
    const logs = await Promise.all(roots.map(async (root, i) => logOf(root, before[i])));
    const counted = logs.map((log) => ({
      beats: log.filter((table) => table === 'otter.heartbeat').length,
      updates: log.filter((table) => table === 'otter.checkpoint').length,
      tables: [...new Set(log)].sort(),
    }));
    for (const { tables } of counted) expect(tables).toEqual(['otter.checkpoint', 'otter.heartbeat']);
    const [atHub, ...spokes] = counted;
    for (const { updates } of spokes) expect(updates).toBeLessThanOrEqual(atHub!.beats + 2);
    expect(atHub!.updates).toBeLessThanOrEqual(spokes.reduce((sum, { beats }) => sum + beats, 0) + 4);
  },
  60_000,
);

test('writes on all sides at once, sites stopping and starting, end equal', async () => {
  const [hub] = roots;
  await hub!.query('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE)');
  for (let i = 0; i < 40; i += 1) await hub!.query(`INSERT INTO d.t VALUES (${i}, 'row ${i}', ${i})`);
  await using sites = await running();
  let writing = true;
  const writers = Promise.all(roots.map(async (root, i) => write(root, NAMES[i]!, i + 1))).then(() => {
    writing = false;
  });
  const random = seededRandom(7);
  while (writing) {
    await sleep(random.between(50, 250));
    const name = NAMES[random.between(0, 2)]!;
    await sites.stop(name);
    await sleep(random.between(0, 150));
    sites.start(name);
  }
  await writers;
  await streaming(sites, ...PIPELINES);
  await allEqual('d.t');
}, 120_000);

test('a spoke that leaves keeps its rows, and one that comes has them copied', async () => {
  const [hub, one, two] = roots;
  await hub!.query(
    "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO d.t VALUES (1,'x')",
  );
  await using sites = await running();
  sites.set({ s: channel({ kind: 'two-way', between: ['hub', 'one'] }, ['d.*']) });
  await one!.query("INSERT INTO d.t VALUES (2, 'one')");
  await until('it is at the hub', async () => (await count(hub!, 'd.t')) === 2);
  expect(await dump(two!, 'd.t')).toEqual(['[1,"x"]']);
  await two!.query('TRUNCATE d.t');
  sites.set(star);
  await until('it is at the spoke', async () => (await count(two!, 'd.t')) === 2);
  await two!.query("INSERT INTO d.t VALUES (3, 'two')");
  await until('it is at the other', async () => (await count(one!, 'd.t')) === 3);
  await allEqual('d.t');
}, 60_000);

/** Random writes on few rows and few unique values, so that the sites meet. */
async function write(db: Connection, who: string, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const at = (n: number): number => random.between(0, n - 1);
  for (let i = 0; i < 400; i += 1) {
    const id = at(80);
    const sql = [
      `INSERT INTO d.t VALUES (${id}, '${who}${i}', ${at(100)})`,
      `UPDATE d.t SET name='${who}${i}' WHERE id=${id}`,
      `UPDATE d.t SET u=${at(100)} WHERE id=${id}`,
      `DELETE FROM d.t WHERE id=${id}`,
      `UPDATE d.t SET id=${at(80)} WHERE id=${id}`,
    ][at(5)]!;
    await db.query(sql).catch((error: { errno: number }) => {
      if (![1062, 1213, 1205].includes(error.errno)) throw error;
    });
    await sleep(2);
  }
}

test('changes of tables go from the hub to every spoke, and rows of before them to all from any', async () => {
  const [hub, one, two] = roots;
  await hub!.query(
    'CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(9), u INT UNIQUE); INSERT INTO d.t VALUES (1, "x", 1)',
  );
  const conflict = {
    policy: 'last-write-wins',
    priority: NAMES,
    by: null,
    merge: 'column',
    groups: [],
    counters: [],
  } as const;
  const carried = { s: channel({ kind: 'two-way', between: NAMES }, ['d.*'], { ddl: 'replicate', conflict }) };
  await using sites = await running(carried);
  await allEqual('d.t');
  await sites.stop('two');
  await two!.query("INSERT INTO d.t VALUES (2, 'two', 2); UPDATE d.t SET u = 9 WHERE id = 1");
  await hub!.query('ALTER TABLE d.t ADD c INT NOT NULL DEFAULT 7 AFTER id; UPDATE d.t SET c = 5 WHERE id = 1');
  await until('it is at one', async () => (await count(one!, 'd.t WHERE c = 5').catch(() => 0)) === 1);
  await one!.query("INSERT INTO d.t VALUES (3, 8, 'one', 3); UPDATE d.t SET v = 'w' WHERE id = 1");
  await until('and back', async () => (await count(hub!, "d.t WHERE v = 'w'")) === 1);
  await sites.stop('hub');
  await two!.query("INSERT INTO d.t VALUES (4, 'more', 4)");
  await hub!.query('ALTER TABLE d.t ALTER c SET DEFAULT 9, MODIFY v VARCHAR(90), ADD INDEX i (v)');
  sites.start('hub');
  sites.start('two');
  await streaming(sites, ...PIPELINES);
  await until('all is there', async () => {
    const counts = await Promise.all(roots.map(async (root) => count(root, 'd.t')));
    return counts.every((rows) => rows === 4);
  });
  await allEqual('d.t');
  expect(await dump(hub!, 'd.t')).toEqual(['[1,5,"w",9]', '[2,7,"two",2]', '[3,8,"one",3]', '[4,7,"more",4]']);
  await one!.query('ALTER TABLE d.t ADD mine INT');
  await until('it stops', () => sites.figures()['s/one>hub']?.error?.code === 'OT5015');
  await two!.query('DELETE FROM d.t WHERE id = 4');
  await until('the others go on', async () => (await count(hub!, 'd.t')) === 3);
  for (const name of PIPELINES) expect(sites.figures()[name]).toMatchObject({ drift: 0 });
}, 60_000);
