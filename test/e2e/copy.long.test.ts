/** 200,000 rows copied while both sides write, both nodes killed in the middle. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { numbers, pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('a copy under writes on both sides survives the death of both nodes', async () => {
  const [da, db, wa, wb] = await Promise.all([connect(a), connect(b), connect(a), connect(b)]);
  await da.query(
    'CREATE DATABASE big; USE big; CREATE TABLE big.t (id INT PRIMARY KEY, n INT, note VARCHAR(40) NOT NULL)',
  );
  await da.query(`INSERT INTO big.t SELECT seq * 2, seq, CONCAT('row ', seq) FROM ${numbers(1, 200000)}`);
  await using otter = await Otter.in(passwordsOf([a, b]));
  await otter.write(await sitesOf([a, b], '  big: { between: [a, b], tables: [big.t] }\n'));
  for (const node of ['west-1', 'east-1']) otter.node(node);
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  expect(applied, applied.err).toMatchObject({ code: 0 });
  const copied = async (): Promise<number> =>
    Number(/\d+/.exec((await rows(db, 'SELECT COUNT(*) FROM big.t').catch(() => ['0'])).join())![0]);
  await expect.poll(copied, { timeout: 60_000, interval: 50 }).toBeGreaterThan(20_000);
  let going = true;
  const writing = Promise.all([write(wa, 'a', () => going), write(wb, 'b', () => going)]);
  writing.catch(() => undefined);
  for (const node of ['east-1', 'west-1']) {
    await otter.end(node, 'SIGKILL');
    otter.node(node);
    const before = await copied();
    await expect.poll(copied, { timeout: 60_000, interval: 50 }).toBeGreaterThan(Math.min(before + 10_000, 195_000));
  }
  await otter.until('all is copied', streaming, 120_000);
  going = false;
  await writing;
  const equal = async (): Promise<boolean> =>
    (await rows(da, 'CHECKSUM TABLE big.t')).join() === (await rows(db, 'CHECKSUM TABLE big.t')).join();
  await expect.poll(equal, { timeout: 60_000, interval: 500 }).toBe(true);
  expect(await rows(da, 'SELECT * FROM big.t ORDER BY id')).toEqual(await rows(db, 'SELECT * FROM big.t ORDER BY id'));
  for (const connection of [da, db, wa, wb]) connection.destroy();
}, 240_000);

async function write(db: Connection, who: string, going: () => boolean): Promise<void> {
  for (let i = 0; going(); i += 1) {
    const id = Math.floor(Math.random() * 400_100);
    const sql = [
      `INSERT INTO big.t VALUES (${id}, ${i}, '${who} ${i}')`,
      `UPDATE big.t SET n = n + 1 WHERE id = ${id}`,
      `UPDATE big.t SET note = '${who} x ${i}' WHERE id = ${id}`,
      `DELETE FROM big.t WHERE id = ${id}`,
      `UPDATE big.t SET id = ${id + 1} WHERE id = ${id}`,
    ][i % 5]!;
    await db.query(sql).catch((error: { errno: number }) => {
      if (![1062, 1213, 1205].includes(error.errno)) throw error;
    });
  }
}
