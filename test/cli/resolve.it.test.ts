/** `otter conflicts resolve` against real servers: what a person decides at one database stands at both. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { deskOf } from '../../src/cli/desk.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { AuditRecord } from '../../src/model/records.ts';
import { dump, equal, pair, rootOf, type Sites, streaming, until } from '../site/harness.ts';
import { manualSites, PIPELINES, stateOf } from '../site/manual.ts';
import { contextOf, type Ended, type Habits, person } from './person.ts';

let folder: string;
let servers: { a: DatabaseServer; b: DatabaseServer };
let a: Connection;
let b: Connection;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-resolve-'));
  const [first, second] = await pair();
  servers = { a: first, b: second };
  [a, b] = await Promise.all([rootOf(first), rootOf(second)]);
  await topology('manual');
});
afterAll(async () => {
  for (const root of [a, b]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const root of [a, b])
    await root.query(
      `DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS shop; CREATE DATABASE shop;
       CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE, bytes VARBINARY(9), big BIGINT, amount DECIMAL(30,10), at TIME(2), day DATETIME(6), y YEAR);
       INSERT INTO shop.t (id, name, u, bytes) VALUES (1, 'one', 1, x'00ff'), (2, 'two', 2, NULL)`,
    );
});

async function topology(policy: string, more = ''): Promise<void> {
  const of = (name: 'a' | 'b'): string => {
    const { family, host, port, otter } = servers[name];
    return `  ${name}: { region: r, engine: ${family}, endpoints: ["${host}:${port}"], user: ${otter.user}, password: { env: ${name.toUpperCase()}_PASSWORD } }`;
  };
  await writeFile(
    join(folder, 'main.yaml'),
    `version: 1
name: main
regions: { r: {} }
nodes: { n: { region: r, listen: "127.0.0.1:7401" } }
databases:
${of('a')}
${of('b')}
channels:
  shop: { between: [a, b], initial: none, tables: [shop.t], conflict: { policy: ${policy}${more} } }
`,
  );
}

async function conflicts(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  return person(['-t', join(folder, 'main.yaml'), 'conflicts', ...args], { env, ...habits });
}

/** One conflict of row 1 at each of them, and a and b again. */
async function conflicting(): Promise<Sites> {
  const sites = manualSites(servers);
  const both = async (): Promise<void> => {
    for (const name of ['a', 'b']) sites.start(name);
    await streaming(sites, ...PIPELINES);
  };
  await both();
  for (const name of ['a', 'b']) await sites.stop(name);
  await a.query("UPDATE shop.t SET name='at a' WHERE id=1");
  await b.query("UPDATE shop.t SET name='at b', u=2000000 WHERE id=1");
  await both();
  await until('both are parked', () => PIPELINES.every((name) => sites.figures()[name]!.open === 1));
  return sites;
}

async function idAt(database: 'a' | 'b'): Promise<string> {
  const { out } = await conflicts([database, '--open', '--json']);
  return (JSON.parse(out) as { conflicts: { id: string }[] }).conflicts[0]!.id;
}

