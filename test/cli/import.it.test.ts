/** `otter import` on real servers: what it writes is valid, has no findings left, names no secret, and positions are the right ones. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { covers, parsePosition } from '../../src/model/position.ts';
import { ManagerFixture } from '../import/otter4-manager.ts';
import { rootOf } from '../site/harness.ts';
import { person } from './person.ts';

let folder: string;
let a: LabServer;
let b: LabServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-import-'));
  [a, b] = await Promise.all([startMariaDb({ args: ['--binlog-row-metadata=FULL'] }), startMySql()]);
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  for (const root of [ra, rb]) await root?.end();
  for (const server of [a, b]) await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter4');
});

const url = (server: LabServer, path = ''): string =>
  `mysql://${server.otter.user}@${server.host}:${server.port}/${path}`;

test('from live databases: folded shards, what would be refused left out, valid with --live', async () => {
  const items = Array.from({ length: 32 }, (_, i) => `CREATE TABLE shop.item_${i} (id INT PRIMARY KEY)`).join(';');
  const more = 'CREATE TABLE shop.nokey (id INT); CREATE TABLE shop.`odd name` (id INT PRIMARY KEY)';
  await ra.query(`CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; ${items}; ${more}`);
  const env = { A_PASSWORD: a.otter.password };
  const out = join(folder, 'shop.yaml');
  // The one password is in the environment, the other is asked for and not shown.
  const ended = await person(['import', '--db', `a=${url(a, 'shop')}`, '--db', `b=${url(b, 'shop')}`, '--out', out], {
    env,
    types: { sees: '(B_PASSWORD): ', text: `${b.otter.password}\r` },
  });
  expect(ended, ended.err).toMatchObject({ code: 0, out: '' });
  const yaml = await readFile(out, 'utf8');
  for (const password of [a.otter.password, b.otter.password]) expect(yaml + ended.err).not.toContain(password);
  expect(yaml).toContain('- shop.item_[0-31]\n');
  expect(yaml).toContain('- "shop.`odd name`"\n');
  expect(yaml).toMatch(/# otter: left out: .*no primary key[\s\S]*# - shop\.nokey/);
  expect(yaml).toContain('between: [a, b]');
  const live = await person(['validate', '--live', '-t', out], { env: { ...env, B_PASSWORD: b.otter.password } });
  expect(live, live.out).toMatchObject({ code: 0 });
  // Nothing that is there is written over, and nothing is asked for then.
  const again = await person(['import', '--db', `a=${url(a)}`, '--out', out], { terminal: false });
  expect(again).toMatchObject({ code: 3 });
  expect(again.err).toContain('OT7003');
});

test('one database, one way, and slips', async () => {
  await ra.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY)');
  const env = { A_PASSWORD: a.otter.password, B_PASSWORD: b.otter.password };
  const lone = await person(['import', '--db', `a=${url(a, 'shop')}`], { env });
  expect(lone).toMatchObject({ code: 0 });
  expect(lone.out).toContain('#     - shop.orders');
  const ways = await person(['import', '--one-way', '--db', `a=${url(a)}`, '--db', `b=${url(b)}`], { env });
  expect(ways.out).toMatch(/ {4}from: a\n {4}to: b\n/);
  for (const args of [
    ['import'],
    ['import', '--db', 'x'],
    ['import', '--db', url(a), '--otter4', url(a)],
    ['import', '--db', url(a), '--cursors', 'x'],
    ['import', '--db', url(a), '--name', 'X Y'],
  ])
    expect(await person(args, { terminal: false }), args.join(' ')).toMatchObject({ code: 3 });
  const secret = await person(['import', '--db', `mysql://otter:geheim@${a.host}:${a.port}/`]);
  expect(secret).toMatchObject({ code: 3 });
  expect(secret.err).not.toContain('geheim');
  const alone = await person(['import', '--db', `a=${url(a)}`], { terminal: false });
  expect(alone.err).toContain('OT3020');
  const none = await person(['import', '--otter4', url(a, 'shop')], { env: { OTTER4_PASSWORD: a.otter.password } });
  expect(none.err).toContain('OT7013');
});

/** Transactions of several kinds, and where the log stood before and after each, with what it had then. */
async function places(root: Connection, family: 'mysql' | 'mariadb') {
  const [status, variable] =
    family === 'mysql' ? ['SHOW BINARY LOG STATUS', 'gtid_executed'] : ['SHOW MASTER STATUS', 'gtid_binlog_pos'];
  const found: { file: string; offset: number; gtids: string }[] = [];
  const note = async (): Promise<void> => {
    // Somebody else's transaction may come in between.
    for (let before = ''; ; ) {
      const place = await look();
      if (JSON.stringify(place) === before) return void found.push(place);
      before = JSON.stringify(place);
    }
  };
  const look = async (): Promise<(typeof found)[number]> => {
    const [[at]] = (await root.query(status)) as unknown as [[{ File: string; Position: number }]];
    const [[had]] = (await root.query(`SELECT @@GLOBAL.${variable} AS gtids`)) as unknown as [[{ gtids: string }]];
    return { file: at.File, offset: Number(at.Position), gtids: `${family}:${had.gtids.replaceAll(/\s/g, '')}` };
  };
  await root.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); FLUSH BINARY LOGS');
  await note();
  for (const sql of [
    'INSERT INTO shop.t VALUES (1)',
    'ALTER TABLE shop.t ADD n INT',
    'INSERT INTO shop.t VALUES (2, 2), (3, 3)',
  ]) {
    await root.query(sql);
    await note();
  }
  return found;
}

