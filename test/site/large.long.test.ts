/** Large transactions: seen whole or not at all, also when they come in pieces, also when they meet a conflict. */

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';

import { channel, count, equal, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

/** Runs the statement at one site and looks at the other all the while: rows of before, then rows of after. */
async function seenWhole(from: Connection, to: Connection, sql: string, after: number): Promise<void> {
  const before = await count(to, 'shop.t');
  const seen = new Set<number>();
  await from.query(`USE shop; ${sql}`);
  await until(`${after} rows have arrived`, async () => {
    seen.add(await count(to, 'shop.t'));
    return seen.has(after);
  });
  expect([...seen].filter((rows) => rows !== before && rows !== after)).toEqual([]);
}

const insert = (from: number, to: number, text: string): string =>
  `INSERT INTO shop.t SELECT seq, CONCAT('${text} ', seq), REPEAT('x', 100) FROM ${numbers(from, to)}`;

test('of ten and of sixty thousand rows, both ways', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'CREATE DATABASE shop; USE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, filler VARCHAR(100), UNIQUE KEY (name)); CREATE TABLE shop.plain (id INT PRIMARY KEY, n INT, filler VARCHAR(200))',
  );
  await using sites = new Sites({ a, b });
  sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t', 'shop.plain']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');

  await seenWhole(ra, rb, insert(1, 10_000, 'a'), 10_000);
  await seenWhole(rb, ra, insert(10_001, 20_000, 'b'), 20_000);
  await seenWhole(ra, rb, insert(100_001, 160_000, 'a'), 80_000);
  await seenWhole(rb, ra, insert(200_001, 260_000, 'b'), 140_000);
  await seenWhole(ra, rb, 'DELETE FROM shop.t WHERE id > 200000', 80_000);
  await equal(ra, rb, 'shop.t');
  await seenWhole(
    rb,
    ra,
    "UPDATE shop.t SET filler='y' WHERE id > 100000; DELETE FROM shop.t WHERE id <= 20000",
    60_000,
  );
  await equal(ra, rb, 'shop.t');
  expect(sites.figures()['shop/a>b']).toMatchObject({ error: null, drift: 0 });
  expect(sites.figures()['shop/b>a']).toMatchObject({ error: null, conflicts: 0 });
  await Promise.all([ra.end(), rb.end()]);
}, 120_000);

test('one in pieces that meets a conflict is decided piece by piece', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await using sites = new Sites({ a, b });
  sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t', 'shop.plain']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await ra.query(`USE shop; INSERT INTO shop.plain SELECT seq, 0, REPEAT('x', 200) FROM ${numbers(1, 60000)}`);
  await equal(ra, rb, 'shop.plain');
  // Neither has seen the other's: the pipelines rest while both write.
  await sites.stop('a');
  await sites.stop('b');
  await rb.query('UPDATE shop.plain SET n=1');
  await ra.query('UPDATE shop.plain SET n=2 WHERE id IN (5, 30000, 59999); DELETE FROM shop.plain WHERE id=7');
  sites.start('a');
  sites.start('b');
  await until('the large one has arrived', async () => (await count(ra, 'shop.plain WHERE n=1')) > 50_000, 60_000);
  await equal(ra, rb, 'shop.plain');
  expect(await count(ra, 'shop.plain WHERE n=2')).toBe(3);
  expect(await count(ra, 'shop.plain WHERE n=1')).toBe(59_996);
  expect(await count(rb, 'shop.plain WHERE id=7')).toBe(0);
  expect(sites.figures()['shop/b>a']!.conflicts).toBe(4);
  await Promise.all([ra.end(), rb.end()]);
}, 120_000);

test.runIf(LONG)(
  'one-way, in pieces, updating rows that are not there: written with care, not stuck',
  async () => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    await ra.query(
      `CREATE DATABASE one; USE one; CREATE TABLE one.t (id INT PRIMARY KEY, u INT UNIQUE, filler VARCHAR(600)); INSERT INTO one.t SELECT seq, seq, REPEAT('x', 500) FROM ${numbers(1, 12000)}`,
    );
    await using sites = new Sites({ a, b });
    sites.set({ one: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['one.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'one/a>b');
    await rb.query('DELETE FROM one.t WHERE id IN (10, 6000, 11990)');
    await ra.query("UPDATE one.t SET filler=REPEAT('y', 500)");
    await equal(ra, rb, 'one.t');
    expect(sites.figures()['one/a>b']!.drift).toBeGreaterThanOrEqual(3);
    await Promise.all([ra.end(), rb.end()]);
  },
  120_000,
);
