/** What people do about a one-way pipeline that has stopped, with real nodes: skip, set its position, set rows aside, settle them. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { AuditRecord } from '../../src/model/records.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let [da, db]: [Connection?, Connection?] = [];

beforeAll(async () => {
  [a, b] = await pair();
  [da, db] = await Promise.all([connect(a), connect(b)]);
});
afterAll(async () => {
  await Promise.all([da, db].map((connection) => connection?.end()));
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('a transaction is passed over, a position moved while a node is killed, and rows are set aside and applied', async () => {
  const ids = async (): Promise<string> => JSON.stringify(await rows(db!, 'SELECT id FROM s.t ORDER BY id'));
  const has = (...wanted: number[]): Promise<void> =>
    expect.poll(ids, { timeout: 60_000 }).toBe(JSON.stringify(wanted.map((id) => `[${id}]`)));
  for (const each of [da!, db!]) {
    await each.query('CREATE DATABASE s');
    await each.query('CREATE TABLE s.t (id INT PRIMARY KEY, v INT)');
  }
  await db!.query('ALTER TABLE s.t ADD CONSTRAINT c CHECK (v < 100)');
  await using otter = await Otter.in(passwordsOf([a, b]));
  const done = async (...args: string[]): Promise<string> => {
    const ended = await otter.run(...args);
    expect(ended, ended.out + ended.err).toMatchObject({ code: 0 });
    return ended.out;
  };
  const stops = await sitesOf([a, b], '  s: { from: a, to: b, initial: none, tables: [s.t] }\n');
  await otter.write(stops);
  for (const name of ['west-1', 'east-1']) otter.node(name);
  await done('apply', '--auto-approve', '--timeout', '60s');
  await otter.until('it streams', streaming);

  await da!.query('INSERT INTO s.t VALUES (1, 1)');
  await da!.query('INSERT INTO s.t VALUES (2, 200), (3, 3)');
  await da!.query('INSERT INTO s.t VALUES (4, 4)');
  await otter.until('it stops', ([one]) => one?.error?.code === 'OT5016');
  const stopped = (await otter.status())!.channels[0]!.pipelines[0]!;
  expect(await otter.run('skip', 's/a:b', '--transaction', 'another')).toMatchObject({ code: 4 });
  await done('skip', 's/a:b', '--transaction', stopped.error!.transaction!, '--reason', 'a test');
  await has(1, 4);
  await otter.until('it streams', streaming);

  // Back to before that transaction, which is asked for anew: nothing is remembered of having passed it over.
  const there = JSON.parse(await done('position', 'show', 's/a:b', '--json')) as {
    pipelines: { at: { position: string; gtid: string }; lag_ms: number | null }[];
  };
  expect(there.pipelines[0]!.lag_ms).not.toBeNull();
  await done('pause', 's/a:b');
  await db!.query('DELETE FROM s.t WHERE id = 4');
  await otter.end('east-1', 'SIGKILL');
  const back = ['position', 'set', 's/a:b', '--to', stopped.position!, '--allow-repeated-changes'];
  // Nobody is there to do it, and the wish is taken back.
  expect(await otter.run(...back, '--timeout', '500ms')).toMatchObject({ code: 9 });
  otter.node('east-1');
  await done(...back, '--reason', 'a test');
  await done('resume', 's/a:b');
  await otter.until('it stops', ([one]) => one?.error?.code === 'OT5016');

  await otter.write(stops.replace('initial: none', 'initial: none, on_error: park'));
  await done('apply', '--auto-approve', '--timeout', '60s');
  await has(1, 3, 4);
  await otter.until('it is counted', ([one]) => one?.phase === 'streaming' && one.dead_letters === 1);
  await otter.end('east-1', 'SIGKILL');
  await da!.query('UPDATE s.t SET v = 201 WHERE id = 2');
  await da!.query('INSERT INTO s.t VALUES (5, 5)');
  otter.node('east-1');
  await has(1, 3, 4, 5);
  expect(await done('deadletter', 'list')).toMatch(/b:\d+ .*id=2 +insert .*\n.*id=2 +update +waits behind/);
  expect(await otter.run('deadletter', 'retry', 's/a:b')).toMatchObject({ code: 1 });
  await db!.query('ALTER TABLE s.t DROP CONSTRAINT c');
  await done('deadletter', 'retry', 's/a:b');
  expect(await rows(db!, 'SELECT id, v FROM s.t WHERE id = 2')).toEqual(['[2,201]']);
  await otter.until('nothing waits any more', ([one]) => one?.dead_letters === 0);
  const audit = JSON.parse(await done('audit', '--json')) as AuditRecord[];
  const told = audit.map(({ command, result }) => `${command} ${result}`);
  expect(told.filter((line) => /^(skip|position|deadletter)/.test(line))).toEqual([
    ...['skip done', 'position set failed', 'position set done', 'deadletter retry failed', 'deadletter retry done'],
  ]);
});
