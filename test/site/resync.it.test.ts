/** `otter.resync` in SQL: rows are sent again in their place in the stream, whatever is written and killed meanwhile. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, count, dump, equal, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

let servers: { a: DatabaseServer; b: DatabaseServer };
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  const [a, b] = await pair();
  servers = { a, b };
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  for (const root of [ra, rb]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
});

async function told(): Promise<string[]> {
  return dump(ra, '(SELECT request, state, rows_sent, said FROM otter.resynced) AS x');
}

test('by key, by condition, and all; what is not there goes; what is written meanwhile stands; a kill loses nothing', async () => {
  await ra.query(
    `CREATE DATABASE r; CREATE TABLE r.t (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(20)); INSERT INTO r.t SELECT seq, seq, 'x' FROM ${numbers(1, 4000)}`,
  );
  await rb.query(
    'CREATE DATABASE r; CREATE TABLE r.t (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(20), own INT DEFAULT 1)',
  );
  const same = (): Promise<void> => equal(ra, rb, '(SELECT id, u, v FROM r.t) AS x');
  await using sites = new Sites(servers);
  sites.set({ r: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['r.t']) });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'r/a>b');
  // An account needs no more than that.
  await ra.query("CREATE USER asks@'%' IDENTIFIED BY 'pw'; GRANT INSERT ON otter.resync TO asks@'%'");
  const asks = await rootOf(servers.a);
  await asks.changeUser({ user: 'asks', password: 'pw' });

  await rb.query(
    "UPDATE r.t SET own = 2; UPDATE r.t SET v = 'bent' WHERE id <= 20; INSERT INTO r.t (id, v) VALUES (-1, 'extra'), (-2, 'extra'); DELETE FROM r.t WHERE id = 30; UPDATE r.t SET u = 30 WHERE id = 31",
  );
  await asks.query(
    `INSERT INTO otter.resync (table_name, row_keys) VALUES ('r.t', '[["1"], [2], ["-1"], ["30"], ["31"]]')`,
  );
  await until('it is done', async () => (await told())[0]?.includes('done') === true);
  expect(await dump(rb, '(SELECT id, u, v, own FROM r.t WHERE id IN (-2, -1, 1, 2, 3, 30, 31)) AS x')).toEqual([
    '[-2,null,"extra",1]',
    '[1,1,"x",2]',
    '[2,2,"x",2]',
    '[3,3,"bent",2]',
    '[30,30,"x",1]',
    '[31,31,"x",2]',
  ]);
  await asks.query("INSERT INTO otter.resync (table_name, where_sql) VALUES ('r.t', 'id BETWEEN 3 AND 9')");
  await until('it is done', async () => (await told()).length === 2 && (await told())[1]!.includes('done'));
  expect(await count(rb, "r.t WHERE v = 'bent'")).toBe(11);

  // All of it, while rows are written, and both ends are stopped and started in the midst of it.
  await rb.query("UPDATE r.t SET v = 'bent'");
  await asks.query("INSERT INTO otter.resync (table_name) VALUES ('r.t')");
  await until('it has begun', async () => (await told()).length === 3);
  for (const site of ['a', 'b']) {
    await ra.query(
      `UPDATE r.t SET v = '${site}' WHERE id % 9 = 0; DELETE FROM r.t WHERE id = 100 + ${site === 'a' ? 1 : 2}`,
    );
    await sites.stop(site);
    sites.start(site);
  }
  await until('it is done', async () => (await told())[2]!.includes('done'));
  await streaming(sites, 'r/a>b');
  await rb.query('DELETE FROM r.t WHERE id = -2');
  await same();

  // What cannot be done is said, and stops nothing.
  for (const [column, text] of [
    ['where_sql', 'nothing = 1'],
    ['where_sql', 'id = (SELECT 1)'],
    ['row_keys', '[["1 OR 1=1"]]'],
    ['row_keys', '[["1", "2"]]'],
  ] as const)
    await asks.execute(`INSERT INTO otter.resync (table_name, ${column}) VALUES ('r.t', ?)`, [text]);
  await asks.query("INSERT INTO otter.resync (table_name) VALUES ('r.other')");
  await until('all are refused', async () => (await told()).filter((one) => one.includes('refused')).length === 5);
  await ra.query("INSERT INTO r.t VALUES (9999, 9999, 'after')");
  await same();
  expect(sites.figures()['r/a>b']).toMatchObject({ error: null });
  await asks.end();
}, 120_000);

test('keys that their columns cannot hold are no rows, and stop nothing', async () => {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS k');
  await ra.query(
    `CREATE DATABASE k; CREATE TABLE k.n (id INT PRIMARY KEY, v INT); CREATE TABLE k.s (id VARCHAR(9) PRIMARY KEY, v INT); CREATE TABLE k.d (id DATETIME PRIMARY KEY, v INT);
     INSERT INTO k.n VALUES (1, 1); INSERT INTO k.s VALUES ('a', 1); INSERT INTO k.d VALUES ('2020-01-01', 1)`,
  );
  await using sites = new Sites(servers);
  sites.set({ k: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['k.n', 'k.s', 'k.d']) });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'k/a>b');
  // Compared with the wrong literal, these would be met.
  await rb.query("INSERT INTO k.n VALUES (0, 9), (7, 9); INSERT INTO k.s VALUES ('5', 9)");
  const asked = [
    ['k.n', `[["'abc'"], ["'0abc'"], ["7"]]`],
    ['k.s', '[["5"]]'],
    ['k.d', `[["'2020-13-45'"], ["5"], ["'no date'"]]`],
  ] as const;
  for (const [table, keys] of asked)
    await ra.execute('INSERT INTO otter.resync (table_name, row_keys) VALUES (?, ?)', [table, keys]);
  await until('all have an answer', async () => (await told()).filter((one) => !one.includes('running')).length === 3);
  await ra.query('INSERT INTO k.n VALUES (2, 2)');
  await until('it goes on', async () => (await count(rb, 'k.n WHERE id = 2')) === 1);
  expect(await dump(rb, '(SELECT id FROM k.n) AS x')).toEqual(['[0]', '[1]', '[2]']);
  expect(await dump(rb, '(SELECT id FROM k.s) AS x')).toEqual(['["5"]', '["a"]']);
  expect(sites.figures()['k/a>b']).toMatchObject({ error: null });
}, 120_000);

test('a row that the target refuses, when it is copied or sent again, is not called a transaction that could be skipped', async () => {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS c');
  await ra.query(
    'CREATE DATABASE c; CREATE TABLE c.t (id INT PRIMARY KEY, v INT); INSERT INTO c.t VALUES (1, 1), (2, 2)',
  );
  await rb.query('CREATE DATABASE c; CREATE TABLE c.t (id INT PRIMARY KEY, v INT, CONSTRAINT few CHECK (v < 2))');
  await using sites = new Sites(servers);
  sites.set({ c: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['c.t']) });
  for (const name of ['a', 'b']) sites.start(name);
  const stopped = async (words: string): Promise<void> => {
    await until(words, () => sites.figures()['c/a>b']?.error?.message.includes(words) === true);
    const { error } = sites.figures()['c/a>b']!;
    expect(error).toMatchObject({ code: 'OT5016', hint: expect.stringContaining('or the row at its source') });
    expect(error!.message).toContain('the row id=2 of c.t');
    expect(error!.transaction).toBeUndefined();
  };
  await stopped('it is copied');
  await ra.query('UPDATE c.t SET v = 1 WHERE id = 2');
  await streaming(sites, 'c/a>b');
  await rb.query('DELETE FROM c.t WHERE id = 2; ALTER TABLE c.t ADD CONSTRAINT one CHECK (id <> 2)');
  await ra.query("INSERT INTO otter.resync (table_name) VALUES ('c.t')");
  await stopped('it is sent again');
  await rb.query('ALTER TABLE c.t DROP CONSTRAINT one');
  await until('it is done', async () => (await told())[0]?.includes('done') === true);
  await equal(ra, rb, 'c.t');
}, 120_000);

test('two-way: from the site that decides; a spoke that is asked says who does', async () => {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS otter');
  await ra.query(
    "CREATE DATABASE w; CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO w.t VALUES (1, 'x'), (2, 'x')",
  );
  await using sites = new Sites(servers);
  sites.set({ w: channel({ kind: 'two-way', between: ['a', 'b'] }, ['w.t']) });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'w/a>b', 'w/b>a');
  await rb.query(
    "BEGIN; INSERT INTO otter.skip VALUES (); UPDATE w.t SET v = 'bent' WHERE id = 1; INSERT INTO w.t VALUES (3, 'bent'); COMMIT",
  );
  await rb.query(`INSERT INTO otter.resync (table_name) VALUES ('w.t')`);
  await until('it is refused', async () =>
    (await dump(rb, '(SELECT state, said FROM otter.resynced) AS x')).includes(
      '["refused","a decides, not b: ask there"]',
    ),
  );
  await ra.query(`INSERT INTO otter.resync (table_name, row_keys) VALUES ('w.t', '[["1"], ["3"]]')`);
  await equal(ra, rb, 'w.t');
  expect(await dump(ra, 'w.t')).toEqual(['[1,"x"]', '[2,"x"]']);
  // What a spoke writes from then on counts.
  await rb.query("UPDATE w.t SET v = 'new' WHERE id = 1; INSERT INTO w.t VALUES (3, 'new')");
  await until('it has come', async () => (await dump(ra, 'w.t'))[2] === '[3,"new"]');
  await equal(ra, rb, 'w.t');
  expect(await dump(ra, 'w.t')).toEqual(['[1,"new"]', '[2,"x"]', '[3,"new"]']);
}, 120_000);
