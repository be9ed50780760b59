/** Three sites that all decide, each pair directly: no site passes on what it was sent, and all end equal. */

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { LONG } from '../project/long.ts';
import { channel, dump, loud, quiet, rootOf, Sites, servers, streaming, until } from './harness.ts';
import { slowed } from './slowed.ts';

const NAMES = ['a', 'b', 'c'] as const;
const PIPELINES = NAMES.flatMap((source) =>
  NAMES.filter((target) => target !== source).map((target) => `shop/${source}>${target}`),
);
const between = { kind: 'two-way', between: NAMES } as const;
const log = process.env['LOUD'] ? loud : quiet;
let labs: readonly DatabaseServer[];
let roots: readonly Connection[];

beforeAll(async () => {
  labs = await servers(3);
  roots = await Promise.all(labs.map(rootOf));
});
afterAll(async () => {
  for (const root of roots) root.destroy();
  await Promise.all(labs.map((lab) => lab[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  for (const root of roots) {
    await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter; CREATE DATABASE shop');
    await root.query(
      'CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE, w INT, x INT, UNIQUE KEY wx (w, x)); INSERT INTO shop.t (id, name) VALUES (1, "x"), (2, "x")',
    );
  }
});

function shop(names: readonly string[], more: Partial<ChannelSpec>): Record<string, ChannelSpec> {
  const conflict = {
    policy: 'last-write-wins',
    priority: names,
    by: null,
    merge: 'row',
    groups: [],
    counters: [],
  } as const;
  return { shop: channel({ kind: 'two-way', between: names }, ['shop.t'], { conflict, shape: 'mesh', ...more }) };
}

function mesh(more: Partial<ChannelSpec> = { initial: 'none' }): Sites {
  const sites = new Sites(Object.fromEntries(NAMES.map((name, i) => [name, labs[i]!])), log);
  sites.set(shop(NAMES, more));
  return sites;
}

async function equal(): Promise<void> {
  let dumps: string[] = [];
  await until('equal', async () => {
    dumps = (await Promise.all(roots.map((root) => dump(root, 'shop.t')))).map((rows) => rows.join('\n'));
    return new Set(dumps).size === 1;
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${dumps.join('\n--\n')}`);
  });
}

/** A write of each site has arrived at the others, and so all before it. */
async function arrived(round: number): Promise<void> {
  for (const [i, root] of roots.entries())
    await root.query(`INSERT INTO shop.t (id, name) VALUES (${10_000 + round * 10 + i}, 'last')`);
  await until('all has arrived', async () => {
    const counts = await Promise.all(
      roots.map(async (root) => (await dump(root, 'shop.t')).filter((row) => row.includes('"last"')).length),
    );
    return counts.every((count) => count === NAMES.length * round);
  });
}

test('a write of one site reaches the others once, and the origin goes along with the log', async () => {
  await using sites = mesh();
  for (const name of NAMES) sites.start(name);
  await streaming(sites, ...PIPELINES);
  await roots[1]!.query("UPDATE shop.t SET name='b' WHERE id=1");
  await arrived(1);
  await equal();
  expect((await dump(roots[2]!, 'shop.t'))[0]).toContain('"b"');
  const applied = sites.figures()['shop/a>c']!.rowsApplied;
  // Its own last row, and nothing of what came from b.
  expect(applied).toBe(1);
  const origin = async (): Promise<number> => {
    const [rows] = await roots[0]!.query('SELECT clock FROM otter.origin');
    return Number((rows as { clock: string }[])[0]!.clock);
  };
  const before = await origin();
  await until('the origin moves', async () => (await origin()) > before);
}, 60_000);

test('all kinds of writes on few keys at all three, over slow links, sites stopping and starting, end equal', async () => {
  await using sites = mesh();
  sites.link.open = slowed(sites.link.open, seededRandom(7));
  for (const name of NAMES) sites.start(name);
  await streaming(sites, ...PIPELINES);
  for (let round = 1; round <= 3; round += 1) {
    const writing = Promise.all(roots.map((root, i) => write(root, round * 10 + i)));
    const restarted = NAMES[round - 1]!;
    await sites.stop(restarted);
    sites.start(restarted);
    await writing;
    await streaming(sites, ...PIPELINES);
    await arrived(round);
    await equal();
  }
  const conflicts = Object.values(sites.figures()).reduce((sum, each) => sum + each.conflicts, 0);
  expect(conflicts).toBeGreaterThan(0);
  const byTable = Object.values(sites.figures()).map(({ conflictTables }) => conflictTables?.['shop.t'] ?? 0);
  expect(byTable.reduce((sum, each) => sum + each, 0)).toBe(conflicts);
  const [rows] = await roots[0]!.query("SELECT COUNT(*) AS n FROM otter.conflict WHERE winner='incoming'");
  expect(Number((rows as { n: string }[])[0]!.n)).toBeGreaterThan(0);
}, 120_000);

test('a table that is made at another site than the first reaches all', async () => {
  for (const root of roots.slice(1)) await root.query('DROP TABLE shop.t');
  await using sites = mesh({ initial: 'copy', tables: channel(between, ['shop.*']).tables });
  for (const name of NAMES) sites.start(name);
  await streaming(sites, ...PIPELINES);
  await sites.settled();
  await roots[2]!.query('CREATE TABLE shop.n (id INT PRIMARY KEY, v INT); INSERT INTO shop.n VALUES (1, 1), (2, 1)');
  const all = async (rows: readonly string[]): Promise<void> =>
    until('it is everywhere', async () => {
      const dumps = await Promise.all(roots.map((root) => dump(root, 'shop.n').catch(() => [])));
      return dumps.every((each) => each.join() === rows.join());
    }).catch(async (error: Error) => {
      const dumps = await Promise.all(roots.map((root) => dump(root, 'shop.n').catch(() => [])));
      throw new Error(`${error.message}: ${JSON.stringify([dumps, sites.figures()])}`);
    });
  await all(['[1,1]', '[2,1]']);
  await roots[1]!.query('UPDATE shop.n SET v=2 WHERE id=1');
  await roots[0]!.query('DELETE FROM shop.n WHERE id=2');
  await roots[2]!.query('INSERT INTO shop.n VALUES (3, 3)');
  await all(['[1,2]', '[3,3]']);
  await streaming(sites, ...PIPELINES);
}, 60_000);

test('existing rows of the first site are copied to the others while all three write, with sites stopping and starting', async () => {
  const rows = Array.from({ length: 6_000 }, (_, i) => `(${i + 100}, 'old ${i}', NULL, NULL, NULL)`);
  await roots[0]!.query(`INSERT INTO shop.t VALUES ${rows.join(',')}`);
  for (const root of roots.slice(1)) await root.query('DROP TABLE shop.t');
  await using sites = mesh({ initial: 'copy' });
  sites.link.open = slowed(sites.link.open, seededRandom(8));
  for (const name of NAMES) sites.start(name);
  // Rows that are still to be copied are written and deleted meanwhile, at every site that has the table.
  const begun = async (root: Connection): Promise<void> =>
    until('the table is there', async () => (await dump(root, 'shop.t').catch(() => [])).length > 0);
  const writing = Promise.all(
    roots.map(async (root, i) => {
      await begun(root);
      await write(root, 50 + i, 150);
      await write(root, 60 + i, 300, 3_000);
    }),
  );
  await begun(roots[1]!);
  await sites.stop('b');
  sites.start('b');
  await writing;
  await sites.stop('a');
  sites.start('a');
  await streaming(sites, ...PIPELINES);
  await sites.settled();
  await arrived(1);
  await equal();
  const counts = (await dump(roots[2]!, 'shop.t')).length;
  expect(counts).toBeGreaterThan(5_000);
}, 120_000);

async function write(db: Connection, seed: number, times = 200, ids = 12): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number): number => random.between(0, n - 1);
  for (let i = 0; i < times; i += 1) {
    const id = ids > 12 ? 100 + below(ids) : below(ids);
    const unique = (): number | 'NULL' => (below(5) === 0 ? 'NULL' : below(10));
    const sql = [
      `INSERT INTO shop.t VALUES (${id}, 's${seed} ${i}', ${unique()}, ${unique()}, ${below(3)})`,
      `REPLACE INTO shop.t VALUES (${id}, 's${seed} ${i}', ${unique()}, ${unique()}, ${below(3)})`,
      `UPDATE shop.t SET name='s${seed} ${i}' WHERE id=${id}`,
      `UPDATE shop.t SET u=${unique()} WHERE id=${id}`,
      `UPDATE shop.t SET w=${unique()} WHERE id IN (${id}, ${below(12)})`,
      `DELETE FROM shop.t WHERE id=${id}`,
      `UPDATE shop.t SET id=${below(12)} WHERE id=${id}`,
      `BEGIN; UPDATE shop.t SET u=NULL WHERE id=${id}; UPDATE shop.t SET u=${below(10)} WHERE id=${below(12)}; UPDATE shop.t SET u=${below(10)} WHERE id=${id}; COMMIT`,
    ][below(8)]!;
    try {
      await db.query(sql);
    } catch (error) {
      await db.query('ROLLBACK');
      if (![1062, 1213, 1205].includes((error as { errno: number }).errno)) throw error;
    }
  }
}

const copies = { initial: 'copy' } as const;

test('rows that were deleted at a site so that its table is copied come from the first site', async () => {
  await roots[1]!.query('DROP TABLE shop.t');
  await roots[2]!.query("INSERT INTO shop.t (id, name, u) VALUES (77, 'c', 1)");
  await using sites = mesh(copies);
  for (const name of NAMES) sites.start(name);
  await until('it is refused', () => sites.figures()['shop/a>c']?.error?.code === 'OT5013');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  // They are written at the others meanwhile, earlier than they are deleted at c.
  await roots[1]!.query("UPDATE shop.t SET name='b', u=1 WHERE id=2");
  // What others write to it waits for the copy, else it would be taken for rows that were there.
  await until('b waits', () => sites.figures()['shop/b>c']?.error?.code === 'OT5024');
  await roots[2]!.query('DELETE FROM shop.t');
  await streaming(sites, ...PIPELINES);
  await arrived(1);
  await equal();
  expect((await dump(roots[2]!, 'shop.t')).join()).toContain('[2,"b",1,');
}, 60_000);

const COMING_BACK = [
  ['dropped', 'while its node is down', 'DROP TABLE shop.t'],
  ['emptied', 'while its node is down', 'DELETE FROM shop.t'],
  ['emptied', 'while its node runs', 'DELETE FROM shop.t'],
] as const;

test.each(LONG ? COMING_BACK : COMING_BACK.slice(0, 1))(
  'a site that was taken out comes back, its table %s %s',
  async (_what, when, sql) => {
    for (const root of roots.slice(1)) await root.query('DROP TABLE shop.t');
    await using sites = mesh(copies);
    for (const name of NAMES) sites.start(name);
    await streaming(sites, ...PIPELINES);
    await roots[1]!.query("INSERT INTO shop.t (id, name) VALUES (3, 'b'); UPDATE shop.t SET name='b' WHERE id=1");
    await roots[2]!.query("UPDATE shop.t SET name='c' WHERE id=2; INSERT INTO shop.t (id, name) VALUES (4, 'c')");
    await arrived(1);
    const runs = when === 'while its node runs';
    if (!runs) await sites.stop('c');
    sites.set(shop(['a', 'b'], copies));
    await streaming(sites, 'shop/a>b', 'shop/b>a');
    if (runs) await until('c has left', () => sites.figures()['shop/a>c'] === undefined);
    await roots[2]!.query(sql);
    await roots[1]!.query("UPDATE shop.t SET name='b without c' WHERE id=4");
    sites.set(shop(NAMES, copies));
    if (!runs) sites.start('c');
    await streaming(sites, ...PIPELINES);
    await arrived(2);
    await equal();
    expect((await dump(roots[2]!, 'shop.t')).length).toBe(4 + 6);
  },
  60_000,
);
