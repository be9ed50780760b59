import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { channel, dump, pair, quiet, rootOf, Sites, streaming, until } from './harness.ts';

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

test.each([['mariadb'], ['mysql']] as const)(
  'into a target that writes no log: %s',
  async (family) => {
    const start = { mariadb: startMariaDb, mysql: startMySql }[family];
    await using silent = await start({ args: ['--skip-log-bin'] });
    const [from, to] = await Promise.all([rootOf(a), rootOf(silent)]);
    await from.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS mute; CREATE DATABASE mute');
    await from.query('CREATE TABLE mute.t (id INT PRIMARY KEY) CHARSET=utf8mb4; INSERT INTO mute.t VALUES (1)');
    await using sites = new Sites({ a, b: silent }, quiet);
    sites.set({ mute: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['mute.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'mute/a>b');
    await from.query('INSERT INTO mute.t VALUES (2)');
    await until('it is there', async () => (await dump(to, 'mute.t')).length === 2);
    await Promise.all([from.end(), to.end()]);
  },
  90_000,
);
