/** Names and columns that differ between the sites. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { TableSpec } from '../../src/model/topology.ts';
import { channel, dump, pair, rootOf, Sites, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

function table(from: string, to: string | null, columns: Partial<TableSpec['columns']> = {}): TableSpec {
  return { from, to, columns: { only: null, omit: [], rename: {}, ...columns }, conflict: null };
}

test('shards merge into one table, a regex names others, columns stay behind or are renamed', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query('CREATE DATABASE m; USE m');
  for (const shard of ['00', '01', '02']) {
    await ra.query(
      `CREATE TABLE m.item_${shard} (id INT PRIMARY KEY, v VARCHAR(20), secret VARCHAR(20)); INSERT INTO m.item_${shard} VALUES (1${shard}, 'v${shard}', 'hidden')`,
    );
  }
  await ra.query(
    "CREATE TABLE m.log_a (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO m.log_a VALUES (1, 'x'); CREATE TABLE m.other (id INT PRIMARY KEY)",
  );
  await using sites = new Sites({ a, b });
  const tables = [
    table('m.item_[00-02]', 'w.item', { omit: ['secret'], rename: { v: 'value' } }),
    table('/m\\.log_[a-z]+/', null, { only: ['id', 'name'], rename: {} }),
  ];
  sites.set({ m: { ...channel({ kind: 'one-way', from: ['a'], to: ['b'] }, []), existing: 'merge', tables } });
  sites.start('a');
  sites.start('b');
  await until('it streams', () => sites.figures()['m/a>b']?.phase === 'streaming');
  await ra.query(
    "UPDATE m.item_01 SET v='changed'; DELETE FROM m.item_02; INSERT INTO m.item_00 VALUES (7, 'new', 's'); UPDATE m.item_00 SET secret='other'",
  );
  await ra.query("CREATE TABLE m.log_b (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO m.log_b VALUES (5, 'late')");
  await expect
    .poll(() => dump(rb, 'w.item').catch(() => []), { timeout: 15_000 })
    .toEqual(['[100,"v00"]', '[101,"changed"]', '[7,"new"]']);
  await expect.poll(() => dump(rb, 'm.log_b').catch(() => []), { timeout: 15_000 }).toEqual(['[5,"late"]']);
  expect(await dump(rb, 'm.log_a')).toEqual(['[1,"x"]']);
  expect(await dump(rb, "information_schema.tables WHERE table_schema IN ('m','w')")).toHaveLength(3);
  expect(sites.figures()['m/a>b']).toMatchObject({ error: null });
  ra.destroy();
  rb.destroy();
}, 60_000);

test('two-way: other names there, and columns that do not travel keep their values', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS otter');
  await ra.query(
    "CREATE DATABASE s; CREATE TABLE s.customer (id INT PRIMARY KEY, name VARCHAR(20), email VARCHAR(40), ssn VARCHAR(20), UNIQUE KEY (email)); INSERT INTO s.customer VALUES (1, 'Ann', 'ann@x', '111'), (2, 'Bob', 'bob@x', '222')",
  );
  await rb.query(
    'CREATE DATABASE crm; CREATE TABLE crm.client (id INT PRIMARY KEY, full_name VARCHAR(20), email VARCHAR(40), rating INT DEFAULT 5, UNIQUE KEY (email))',
  );
  await using sites = new Sites({ a, b });
  const tables = [table('s.customer', 'crm.client', { omit: ['ssn', 'rating'], rename: { name: 'full_name' } })];
  sites.set({ s: { ...channel({ kind: 'two-way', between: ['a', 'b'] }, []), tables } });
  sites.start('a');
  sites.start('b');
  await until('both stream', () => ['s/a>b', 's/b>a'].every((name) => sites.figures()[name]?.phase === 'streaming'));
  expect(await dump(rb, 'crm.client')).toEqual(['[1,"Ann","ann@x",5]', '[2,"Bob","bob@x",5]']);
  await rb.query(
    "UPDATE crm.client SET rating = 9, full_name = 'Anna' WHERE id = 1; INSERT INTO crm.client VALUES (3, 'Cy', 'cy@x', 1)",
  );
  await until('it arrived', async () => (await dump(ra, 's.customer')).length === 3);
  expect(await dump(ra, 's.customer')).toEqual([
    '[1,"Anna","ann@x","111"]',
    '[2,"Bob","bob@x","222"]',
    '[3,"Cy","cy@x",null]',
  ]);
  await ra.query(
    "UPDATE s.customer SET ssn = '333' WHERE id = 3; START TRANSACTION; UPDATE s.customer SET email = 'tmp' WHERE id = 1; UPDATE s.customer SET email = 'ann@x' WHERE id = 2; UPDATE s.customer SET email = 'bob@x' WHERE id = 1; COMMIT",
  );
  await expect
    .poll(() => dump(rb, 'crm.client'), { timeout: 15_000 })
    .toEqual(['[1,"Anna","bob@x",9]', '[2,"Bob","ann@x",5]', '[3,"Cy","cy@x",1]']);
  // A conflict, decided change by change, keeps them too.
  await Promise.all([
    ra.query("UPDATE s.customer SET name = 'from a' WHERE id <= 2"),
    rb.query("UPDATE crm.client SET full_name = 'from b' WHERE id <= 3"),
  ]);
  await until('equal', async () => {
    const here = (await dump(ra, '(SELECT id, name, email FROM s.customer) t')).join();
    return here === (await dump(rb, '(SELECT id, full_name, email FROM crm.client) t')).join();
  });
  expect(await dump(ra, '(SELECT id, ssn FROM s.customer) t')).toEqual(['[1,"111"]', '[2,"222"]', '[3,"333"]']);
  expect(await dump(rb, '(SELECT id, rating FROM crm.client) t')).toEqual(['[1,9]', '[2,5]', '[3,1]']);
  for (const name of ['s/a>b', 's/b>a']) expect(sites.figures()[name]).toMatchObject({ error: null });
  ra.destroy();
  rb.destroy();
}, 60_000);