test('it shows what it will do, asks, and the other site follows', async () => {
  await using sites = await conflicting();
  const id = await idAt('b');
  expect((await conflicts(['--open'])).out).toContain('open');
  const shown = (await conflicts(['show', id])).out;
  expect(shown).toContain('open: waits for a decision');
  expect(shown).toMatch(/otter conflicts -t \S+ resolve b:\d+ --take/);

  const no = await conflicts(['resolve', id, '--take', 'incoming'], { types: { sees: 'Only "yes"', text: 'n\n' } });
  expect([no.code, no.out, no.err]).toEqual([
    8,
    expect.stringMatching(/\nname +'at b' +\* 'at a'\n/) as string,
    expect.stringContaining('OT7006') as string,
  ]);
  for (const line of no.out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  const alone = await conflicts(['resolve', id, '--take', 'incoming'], { terminal: false });
  expect([alone.code, alone.err]).toEqual([3, expect.stringContaining('OT7007') as string]);
  const json = await conflicts(['resolve', id, '--take', 'incoming', '--json']);
  expect([json.code, json.out]).toEqual([3, '']);
  expect(await stateOf(b)).toEqual(['open update/update local 1 manual: recent write']);

  const yes = await conflicts(['resolve', id, '--take', 'incoming'], { types: { sees: 'Only "yes"', text: 'yes\n' } });
  expect([yes.code, yes.err]).toEqual([0, expect.stringContaining('This is in no audit: OT7005: ') as string]);
  await equal(a, b, 'shop.t');
  expect((await dump(a, 'shop.t'))[0]).toContain('at a');
  await until('the twin is closed', () => PIPELINES.every((name) => sites.figures()[name]!.open === 0));
  expect((await conflicts(['show', id])).out).toMatch(/state {5}resolved .* UTC, \S+@/);
  const again = await conflicts(['resolve', id, '--take', 'incoming', '--yes']);
  expect([again.code, again.err]).toEqual([3, expect.stringContaining('OT7010') as string]);
});

test('the dashboard shows the same, asks, and decides by the same code', async () => {
  await using sites = await conflicting();
  const id = await idAt('b');
  const path = join(folder, 'main.yaml');
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  const { context, said } = contextOf(env);
  await using store = context.parts.openStore(`file:${join(folder, 'none.db')}`);
  const desk = deskOf(store, 'main', context, {
    topology: path,
    state: `file:${join(folder, 'none.db')}`,
    write: true,
  });
  const seen = await desk.conflict(id, new AbortController().signal);
  expect([seen.incoming?.['name'], seen.local?.['name'], seen.base?.['name']]).toEqual(["'at a'", "'at b'", "'one'"]);
  let told = '';
  const deciding = (yes: boolean): Promise<string | null> =>
    desk.perform(
      { kind: 'resolve', id, take: 'incoming' },
      {
        say: (text) => {
          told += text;
        },
        ask: async (_, word) => {
          expect([word, told]).toEqual(['yes', expect.stringMatching(/\nname +'at b' +\* 'at a'\n/)]);
          return yes;
        },
        signal: new AbortController().signal,
      },
    );
  await expect(deciding(false)).rejects.toMatchObject({ code: 'OT7006' });
  expect(await stateOf(b)).toEqual(['open update/update local 1 manual: recent write']);
  expect(await deciding(true)).toBeNull();
  expect([told, said()]).toEqual([expect.stringContaining('Resolved.'), '']);
  await equal(a, b, 'shop.t');
  await until('the twin is closed', () => PIPELINES.every((name) => sites.figures()[name]!.open === 0));
});

test('a row of one’s own, and what cannot be one', async () => {
  await using _sites = await conflicting();
  const id = await idAt('a');
  const file = join(folder, 'row.json');
  for (const [text, code, message] of [
    ['{"nam": "x"}', 'OT7011', 'no column nam'],
    ['{"id": 7}', 'OT7011', 'another key'],
    ['{"u": "many"}', 'OT7011', 'takes a number'],
    ['{"bytes": "hello"}', 'OT7011', 'hexadecimal'],
    ['{"amount": 1.23456789012}', 'OT7011', 'column amount is decimal(30,10) and would hold something else'],
    ['{"big": 1.5}', 'OT7011', 'column big is'],
    ['{"at": "10:11:12.999"}', 'OT7011', 'column at is'],
    ['{"day": "2024-01-02 03:04:05.1234567"}', 'OT7011', 'column day is'],
    ['{"y": 70}', 'OT7011', 'column y is'],
    [`{"name": "x${' '.repeat(60)}"}`, 'OT7011', 'column name is'],
    ['{"name": "\\ud800"}', 'OT7011', 'whole characters'],
    ['{"name": "x", "NAME": "y"}', 'OT7011', 'twice'],
    [`{"name": "${'long'.repeat(20)}"}`, 'OT4006', 'name'],
    ['[1]', 'OT7003', 'not an object'],
    ['{"name": secret}', 'OT7003', 'not JSON'],
  ] as const) {
    await writeFile(file, text);
    const { code: exit, err } = await conflicts(['resolve', id, '--take', file, '--yes']);
    expect(exit, text).not.toBe(0);
    expect(err, text).toContain(`Error ${code}: `);
    expect(err, text).toContain(message);
    expect(err).not.toMatch(/secret|\n +at /);
  }
  expect((await conflicts(['resolve', id, '--take', join(folder, 'nothing')])).err).toContain('OT7003');
  expect((await conflicts(['resolve', id])).err).toContain('OT7001');
  expect((await conflicts(['--take', 'local'])).err).toContain('OT7001');
  expect((await dump(a, 'shop.t'))[0]).toContain('at a');

  await writeFile(
    file,
    '{"name": "it\'s \\\\ \\u00e9", "u": 2, "bytes": "0x0aFF", "big": 9007199254740993, "amount": -12345678901234567890.12345, "at": "-838:59:58.5", "day": "2024-02-29", "y": 1970}',
  );
  const state = `file:${join(folder, 'state.db')}`;
  const main = ['-t', join(folder, 'main.yaml'), '--state', state];
  expect((await person([...main, 'apply', '--auto-approve', '--no-wait'])).code).toBe(0);
  const { code, out, err } = await conflicts(['resolve', id, '--take', file, '--yes', '--state', state]);
  expect([code, err]).toEqual([0, '']);
  const audit = JSON.parse((await person([...main, 'audit', '--json'])).out) as AuditRecord[];
  expect(audit.filter(({ command }) => command === 'conflicts resolve')).toMatchObject([{ what: id, result: 'done' }]);
  // Row 2 has the value.
  expect(out).toContain('Deletes the row id=2: it has a unique value of this one.');
  await equal(a, b, 'shop.t');
  const [rows] = await b.query(
    'SELECT id, name, u, HEX(bytes) AS bytes, CONCAT(big, "") AS big, CONCAT(amount, "") AS amount, CONCAT(at, " ", day, " ", y) AS times FROM shop.t',
  );
  expect(rows).toEqual([
    {
      id: 1,
      name: "it's \\ é",
      u: 2,
      bytes: '0AFF',
      big: '9007199254740993',
      amount: '-12345678901234567890.1234500000',
      times: '-838:59:58.50 2024-02-29 00:00:00.000000 1970',
    },
  ]);
});

test('of tables that keep no rows in the log none are left when it is decided', async () => {
  await topology('manual', ', log: keys');
  try {
    await using _sites = await conflicting();
    const id = await idAt('a');
    const { code, out } = await conflicts(['resolve', id, '--take', 'base', '--yes', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ resolved: [id], table: 'shop.t', row: { name: "'one'" } });
    const [rows] = await a.query('SELECT state, images, incoming, present, base FROM otter.conflict');
    expect(rows).toEqual([{ state: 'resolved', images: 'none', incoming: null, present: null, base: null }]);
    await equal(a, b, 'shop.t');
  } finally {
    await topology('manual');
  }
});
