/** A channel from the first apply to destroy, with nodes as processes of their own. */

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
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

test('apply, copy, both directions, a new table, a node away, destroy', async () => {
  const [da, db] = [await connect(a), await connect(b)];
  await da.query(
    "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(40)); CREATE TABLE shop.extra (id INT PRIMARY KEY, n INT); INSERT INTO shop.orders VALUES (1, 'one'), (2, 'two'); INSERT INTO shop.extra VALUES (7, 7)",
  );
  await using otter = await Otter.in(passwordsOf([a, b]));
  await otter.write(await sitesOf([a, b], '  shop: { between: [a, b], tables: [shop.orders] }\n'));
  otter.node('west-1');
  const early = await otter.run('apply', '--auto-approve', '--timeout', '3s');
  expect(early.code).toBe(9);
  expect(early.err).toContain('otter node east-1');
  otter.node('east-1');
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '120s');
  expect(applied, `${applied.err}\n${otter.log('west-1')}\n${otter.log('east-1')}`).toMatchObject({ code: 0 });
  await otter.until('the channel streams', streaming);
  expect(await rows(db, 'SELECT * FROM shop.orders ORDER BY id')).toEqual(['[1,"one"]', '[2,"two"]']);

  await da.query("INSERT INTO shop.orders VALUES (3, 'from a')");
  await db.query("UPDATE shop.orders SET note = 'by b' WHERE id = 1");
  const same = async (table: string): Promise<void> => {
    await expect
      .poll(async () => (await rows(db, `SELECT * FROM ${table} ORDER BY 1`)).join(), { timeout: 30_000 })
      .toBe((await rows(da, `SELECT * FROM ${table} ORDER BY 1`)).join());
  };
  await expect
    .poll(() => rows(db, 'SELECT note FROM shop.orders WHERE id = 3'), { timeout: 15_000 })
    .toEqual(['["from a"]']);
  await expect
    .poll(() => rows(da, 'SELECT note FROM shop.orders WHERE id = 1'), { timeout: 15_000 })
    .toEqual(['["by b"]']);

  const yaml = await readFile(`${otter.folder}/topologies/main.yaml`, 'utf8');
  await otter.write(yaml.replace('[shop.orders]', '[shop.orders, shop.extra]'));
  const plan = await otter.run('plan');
  expect(plan.out).toContain('shop.extra');
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  await expect.poll(() => rows(db, 'SELECT * FROM shop.extra').catch(() => []), { timeout: 15_000 }).toEqual(['[7,7]']);
  expect((await otter.run('plan')).out).toContain('No changes');

  // The channel and a database get new names: what is kept goes on under the old ones, and nothing is copied again.
  const kept = "SELECT pipeline, epoch FROM otter.checkpoint WHERE lane = 0 AND pipeline LIKE 'shop/%' ORDER BY 1";
  const before = [await rows(da, kept), await rows(db, kept)];
  expect(before.flat()).toHaveLength(2);
  const named = (await readFile(`${otter.folder}/topologies/main.yaml`, 'utf8'))
    .replace('  b: {', '  bee: {')
    .replace('shop: { between: [a, b]', 'store: { between: [a, bee]');
  await otter.write(
    `${named}moved: [{ from: channel.shop, to: channel.store }, { from: database.b, to: database.bee }]\n`,
  );
  const renaming = await otter.run('plan');
  expect(renaming.out).toContain('Plan: 0 to add, 2 to change, 0 to destroy.');
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  await otter.until(
    'it streams under its new name',
    (pipelines) => streaming(pipelines) && pipelines.map(({ name }) => name).join() === 'store/a>bee,store/bee>a',
  );
  expect((await otter.run('plan')).out).toContain('No changes');
  expect([await rows(da, kept), await rows(db, kept)]).toEqual(before);
  expect(await otter.run('conflicts', 'store', '--json')).toMatchObject({ code: 0 });
  expect((await otter.run('validate', '--live')).out).toContain('is valid');

  await otter.end('east-1', 'SIGKILL');
  await da.query("INSERT INTO shop.orders VALUES (4, 'while away')");
  otter.node('east-1');
  await expect
    .poll(() => rows(db, 'SELECT note FROM shop.orders WHERE id = 4'), { timeout: 15_000 })
    .toEqual(['["while away"]']);
  await same('shop.orders');

  expect(await otter.run('destroy', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  for (const connection of [da, db]) {
    await expect
      .poll(() => rows(connection, "SELECT table_name FROM information_schema.tables WHERE table_schema='otter'"), {
        timeout: 15_000,
      })
      .toEqual([]);
  }
  expect(await rows(db, 'SELECT COUNT(*) FROM shop.orders')).toEqual(['["4"]']);
  await da.end();
  await db.end();
}, 180_000);

test.runIf(LONG)(
  'what fails at a node ends the apply with its reason, and stays in the status until it is mended',
  async () => {
    const [da, db] = [await connect(a), await connect(b)];
    await da.query(
      'CREATE DATABASE bad; CREATE TABLE bad.t (id INT PRIMARY KEY, n INT); INSERT INTO bad.t VALUES (1, 1)',
    );
    await db.query(
      'CREATE DATABASE bad; CREATE TABLE bad.t (id INT PRIMARY KEY, n INT); INSERT INTO bad.t VALUES (2, 2)',
    );
    await using otter = await Otter.in(passwordsOf([a, b]));
    await otter.write(await sitesOf([a, b], '  bad: { from: [a], to: [b], tables: [bad.t] }\n'));
    otter.node('west-1');
    otter.node('east-1');
    const applied = await otter.run('apply', '--auto-approve', '--timeout', '100s');
    expect(applied).toMatchObject({ code: 1 });
    expect(applied.err).toContain('Error OT5013: bad/a>b on east-1: bad.t at b has rows already');
    for (let look = 0; look < 8; look++) {
      const pipelines = (await otter.status())!.channels.flatMap(({ pipelines }) => pipelines);
      expect(pipelines).toMatchObject([{ phase: 'failed', error: { code: 'OT5013' } }]);
    }
    await db.query('DELETE FROM bad.t');
    await otter.until('the channel streams', streaming);

    await da.query('SET SESSION binlog_format = STATEMENT; UPDATE bad.t SET n = 5; SET SESSION binlog_format = ROW');
    await otter.until('the log cannot be passed', ([one]) => one?.phase === 'failed' && one.error?.code === 'OT4032');
    const { out } = await otter.run('status', '-t', 'main');
    expect(out).toContain('OT4032');
    expect(out).toContain('binlog_format = ROW');
    await da.end();
    await db.end();
  },
  180_000,
);