test.each(['mariadb', 'mysql'] as const)(
  'a file and an offset of a %s are the GTIDs that were before them',
  async (family) => {
    const [server, root] = family === 'mariadb' ? [a, ra] : [b, rb];
    const found = await places(root, family);
    const last = found.at(-1)!;
    const events = (await root.query(`SHOW BINLOG EVENTS IN '${last.file}'`)) as unknown as [
      { Pos: number; Event_type: string; End_log_pos: number }[],
    ];
    const imported = async (offset: number): Promise<string | undefined> => {
      const manager = new ManagerFixture();
      const node = manager.node('n', '127.0.0.1');
      const known = { host: server.host, port: server.port, ...server.otter };
      const source = manager.source('s', known);
      const position = JSON.stringify({ journalName: last.file, position: offset });
      const pipeline = manager.pipeline(
        manager.channel('c'),
        'p',
        manager.canal('k', [known], { positions: [position] }),
        { s: node, l: node },
      );
      manager.pair(
        pipeline,
        manager.media('shop', 't', source),
        manager.media('other', 't', manager.source('o', { host: '127.0.0.1', port: 1 })),
      );
      await ra.query(manager.sql());
      const address = `mysql://${a.root.user}@${a.host}:${a.port}/otter4`;
      const { out, code } = await person(['import', '--otter4', address], {
        env: { OTTER4_PASSWORD: a.root.password },
      });
      expect(code).toBe(0);
      const sentence = out.replaceAll(/\n\s*#\s+/g, ' ');
      return new RegExp(`says that this is (${family}:[^ ]*)\\.`).exec(sentence)?.[1];
    };
    for (const { offset, gtids } of found) expect(await imported(offset)).toBe(gtids);
    // In the midst of the last transaction it is still to come; where it commits it is done, as canal says it.
    const rowEvent = events[0].findLast(({ Event_type }) => /^Write_rows/.test(Event_type))!;
    const commit = events[0].findLast(({ Event_type }) => Event_type === 'Xid')!;
    expect(await imported(rowEvent.Pos)).toBe(found.at(-2)!.gtids);
    expect(await imported(commit.Pos)).toBe(last.gtids);
    expect(covers(parsePosition(last.gtids), parsePosition(found[0]!.gtids))).toBe(true);
  },
);

test('a cursor of ZooKeeper, and a file that is none', async () => {
  const path = join(folder, 'cursors.txt');
  await writeFile(path, '{}');
  const address = `mysql://${a.root.user}@${a.host}:${a.port}/otter4`;
  expect(await person(['import', '--otter4', address, '--cursors', path])).toMatchObject({ code: 3 });
});
