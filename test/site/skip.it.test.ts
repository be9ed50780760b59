/** A transaction that inserts into `otter.skip` is carried nowhere, however large it is; others are. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  ra.destroy();
  rb.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

test('both ways, and an account needs INSERT there and no more', async () => {
  await ra.query(
    `CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v LONGTEXT); INSERT INTO s.t VALUES (1, 'x'), (2, 'x')`,
  );
  await using sites = new Sites({ a, b }, undefined, undefined, { keepingMs: 200 });
  sites.set({ s: channel({ kind: 'two-way', between: ['a', 'b'] }, ['s.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 's/a>b', 's/b>a');
  await ra.query(
    `CREATE USER repair@'%' IDENTIFIED BY 'pw'; GRANT INSERT ON otter.skip TO repair@'%'; GRANT ALL ON s.* TO repair@'%'`,
  );
  const repair = await rootOf(a);
  await repair.changeUser({ user: 'repair', password: 'pw' });
  await repair.query(
    `BEGIN; UPDATE s.t SET v = 'here' WHERE id = 1; INSERT INTO otter.skip VALUES (); INSERT INTO s.t VALUES (3, 'here'); COMMIT`,
  );
  await repair.end();
  // Larger than what is handed on at once.
  await rb.query(
    `BEGIN; INSERT INTO otter.skip VALUES (); INSERT INTO s.t SELECT 10 + id, REPEAT('y', 3000000) FROM s.t; COMMIT`,
  );
  await ra.query("INSERT INTO s.t VALUES (4, 'both')");
  await rb.query("INSERT INTO s.t VALUES (5, 'both')");
  const ids = (root: Connection): Promise<string[]> => dump(root, '(SELECT id, LEFT(v, 5) AS v FROM s.t) AS x');
  await expect.poll(() => ids(rb), { timeout: 15_000 }).toContain('[4,"both"]');
  await expect.poll(() => ids(ra), { timeout: 15_000 }).toContain('[5,"both"]');
  expect(await ids(ra)).toEqual(['[1,"here"]', '[2,"x"]', '[3,"here"]', '[4,"both"]', '[5,"both"]']);
  expect(await ids(rb)).toEqual(['[1,"x"]', '[11,"yyyyy"]', '[12,"yyyyy"]', '[2,"x"]', '[4,"both"]', '[5,"both"]']);
  await until('its rows are removed', async () => (await dump(ra, 'otter.skip')).length === 0);
}, 60_000);
