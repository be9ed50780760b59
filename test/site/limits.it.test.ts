/** What a channel does when nothing happens, when a transaction is larger than a part, and when its target is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, pair, rootOf, Sites, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

async function fresh(ddl: string): Promise<[Connection, Connection]> {
  const roots = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of roots) await root.query('DROP DATABASE IF EXISTS big; DROP DATABASE IF EXISTS otter');
  await roots[0].query(`CREATE DATABASE big; USE big; ${ddl}`);
  return roots;
}

async function twoWay(): Promise<Sites> {
  const sites = new Sites({ a, b });
  sites.set({ big: channel({ kind: 'two-way', between: ['a', 'b'] }, ['big.t']) });
  sites.start('a');
  sites.start('b');
  await until('both stream', () =>
    ['big/a>b', 'big/b>a'].every((name) => sites.figures()[name]?.phase === 'streaming'),
  );
  return sites;
}

/** Row events of a binlog by table, from an offset on, as the server shows them. */
async function loggedTables(root: Connection, from: { file: string; offset: number }): Promise<Map<string, number>> {
  const [events] = await root.query(`SHOW BINLOG EVENTS IN '${from.file}' FROM ${from.offset}`);
  const counts = new Map<string, number>();
  for (const { Event_type: type, Info: info } of events as { Event_type: string; Info: string }[]) {
    const table =
      type === 'Table_map'
        ? /\(([^)]+)\)/.exec(info)?.[1]
        : type === 'Query' && !/^BEGIN|^COMMIT/.test(info)
          ? 'a statement'
          : undefined;
    if (table !== undefined) counts.set(table, (counts.get(table) ?? 0) + 1);
  }
  return counts;
}

async function end(root: Connection): Promise<{ file: string; offset: number }> {
  const [[row]] = (await root.query('SHOW MASTER STATUS')) as unknown as [{ File: string; Position: string }[]];
  return { file: row!.File, offset: Number(row!.Position) };
}

const IDLE_MS = process.env['OTTER_TEST_LONG'] === '1' ? 60_000 : 4_000;

test('an idle two-way channel logs heartbeats and their positions, nothing else; one write is applied once', async () => {
  const [ra, rb] = await fresh('CREATE TABLE t (id INT PRIMARY KEY, n INT)');
  await using _sites = await twoWay();
  await sleep(1_000);
  const from = [await end(ra), await end(rb)];
  await sleep(IDLE_MS);
  for (const [index, root] of [ra, rb].entries()) {
    const counts = await loggedTables(root, from[index]!);
    expect([...counts.keys()].sort()).toEqual(['otter.checkpoint', 'otter.heartbeat']);
    // One position for each beat of the other side, and no answer to that.
    expect(counts.get('otter.checkpoint')! / counts.get('otter.heartbeat')!).toBeLessThan(1.5);
  }
  for (const [writer, reader] of [
    [ra, rb],
    [rb, ra],
  ] as const) {
    const before = [await end(ra), await end(rb)];
    await writer.query(`INSERT INTO big.t VALUES (${writer === ra ? 1 : 2}, 0)`);
    await until('it arrives', async () => (await dump(reader, 'big.t')).length === (writer === ra ? 1 : 2));
    await sleep(1_000);
    for (const [index, root] of [ra, rb].entries())
      expect((await loggedTables(root, before[index]!)).get('big.t')).toBe(1);
  }
  ra.destroy();
  rb.destroy();
}, 150_000);

test('a transaction larger than a part is applied whole, in both directions, also when it meets a conflict', async () => {
  const [ra, rb] = await fresh('CREATE TABLE t (id INT PRIMARY KEY, n INT, filler VARCHAR(120), UNIQUE KEY (n))');
  await using _sites = await twoWay();
  const sizes = new Set<number>();
  let watching = true;
  const watch = async (root: Connection): Promise<void> => {
    while (watching) {
      sizes.add(
        (await dump(root, '(SELECT COUNT(*) FROM big.t) c')).map((text) =>
          Number((JSON.parse(text) as [string])[0]),
        )[0]!,
      );
      await sleep(20);
    }
  };
  const looks = Promise.all([watch(await rootOf(a)), watch(await rootOf(b))]);
  looks.catch(() => undefined);
  const same = async (): Promise<boolean> =>
    JSON.stringify(await dump(ra, 'big.t')) === JSON.stringify(await dump(rb, 'big.t'));
  await ra.query("INSERT INTO big.t SELECT seq, seq, REPEAT('a', 100) FROM seq_1_to_60000");
  await until('the first is there', same, 60_000);
  await rb.query('USE big');
  await rb.query("INSERT INTO big.t SELECT seq, seq, REPEAT('b', 100) FROM seq_100001_to_160000");
  await until(
    'the second is there',
    async () => (await dump(ra, '(SELECT COUNT(*) FROM big.t) c'))[0] === '["120000"]' && (await same()),
    60_000,
  );
  watching = false;
  await looks;
  expect([...sizes].sort((x, y) => x - y)).toEqual([0, 60_000, 120_000].filter((size) => sizes.has(size)));
  // Concurrent: both sites change every row; the preferred site's writes stay.
  await Promise.all([
    ra.query("UPDATE big.t SET filler = 'from a' WHERE id <= 60000"),
    rb.query("UPDATE big.t SET filler = 'from b' WHERE id <= 60000"),
  ]);
  await until('equal', same, 90_000);
  expect((await dump(rb, "(SELECT COUNT(*) FROM big.t WHERE filler = 'from a') c"))[0]).toBe('["60000"]');
  ra.destroy();
  rb.destroy();
}, 300_000);

const AWAY_MS = process.env['OTTER_TEST_LONG'] === '1' ? 30_000 : 5_000;

test('a target that is away under load: memory stays bounded, and it catches up', async () => {
  const [ra, rb] = await fresh('CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, filler VARCHAR(1000))');
  await using sites = await twoWay();
  const rss = (): number => process.memoryUsage().rss >> 20;
  const before = rss();
  let peak = before;
  await b.kill();
  const deadline = Date.now() + AWAY_MS;
  let rows = 0;
  while (Date.now() < deadline) {
    await ra.query("INSERT INTO big.t (filler) SELECT REPEAT('x', 1000) FROM seq_1_to_500");
    rows += 500;
    await sleep(25);
    peak = Math.max(peak, rss());
  }
  await b.restart();
  await until('it has caught up', () => sites.figures()['big/a>b']!.rowsApplied >= rows, 120_000);
  const back = await rootOf(b);
  expect(await dump(back, '(SELECT COUNT(*) FROM big.t) c')).toEqual([`["${rows}"]`]);
  peak = Math.max(peak, rss());
  console.log(
    `target away for ${AWAY_MS / 1000} s: ${rows} rows of 1 kB behind, RSS ${before} MB before, ${peak} MB at most`,
  );
  expect(sites.figures()['big/a>b']!.error).toBeNull();
  ra.destroy();
  rb.destroy();
  back.destroy();
}, 300_000);
