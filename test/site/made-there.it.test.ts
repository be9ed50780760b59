/** A table that is made at the second site of a two-way channel while a node is down, or stops in between. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, count, dump, equal, pair, rootOf, Sites, streaming, until } from './harness.ts';

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
  await ra.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY); INSERT INTO s.t VALUES (1)');
});
afterAll(async () => {
  for (const root of [ra, rb]) root.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const twoWay = channel({ kind: 'two-way', between: ['a', 'b'] }, ['s.*']);
const NAMES = ['c/a>b', 'c/b>a'];

test.each([['a'], ['b'], ['a', 'b']])(
  'made there while these are down: %s %s',
  async (...down) => {
    await using sites = new Sites({ a, b });
    sites.set({ c: twoWay });
    sites.start('a');
    sites.start('b');
    await streaming(sites, ...NAMES);
    await until('it is copied', async () => (await count(rb, 's.t')) === 1);
    for (const name of down) if (name !== undefined) await sites.stop(name);
    await rb.query('CREATE TABLE s.n (id INT PRIMARY KEY, v INT); INSERT INTO s.n VALUES (1, 1), (2, 2)');
    await rb.query('UPDATE s.n SET v = 9 WHERE id = 2; INSERT INTO s.t VALUES (2)');
    for (const name of down) if (name !== undefined) sites.start(name);
    await until('it has come', async () => (await count(ra, 's.n').catch(() => 0)) === 2).catch((error: Error) => {
      throw new Error(`${error.message} ${JSON.stringify(sites.figures(), null, 1)}`);
    });
    await ra.query('INSERT INTO s.n VALUES (3, 3)');
    await rb.query('INSERT INTO s.n VALUES (4, 4)');
    await until('it is followed', async () => (await count(ra, 's.n')) + (await count(rb, 's.n')) === 8);
    await equal(ra, rb, 's.n');
    await equal(ra, rb, 's.t');
    expect(await dump(ra, 's.n')).toEqual(['[1,1]', '[2,9]', '[3,3]', '[4,4]']);
    await streaming(sites, ...NAMES);
  },
  60_000,
);

test('made here and not recorded when the node stopped: it joins all the same', async () => {
  await using sites = new Sites({ a, b });
  sites.set({ c: twoWay });
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...NAMES);
  for (const name of ['a', 'b']) await sites.stop(name);
  await rb.query('CREATE TABLE s.n (id INT PRIMARY KEY, v INT); INSERT INTO s.n VALUES (1, 1), (2, 2)');
  await ra.query('/* otter */ CREATE TABLE s.n (id INT PRIMARY KEY, v INT)');
  for (const name of ['a', 'b']) sites.start(name);
  await until('it has come', async () => (await count(ra, 's.n')) === 2);
  await ra.query('INSERT INTO s.n VALUES (3, 3)');
  await until('it is followed', async () => (await count(rb, 's.n')) === 3);
  await streaming(sites, ...NAMES);
  await equal(ra, rb, 's.n');
}, 60_000);

test.each([
  ['from before the channel', false],
  ['made at both sites while the nodes were down', true],
])(
  'rows that only the second site has, and the remedies followed: %s',
  async (_, both) => {
    await using sites = new Sites({ a, b });
    const make = 'CREATE TABLE s.n (id INT PRIMARY KEY, v INT)';
    if (both) {
      sites.set({ c: twoWay });
      sites.start('a');
      sites.start('b');
      await streaming(sites, ...NAMES);
      for (const name of ['a', 'b']) await sites.stop(name);
      await ra.query(`${make}; INSERT INTO s.n VALUES (7, 7)`);
    } else await rb.query('CREATE DATABASE s');
    await rb.query(`${make}; INSERT INTO s.n VALUES (1, 1), (2, 2)`);
    if (!both) sites.set({ c: twoWay });
    sites.start('a');
    sites.start('b');
    if (!both) {
      await until('the first site has none', () => sites.figures()['c/b>a']?.error?.code === 'OT5021');
      await ra.query(make);
    }
    await until('it has rows', () => sites.figures()['c/a>b']?.error?.code === 'OT5013');
    await rb.query('CREATE DATABASE IF NOT EXISTS aside; CREATE TABLE aside.n AS SELECT * FROM s.n; DELETE FROM s.n');
    await streaming(sites, ...NAMES);
    await rb.query('INSERT INTO s.n SELECT * FROM aside.n WHERE id NOT IN (SELECT id FROM s.n); DROP DATABASE aside');
    const all = ['[1,1]', '[2,2]', ...(both ? ['[7,7]'] : [])];
    await until('all is there', async () => (await count(ra, 's.n')) === all.length);
    await equal(ra, rb, 's.n');
    expect(await dump(ra, 's.n')).toEqual(all);
    await ra.query('INSERT INTO s.n VALUES (8, 8)');
    await until('it is followed', async () => (await count(rb, 's.n')) === all.length + 1);
    await streaming(sites, ...NAMES);
  },
  60_000,
);

test('made at the first site: what the second writes to it counts after a restart too', async () => {
  await using sites = new Sites({ a, b });
  sites.set({ c: twoWay });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, ...NAMES);
  await ra.query('CREATE TABLE s.n (id INT PRIMARY KEY, v INT); INSERT INTO s.n VALUES (1, 1)');
  await until('it is there', async () => (await count(rb, 's.n').catch(() => 0)) === 1);
  for (const name of ['a', 'b']) await sites.stop(name);
  await rb.query('INSERT INTO s.n VALUES (2, 2)');
  for (const name of ['a', 'b']) sites.start(name);
  await until('it has come', async () => (await count(ra, 's.n')) === 2);
  await streaming(sites, ...NAMES);
}, 60_000);
