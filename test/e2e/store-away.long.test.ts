/** The state store is killed for 20 s while two databases are written: rows go on, nothing moves, and the nodes tell how it goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import type { StatusReport } from '../../src/model/status.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let etcd: EtcdServer;

beforeAll(async () => {
  [a, b] = await pair();
  etcd = await startEtcd();
});
afterAll(async () => {
  await Promise.all([a, b, etcd].map((server) => server[Symbol.asyncDispose]()));
});

test('etcd killed for 20 s under load: rows go on both ways, status asks the nodes, and nothing has moved afterwards', async () => {
  const [da, db] = [await connect(a), await connect(b)];
  await da.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, by_a BOOLEAN NOT NULL)');
  await using otter = await Otter.in({ ...passwordsOf([a, b]), OTTER_STATE: etcd.url });
  await otter.write(await sitesOf([a, b], '  shop: { between: [a, b], tables: [shop.orders] }\n'));
  for (const name of ['west-1', 'east-1']) otter.node(name);
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  await otter.until('the channel streams', streaming);
  const before = (await otter.status())!;
  expect(before.store_away).toBeNull();

  await etcd.kill();
  const killedMs = performance.now();
  let written = 0;
  let looking = true;
  const awayMs = (): number => performance.now() - killedMs;
  const load = (async (): Promise<void> => {
    // At least 20 s, and for as long as it is looked at, however slow the machine is.
    for (; looking || awayMs() < 20_000; written += 1) {
      await (written % 2 === 0 ? da : db).query('INSERT INTO shop.orders VALUES (?, ?)', [written, written % 2 === 0]);
      await sleep(10);
    }
  })();
  try {
    // Later than every lease (10 s), with the store still away.
    await sleep(14_000);
    const [there] = await rows(db, 'SELECT COALESCE(MAX(id), 0) FROM shop.orders WHERE by_a');
    const away = await otter.run('status', '--json', '-t', 'topologies/main.yaml');
    expect(away).toMatchObject({ code: 0 });
    const report = JSON.parse(away.out) as StatusReport;
    expect(report.store_away).toMatchObject({ code: 'OT3001' });
    expect(report).toMatchObject({ topology: 'main', serial: 1, applying: null });
    expect(report.channels[0]).toMatchObject({ name: 'shop', ready: true });
    const pipelines = report.channels.flatMap((channel) => channel.pipelines);
    expect(streaming(pipelines)).toBe(true);
    expect(pipelines.map(({ node }) => node).sort()).toEqual(['east-1', 'west-1']);
    for (const pipeline of pipelines) expect(pipeline.rows_applied).toBeGreaterThan(50);
    expect(report.nodes.filter(({ alive }) => alive).map(({ name }) => name)).toEqual(['east-1', 'west-1']);
    const text = await otter.run('status', '-t', 'topologies/main.yaml');
    expect(text.code).toBe(0);
    expect(text.out).toContain('state store is away');
    expect(text.out).toContain('figures come from the nodes');
    const screen = await otter.run('dashboard', '--once', '-t', 'topologies/main.yaml');
    expect(screen.code).toBe(0);
    expect(screen.out).toContain('State store away');
    expect(screen.out).toContain('come from the nodes');
    // A name alone does not lead to the nodes: it says what would.
    const nameOnly = await otter.run('status', '-t', 'main');
    expect(nameOnly.code).toBe(1);
    expect(nameOnly.err).toContain('OT3001');
    expect(nameOnly.err).toContain('-t PATH');
    expect(Number(JSON.parse(there!)[0])).toBeGreaterThan(100);
  } finally {
    looking = false;
    await load;
  }
  // Both directions arrived whole while the store was still away.
  for (const database of [da, db]) {
    await expect
      .poll(() => rows(database, 'SELECT COUNT(*) FROM shop.orders'), { timeout: 5_000 })
      .toEqual([JSON.stringify([String(written)])]);
  }

  await etcd.restart();
  await otter.until('the store tells again', (now, { store_away }) => store_away === null && streaming(now), 30_000);
  const after = (await otter.status())!;
  expect(after.nodes).toMatchObject(before.nodes.map(({ name, databases, started }) => ({ name, databases, started })));
  for (const name of ['west-1', 'east-1']) {
    expect(otter.log(name)).toContain('state store away; what runs goes on');
    expect(otter.log(name)).toContain('state store back');
    // The site was started once: it neither stopped nor changed hands.
    expect(otter.log(name).match(/site (started|stopped)/g)).toEqual(['site started']);
  }
  await da.query('INSERT INTO shop.orders VALUES (1000000, true)');
  await expect
    .poll(() => rows(db, 'SELECT id FROM shop.orders WHERE id = 1000000'), { timeout: 15_000 })
    .toEqual(['[1000000]']);
  await Promise.all([da.end(), db.end()]);
}, 150_000);
