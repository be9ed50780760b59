/** What watches a running topology: metrics and health of its nodes, their history and their logs, as a person and a machine ask for them. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { StatsJson } from '../../src/model/stats-json.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

/** The sum of a metric over the samples that have these labels. */
function sum(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  const meant = lines.filter((line) =>
    Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
  );
  return meant.reduce((all, line) => all + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

test('metrics count what is written, history keeps it over a restart, logs say what happened, health says when', async () => {
  const [da, db] = [await connect(a), await connect(b)];
  await da.query(
    "CREATE DATABASE watched; CREATE TABLE watched.orders (id INT PRIMARY KEY, note VARCHAR(40)); INSERT INTO watched.orders VALUES (1, 'secret one'), (2, 'secret two')",
  );
  await using otter = await Otter.in({ ...passwordsOf([a, b]), OTTER_HTTP: '' });
  const [http, taken] = [await freePort(), await freePort()];
  const yaml = (await sitesOf([a, b], '  shop: { from: a, to: b, tables: [watched.orders] }\n'))
    .replace(/^ {2}\w+-2:.*\n/gm, '')
    .replace(/(west-1: .*?) }/, `$1, http: "127.0.0.1:${taken}" }`)
    .replace(/(east-1: .*?) }/, `$1, http: "127.0.0.1:${http}" }`);
  await otter.write(yaml);
  const taker = createServer();
  await new Promise<void>((resolve) => taker.listen(taken, '127.0.0.1', resolve));
  for (const name of ['west-1', 'east-1']) otter.node(name);
  expect(await otter.run('apply', '--auto-approve', '--timeout', '120s')).toMatchObject({ code: 0 });
  await otter.until('it streams', streaming);

  // A port that is taken is a warning and nothing else.
  const warned = await otter.status();
  expect(warned!.nodes.find(({ name }) => name === 'west-1')).toMatchObject({
    error: null,
    warning: { code: 'OT8101' },
  });
  expect((await otter.run('status')).out).toContain('OT8101');
  await new Promise((resolve) => taker.close(resolve));

  const page = async (path: string, port = http): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  expect(await page('/healthz')).toBe('ok\n');
  expect(JSON.parse(await page('/readyz'))).toMatchObject({ ready: true, node: 'east-1', databases: ['b'] });
  const pipeline = { channel: 'shop', pipeline: 'shop/a>b', source: 'a', target: 'b' };
  const before = await page('/metrics');
  expect(sum(before, 'otter_pipeline_rows_total', { ...pipeline, operation: 'copy' })).toBe(2);
  await da.query("INSERT INTO watched.orders VALUES (3, 'secret three'), (4, 'x'), (5, 'y')");
  await da.query("UPDATE watched.orders SET note = 'z' WHERE id IN (4, 5)");
  await da.query('DELETE FROM watched.orders WHERE id = 1');
  await expect
    .poll(() => rows(db, 'SELECT id FROM watched.orders ORDER BY 1'), { timeout: 20_000 })
    .toEqual(['[2]', '[3]', '[4]', '[5]']);
  const written = async (operation: string): Promise<number> =>
    sum(await page('/metrics'), 'otter_pipeline_rows_total', { ...pipeline, operation });
  await expect.poll(() => written('delete'), { timeout: 10_000 }).toBe(1);
  expect([await written('insert'), await written('update'), await written('copy')]).toEqual([3, 2, 2]);
  const after = await page('/metrics');
  expect(sum(after, 'otter_pipeline_transactions_total', pipeline)).toBe(3);
  expect(sum(after, 'otter_pipeline_phase', { ...pipeline, phase: 'streaming' })).toBe(1);
  expect(sum(after, 'otter_pipeline_stage_seconds_total', { ...pipeline, stage: 'load' })).toBeGreaterThan(0);
  expect(sum(after, 'otter_database_owned', { database: 'b' })).toBe(1);
  expect(after).not.toContain('secret');

  // Its node ends and comes back: what it had counted is kept, though no minute was over.
  await otter.end('east-1', 'SIGTERM');
  otter.node('east-1');
  await otter.until('it streams again', streaming);
  const told = await otter.run('stats', 'shop', '--json');
  const stats = JSON.parse(told.out) as StatsJson;
  expect(
    stats.pipelines.map(({ pipeline: name, total }) => [
      name,
      total.inserts,
      total.updates,
      total.deletes,
      total.others,
    ]),
  ).toEqual([['shop/a>b', 3, 2, 1, 2]]);
  expect(stats.unread).toEqual([]);
  expect(told.code).toBe(0);
  expect((await otter.run('stats', 'shop/a:b', '--since', '1h')).out).toMatch(/shop\/a>b\n.*ROWS\/S.*INSERTS/);
  expect(await otter.run('stats', 'shops')).toMatchObject({ code: 3, err: expect.stringContaining('OT2035') });
  expect(await otter.run('stats', 'shop', '--every', '5s')).toMatchObject({ code: 3 });

  // Logs: of a node as it runs, of a pipeline, and from then on.
  const log = await otter.run('logs', 'east-1', '--no-follow', '--json');
  const lines = log.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'phase changed',
      node: 'east-1',
      channel: 'shop',
      pipeline: 'shop/a>b',
      to: 'streaming',
    }),
  );
  expect(log.out).not.toContain('secret');
  const follows = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../dist/main.js', import.meta.url)), 'logs', 'shop/a:b', '--last', '1'],
    {
      cwd: otter.folder,
      env: { PATH: process.env['PATH'] ?? '', OTTER_STATE: `file:${join(otter.folder, 'state.db')}` },
    },
  );
  let seen = '';
  follows.stdout.on('data', (data) => {
    seen += String(data);
  });
  await expect.poll(() => seen, { timeout: 20_000 }).toContain('shop/a>b');
  expect(await otter.run('pause', 'shop')).toMatchObject({ code: 0 });
  await expect.poll(() => seen, { timeout: 20_000 }).toContain('pipeline ends');
  const left = new Promise((resolve) => follows.once('exit', resolve));
  follows.kill('SIGINT');
  expect(await left).toBe(0);
  // The whole log of the process has no value of a row either, and the port that was taken is had by now or later.
  expect(await readFile(join(otter.folder, 'east-1.log'), 'utf8')).not.toContain('secret');

  // All nodes away: said, with what to do.
  await Promise.all([otter.end('east-1', 'SIGKILL'), otter.end('west-1', 'SIGTERM')]);
  expect(await otter.run('stats', 'shop')).toMatchObject({ code: 1, err: expect.stringContaining('OT8103') });
  expect(await otter.run('logs')).toMatchObject({ code: 1, err: expect.stringContaining('OT8104') });
  await Promise.all([da.end(), db.end()]);
});
