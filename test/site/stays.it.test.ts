/** Tables that go elsewhere, or leave and come back, while somebody looks and while nobody does. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, count, dump, equal, pair, recorder, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
beforeEach(async () => {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS s; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v INT); INSERT INTO s.t VALUES (1,1),(2,2)');
  await ra.query('CREATE TABLE s.other (id INT PRIMARY KEY); INSERT INTO s.other VALUES (1)');
});
afterAll(async () => {
  for (const root of [ra, rb]) root.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const oneWay = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
const twoWay = { kind: 'two-way', between: ['a', 'b'] } as const;
const KINDS = [
  ['one-way', oneWay, ['c/a>b']],
  ['two-way', twoWay, ['c/a>b', 'c/b>a']],
] as const;

test.each(KINDS)(
  '%s: a table that goes to another table there is copied into it',
  async (_, direction, names) => {
    await using sites = new Sites({ a, b });
    sites.set({ c: channel(direction, [{ from: 's.t', to: 's.t' }, 's.other']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, ...names);
    await until('it is copied', async () => (await count(rb, 's.t')) === 2);
    sites.set({ c: channel(direction, [{ from: 's.t', to: 's.u' }, 's.other']) });
    await until('it is copied there', async () => (await count(rb, 's.u').catch(() => 0)) === 2);
    await ra.query('INSERT INTO s.t VALUES (3,3)');
    await until('a row too', async () => (await count(rb, 's.u')) === 3);
    // Rows that a user put there stop it, as the channel says.
    await rb.query('CREATE TABLE s.w LIKE s.t; INSERT INTO s.w VALUES (99,99)');
    sites.set({ c: channel(direction, [{ from: 's.t', to: 's.w' }, 's.other']) });
    await until('it is refused', () => sites.figures()['c/a>b']?.error?.code === 'OT5013');
    expect(await dump(rb, 's.w')).toEqual(['[99,99]']);
    await rb.query('TRUNCATE s.w');
    await until('it is copied when it is empty', async () => (await count(rb, 's.w')) === 3);
    await streaming(sites, ...names);
    expect(await count(ra, 's.t')).toBe(3);
  },
  60_000,
);

test('a table that leaves while rows of it are on their way keeps no other waiting, and is copied if it comes back', async () => {
  const seen: string[] = [];
  await using sites = new Sites(
    { a, b },
    recorder((message, { code }) => {
      if (typeof code === 'string') seen.push(`${code} ${message}`);
    }),
  );
  sites.set({ c: channel(oneWay, ['s.other']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'c/a>b');
  await until('it is copied', async () => (await count(rb, 's.other')) === 1);
  // The target stands still while the table comes, is written, and goes.
  await rb.query('BEGIN; SELECT * FROM s.other FOR UPDATE');
  await ra.query('UPDATE s.other SET id=2');
  await sleep(300);
  sites.set({ c: channel(oneWay, ['s.other', 's.t']) });
  await sleep(300);
  await ra.query('UPDATE s.t SET v=9');
  await sleep(300);
  sites.set({ c: channel(oneWay, ['s.other']) });
  await ra.query('INSERT INTO s.other VALUES (3)');
  await rb.query('COMMIT');
  await until('the other goes on', async () => (await count(rb, 's.other')) === 2);
  expect(seen).toEqual([]);
  sites.set({ c: channel(oneWay, ['s.other', 's.t']) });
  await until('it is copied', async () => (await count(rb, 's.t').catch(() => 0)) === 2);
  await equal(ra, rb, 's.t');
  expect(seen).toEqual([]);
}, 60_000);

test.each(KINDS)(
  '%s: a table that leaves and comes back while it is being made at its target is copied again',
  async (_, direction, names) => {
    const whole: string[] = [];
    await using sites = new Sites(
      { a, b },
      recorder((message, { table }) => {
        if (message === 'copy of table is whole') whole.push(String(table));
      }),
    );
    const more = direction === oneWay ? ({ existing: 'replace' } as const) : {};
    const set = (...tables: string[]): void => sites.set({ c: channel(direction, tables, more) });
    set('s.other');
    sites.start('a');
    sites.start('b');
    await streaming(sites, ...names);
    // Nothing can be made there, and nothing is written.
    await rb.query('FLUSH TABLES WITH READ LOCK');
    set('s.other', 's.t');
    await until('its rows are on their way', () => whole.includes('s.t'));
    set('s.other');
    await sleep(300);
    await ra.query('DELETE FROM s.t WHERE id=1; UPDATE s.t SET v=30 WHERE id=2');
    await sleep(300);
    whole.length = 0;
    set('s.other', 's.t');
    await sleep(1_000);
    await rb.query('UNLOCK TABLES');
    await until('it is copied again', () => whole.includes('s.t'));
    await ra.query('INSERT INTO s.t VALUES (9,9)');
    await until('it is followed', async () => (await count(rb, 's.t WHERE id=9').catch(() => 0)) === 1);
    await streaming(sites, ...names);
    await equal(ra, rb, 's.t');
  },
  60_000,
);

test.each([
  ['by its name', ['s.t', 's.other'], ['s.other']],
  ['by a pattern', ['s.*'], ['s.other']],
] as const)(
  'a table that leaves and comes back %s while its target is away is copied again',
  async (_, all, less) => {
    await using sites = new Sites({ a, b });
    sites.set({ c: channel(oneWay, all) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'c/a>b');
    await until('all is copied', async () => (await count(rb, 's.t')) + (await count(rb, 's.other')) === 3);
    await sites.stop('b');
    sites.set({ c: channel(oneWay, less) });
    await ra.query('UPDATE s.t SET v=9 WHERE id=1');
    await rb.query('DELETE FROM s.t');
    sites.set({ c: channel(oneWay, all) });
    sites.start('b');
    await until('it is copied again', async () => (await count(rb, 's.t')) === 2);
    await equal(ra, rb, 's.t');
  },
  60_000,
);

test('two-way: emptied to be copied again while nobody looks, it is empty nowhere', async () => {
  await using sites = new Sites({ a, b });
  sites.set({ c: channel(twoWay, ['s.t', 's.other']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'c/a>b', 'c/b>a');
  await until('all is copied', async () => (await count(rb, 's.t')) === 2);
  await sites.stop('a');
  await sites.stop('b');
  sites.set({ c: channel(twoWay, ['s.other']) });
  await rb.query('DELETE FROM s.t');
  await ra.query('INSERT INTO s.t VALUES (3,3)');
  sites.set({ c: channel(twoWay, ['s.t', 's.other']) });
  sites.start('a');
  sites.start('b');
  await until('it is copied again', async () => (await count(rb, 's.t')) === 3);
  await rb.query('INSERT INTO s.t VALUES (4,4)');
  await until('and followed', async () => (await count(ra, 's.t')) === 4);
  await equal(ra, rb, 's.t');
}, 60_000);

test('tables that are named in another way stay as they are', async () => {
  await using sites = new Sites({ a, b });
  sites.set({ c: channel(oneWay, ['s.*']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'c/a>b');
  const copies = await dump(rb, 'otter.copy');
  expect(copies).toHaveLength(2);
  const epoch = await dump(rb, '(SELECT epoch FROM otter.checkpoint) AS e');
  for (const tables of [['s.t', 's.other'], ['s.t*', 's.o*'], ['s.*']]) {
    sites.set({ c: channel(oneWay, tables) });
    await ra.query('UPDATE s.t SET v=v+1');
    await until('a write has come', async () => (await dump(rb, 's.t')).join() === (await dump(ra, 's.t')).join());
  }
  expect(await dump(rb, 'otter.copy')).toEqual(copies);
  expect(await dump(rb, '(SELECT epoch FROM otter.checkpoint) AS e')).toEqual(epoch);
}, 60_000);

test('a new shard joins its table, whose rows came from other shards', async () => {
  await ra.query('CREATE TABLE s.p_1 (id INT PRIMARY KEY); INSERT INTO s.p_1 VALUES (1)');
  await using sites = new Sites({ a, b });
  sites.set({ c: channel(oneWay, [{ from: 's.p_*', to: 's.p' }]) });
  sites.start('a');
  sites.start('b');
  await until('the first is there', async () => (await count(rb, 's.p').catch(() => 0)) === 1);
  await streaming(sites, 'c/a>b');
  await ra.query('CREATE TABLE s.p_2 (id INT PRIMARY KEY); INSERT INTO s.p_2 VALUES (2)');
  await until('both are there', async () => (await dump(rb, 's.p')).join() === '[1],[2]');
  // The same where it comes by name, with rows from before.
  await ra.query('CREATE TABLE s.q_3 (id INT PRIMARY KEY); INSERT INTO s.q_3 VALUES (3)');
  sites.set({
    c: channel(oneWay, [
      { from: 's.p_*', to: 's.p' },
      { from: 's.q_3', to: 's.p' },
    ]),
  });
  await until('all are there', async () => (await dump(rb, 's.p')).join() === '[1],[2],[3]');
}, 60_000);

test('a table that left and came back while its target was behind is not taken for what it was before', async () => {
  await using sites = new Sites({ a, b });
  sites.set({ c: channel(oneWay, ['s.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'c/a>b');
  await until('it is copied', async () => (await count(rb, 's.t')) === 2);
  const holder = await rootOf(b);
  await holder.query('START TRANSACTION; SELECT * FROM s.t WHERE id=1 FOR UPDATE');
  await ra.query('UPDATE s.t SET v=9 WHERE id=1');
  sites.set({ c: channel(oneWay, ['s.t', 's.other']) });
  await until('a chunk is on its way', async () =>
    (await dump(ra, 'otter.watermark')).some((row) => row.includes('high')),
  );
  await ra.query('INSERT INTO s.other VALUES (2), (3)');
  sites.set({ c: channel(oneWay, ['s.t']) });
  await ra.query('DELETE FROM s.other WHERE id=2; INSERT INTO s.t VALUES (3,3)');
  sites.set({ c: channel(oneWay, ['s.t', 's.other']) });
  await holder.query('COMMIT');
  holder.destroy();
  // What came before it left is there: that is refused, never gone on from.
  const refused = (): boolean => sites.figures()['c/a>b']?.error?.code === 'OT5013';
  const same = async (): Promise<boolean> =>
    (await dump(ra, 's.other')).join() === (await dump(rb, 's.other').catch(() => [])).join();
  await until('it is refused or the same', async () => refused() || (await same()));
  if (refused()) await rb.query('DELETE FROM s.other');
  await until('it is the same', same);
  await equal(ra, rb, 's.t');
}, 60_000);
