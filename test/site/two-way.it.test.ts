import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, pair, loud, quiet, rootOf, Sites, until } from './harness.ts';

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
  await until('streaming', () => ['shop/a>b', 'shop/b>a'].every((name) => ({ ...sites.site('a').figures(), ...sites.site('b').figures() })[name]?.phase === 'streaming'));
  let seed = Number(process.env["SEED"] ?? 42);
  const random = (n: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * n);
  };
  const write = async (db: typeof ra, who: string): Promise<void> => {
    for (let i = 0; i < 400; i += 1) {
      const id = random(80);
      const sql = [
        `INSERT INTO shop.t VALUES (${id}, '${who}${i}', ${random(100)})`,
        `UPDATE shop.t SET name='${who}${i}' WHERE id=${id}`,
        `UPDATE shop.t SET u=${random(100)} WHERE id=${id}`,
        `DELETE FROM shop.t WHERE id=${id}`,
        `UPDATE shop.t SET id=${random(80)} WHERE id=${id}`,
      ][random(5)]!;
      await db.query(sql).catch((error: { errno: number }) => {
        if (![1062, 1213, 1205].includes(error.errno)) throw error;
      });
    }
  };
  await Promise.all([write(ra, 'a'), write(rb, 'b')]);
  await until('equal', async () => JSON.stringify(await dump(ra, 'shop.t')) === JSON.stringify(await dump(rb, 'shop.t')), 20_000);
  const figures = { ...sites.site('a').figures(), ...sites.site('b').figures() };
  expect(figures['shop/b>a']!.error).toBeNull();
  expect(figures['shop/a>b']!.error).toBeNull();
  if (process.env['LOUD']) console.log(figures);
  await ra.end();
  await rb.end();
}, 60_000);
