/** Verify and repair where rows do not simply go from one table to one other: shards, filters, and both ways. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec, TableSpec } from '../../src/model/topology.ts';
import { channel, dump, equal, numbers, pair, rootOf, Sites, streaming, until } from '../site/harness.ts';
import { linesOf, verified } from './verifier.ts';

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

/** A write at the target that nobody carries on. */
async function plant(root: Connection, sql: string): Promise<void> {
  await root.query(`BEGIN; INSERT INTO otter.skip VALUES (); ${sql}; COMMIT`);
}

test('shards that merge, a filter, other names, keys that are texts: the union of the sources is what is right', async () => {
  await ra.query(
    `CREATE DATABASE m; CREATE TABLE m.i_0 (k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v VARCHAR(20), state VARCHAR(9));
     CREATE TABLE m.i_1 LIKE m.i_0;
     INSERT INTO m.i_0 SELECT CONCAT('a', seq), seq, IF(seq % 7 = 0, 'draft', 'open') FROM ${numbers(1, 1500)};
     INSERT INTO m.i_1 SELECT CONCAT('b', seq), seq, 'open' FROM ${numbers(1, 1500)}`,
  );
  await using sites = new Sites(servers);
  const entry: TableSpec = {
    from: 'm.i_[0-1]',
    to: 'w.item',
    columns: { only: null, omit: [], rename: { v: 'value' } },
    conflict: null,
    rows: { where: "state <> 'draft'", set: { copy: "concat(k, '/', v)" } },
  };
  const channels: Record<string, ChannelSpec> = {
    m: { ...channel({ kind: 'one-way', from: ['a'], to: ['b'] }, []), tables: [entry] },
  };
  await rb.query(
    `CREATE DATABASE w; CREATE TABLE w.item (k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, value VARCHAR(20), state VARCHAR(9), copy VARCHAR(60), own INT DEFAULT 5)`,
  );
  sites.set(channels);
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'm/a>b');
  expect(await verified(servers, channels)).toMatchObject([
    { rows: 3_000, missing: 0, extra: 0, different: 0, skipped: null, unlooked: null },
  ]);
  await plant(
    rb,
    `UPDATE w.item SET k = 'A3' WHERE k = 'a3'; UPDATE w.item SET copy = '' WHERE k = 'b9'; DELETE FROM w.item WHERE k IN ('a4', 'b1500');
     INSERT INTO w.item (k) VALUES ('c'); INSERT INTO w.item VALUES ('a7', 7, 'draft', 'a7/7', 1); UPDATE w.item SET own = 6`,
  );
  const wanted = [
    "w.item different 'a3'",
    "w.item different 'b9'",
    "w.item extra 'a7'",
    "w.item extra 'c'",
    "w.item missing 'a4'",
    "w.item missing 'b1500'",
  ];
  expect(linesOf(await verified(servers, channels)).sort()).toEqual(wanted);
  expect(linesOf(await verified(servers, channels, { extras: false }))).toHaveLength(4);
  // Whether a row of the target is somebody else's is not known: it stays, and that is said.
  expect(await verified(servers, channels, { repairs: true })).toMatchObject([
    { missing: 2, extra: 2, different: 2, repaired: 4, unrepaired: 'several tables go into it' },
  ]);
  expect(linesOf(await verified(servers, channels)).sort()).toEqual(["w.item extra 'a7'", "w.item extra 'c'"]);
  const [row] = (await dump(rb, "w.item WHERE k = 'b9'")).map((text) => JSON.parse(text) as unknown[]);
  expect(row).toEqual(['b9', '9', 'open', 'b9/9', 6]);
}, 120_000);

test('two-way: the site that decides has it right, and its word travels; writes at the other are not lost to it', async () => {
  await ra.query(
    `CREATE DATABASE t; CREATE TABLE t.x (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(20)); INSERT INTO t.x SELECT seq, seq, 'old' FROM ${numbers(1, 500)}`,
  );
  await using sites = new Sites(servers);
  const channels = { t: channel({ kind: 'two-way', between: ['a', 'b'] }, ['t.x']) };
  sites.set(channels);
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 't/a>b', 't/b>a');
  await rb.query("UPDATE t.x SET v = 'from b' WHERE id = 5; INSERT INTO t.x VALUES (1000, 1000, 'from b')");
  await equal(ra, rb, 't.x');
  await plant(
    rb,
    "UPDATE t.x SET v = 'bent' WHERE id = 7; DELETE FROM t.x WHERE id = 8; INSERT INTO t.x VALUES (2000, 8, 'own')",
  );
  await plant(ra, "UPDATE t.x SET v = 'here alone' WHERE id = 9");
  const wanted = ['t.x different 7', 't.x different 9', 't.x extra 2000', 't.x missing 8'];
  expect(linesOf(await verified(servers, channels)).sort()).toEqual(wanted);
  expect(await verified(servers, channels, { repairs: true })).toMatchObject([{ repaired: 4, unrepaired: null }]);
  await equal(ra, rb, 't.x');
  expect((await dump(rb, 't.x WHERE id = 9'))[0]).toContain('here alone');
  await rb.query("UPDATE t.x SET v = 'again' WHERE id = 7");
  await until('it travels', async () => (await dump(ra, 't.x WHERE id = 7'))[0]!.includes('again'));
}, 120_000);

test('where every site decides, what differs is told and left alone', async () => {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS otter');
  await ra.query(
    `CREATE DATABASE l; CREATE TABLE l.x (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO l.x SELECT seq, 'old' FROM ${numbers(1, 100)}`,
  );
  await using sites = new Sites(servers);
  const between = ['a', 'b'];
  const conflict = {
    policy: 'last-write-wins',
    priority: [],
    by: null,
    merge: 'row',
    groups: [],
    counters: [],
  } as const;
  const channels = { l: channel({ kind: 'two-way', between }, ['l.x'], { shape: 'mesh', conflict }) };
  sites.set(channels);
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'l/a>b', 'l/b>a');
  await rb.query("UPDATE l.x SET v = 'from b' WHERE id = 5");
  expect(linesOf(await verified(servers, channels))).toEqual([]);
  await plant(rb, "UPDATE l.x SET v = 'bent' WHERE id = 7");
  const why = 'every site decides, so none can say which row is right';
  expect(await verified(servers, channels, { repairs: true })).toMatchObject([
    { rows: 100, different: 1, repaired: 0, unrepaired: why },
  ]);
  await ra.query("UPDATE l.x SET v = 'right' WHERE id = 7");
  await until('it travels', async () => (await dump(rb, 'l.x WHERE id = 7'))[0]!.includes('right'));
  expect(linesOf(await verified(servers, channels))).toEqual([]);
}, 120_000);
