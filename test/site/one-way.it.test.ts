import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, pair, quiet, rootOf, Sites, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

test('copies what is there and carries what comes', async () => {
  const from = await rootOf(a);
  const to = await rootOf(b);
  await from.query(
    `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), price DECIMAL(10,2))`,
  );
  for (let i = 0; i < 5; i += 1) await from.query(`INSERT INTO shop.t VALUES (${i}, 'row ${i}', ${i}.5)`);
  await using sites = new Sites({ a, b }, quiet);
  sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await until('streaming', () => sites.site('b').figures()['shop/a>b']?.phase === 'streaming');
  await from.query(
    `INSERT INTO shop.t VALUES (100, 'it''s', 1); UPDATE shop.t SET name='changed' WHERE id=3; DELETE FROM shop.t WHERE id=1; UPDATE shop.t SET id=77 WHERE id=2`,
  );
  await until(
    'equal',
    async () => JSON.stringify(await dump(from, 'shop.t')) === JSON.stringify(await dump(to, 'shop.t')),
  );
  expect(await dump(to, 'shop.t')).toHaveLength(5);
  await from.end();
  await to.end();
}, 60_000);
