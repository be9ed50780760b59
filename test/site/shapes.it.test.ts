/** What channels form together: fans, merges, chains, several between the same two, two topologies on one server. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, count, dump, equal, quiet, rootOf, Sites, servers, streaming, until } from './harness.ts';
import { logOf } from './idle.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];

let lab: Record<Name, DatabaseServer>;
let roots: Record<Name, Connection>;

beforeAll(async () => {
  const all = await servers(NAMES.length);
  lab = Object.fromEntries(NAMES.map((name, i) => [name, all[i]!])) as typeof lab;
});
beforeEach(async () => {
  roots = Object.fromEntries(
    await Promise.all(NAMES.map(async (name) => [name, await rootOf(lab[name])] as const)),
  ) as typeof roots;
  for (const root of Object.values(roots))
    await root.query('DROP DATABASE IF EXISTS s; DROP DATABASE IF EXISTS other; DROP DATABASE IF EXISTS otter');
});
afterAll(async () => {
  await Promise.all(Object.values(lab ?? {}).map((server) => server[Symbol.asyncDispose]()));
});

const oneWay = (from: readonly string[], to: readonly string[]) => ({ kind: 'one-way', from, to }) as const;
const twoWay = (...between: string[]) => ({ kind: 'two-way', between }) as const;

function started(sites: Sites, names: readonly Name[] = NAMES): void {
  for (const name of names) sites.start(name);
}

test.runIf(LONG)(
  'a fan-out: one target that is down keeps no other waiting, and has everything when it is back',
  async () => {
    const { a, b, c } = roots;
    await a.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v VARCHAR(200))');
    await using sites = new Sites(lab);
    sites.set({ fan: channel(oneWay(['a'], ['b', 'c', 'd']), ['s.t']) });
    started(sites);
    await streaming(sites, 'fan/a>b', 'fan/a>c', 'fan/a>d');
    await lab.d.freeze();
    try {
      // More than a queue holds, in one transaction and in many, so that the one who does not take it is left behind.
      for (let i = 0; i < 40; i += 1) {
        if (i === 0) await a.query('BEGIN');
        if (i === 20) await a.query('COMMIT');
        const rows = Array.from({ length: 5_000 }, (_, n) => `(${i * 5_000 + n}, REPEAT('x', 150))`);
        await a.query(`INSERT INTO s.t VALUES ${rows.join(',')}`);
      }
      for (const root of [b, c])
        await until('the others have it', async () => (await count(root, 's.t')) === 200_000, 60_000);
      await a.query("INSERT INTO s.t VALUES (-1, 'quick')");
      await until('a single row too', async () => (await count(b, 's.t')) === 200_001);
      // It ends though its database does not answer.
      await sites.stop('d');
    } finally {
      lab.d.thaw();
    }
    sites.start('d');
    const { d } = roots;
    await until('it has caught up', async () => (await count(d, 's.t')) === 200_001, 60_000);
    await streaming(sites, 'fan/a>b', 'fan/a>c', 'fan/a>d');
  },
  180_000,
);

test('a merge: two sources share a table, rows of either stay when the other begins', async () => {
  const { a, b, c } = roots;
  for (const [root, id] of [
    [a, 1],
    [b, 2],
  ] as const)
    await root.query(
      `CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v INT); INSERT INTO s.t VALUES (${id}, 0)`,
    );
  await using sites = new Sites(lab);
  const merge = channel(oneWay(['a', 'b'], ['c']), ['s.t'], { existing: 'merge' });
  sites.set({ merge });
  started(sites, ['a', 'c']);
  await streaming(sites, 'merge/a>c');
  await until('the first is there', async () => (await count(c, 's.t')) === 1);
  sites.start('b');
  await streaming(sites, 'merge/a>c', 'merge/b>c');
  await a.query('INSERT INTO s.t VALUES (11, 1); UPDATE s.t SET v=5 WHERE id=1');
  await b.query('INSERT INTO s.t VALUES (12, 1); DELETE FROM s.t WHERE id=2');
  await until('all of both', async () => (await dump(c, 's.t')).join() === '[1,5],[11,1],[12,1]');
}, 60_000);

test('a chain: a warehouse that is fed from one site gets what came from the other, and passes it on', async () => {
  const { a, b, c, d } = roots;
  await a.query(
    "CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO s.t VALUES (1, 'a')",
  );
  await using sites = new Sites(lab);
  sites.set({
    both: channel(twoWay('a', 'b'), ['s.t']),
    warehouse: channel(oneWay(['a'], ['c']), ['s.t']),
    archive: channel(oneWay(['c'], ['d']), ['s.t']),
  });
  started(sites);
  await streaming(sites, 'both/a>b', 'both/b>a', 'warehouse/a>c');
  await until('the archive has it', async () => (await dump(d, 's.t').catch(() => [])).length === 1);
  await b.query("INSERT INTO s.t VALUES (2, 'b'); UPDATE s.t SET v='b' WHERE id=1");
  await until('it is in the archive', async () => (await dump(d, 's.t')).join() === '[1,"b"],[2,"b"]');
  await Promise.all([a.query("UPDATE s.t SET v='a2' WHERE id=1"), b.query("UPDATE s.t SET v='b2' WHERE id=1")]);
  await a.query("INSERT INTO s.t VALUES (3, 'end')");
  await until('the end is there', async () => (await count(d, 's.t')) === 3);
  for (const root of [b, c, d]) await equal(a, root, 's.t');
}, 60_000);

test('several channels between the same two: one that stops leaves the others running', async () => {
  const { a, b } = roots;
  await a.query(
    'CREATE DATABASE s; CREATE TABLE s.x (id INT PRIMARY KEY, u INT UNIQUE); CREATE TABLE s.y (id INT PRIMARY KEY); CREATE TABLE s.z (id INT PRIMARY KEY)',
  );
  await using sites = new Sites(lab);
  sites.set({
    one: channel(oneWay(['a'], ['b']), ['s.x']),
    two: channel(twoWay('a', 'b'), ['s.y']),
    back: channel(oneWay(['b'], ['a']), [{ from: 's.z', to: 'other.z' }]),
  });
  await b.query('CREATE DATABASE IF NOT EXISTS s; CREATE TABLE s.z (id INT PRIMARY KEY); INSERT INTO s.z VALUES (7)');
  started(sites, ['a', 'b']);
  await streaming(sites, 'one/a>b', 'two/a>b', 'two/b>a', 'back/b>a');
  await b.query('INSERT INTO s.x VALUES (99, 5)');
  await a.query('INSERT INTO s.x VALUES (1, 5); INSERT INTO s.y VALUES (1)');
  await until('it stops', () => sites.figures()['one/a>b']?.error?.code === 'OT5016');
  await b.query('INSERT INTO s.y VALUES (2); INSERT INTO s.z VALUES (8)');
  await until('the others go on', async () => (await count(b, 's.y')) === 2 && (await count(a, 'other.z')) === 2);
  await equal(a, b, 's.y');
}, 60_000);

test('two topologies on the same servers know nothing of each other, and the one that leaves takes only its own', async () => {
  const { a, b } = roots;
  await a.query('CREATE DATABASE s; CREATE TABLE s.x (id INT PRIMARY KEY); CREATE TABLE s.y (id INT PRIMARY KEY)');
  const first = new Sites(lab, quiet, 'first');
  await using second = new Sites(lab, quiet, 'second');
  await using _first = first;
  // The same name of a channel, and of a pipeline.
  first.set({ main: channel(twoWay('a', 'b'), ['s.x']) });
  second.set({ main: channel(twoWay('a', 'b'), ['s.y']) });
  started(first, ['a', 'b']);
  started(second, ['a', 'b']);
  for (const sites of [first, second]) await streaming(sites, 'main/a>b', 'main/b>a');
  await a.query('INSERT INTO s.x VALUES (1); INSERT INTO s.y VALUES (1)');
  await b.query('INSERT INTO s.x VALUES (2); INSERT INTO s.y VALUES (2)');
  for (const table of ['s.x', 's.y'])
    await until('both have both', async () => (await count(a, table)) + (await count(b, table)) === 4);
  const place = await logOf(a);
  await sleep(1_000);
  expect((await logOf(a, place)).filter((table) => table.startsWith('s.'))).toEqual([]);
  for (const name of ['a', 'b']) await first.retire(name);
  await a.query('INSERT INTO s.y VALUES (3)');
  await until('the other goes on', async () => (await count(b, 's.y')) === 3);
  expect(await dump(a, 'otter.checkpoint')).toHaveLength(1);
  expect(second.figures()['main/a>b']!.error).toBeNull();
}, 60_000);
