/** Changes of tables that are carried over, in their place between the rows. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel, dump, equal, pair, rootOf, Sites, streaming, until } from './harness.ts';

const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  for (const root of [ra, rb]) root?.destroy();
  await Promise.all([a?.[Symbol.asyncDispose](), b?.[Symbol.asyncDispose]()]);
});
beforeEach(async () => {
  for (const root of [ra, rb])
    await root.query('DROP DATABASE IF EXISTS s; DROP DATABASE IF EXISTS z; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE s DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci');
});

function carrying(tables: ChannelSpec['tables'] | readonly string[], more: Partial<ChannelSpec> = {}): ChannelSpec {
  const names = tables.map((table) => (typeof table === 'string' ? table : { from: table.from, to: table.to! }));
  const spec = channel(ONE_WAY, names, { ddl: 'replicate', ...more });
  return typeof tables[0] === 'string' ? spec : { ...spec, tables: tables as ChannelSpec['tables'] };
}

function started(spec: ChannelSpec): Sites {
  const sites = new Sites({ a, b });
  sites.set({ c: spec });
  sites.start('a');
  sites.start('b');
  return sites;
}

/** Waits until the target has come to where the source is. */
async function arrived(sites: Sites): Promise<void> {
  await ra.query('CREATE TABLE IF NOT EXISTS s.mark (id INT PRIMARY KEY AUTO_INCREMENT); INSERT INTO s.mark VALUES ()');
  const last = async (root: Connection): Promise<string> =>
    JSON.stringify((await root.query('SELECT MAX(id) FROM s.mark').catch(() => [[]]))[0]);
  await until('it has arrived', async () => (await last(ra)) === (await last(rb))).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(sites.figures()['c/a>b'])}`);
  });
}

/** Names of columns with their types and keys, as either family prints them. */
async function columns(root: Connection, schema: string, table: string): Promise<unknown> {
  const [rows] = await root.query(
    `SELECT COLUMN_NAME AS n, REPLACE(REPLACE(COLUMN_TYPE, 'bigint(20)', 'bigint'), 'int(11)', 'int') AS t, IS_NULLABLE AS u, COLUMN_KEY AS k
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '${schema}' AND TABLE_NAME = '${table}' ORDER BY ORDINAL_POSITION`,
  );
  return rows;
}

async function same(...tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    expect(await columns(rb, 's', table), table).toEqual(await columns(ra, 's', table));
    await equal(ra, rb, `s.${table}`);
  }
}

const STATEMENTS = [
  'ALTER TABLE s.t ADD c INT DEFAULT 7',
  'INSERT INTO s.t VALUES (2, 20, "b", 21)',
  'ALTER TABLE s.t ADD d VARCHAR(20) NOT NULL DEFAULT "it\'s" FIRST, ADD INDEX (a)',
  'INSERT INTO s.t (id, a) VALUES (3, 30)',
  'ALTER TABLE s.t RENAME COLUMN a TO e, MODIFY c BIGINT AFTER id',
  'UPDATE s.t SET e = e + 1, c = 5000000000 WHERE id = 2',
  'CREATE UNIQUE INDEX u ON s.t (e, id)',
  'ALTER TABLE s.t DROP b, DROP INDEX u',
  'INSERT INTO s.t (id) VALUES (4)',
  'RENAME TABLE s.t TO s.u',
  'INSERT INTO s.u (id) VALUES (5)',
  'CREATE TABLE s.w (id INT PRIMARY KEY, v VARCHAR(9))',
  'INSERT INTO s.w VALUES (1, "x")',
  'ALTER TABLE s.w ADD CONSTRAINT k CHECK (id > 0), COMMENT "new"',
  'TRUNCATE s.w',
  'INSERT INTO s.w VALUES (2, "y")',
  'ALTER TABLE s.u RENAME s.t, ADD f INT',
  'DROP TABLE s.w',
  'CREATE TABLE s.w (v VARCHAR(9), id INT PRIMARY KEY)',
  'INSERT INTO s.w VALUES ("z", 3)',
];

async function begin(): Promise<void> {
  await ra.query("CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO s.t VALUES (1, 10, 'a')");
}

test('one after the other, while it streams', async () => {
  await begin();
  await using sites = started(carrying(['s.*']));
  await streaming(sites, 'c/a>b');
  for (const sql of STATEMENTS) {
    await ra.query(sql);
    await arrived(sites);
  }
  await same('t', 'w');
  expect(sites.figures()['c/a>b']).toMatchObject({ error: null, drift: 0 });
}, 120_000);

test('all at once, read when the tables are other ones already', async () => {
  await begin();
  await using sites = started(carrying(['s.*']));
  await streaming(sites, 'c/a>b');
  await sites.stop('a');
  for (const sql of STATEMENTS) await ra.query(sql);
  sites.start('a');
  await arrived(sites);
  await same('t', 'w');
  expect(sites.figures()['c/a>b']).toMatchObject({ error: null, drift: 0 });
}, 120_000);

test('under other names, and without columns that stay behind', async () => {
  await begin();
  const entry = {
    from: 's.t',
    to: 'z.y',
    columns: { only: null, omit: ['b', 'g'], rename: { a: 'A1' } },
    conflict: null,
  };
  await using sites = started(
    carrying([
      entry,
      { ...entry, from: 's.mark', to: 's.mark', columns: { only: null, omit: [], rename: {} } },
    ] as never),
  );
  await streaming(sites, 'c/a>b');
  await ra.query('ALTER TABLE s.t ADD g INT AFTER a, ADD h INT AFTER g, MODIFY b TEXT, ADD KEY k (a, h)');
  await ra.query('INSERT INTO s.t VALUES (2, 20, 21, 22, "b")');
  await ra.query('ALTER TABLE s.t MODIFY a BIGINT, DROP g');
  await ra.query('UPDATE s.t SET a = 5000000000 WHERE id = 2');
  await arrived(sites);
  expect((await dump(rb, 'z.y')).map((row) => row.replaceAll('"', ''))).toEqual(['[1,10,null]', '[2,5000000000,22]']);
  const [keys] = await rb.query(
    "SELECT COLUMN_NAME AS n FROM information_schema.STATISTICS WHERE TABLE_SCHEMA='z' AND INDEX_NAME='k' ORDER BY SEQ_IN_INDEX",
  );
  expect(keys).toEqual([{ n: 'A1' }, { n: 'h' }]);
}, 60_000);
