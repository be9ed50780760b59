/** A target server that is gone while its source is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

const MIB = 1 << 20;

/** Writes at the first site, kills the second's server for `ms`, and expects both to be equal in the end. */
export async function outage(direction: ChannelSpec['direction'], ms: number): Promise<void> {
  const [a, b] = await pair();
  await using _a = a;
  await using _b = b;
  const ra = await rootOf(a);
  await ra.query(
    'CREATE DATABASE shop; USE shop; CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT, filler VARCHAR(300))',
  );
  await using sites = new Sites({ a, b });
  sites.set({ shop: channel(direction, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b');
  let going = true;
  let peak = 0;
  const writer = write(ra, () => going);
  const watcher = (async () => {
    while (going) {
      peak = Math.max(peak, process.memoryUsage().rss);
      await sleep(100);
    }
  })();
  await sleep(500);
  const before = process.memoryUsage().rss;
  await b.kill();
  await until('it is said', () => sites.figures()['shop/a>b']!.error !== null);
  await sleep(ms);
  await b.restart();
  await sleep(500);
  going = false;
  await Promise.all([writer, watcher]);
  const rb = await rootOf(b);
  await until('it has caught up', async () => (await sum(ra)) === (await sum(rb)), 120_000);
  await streaming(sites, 'shop/a>b');
  expect(sites.figures()['shop/a>b']).toMatchObject({ error: null, drift: 0 });
  const [mib, peakMib] = [before, peak].map((bytes) => Math.round(bytes / MIB));
  console.log(`server away for ${ms} ms, ${await sum(ra)}: RSS ${mib} MiB before, ${peakMib} MiB at its highest`);
  await Promise.all([ra.end(), rb.end()]);
}

async function write(db: Connection, going: () => boolean): Promise<void> {
  await db.query('USE shop');
  while (going()) {
    await db.query(
      `INSERT INTO t (n, filler) SELECT seq, REPEAT('x', 300) FROM ${numbers(1, 200)}; UPDATE t SET n=n+1 ORDER BY id DESC LIMIT 20`,
    );
  }
}

async function sum(db: Connection): Promise<string> {
  const [rows] = await db.query({
    sql: "SELECT CONCAT(COUNT(*), ' rows, ', SUM(n), ' in all') FROM shop.t",
    rowsAsArray: true,
  });
  return String((rows as unknown[][])[0]![0]);
}
