import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, loud, pair, quiet, rootOf, Sites, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
const log = process.env['LOUD'] ? loud : quiet;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

test('writes on both sides, conflicts included, end equal', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(`CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE)`);
  for (let i = 0; i < 50; i += 1) await ra.query(`INSERT INTO shop.t VALUES (${i}, 'row ${i}', ${i})`);
  await using sites = new Sites({ a, b }, log);
  sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await until('streaming', () =>
    ['shop/a>b', 'shop/b>a'].every(
      (name) => ({ ...sites.site('a').figures(), ...sites.site('b').figures() })[name]?.phase === 'streaming',
    ),
  );
  await Promise.all([write(ra, 'a'), write(rb, 'b')]);
  await until(
    'equal',
    async () => JSON.stringify(await dump(ra, 'shop.t')) === JSON.stringify(await dump(rb, 'shop.t')),
    20_000,
  );
  const figures = { ...sites.site('a').figures(), ...sites.site('b').figures() };
  expect(figures['shop/b>a']!.error).toBeNull();
  expect(figures['shop/a>b']!.error).toBeNull();
  if (process.env['LOUD']) console.log(figures);
  await ra.end();
  await rb.end();
}, 60_000);

/** Random writes on few rows and few unique values, so that the sites meet. */
async function write(db: Connection, who: string, times = 400): Promise<void> {
  const random = seededRandom(who === 'a' ? 1 : 2);
  const at = (n: number): number => random.between(0, n - 1);
  for (let i = 0; i < times; i += 1) {
    const id = at(80);
    const sql = [
      `INSERT INTO shop.t VALUES (${id}, '${who}${i}', ${at(100)})`,
      `UPDATE shop.t SET name='${who}${i}' WHERE id=${id}`,
      `UPDATE shop.t SET u=${at(100)} WHERE id=${id}`,
      `DELETE FROM shop.t WHERE id=${id}`,
      `UPDATE shop.t SET id=${at(80)} WHERE id=${id}`,
    ][at(5)]!;
    await db.query(sql).catch((error: { errno: number }) => {
      if (![1062, 1213, 1205].includes(error.errno)) throw error;
    });
  }
}

test('the preferred site changes while both write', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter; CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE)',
  );
  await rb.query(
    'DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter; CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE)',
  );
  await using sites = new Sites({ a, b }, log);
  const preferring = (first: string, second: string) => ({
    shop: channel({ kind: 'two-way', between: [first, second] }, ['shop.t'], { initial: 'none' }),
  });
  sites.set(preferring('a', 'b'));
  sites.start('a');
  sites.start('b');
  const phases = (): boolean =>
    [sites.site('a').figures()['shop/b>a'], sites.site('b').figures()['shop/a>b']].every(
      (figures) => figures?.phase === 'streaming' && figures.error === null,
    );
  await until('streaming', phases);
  for (const [first, second] of [
    ['b', 'a'],
    ['a', 'b'],
  ] as const) {
    const writing = Promise.all([write(ra, 'a', 300), write(rb, 'b', 300)]);
    sites.set(preferring(first, second));
    await writing;
    await until('streaming again', phases);
    await until(
      'equal',
      async () => JSON.stringify(await dump(ra, 'shop.t')) === JSON.stringify(await dump(rb, 'shop.t')),
      20_000,
    );
  }
  ra.destroy();
  rb.destroy();
}, 60_000);
