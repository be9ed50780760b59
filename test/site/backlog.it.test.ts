/** A backlog that is applied window upon window, while connections at the target are killed: every change once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer as LabServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, count, equal, pair, rootOf, Sites, streaming, until } from './harness.ts';

const TABLES = ['shop.t', 'shop.text', 'shop.parent', 'shop.child', 'shop.journal'];
const TRANSACTIONS = LONG ? 40_000 : 12_000;
const ROUNDS = LONG ? 9 : 3;
const KILLS = LONG ? 12 : 5;

/** So many of the statements below: of tables whose rows may come in any order, of some that refer to others, of one without a key. */
const KINDS = [6, 8, 11];
const FILL = `CREATE PROCEDURE shop.fill(i INT, n INT, kinds INT) BEGIN
  DECLARE r INT;
  WHILE i < n DO
    SET r = FLOOR(RAND() * 300);
    CASE FLOOR(RAND() * kinds)
      WHEN 0 THEN DELETE FROM shop.t WHERE id = r;
      WHEN 1 THEN INSERT INTO shop.t VALUES (r, i, REPEAT('z', 1000)) ON DUPLICATE KEY UPDATE n = i;
      WHEN 2 THEN UPDATE shop.t SET n = n + 1 WHERE id BETWEEN r AND r + 5;
      WHEN 3 THEN UPDATE shop.t SET id = r + 1000 * (1 + i) WHERE id = r;
      WHEN 4 THEN INSERT INTO shop.text VALUES (CONCAT('k', r), i) ON DUPLICATE KEY UPDATE n = i;
      WHEN 5 THEN UPDATE shop.text SET id = UPPER(id), n = i WHERE id = CONCAT('k', r);
      WHEN 6 THEN INSERT INTO shop.parent VALUES (r, i) ON DUPLICATE KEY UPDATE n = i; INSERT INTO shop.child (parent, n) VALUES (r, i);
      WHEN 7 THEN DELETE FROM shop.child WHERE parent = r; DELETE FROM shop.parent WHERE id = r;
      WHEN 8 THEN INSERT INTO shop.journal VALUES (i MOD 7, 'x');
      WHEN 9 THEN UPDATE shop.journal SET what = CONCAT('y', i MOD 3) WHERE a = i MOD 7 LIMIT 1;
      ELSE DELETE FROM shop.journal WHERE a = i MOD 7 LIMIT 1;
    END CASE;
    SET i = i + 1;
  END WHILE; END`;

const SLOW_COMMITS = {
  mariadb: ['binlog_commit_wait_count=1000', 'binlog_commit_wait_usec=200000'],
  mysql: ['binlog_group_commit_sync_delay=200000'],
};

let a: LabServer;
let b: LabServer;
let [ra, rb] = [null as unknown as Connection, null as unknown as Connection];
let sites: Sites;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  const tables = `CREATE DATABASE shop;
    CREATE TABLE shop.t (id INT PRIMARY KEY, n INT, what VARCHAR(2000), KEY (n));
    CREATE TABLE shop.text (id VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT) CHARSET utf8mb4;
    CREATE TABLE shop.parent (id INT PRIMARY KEY, n INT);
    CREATE TABLE shop.child (id INT AUTO_INCREMENT PRIMARY KEY, parent INT, n INT, FOREIGN KEY (parent) REFERENCES shop.parent (id));
    CREATE TABLE shop.journal (a INT, what VARCHAR(9))`;
  for (const root of [ra, rb]) await root.query(tables);
  await ra.query(FILL);
  // A commit takes its time, so that the next window is there before it ends.
  for (const setting of SLOW_COMMITS[b.family]) await rb.query(`SET GLOBAL ${setting}`);
  sites = new Sites({ a, b });
  sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.*'], { initial: 'none' }) });
});

afterAll(async () => {
  await sites?.[Symbol.asyncDispose]();
  await Promise.all([ra?.end(), rb?.end()]);
  await Promise.all([a?.[Symbol.asyncDispose](), b?.[Symbol.asyncDispose]()]);
});

/** Somebody at the target ends sessions of otter, in the midst of whatever they do. */
async function kills(random: Random): Promise<void> {
  for (let left = KILLS; left > 0; left -= 1) {
    await sleep(random.between(50, 400));
    const sql = "SELECT id FROM information_schema.processlist WHERE user = 'otter'";
    const [found] = await rb.query({ sql, rowsAsArray: true });
    for (const [id] of found as number[][]) if (random.chance(0.7)) await rb.query(`KILL ${id}`).catch(() => undefined);
  }
}

test('all of it arrives once, whatever is killed', async () => {
  const random = seededRandom(Number(process.env['OTTER_SEED'] ?? 1));
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b');
  // In the last one nobody is in the way.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const site of ['b', 'a']) await sites.stop(site);
    await ra.query(
      `CALL shop.fill(${round * TRANSACTIONS}, ${(round + 1) * TRANSACTIONS}, ${KINDS[round % KINDS.length]})`,
    );
    for (const site of ['a', 'b']) sites.start(site);
    if (round < ROUNDS) await kills(random);
    await until('all is applied', async () => {
      const [mine, other] = await Promise.all([ra, rb].map((root) => sums(root)));
      return mine === other;
    });
    for (const table of TABLES) await equal(ra, rb, table);
    const { drift } = sites.figures()['shop/a>b']!;
    expect(drift).toBe(0);
  }
  // While another was being committed.
  expect(await count(rb, 'otter.checkpoint WHERE lane < 0')).toBeGreaterThan(0);
}, 600_000);

/** Enough to see that it is worth looking closer. */
async function sums(root: Connection): Promise<string> {
  const [found] = await root.query({
    sql: TABLES.map((table) => `SELECT COUNT(*) AS n FROM ${table}`).join(' UNION ALL '),
    rowsAsArray: true,
  });
  return JSON.stringify(found);
}
