/** A target that is busy is written more slowly, its status says why, rows come all the same, and it is over when the target is calm. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariaDb } from '../../src/lab/servers.ts';
import type { PipelineStatus } from '../../src/model/status.ts';
import { type Member, replicated } from '../mysql/replica.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

let source: DatabaseServer;
let primary: Member;
let replica: Member;

beforeAll(async () => {
  [source, { primary, replica }] = await Promise.all([startMariaDb(), replicated('mariadb')]);
});
afterAll(async () => {
  await Promise.all([source, primary, replica].map((server) => server?.[Symbol.asyncDispose]()));
});

const waits =
  (what: RegExp) =>
  ([one]: readonly PipelineStatus[]): boolean =>
    what.test(one?.waiting ?? '');
const isFree = (pipelines: readonly PipelineStatus[]): boolean =>
  streaming(pipelines) && pipelines[0]!.waiting === null;

test('threads that run, and a replica that is behind', async () => {
  const [from, to] = [await connect(source), await connect(primary.lab)];
  await from.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY)');
  const servers = [source, primary.lab];
  await using otter = await Otter.in(passwordsOf(servers));
  const endpoints = servers.map(({ host, port }) => [`${host}:${port}`]);
  endpoints[1]!.push(`${replica.lab.host}:${replica.lab.port}`);
  const yaml = await sitesOf(servers, '  shop: { from: a, to: b, tables: [shop.orders] }\n', endpoints);
  await otter.write(yaml);
  for (const node of ['west-1', 'east-1']) otter.node(node);
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  await otter.until('it streams', isFree);
  let id = 0;
  const comes = async (): Promise<void> => {
    id += 1;
    await from.query(`INSERT INTO shop.orders VALUES (${id})`);
    await expect
      .poll(() => rows(to, `SELECT id FROM shop.orders WHERE id = ${id}`), { timeout: 30_000 })
      .toHaveLength(1);
  };

  // It counts for what runs, as soon as it is applied.
  await otter.write(yaml.replace(/(\n {2}b: \{.*) \}/, '$1, throttle: { threads_running: 8, replica_lag: 2s } }'));
  expect((await otter.run('plan')).out).toContain(
    'it is written more slowly while more than 8 threads run there, or a replica is more than 2s behind; nothing pauses',
  );
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  const sleepers = await Promise.all(Array.from({ length: 12 }, () => connect(primary.lab)));
  const asleep = sleepers.map(async (db) => db.query('SELECT SLEEP(600)').catch(() => undefined));
  await otter.until(
    'threads are too many',
    waits(/^the database, which is written \d+ % of the time: \d+ threads run \(limit 8\)/),
  );
  expect((await otter.run('status')).out).toMatch(
    /shop\/a>b .*waits for the database, which is written .* % of the time: \d+ threads run/,
  );
  await comes();
  const running = await rows(to, "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(600)'");
  for (const row of running) await to.query(`KILL ${(JSON.parse(row) as [number])[0]}`);
  await Promise.all(asleep);
  for (const db of sleepers) db.destroy();
  await otter.until('they are gone', isFree);

  await replica.root('STOP SLAVE SQL_THREAD');
  await otter.until('the replica is behind', waits(/the replica 127\.0\.0\.1:\d+ is \S+ behind \(limit 2s\)/));
  await comes();
  await replica.root('START SLAVE SQL_THREAD');
  await otter.until('it is no more', isFree);
  await comes();
  expect(otter.log('east-1')).toContain('the database is busy and written more slowly');
  for (const db of [from, to]) db.destroy();
}, 180_000);
