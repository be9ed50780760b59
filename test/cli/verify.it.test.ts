/** `otter verify` and `otter resync` as a person types them. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readApplied } from '../../src/executor/applied.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { VerifyJson } from '../../src/model/verify-json.ts';
import { openStore } from '../../src/state/open.ts';
import { channel, dump, numbers, pair, quiet, rootOf, Sites, streaming } from '../site/harness.ts';
import { type Ended, type Habits, person } from './person.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let folder: string;
let servers: { a: DatabaseServer; b: DatabaseServer };
let a: Connection;
let b: Connection;
let sites: Sites;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-verify-'));
  const [first, second] = await pair();
  servers = { a: first, b: second };
  [a, b] = await Promise.all([rootOf(first), rootOf(second)]);
  for (const table of ['orders', 'other'])
    await a.query(
      `CREATE DATABASE IF NOT EXISTS shop; CREATE TABLE shop.${table} (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO shop.${table} SELECT seq, 'x' FROM ${numbers(1, 2500)}`,
    );
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
  shop: { from: a, to: b, tables: [shop.*] }
`,
  );
  const applied = await otter(['apply', '--auto-approve', '--no-wait']);
  expect(applied.code, applied.err).toBe(0);
  await using store = openStore(`file:${join(folder, 'state.db')}`);
  const { meta } = (await readApplied(store, 'main')).applied;
  sites = new Sites(servers, quiet, meta.record!.lineage);
  sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.*']) });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'shop/a>b');
});
afterAll(async () => {
  await sites?.[Symbol.asyncDispose]();
  for (const root of [a, b]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function otter(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  return person(['-t', join(folder, 'main.yaml'), '--state', `file:${join(folder, 'state.db')}`, ...args], {
    env,
    ...habits,
  });
}

/** What it said until it was killed, which was when it had said that. */
async function killed(args: readonly string[], sees: string): Promise<string> {
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  const typed = ['-t', join(folder, 'main.yaml'), '--state', `file:${join(folder, 'state.db')}`, ...args];
  const child = spawn(process.execPath, [MAIN, ...typed], { env: { ...process.env, ...env } });
  let said = '';
  child.stdout.on('data', (data) => {
    said += String(data);
    if (said.includes(sees)) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.on('close', resolve));
  return said;
}

test('equal, different, repaired; text and JSON', async () => {
  const equal = await otter(['verify']);
  expect([equal.code, equal.err]).toEqual([0, '']);
  expect(equal.out).toBe(
    '  b shop.orders: 2500 rows, nothing differs\n  b shop.other: 2500 rows, nothing differs\n2 tables, 5000 rows: nothing differs.\n',
  );
  await b.query("DELETE FROM shop.orders WHERE id IN (17, 18); UPDATE shop.other SET v = 'secret' WHERE id = 9");
  const differ = await otter(['verify', 'shop', '--limit', '1']);
  expect(differ.code).toBe(2);
  expect(differ.out).toBe(
    '  b shop.orders: 2500 rows, 2 missing\n      missing   id=17\n      and 1 more\n  b shop.other: 2500 rows, 1 different\n      different id=9\n2 tables, 5000 rows: 3 rows differ.\n',
  );
  const json = await otter(['verify', '--table', 'shop.oth*', '--json']);
  expect([json.code, json.out.includes('secret')]).toEqual([2, false]);
  expect(JSON.parse(json.out) as VerifyJson).toMatchObject({
    format_version: '1.0',
    equal: false,
    complete: true,
    different: 1,
    tables: [
      { channel: 'shop', target: 'b', table: 'shop.other', differences: [{ kind: 'different', key: { id: '9' } }] },
    ],
  });
  const repaired = await otter(['verify', '--repair']);
  expect([repaired.code, repaired.out]).toEqual([
    0,
    expect.stringContaining('2 tables, 5000 rows: nothing differs, 3 rows repaired.') as string,
  ]);
  expect(await dump(b, 'shop.orders')).toEqual(await dump(a, 'shop.orders'));
  expect((await otter(['verify'])).code).toBe(0);
}, 60_000);

test('a run that is killed goes on where it was, and only that one', async () => {
  await b.query("UPDATE shop.orders SET v = 'bent' WHERE id = 3; DELETE FROM shop.other WHERE id = 4");
  expect(await killed(['verify', '--rate', '4000 rows/s'], 'shop.orders')).not.toContain('shop.other');
  const file = join(folder, 'verify', 'main.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ progress: { done: [{ table: 'shop.orders' }] } });
  const other = await otter(['verify', '--resume', '--no-extra']);
  expect([other.code, other.err]).toEqual([3, expect.stringContaining('OT7021') as string]);
  // Were it compared anew this would be found.
  await b.query('DELETE FROM shop.orders WHERE id = 5');
  const rest = await otter(['verify', '--resume', '--json']);
  expect(JSON.parse(rest.out) as VerifyJson).toMatchObject({
    tables: [
      { table: 'shop.orders', missing: 0, different: 1 },
      { table: 'shop.other', missing: 1 },
    ],
  });
  expect((await otter(['verify', '--resume'])).err).toContain('OT7021');
  expect((await otter(['verify', '--repair'])).code).toBe(0);
}, 60_000);

test('resync sends what is there again, and says how far it came', async () => {
  await b.query("UPDATE shop.orders SET v = 'bent' WHERE id < 1000");
  const some = await otter(['resync', 'shop', 'shop.orders', '--where', 'id < 10']);
  expect([some.code, some.err]).toEqual([0, '']);
  expect(some.out).toContain('shop/a>b: 9 rows were sent again, and are written.');
  expect(await dump(b, "shop.orders WHERE v = 'bent'")).toHaveLength(990);
  const all = await otter(['resync', 'channel.shop', 'shop.orders', '--json']);
  expect(JSON.parse(all.out)).toEqual({
    channel: 'shop',
    table: 'shop.orders',
    from: 'a',
    pipelines: [{ pipeline: 'shop/a>b', state: 'done', rows: 2500, said: null }],
  });
  expect(await dump(b, 'shop.orders')).toEqual(await dump(a, 'shop.orders'));
  const refused = await otter(['resync', 'shop', 'shop.orders', '--where', 'nothing = 1']);
  expect([refused.code, refused.out]).toEqual([1, expect.stringContaining('refused: ') as string]);
  for (const [args, said] of [
    [['shop', 'shop.nothing_*', '--where', 'id = 1'], 'OT7001'],
    [['shop', 'shop.orders', '--where', 'id = (SELECT 1)'], 'OT7001'],
    [['shop', 'shop.orders', '--where', 'id = 1-- 2'], 'OT7001'],
    [['shop', 'shop.orders', '--from', 'b'], 'OT7001'],
    [['none', 'shop.orders'], 'OT7001'],
  ] as const) {
    const ended = await otter(['resync', ...args]);
    expect([ended.code, ended.err], args.join(' ')).toEqual([3, expect.stringContaining(said) as string]);
  }
}, 60_000);

test('a pipeline that does not run is named, and nothing is said to differ', async () => {
  await b.query('DELETE FROM shop.orders WHERE id = 8');
  sites.rest('shop/a>b');
  await a.query("INSERT INTO shop.orders VALUES (9001, 'on its way')");
  const late = await otter(['verify', '--table', 'shop.orders', '--timeout', '1s']);
  expect([late.code, late.err]).toEqual([9, expect.stringContaining('OT7020') as string]);
  expect(late.err).toContain('shop/a>b has not come on');
  const stuck = await otter(['resync', 'shop', 'shop.orders', '--where', 'id = 8', '--timeout', '1s']);
  expect([stuck.code, stuck.err]).toEqual([9, expect.stringContaining('OT7022') as string]);
  sites.rest();
  // It was asked for before, and need not be again.
  await expect.poll(() => dump(b, 'shop.orders WHERE id = 8'), { timeout: 20_000 }).toHaveLength(1);
  expect((await otter(['verify'])).code).toBe(0);
}, 60_000);
