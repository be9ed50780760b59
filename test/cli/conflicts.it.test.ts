/** `otter conflicts` against real servers, with conflicts that really happened. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, equal, pair, rootOf, Sites, streaming, until } from '../site/harness.ts';
import { type Ended, person } from './person.ts';

interface Shown {
  readonly id: string;
  readonly table: string;
  readonly kind: string;
  readonly key: Readonly<Record<string, string>>;
  readonly decided: string;
}

let folder: string;
let servers: { a: DatabaseServer; b: DatabaseServer };
let a: Connection;
let b: Connection;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-conflicts-'));
  const [first, second] = await pair();
  servers = { a: first, b: second };
  [a, b] = await Promise.all([rootOf(first), rootOf(second)]);
  await topology();
  await a.query(
    `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), note TEXT, u INT UNIQUE);
     CREATE TABLE shop.other (id INT PRIMARY KEY, n INT);
     INSERT INTO shop.t VALUES (1,'one',NULL,1),(2,'two',NULL,2); INSERT INTO shop.other VALUES (1,1)`,
  );
  await using sites = new Sites(servers);
  sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t', 'shop.other']) });
  const both = async (): Promise<void> => {
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'shop/a>b', 'shop/b>a');
    for (const table of ['shop.t', 'shop.other']) await equal(a, b, table);
  };
  await both();
  for (const name of ['a', 'b']) await sites.stop(name);
  await a.query(
    "UPDATE shop.t SET name='a' WHERE id=1; UPDATE shop.other SET n=2; INSERT INTO shop.t VALUES (8,'a',NULL,99)",
  );
  await b.query(
    `UPDATE shop.t SET name='b', note=CONCAT('line\nbreak ', REPEAT('long ', 60)) WHERE id=1; DELETE FROM shop.other;
     INSERT INTO shop.t VALUES (9,'b',NULL,99)`,
  );
  await both();
  await until('all are decided', () => sites.figures()['shop/b>a']!.conflicts === 3);
  for (const name of ['a', 'b']) await sites.stop(name);
  // An hour ago.
  await a.query("UPDATE otter.conflict SET decided_ms=decided_ms-3600000 WHERE table_name='other'");
});

afterAll(async () => {
  for (const root of [a, b]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function topology(endpointOfB?: string): Promise<void> {
  const of = (name: 'a' | 'b', endpoint?: string): string => {
    const { family, host, port, otter } = servers[name];
    const at = endpoint ?? `${host}:${port}`;
    return `  ${name}: { region: r, engine: ${family}, endpoints: ["${at}"], user: ${otter.user}, password: { env: ${name.toUpperCase()}_PASSWORD } }`;
  };
  await writeFile(
    join(folder, 'main.yaml'),
    `version: 1
name: main
regions: { r: {} }
nodes: { n: { region: r, listen: "127.0.0.1:7401" } }
databases:
${of('a')}
${of('b', endpointOfB)}
channels:
  shop: { between: [a, b], tables: [shop.t, shop.other] }
`,
  );
}

async function conflicts(...args: string[]): Promise<Ended> {
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  return person(['-t', join(folder, 'main.yaml'), 'conflicts', ...args], { env });
}

async function listed(...args: string[]): Promise<Shown[]> {
  const { code, out, err } = await conflicts('--json', ...args);
  expect([code, err]).toEqual([0, '']);
  return (JSON.parse(out) as { conflicts: Shown[] }).conflicts;
}

const idOf = async (kind: string): Promise<string> => (await listed('--kind', kind))[0]!.id;

test('a list, newest first, in words', async () => {
  const { code, out, err } = await conflicts();
  expect([code, err]).toEqual([0, '']);
  const lines = out.split('\n');
  expect(lines[0]).toMatch(/^ID +DECIDED \(UTC\) +TABLE +KEY +KIND +WINNER +DECIDED BY$/);
  expect(
    lines.slice(1, 4).map((line) => line.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'T').split(/ {2,}/)),
  ).toEqual([
    [expect.stringMatching(/^a:\d+$/), 'T', 'shop.t', 'id=9', 'unique', 'local', 'site-priority: recent write'],
    [expect.stringMatching(/^a:\d+$/), 'T', 'shop.t', 'id=1', 'update/update', 'local', 'site-priority: recent write'],
    [
      expect.stringMatching(/^a:\d+$/),
      'T',
      'shop.other',
      'id=1',
      'delete/update',
      'local',
      'site-priority: recent write',
    ],
  ]);
  expect(out).toContain(`otter conflicts -t ${join(folder, 'main.yaml')} show a:`);
  // Rows are for who asks for one.
  expect(out).not.toContain('long');
});

test('filters', async () => {
  const kinds = async (...args: string[]): Promise<string[]> => (await listed(...args)).map(({ kind }) => kind);
  expect(await kinds('--table', 'shop.t')).toEqual(['unique', 'update/update']);
  expect(await kinds('--table', 'sho*.o*')).toEqual(['delete/update']);
  expect(await kinds('--table', 'shop._')).toEqual([]);
  expect(await kinds('--kind', 'delete/update')).toEqual(['delete/update']);
  expect(await kinds('--winner', 'incoming')).toEqual([]);
  expect(await kinds('--winner', 'local', '--since', '30m')).toEqual(['unique', 'update/update']);
  expect(await kinds('--since', '2h')).toHaveLength(3);
  expect(await kinds('--limit', '1')).toEqual(['unique']);
  expect(await kinds('--open')).toEqual([]);
  await a.query("UPDATE otter.conflict SET state='open' WHERE kind='unique'");
  expect(await kinds('--open')).toEqual(['unique']);
  await a.query("UPDATE otter.conflict SET state='decided'");
  for (const address of ['shop', 'channel.shop', 'a', 'database.a', 'shop/b>a', 'pipeline.shop/b:a'])
    expect(await kinds(address)).toHaveLength(3);
  for (const address of ['b', 'shop/a>b']) expect(await kinds(address)).toEqual([]);
  expect((await conflicts('b')).out).toBe('No such conflict in the log of b.\n');
});

test('one side by side fits into 80 columns, and marks what changed', async () => {
  const { code, out, err } = await conflicts('show', await idOf('update/update'));
  expect([code, err]).toEqual([0, '']);
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(out).toMatch(/^a:\d+ {2}update\/update\n/);
  expect(out).toContain('  table     shop.t, id=1\n');
  expect(out).toContain('  winner    local, by site-priority: recent write\n');
  // Long facts go on in the next line.
  const facts = out.replaceAll(/\n {12}/g, '');
  expect(facts).toMatch(/ {2}incoming {2}by shop\/b>a, transaction \S+, committed /);
  expect(out).toMatch(/ {2}here {6}transaction \S+\n/);
  expect(out).toMatch(/\nCOLUMN +INCOMING +HERE +BASE\n/);
  expect(out).toMatch(/\nid +1 +1 +1\n/);
  expect(out).toMatch(/\nname +\* 'b' +\* 'a' +'one'\n/);
  expect(out).toMatch(/\nnote +\* 'line\ufffdbreak long.* +NULL +NULL\n/);
  expect(out).toContain('(--json has it');

  const gone = (await conflicts('show', await idOf('delete/update'))).out;
  expect(gone).toMatch(/INCOMING \(no row\) +HERE +BASE\n/);
  expect(gone).toMatch(/\nn {10,}\* 2 +1\n/);
  const twins = (await conflicts('show', await idOf('unique'))).out;
  expect(twins).toMatch(/\nid +\* 9 +\* 8\n/);
  expect(twins).toMatch(/\nu +99 +99\n/);
});

test('one as JSON has everything', async () => {
  const { code, out } = await conflicts('show', await idOf('update/update'), '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    id: expect.stringMatching(/^a:\d+$/) as string,
    database: 'a',
    channel: 'shop',
    pipeline: 'shop/b>a',
    table: 'shop.t',
    key: { id: '1' },
    kind: 'update/update',
    winner: 'local',
    rule: 'site-priority: recent write',
    state: 'decided',
    decided: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    incoming_transaction: expect.any(String) as string,
    incoming_committed: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    incoming_clock: null,
    local_transaction: expect.any(String) as string,
    local_clock: null,
    images: 'full',
    token: expect.stringMatching(/^(mariadb|mysql):/) as string,
    incoming: { id: '1', name: "'b'", note: `'line\nbreak ${'long '.repeat(60)}'`, u: '1' },
    local: { id: '1', name: "'a'", note: null, u: '1' },
    base: { id: '1', name: "'one'", note: null, u: '1' },
  });
});

test('a database that does not answer is named, and the rest is shown', async () => {
  await topology('127.0.0.1:1');
  try {
    const { code, out, err } = await conflicts();
    expect(code).toBe(1);
    expect(out).toContain('update/update');
    expect(err).toContain('The log of b was not read: OT4001: ');
    const json = await conflicts('--json');
    const { conflicts: found, unread } = JSON.parse(json.out) as { conflicts: Shown[]; unread: unknown[] };
    expect([json.code, found.length]).toEqual([1, 3]);
    expect(unread).toEqual([{ database: 'b', code: 'OT4001', message: expect.any(String) as string }]);
    const shown = await conflicts('show', 'b:1');
    expect([shown.code, shown.out]).toEqual([1, '']);
    expect(shown.err).toMatch(/^Error OT4001: /);
  } finally {
    await topology();
  }
});

test('a database that no node has owned yet has an empty log', async () => {
  await b.query('RENAME TABLE otter.conflict TO otter.hidden');
  try {
    expect(await listed('b')).toEqual([]);
  } finally {
    await b.query('RENAME TABLE otter.hidden TO otter.conflict');
  }
});

test.each([
  [['show'], 3, 'OT7001'],
  [['show', '42'], 3, 'OT7001'],
  [['show', 'c:42'], 3, 'OT7001'],
  [['show', 'a:999999'], 3, 'OT7009'],
  [['show', 'a:1', 'x'], 3, 'OT7001'],
  [['shop', 'a:1'], 3, 'OT7001'],
  [['nothing'], 3, 'OT7001'],
  [['shop/a>c'], 3, 'OT7001'],
  [['constructor'], 3, 'OT7001'],
  [['database.shop'], 3, 'OT7001'],
  [['--since', 'yesterday'], 3, 'OT7001'],
  [['--limit', '0'], 3, 'OT7001'],
  [['--kind', 'upsert/update'], 3, 'OT7001'],
  [['--winner', 'me'], 3, 'OT7001'],
] as const)('%j is told apart', async (args, exit, error) => {
  const { code, out, err } = await conflicts(...args);
  expect([code, out]).toEqual([exit, '']);
  expect(err).toContain(`Error ${error}: `);
});
