/** Pipelines that rest, one direction alone or both, with writes on both sides meanwhile and a restart: nothing is lost, and both end equal. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel, count, equal, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

const BOTH = ['shop/a>b', 'shop/b>a'] as const;
const between = ['a', 'b'];
const PRIORITY = channel({ kind: 'two-way', between }, ['shop.t']);
const MESH: ChannelSpec = {
  ...PRIORITY,
  shape: 'mesh',
  conflict: { ...PRIORITY.conflict!, policy: 'last-write-wins' },
};

let servers: [DatabaseServer, DatabaseServer];
let roots: [Connection, Connection];

beforeAll(async () => {
  servers = await pair();
  roots = [await rootOf(servers[0]), await rootOf(servers[1])];
});
afterAll(async () => {
  for (const root of roots) root.destroy();
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  for (const root of roots) await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter');
  await roots[0].query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, who VARCHAR(20), n INT)');
  await roots[0].query(`INSERT INTO shop.t SELECT seq, 'first', 0 FROM ${numbers(1, 40)}`);
});

async function has(db: Connection, id: number): Promise<boolean> {
  const [rows] = await db.query(`SELECT id FROM shop.t WHERE id=${id}`);
  return (rows as unknown[]).length > 0;
}

test.each([
  ['from the site that decides', PRIORITY, ['shop/a>b']],
  ['towards the site that decides', PRIORITY, ['shop/b>a']],
  ['both', PRIORITY, BOTH],
  ['one direction of a mesh', MESH, ['shop/a>b']],
] as const)('%s', async (_, spec, resting) => {
  const [a, b] = roots;
  await using sites = new Sites({ a: servers[0], b: servers[1] });
  sites.set({ shop: spec });
  for (const name of between) sites.start(name);
  await streaming(sites, ...BOTH);
  await equal(a, b, 'shop.t');
  sites.rest(...resting);
  await until('it rests', () => resting.every((name) => sites.figures()[name]?.phase === 'paused'));
  // Both write the same rows, and rows of their own; and a site is started again meanwhile.
  for (const [db, who, own] of [
    [a, 'a', 100],
    [b, 'b', 200],
  ] as const) {
    await db.query(`UPDATE shop.t SET who='${who}', n=n+1 WHERE id BETWEEN 1 AND 20`);
    await db.query(`DELETE FROM shop.t WHERE id=${who === 'a' ? 21 : 22}`);
    await db.query(`INSERT INTO shop.t VALUES (${own}, '${who}', 0)`);
  }
  await sites.stop('b');
  await a.query("INSERT INTO shop.t VALUES (101, 'a', 0)");
  sites.start('b');
  const rests = (name: string): boolean => (resting as readonly string[]).includes(name);
  for (const [name, db, id] of [
    ['shop/a>b', b, 101],
    ['shop/b>a', a, 200],
  ] as const) {
    if (!rests(name)) await until(`${name} runs on`, () => has(db, id));
    else expect([name, await has(db, id)]).toEqual([name, false]);
  }
  for (const name of resting) expect(sites.figures()[name]?.phase).toBe('paused');
  sites.rest();
  await streaming(sites, ...BOTH);
  await until('all of it came', async () => (await has(b, 101)) && (await has(b, 100)) && (await has(a, 200)));
  await equal(a, b, 'shop.t');
  // 40, two of them gone, three more.
  expect(await count(a, 'shop.t')).toBe(41);
  for (const name of BOTH) expect(sites.figures()[name]?.error).toBeNull();
});
