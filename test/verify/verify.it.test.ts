/** Planted differences against real servers: all are found, all are repaired, and nothing else is touched. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { leftOf } from '../../src/model/comparing.ts';
import { channel, equal, numbers, pair, rootOf, Sites, streaming } from '../site/harness.ts';
import { linesOf, verified } from './verifier.ts';

let servers: { a: DatabaseServer; b: DatabaseServer };
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  const [a, b] = await pair();
  servers = { a, b };
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  for (const root of [ra, rb]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
});

/** A write at the target that nobody carries on. */
async function plant(root: Connection, sql: string): Promise<void> {
  await root.query(`BEGIN; INSERT INTO otter.skip VALUES (); ${sql}; COMMIT`);
}

const COLUMNS =
  'id INT PRIMARY KEY, name VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, bits BIT(20), num DOUBLE, amount DECIMAL(12,4), at DATETIME(3), bytes VARBINARY(40), note TEXT';
const ROWS = 3_000;
const FILL = `SELECT seq, CONCAT('Name ', seq), seq & 1023, IF(seq % 2 = 0, 0, seq / 3), seq / 8, '2024-02-03 04:05:06.789', UNHEX(SHA2(seq, 224)), IF(seq % 5 = 0, '', CONCAT('note ', seq)) FROM ${numbers(1, ROWS)}`;

/** What is least unlike 0. MariaDB has one zero. */
const LEAST = { mysql: '-0e0', mariadb: '5e-324' };

/** What is done to every 30th row of the target, from the first, the second ... on, and what that is called: every fifth note is empty, every second `num` 0. */
const DAMAGE: readonly (readonly [kind: string, sql: (ids: string) => string])[] = [
  ['missing', (ids) => `DELETE FROM v.t WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET bits = bits ^ 1 WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET name = CONCAT(name, ' ') WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET name = UPPER(name) WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET note = NULL WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET num = ${LEAST[servers.b.family]} WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET amount = amount + 0.0001 WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET at = '2024-02-03 04:05:06.788' WHERE id IN (${ids})`],
  ['different', (ids) => `UPDATE v.t SET bytes = CONCAT(bytes, x'00') WHERE id IN (${ids})`],
];

test('1,000 planted differences are found one by one, repaired, and gone; a run of equal rows reads none', async () => {
  await ra.query(`CREATE DATABASE v; CREATE TABLE v.t (${COLUMNS}); INSERT INTO v.t ${FILL}`);
  await using sites = new Sites(servers);
  const channels = { v: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['v.t']) };
  sites.set(channels);
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'v/a>b');
  expect(await verified(servers, channels)).toMatchObject([
    { rows: ROWS, missing: 0, extra: 0, different: 0, busy: 0, skipped: null, unlooked: null },
  ]);
  const wanted: string[] = [];
  for (const [index, [kind, sql]] of DAMAGE.entries()) {
    const ids = Array.from({ length: 100 }, (_, n) => 30 * n + index + 1);
    await plant(rb, sql(ids.join()));
    wanted.push(...ids.map((id) => `v.t ${kind} ${id}`));
  }
  const more = 1_000 - wanted.length;
  await plant(rb, `INSERT INTO v.t (id, name) SELECT 100000 + seq, 'x' FROM ${numbers(1, more)}`);
  wanted.push(...Array.from({ length: more }, (_, n) => `v.t extra ${100_001 + n}`));
  expect(wanted).toHaveLength(1_000);
  const repaired = await verified(servers, channels, { repairs: true });
  expect(linesOf(repaired).sort()).toEqual(wanted.sort());
  expect(repaired).toMatchObject([{ repaired: 1_000, unrepaired: null }]);
  expect(repaired.map(leftOf)).toEqual([0]);
  expect(linesOf(await verified(servers, channels))).toEqual([]);
  await equal(ra, rb, 'v.t');
  expect(sites.figures()['v/a>b']).toMatchObject({ error: null });

  // Of a long run a difference is settled within a minute, so that a kill takes no more of it away.
  for (const root of [ra, rb])
    await plant(root, `INSERT INTO v.t (id, name) SELECT 200000 + seq, 'y' FROM ${numbers(1, 42_000)}`);
  await plant(rb, 'UPDATE v.t SET bits = bits ^ 1 WHERE id = 7');
  let now = 0;
  const settled: number[] = [];
  const long = await verified(servers, channels, {
    now: () => (now += 61_000),
    patienceMs: Number.MAX_SAFE_INTEGER,
    reached: ({ current }) => void (current !== null && settled.push(current.result.different)),
  });
  expect(linesOf(long)).toEqual(['v.t different 7']);
  expect(settled[0]).toBe(1);
}, 120_000);
