/** Two databases and a one-way channel that carries changes of tables; for the tests that import it. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel, equal, pair, rootOf, Sites, until } from './harness.ts';

const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

export let a: DatabaseServer;
export let b: DatabaseServer;
export let ra: Connection;
export let rb: Connection;

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

export function carrying(
  tables: ChannelSpec['tables'] | readonly string[],
  more: Partial<ChannelSpec> = {},
): ChannelSpec {
  const names = tables.map((table) => (typeof table === 'string' ? table : { from: table.from, to: table.to! }));
  const spec = channel(ONE_WAY, names, { ddl: 'replicate', ...more });
  return typeof tables[0] === 'string' ? spec : { ...spec, tables: tables as ChannelSpec['tables'] };
}

export function started(spec: ChannelSpec, servers: { a: DatabaseServer; b: DatabaseServer } = { a, b }): Sites {
  const sites = new Sites(servers);
  sites.set({ c: spec });
  sites.start('a');
  sites.start('b');
  return sites;
}

/** Waits until the target has come to where the source is. */
export async function arrived(sites: Sites): Promise<void> {
  await ra.query('CREATE TABLE IF NOT EXISTS s.mark (id INT PRIMARY KEY AUTO_INCREMENT); INSERT INTO s.mark VALUES ()');
  const last = async (root: Connection): Promise<string> =>
    JSON.stringify((await root.query('SELECT MAX(id) FROM s.mark').catch(() => [[]]))[0]);
  await until('it has arrived', async () => (await last(ra)) === (await last(rb))).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(sites.figures()['c/a>b'])}`);
  });
}

/** Names of columns with their types and keys, as either family prints them. */
export async function columns(root: Connection, schema: string, table: string): Promise<unknown> {
  const [rows] = await root.query(
    `SELECT COLUMN_NAME AS n, REPLACE(REPLACE(COLUMN_TYPE, 'bigint(20)', 'bigint'), 'int(11)', 'int') AS t, IS_NULLABLE AS u, COLUMN_KEY AS k, CHARACTER_SET_NAME AS c
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '${schema}' AND TABLE_NAME = '${table}' ORDER BY ORDINAL_POSITION`,
  );
  return rows;
}

export async function same(...tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    expect(await columns(rb, 's', table), table).toEqual(await columns(ra, 's', table));
    await equal(ra, rb, `s.${table}`);
  }
}

export async function begin(): Promise<void> {
  await ra.query("CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO s.t VALUES (1, 10, 'a')");
}

/** Waits until the pipeline tells an error, and returns its text. */
export async function refusal(sites: Sites): Promise<string> {
  let error: { code: string; message: string; hint: string | null } | null = null;
  await until('it stops', () => {
    error = sites.figures()['c/a>b']?.error ?? null;
    return error !== null;
  });
  return `${error!.code} ${error!.message}`;
}

/** Of every kind, with rows between. */
export const STATEMENTS = [
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
  'ALTER TABLE s.u RENAME s.t, ADD f FLOAT NOT NULL DEFAULT 0.1',
  'DROP TABLE s.w',
  'CREATE TABLE s.w (v VARCHAR(9), id INT PRIMARY KEY) DEFAULT CHARACTER SET latin1',
  'INSERT INTO s.w VALUES ("z", 3)',
  // No line of the definition says so.
  'ALTER TABLE s.w CONVERT TO CHARACTER SET utf8mb4',
  'INSERT INTO s.w VALUES ("日😀", 4)',
];
