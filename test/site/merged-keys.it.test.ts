/** One-way into tables that are there already, whose primary key takes rows for one that are two at the source. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, equal, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

async function between(source: string, target: string): Promise<{ ra: Connection; rb: Connection; sites: Sites }> {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb])
    await root.query('DROP DATABASE IF EXISTS k; DROP DATABASE IF EXISTS otter; CREATE DATABASE k');
  await ra.query(source);
  await rb.query(target);
  const sites = new Sites({ a, b });
  sites.set({ k: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['k.t']) });
  sites.start('a');
  sites.start('b');
  return { ra, rb, sites };
}

const failure = (sites: Sites): string => {
  const { code, message } = sites.figures()['k/a>b']?.error ?? { code: '', message: '' };
  return `${code} ${message}`;
};

test.each([
  ['other columns', 'PRIMARY KEY (u)'],
  ['a part of the columns', 'PRIMARY KEY (id)'],
])('a key over %s is refused, and what helps is the same key', async (_, key) => {
  const columns = 'id INT, u INT, v INT';
  const { ra, rb, sites } = await between(
    `CREATE TABLE k.t (${columns}, PRIMARY KEY (id, v)); INSERT INTO k.t VALUES (1,1,1), (1,1,2), (2,1,1)`,
    `CREATE TABLE k.t (${columns}, ${key})`,
  );
  await using running = sites;
  await until('it is refused', () => failure(running).startsWith('OT5012 the primary key of k.t is over'));
  expect(await dump(rb, 'k.t')).toEqual([]);
  await rb.query('ALTER TABLE k.t DROP PRIMARY KEY, ADD PRIMARY KEY (id, u, v)');
  await streaming(running, 'k/a>b');
  await equal(ra, rb, 'k.t');
  ra.destroy();
  rb.destroy();
});

test.each([
  ['none', 'id VARCHAR(9), v INT'],
  ['one over a prefix', 'id VARCHAR(9), v INT, PRIMARY KEY (id(3))'],
])('of a key there is %s: refused, and well when there is one', async (_, columns) => {
  const { ra, rb, sites } = await between(
    "CREATE TABLE k.t (id VARCHAR(9) PRIMARY KEY, v INT); INSERT INTO k.t VALUES ('abcd', 1), ('abce', 2)",
    `CREATE TABLE k.t (${columns})`,
  );
  await using running = sites;
  await until('it is refused', () => failure(running).startsWith('OT5012 the primary key of k.t is missing'));
  await rb.query('DROP TABLE k.t; CREATE TABLE k.t (id VARCHAR(9) PRIMARY KEY, v INT)');
  await streaming(running, 'k/a>b');
  await equal(ra, rb, 'k.t');
  ra.destroy();
  rb.destroy();
});

test('what is kept does not keep another row out in silence', async () => {
  const { ra, rb, sites } = await between(
    'CREATE TABLE k.t (id INT PRIMARY KEY, u INT UNIQUE, v INT); INSERT INTO k.t VALUES (1,1,1), (2,2,2)',
    'CREATE TABLE k.t (id INT PRIMARY KEY, u INT UNIQUE, v INT); INSERT INTO k.t VALUES (7,2,0), (1,5,9)',
  );
  await using running = sites;
  running.set({ k: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['k.t'], { existing: 'keep' }) });
  await until('it stops', () => failure(running).startsWith('OT5016 the row id=2 of k.t has no place'));
  await rb.query('DELETE FROM k.t WHERE id=7');
  await streaming(running, 'k/a>b');
  expect(await dump(rb, 'k.t')).toEqual(['[1,5,9]', '[2,2,2]']);
  ra.destroy();
  rb.destroy();
});

const SOURCE = 'id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, v INT';
const COARSE = SOURCE.replace('utf8mb4_bin', 'utf8mb4_general_ci');

test('a key that calls different texts equal: what is one there stops the copy, in a chunk and between chunks', async () => {
  for (const rows of ["('m', 1), ('M', 2)", "('A', 1), ('a', 2)", "('b1', 1)"]) {
    const { ra, rb, sites } = await between(
      `CREATE TABLE k.t (${SOURCE}); INSERT INTO k.t VALUES ${rows}; INSERT INTO k.t SELECT CONCAT('B', seq), 0 FROM ${numbers(1, 2500)}`,
      `CREATE TABLE k.t (${COARSE})`,
    );
    await using running = sites;
    await until('it stops', () => failure(running).startsWith('OT5012 the primary key of k.t takes another row'));
    // What the message says: another collation, which the rows that are there may have too.
    await rb.query('ALTER TABLE k.t MODIFY id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
    await streaming(running, 'k/a>b');
    await equal(ra, rb, 'k.t');
    ra.destroy();
    rb.destroy();
  }
}, 60_000);

test('such a key takes what differs for it too, spelled anew and moved; what does not stops the pipeline', async () => {
  const { ra, rb, sites } = await between(
    `CREATE TABLE k.t (id VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, v INT);
     INSERT INTO k.t SELECT CONCAT('é', seq), seq FROM ${numbers(1, 2500)}`,
    `CREATE TABLE k.t (${COARSE})`,
  );
  await using running = sites;
  await streaming(running, 'k/a>b');
  await ra.query(
    "UPDATE k.t SET id='É1' WHERE v=1; UPDATE k.t SET id='new' WHERE v=2; DELETE FROM k.t WHERE v=3; INSERT INTO k.t VALUES ('ä', 0), ('b ', 7)",
  );
  await until('it is there', async () => (await dump(rb, 'k.t WHERE v=7')).length === 1);
  await equal(ra, rb, 'k.t');
  // A row that comes and goes, and one that comes after.
  await ra.query("START TRANSACTION; INSERT INTO k.t VALUES ('gone', 8); DELETE FROM k.t WHERE v=8; COMMIT");
  await ra.query("INSERT INTO k.t VALUES ('last', 10)");
  await until('it is there', async () => (await dump(rb, 'k.t WHERE v=10')).length === 1);
  // One letter to general_ci, two to swedish_ci.
  await ra.query("INSERT INTO k.t VALUES ('a', 9)");
  await until('it stops', () => failure(running).startsWith('OT5012 the primary key of k.t takes another row'));
  expect(await dump(rb, "k.t WHERE id='a'")).toEqual(['["ä",0]']);
  ra.destroy();
  rb.destroy();
});
