/** A dry run does everything but the writes; what writes after it begins anew. */
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

test('it counts what would be written, makes nothing, empties nothing; and is followed by the whole', async () => {
  await ra.query(`CREATE DATABASE d; CREATE TABLE d.fresh (id INT PRIMARY KEY, v INT); CREATE TABLE d.there LIKE d.fresh;
    INSERT INTO d.fresh VALUES (1, 1), (2, 2), (3, 3); INSERT INTO d.there VALUES (1, 1)`);
  await rb.query(
    'CREATE DATABASE d; CREATE TABLE d.there (id INT PRIMARY KEY, v INT); INSERT INTO d.there VALUES (7, 7)',
  );
  const plain = { ...channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['d.*']), existing: 'replace' as const };
  await using sites = new Sites({ a, b });
  sites.set({ d: { ...plain, dryRun: true } });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'd/a>b');
  const counted = (): unknown => sites.figures()['d/a>b']?.dry;
  await until('the copies are counted', () => JSON.stringify(counted())?.includes('d.there') === true);
  await ra.query('UPDATE d.fresh SET v = v + 1 WHERE id < 3; DELETE FROM d.there; INSERT INTO d.there VALUES (2, 2)');
  await expect.poll(counted, { timeout: 15_000 }).toEqual({
    'd.fresh': { insert: 3, update: 2, delete: 0 },
    'd.there': { insert: 2, update: 0, delete: 1 },
  });
  expect(await dump(rb, "information_schema.tables WHERE table_schema = 'd'")).toHaveLength(1);
  expect(await dump(rb, 'd.there')).toEqual(['[7,7]']);
  expect(await dump(rb, 'otter.copy')).toEqual([]);
  sites.set({ d: plain });
  await until('it writes', async () => (await dump(rb, 'd.there')).join() === '[2,2]');
  await expect
    .poll(() => dump(rb, 'd.fresh').catch(() => []), { timeout: 15_000 })
    .toEqual(['[1,2]', '[2,3]', '[3,3]']);
  expect(sites.figures()['d/a>b']?.dry).toBeUndefined();
}, 60_000);
