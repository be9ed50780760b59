/** Many rows that change at once, at a target whose tables people have changed meanwhile: nothing of theirs is lost. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, numbers, recorder, rootOf, Sites, streaming, until } from './harness.ts';

/** What people do to a table, and what must hold when every row of it was changed at the source. */
const CHANGES: readonly (readonly [table: string, change: string, holds: string])[] = [
  [
    'wider',
    "ALTER TABLE shop.wider ADD note VARCHAR(20) DEFAULT ''; UPDATE shop.wider SET note = CONCAT('of ', id)",
    "SELECT COUNT(*) FROM shop.wider WHERE note = CONCAT('of ', id)",
  ],
  [
    'parent',
    'CREATE TABLE shop.child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES shop.parent (id) ON DELETE CASCADE); INSERT INTO shop.child SELECT id FROM shop.parent',
    'SELECT COUNT(*) FROM shop.child',
  ],
  [
    'told',
    'CREATE TABLE shop.said (what VARCHAR(9)); CREATE TRIGGER shop.gone BEFORE DELETE ON shop.told FOR EACH ROW INSERT INTO shop.said VALUES (1)',
    'SELECT 2000 - COUNT(*) FROM shop.said',
  ],
];

const first = async (root: Connection, sql: string): Promise<number> => {
  const [rows] = await root.query({ sql, rowsAsArray: true });
  return Number((rows as unknown[][])[0]![0]);
};

describe.each<[string, () => Promise<LabServer>]>([
  ['MySQL', () => startMySql({ args: ['--local-infile=1'] })],
  ...(LONG ? [['MariaDB', startMariaDb] as [string, () => Promise<LabServer>]] : []),
])('%s', (_, start) => {
  let stack: AsyncDisposableStack;
  let [ra, rb] = [null as unknown as Connection, null as unknown as Connection];
  let interrupted: string[];
  let drift: () => number | undefined;

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    const [a, b] = await Promise.all([start(), start()]);
    stack.use(a);
    stack.use(b);
    [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb]) {
      stack.defer(() => root.destroy());
      await root.query('CREATE DATABASE shop CHARACTER SET utf8mb4');
      for (const table of ['large', ...CHANGES.map(([name]) => name)])
        await root.query(`CREATE TABLE shop.${table} (id INT PRIMARY KEY, n INT, what VARCHAR(200))`);
    }
    interrupted = [];
    const log = recorder((message, { code }) => {
      if (code !== undefined) interrupted.push(`${code} ${message}`);
    });
    const sites = stack.use(new Sites({ a, b }, log));
    sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.*'], { initial: 'none' }) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'shop/a>b');
    drift = () => sites.figures()['shop/a>b']?.drift;
  });

  afterAll(() => stack?.disposeAsync());

  test('a large transaction is written once though some of its rows are so already, and one is not there', async () => {
    await ra.query(`INSERT INTO shop.large SELECT seq, 0, REPEAT('x', 150) FROM ${numbers(1, 40_000)}`);
    const there = (sql: string, rows: number): Promise<void> =>
      until('it is there', async () => (await first(rb, `SELECT COUNT(*) FROM shop.${sql}`)) === rows);
    await there('large', 40_000);
    await rb.query('UPDATE shop.large SET n = 1 WHERE id MOD 5000 = 17; DELETE FROM shop.large WHERE id = 5');
    await ra.query('UPDATE shop.large SET n = n + 1');
    await there('large WHERE n = 1', 40_000);
    expect(interrupted).toEqual([]);
    expect(drift()).toBe(1);
  }, 60_000);

  test.each(CHANGES)(
    '%s',
    async (table, change, holds) => {
      await ra.query(`INSERT INTO shop.${table} SELECT seq, -seq, REPEAT('x', 190) FROM ${numbers(1, 2000)}`);
      const changed = (n: string): Promise<void> =>
        until('it is there', async () => (await first(rb, `SELECT COUNT(*) FROM shop.${table} WHERE ${n}`)) === 2000);
      await changed('n = -id');
      await rb.query(change);
      await ra.query(`UPDATE shop.${table} SET n = 20000 + id`);
      await changed('n = 20000 + id');
      expect(await first(rb, holds)).toBe(2000);
    },
    60_000,
  );
});
