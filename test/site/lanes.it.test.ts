/** Several writers of one pipeline, against real servers: divided, interrupted, and level again where that is needed. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, equal, numbers, pair, recorder, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let from: Connection;
let to: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [from, to] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  await Promise.all([from.end(), to.end()]);
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const lanes = (tables: readonly string[], count: number, more = {}) =>
  channel({ kind: 'one-way', from: ['a'], to: ['b'] }, tables, { apply: { lanes: count, atomic: false }, ...more });

/** As many rows of otter's own table in the target. */
const recorded = (table: string, where: string): Promise<string[]> => dump(to, `otter.${table} WHERE ${where}`);

test('a backlog is divided, and every row is there once', async () => {
  await from.query(`CREATE DATABASE wide; CREATE TABLE wide.t (id INT PRIMARY KEY, n INT);
    CREATE TABLE wide.c (code VARCHAR(20) PRIMARY KEY, n INT) CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE wide.u (id INT PRIMARY KEY, n INT UNIQUE);
    CREATE TABLE wide.log (n INT, word VARCHAR(20))`);
  await using sites = new Sites({ a, b });
  sites.set({ wide: lanes(['wide.*'], 4, { initial: 'none' }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'wide/a>b');
  await sites.stop('b');
  await from.query(`INSERT INTO wide.t SELECT seq, seq FROM ${numbers(1, 2000)}`);
  await from.query(`INSERT INTO wide.c SELECT CONCAT('k', seq), seq FROM ${numbers(1, 2000)}`);
  await from.query(
    `INSERT INTO wide.u SELECT seq, seq FROM ${numbers(1, 300)}; INSERT INTO wide.log SELECT seq, 'x' FROM ${numbers(1, 300)}`,
  );
  for (let n = 1; n <= 200; n += 1) {
    // The same key in other letters, and values of a unique key that change hands.
    const [one, other] = [2 * (n % 140) + 1, 2 * (n % 140) + 2];
    await from.query(`UPDATE wide.t SET n = n + 1 WHERE id IN (${n}, ${n + 700}); UPDATE wide.t SET id = id + 10000 WHERE id = ${n};
      DELETE FROM wide.c WHERE code = 'K${n}'; INSERT INTO wide.c VALUES ('K${n}', -1); UPDATE wide.u SET n = NULL WHERE id = ${one};
      UPDATE wide.u SET n = ${one} WHERE id = ${other}; UPDATE wide.u SET n = ${other} WHERE id = ${one}`);
  }
  sites.start('b');
  await until('it is there', async () => (await dump(to, 'wide.t WHERE id > 10000')).length === 200);
  for (const table of ['wide.t', 'wide.c', 'wide.u', 'wide.log']) await equal(from, to, table);
  expect(sites.figures()['wide/a>b']).toMatchObject({ drift: 0, error: null });
  expect(await recorded('checkpoint', `pipeline='wide/a>b' AND lane > 0`)).toHaveLength(4);
}, 60_000);
