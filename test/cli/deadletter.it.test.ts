/** `otter deadletter` and `otter position show` against real servers, with rows that were really refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAudit } from '../../src/executor/audit.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { PositionsJson } from '../../src/model/position-json.ts';
import type { MetaRecord } from '../../src/model/records.ts';
import { metaKey, moveKey, nodeKey, ownerKey } from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { channel, dump, equal, pair, rootOf, Sites, streaming, until } from '../site/harness.ts';
import { type Ended, type Habits, person } from './person.ts';

let folder: string;
let servers: { a: DatabaseServer; b: DatabaseServer };
let a: Connection;
let b: Connection;
let sites: Sites;
/** Number of the first letter. */
let first: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-deadletter-'));
  const [one, other] = await pair();
  servers = { a: one, b: other };
  [a, b] = await Promise.all([rootOf(one), rootOf(other)]);
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
  shop: { from: a, to: b, on_error: park, initial: none, tables: [shop.t] }
`,
  );
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
  await using store = openStore(stateUrl());
  const [meta] = (await store.list(metaKey('main'))).entries;
  const { lineage } = JSON.parse(meta!.value) as MetaRecord;
  for (const root of [a, b])
    await root.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(30), n INT)');
  await b.query('ALTER TABLE shop.t ADD CONSTRAINT short CHECK (LENGTH(v) < 9)');
  sites = new Sites(servers, undefined, lineage);
  sites.set({
    shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.t'], { onError: 'park', initial: 'none' }),
  });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b');
  await a.query(
    "INSERT INTO shop.t VALUES (1, 'much-too-long', 1); UPDATE shop.t SET n = 2 WHERE id = 1; INSERT INTO shop.t VALUES (2, 'also-too-long', 1), (3, 'short', 3)",
  );
  await until('they are set aside', () => sites.figures()['shop/a>b']?.deadLetters === 3);
  const [rows] = await b.query('SELECT MIN(id) AS id FROM otter.dead_letter');
  first = Number((rows as { id: number }[])[0]!.id);
});

afterAll(async () => {
  await sites?.[Symbol.asyncDispose]();
  for (const root of [a, b]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function stateUrl(): string {
  return `file:${join(folder, 'state.db')}`;
}

async function otter(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  return person(['-t', join(folder, 'main.yaml'), '--state', stateUrl(), ...args], { env, ...habits });
}

test('a list has keys and reasons and no other values; one has its row', async () => {
  const { code, out, err } = await otter(['deadletter', 'list', 'shop/a:b']);
  expect([code, err]).toEqual([0, '']);
  const lines = out.split('\n').map((line) => line.split(/ {2,}/));
  expect(lines.slice(0, 4)).toEqual([
    ['ID', 'SET ASIDE (UTC)', 'PIPELINE', 'TABLE', 'KEY', 'CHANGE', 'WHY'],
    [
      `b:${first}`,
      expect.stringMatching(/^\d{4}-/),
      'shop/a>b',
      'shop.t',
      'id=1',
      'insert',
      expect.stringMatching(/short/),
    ],
    [`b:${first + 1}`, expect.anything(), 'shop/a>b', 'shop.t', 'id=1', 'update', `waits behind ${first}`],
    [`b:${first + 2}`, expect.anything(), 'shop/a>b', 'shop.t', 'id=2', 'insert', expect.stringMatching(/short/)],
  ]);
  expect(out).not.toContain('too-long');
  const json = await otter(['deadletter', 'list', '--json']);
  expect(json.out).not.toContain('too-long');
  expect(JSON.parse(json.out)).toMatchObject({
    letters: [{ id: `b:${first}` }, { behind: [`b:${first}`] }, {}],
    unread: [],
  });
  const shown = await otter(['deadletter', 'show', `b:${first}`]);
  expect(shown.out).toMatch(/much-too-long/);
  expect(shown.out).toContain(`otter deadletter -t ${join(folder, 'main.yaml')}`);
  expect(await otter(['deadletter', 'show', 'b:99999'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('OT7032'),
  });
});

test('what is refused still stays; what is given up is asked for by its address; what is mended is applied; all of it is audited', async () => {
  const still = await otter(['deadletter', 'retry', `b:${first}`]);
  expect(still).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^0 applied\.\nb:\d+ is refused still.*id=1 of shop\.t/),
  });
  expect(await otter(['deadletter', 'drop', `b:${first + 2}`], { terminal: false })).toMatchObject({
    code: 3,
    err: expect.stringMatching(/OT7007[\s\S]*--lose 1/),
  });
  const no = { types: { sees: 'and nothing else', text: 'yes\n' } };
  expect(await otter(['deadletter', 'drop', `b:${first + 2}`], no)).toMatchObject({ code: 8 });
  const typed = { types: { sees: 'and nothing else', text: `b:${first + 2}\n` } };
  const dropped = await otter(['deadletter', 'drop', `b:${first + 2}`], typed);
  expect(dropped).toMatchObject({ code: 0, out: expect.stringMatching(/shop\.t: 1 insert[\s\S]*1 dropped\./) });
  expect(await otter(['deadletter', 'drop', 'shop', '--lose', '1'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('OT7030'),
  });
  await b.query('ALTER TABLE shop.t DROP CONSTRAINT short');
  expect(await otter(['deadletter', 'retry', 'shop/a:b'])).toMatchObject({ code: 0, out: '2 applied.\n' });
  expect((await dump(b, 'shop.t')).length).toBe(2);
  expect((await otter(['deadletter', 'list'])).out).toBe('No dead letters in a, b.\n');
  await a.query("UPDATE shop.t SET v = 'x' WHERE id = 2");
  await equal(a, b, 'shop.t');
  await using store = openStore(stateUrl());
  const audit = (await readAudit(store, 'main')).slice(1).map(({ command, what, result }) => [command, what, result]);
  expect(audit).toEqual([
    ['deadletter retry', `b:${first}: 2 dead letters, 0 settled`, 'failed'],
    ['deadletter drop', `b:${first + 2}: 1 dead letters, 1 settled`, 'done'],
    ['deadletter retry', 'shop/a:b: 2 dead letters, 2 settled', 'done'],
  ]);
});

test('where a pipeline stands, and where its log ends', async () => {
  const { code, out, err } = await otter(['position', 'show', 'shop/a:b']);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(
    /^shop\/a>b\n {2}stands at +\S+, \d{4}-\d\d-\d\dT\S+Z\n {2}a ends at +\S+, \S+\.\d{6}:\d+, \d{4}-\S+Z\n {2}behind +\d+ transactions?, lag /,
  );
  const json = await otter(['position', 'show', '--json']);
  const { pipelines } = JSON.parse(json.out) as {
    pipelines: { at: { position: string }; end: { file: string }; behind: unknown }[];
  };
  const [rows] = await b.query('SELECT position FROM otter.checkpoint');
  expect(pipelines).toMatchObject([
    {
      pipeline: 'shop/a>b',
      end: { file: expect.stringMatching(/^\S+\.\d{6}:\d+$/) },
      behind: { of: 'transactions' },
      lag_ms: null,
    },
  ]);
  expect(pipelines[0]!.at.position.split(/[:-]/)[0]).toBe(
    String((rows as { position: string }[])[0]!.position).split(/[:-]/)[0],
  );
});

test('a position is moved when it is known what is lost, and a node is told where from', async () => {
  await using store = openStore(stateUrl());
  const record = async (): Promise<unknown> => {
    const [entry] = (await store.list(moveKey('main', 'shop/a>b'))).entries;
    return entry === undefined ? null : JSON.parse(entry.value);
  };
  const set = (to: string, ...more: string[]): Promise<Ended> =>
    otter(['position', 'set', 'shop/a:b', '--to', to, ...more]);
  expect(await set('0-1-1')).toMatchObject({ code: 4, err: expect.stringMatching(/otter pause .*shop\/a:b/) });
  await otter(['pause', 'shop/a:b', '--no-wait']);
  sites.rest('shop/a>b');
  await until('it rests', () => sites.figures()['shop/a>b']!.phase === 'paused');
  const shown = JSON.parse((await otter(['position', 'show', 'shop/a:b', '--json'])).out) as PositionsJson;
  const { position, gtid } = shown.pipelines[0]!.at!;
  await a.query('INSERT INTO shop.t VALUES (50, NULL, 1); INSERT INTO shop.t VALUES (51, NULL, 1)');
  const end = (JSON.parse((await otter(['position', 'show', '--json'])).out) as PositionsJson).pipelines[0]!;
  expect(end.behind!.count).toBeGreaterThanOrEqual(2);
  const beyond = end.end!.gtid!.replace(/\d+$/, (n) => String(Number(n) + 100));
  expect(await set(beyond)).toMatchObject({ code: 4, err: expect.stringContaining('beyond the end') });
  expect(await set('2020-01-01')).toMatchObject({
    code: 4,
    err: expect.stringContaining('no heartbeat of otter at 2020-01-01T00'),
  });
  expect(await set('2999-01-01T00:00:00+02:00')).toMatchObject({
    code: 4,
    err: expect.stringContaining('2998-12-31T22:00:00.000Z is still to come'),
  });
  expect(await set('2020-01-32')).toMatchObject({ code: 3, err: expect.stringContaining('is no time') });
  const ago = await set('0s', '--allow-lost-changes', '--allow-repeated-changes', '--timeout', '10ms');
  // It may be where the pipeline stands.
  expect(ago.out).toContain('The newest heartbeat of a at');
  expect(await set('nonsense')).toMatchObject({
    code: 4,
    err: expect.stringContaining('`nonsense` is no position of'),
  });
  // Of a server that has never written there.
  const strange = gtid!.replace(/^(\d+)-\d+-/, '$1-4711-').replace(/^[\da-f]{8}-/, '00000000-');
  expect(await set(strange, '--allow-lost-changes', '--allow-repeated-changes')).toMatchObject({
    code: 4,
    err: expect.stringMatching(/cannot be followed from|beyond the end/),
  });
  expect(await set(gtid!)).toMatchObject({ code: 0, out: 'shop/a>b stands there.\n' });
  const refused = await otter(['position', 'set', 'shop/a:b', '--to', end.end!.file!], { terminal: false });
  expect(refused).toMatchObject({ code: 3, err: expect.stringContaining('--allow-lost-changes') });
  expect(refused.out).toMatch(/Up to \d+ transactions are passed over/);
  const other = ['position', 'set', 'shop/a:b', '--to', end.end!.gtid!, '--allow-repeated-changes'];
  expect(await otter(other, { terminal: false })).toMatchObject({ code: 3 });
  expect(await set(end.end!.gtid!, '--allow-lost-changes', '--timeout', '10ms')).toMatchObject({ code: 9 });
  // What nobody took up in time is taken back.
  expect(await record()).toBeNull();
  const setting = set(end.end!.file!, '--allow-lost-changes', '--reason', 'a test');
  await expect.poll(record).toMatchObject({ from: position, to: end.end!.position, reason: 'a test' });
  const node = {
    instance: 'i',
    databases: ['b'],
    pipelines: { 'shop/a>b': { phase: 'paused', position: end.end!.position, error: null } },
  };
  const puts = { [nodeKey('main', 'n')]: node, [ownerKey('main', 'b')]: { node: 'n', instance: 'i' } };
  const entries = Object.entries(puts).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  await store.commit({ conditions: [], puts: entries, deletes: [] });
  expect(await setting).toMatchObject({ code: 0, out: expect.stringContaining('otter resume shop/a:b') });
  expect(await record()).toBeNull();
  const [last] = (await readAudit(store, 'main')).slice(-1);
  expect(last).toMatchObject({
    command: 'position set',
    result: 'done',
    what: expect.stringContaining('because a test'),
  });
  // What its log does not have any more.
  await a.query('FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (52, NULL, 1); FLUSH BINARY LOGS');
  const logs = async (): Promise<string[]> =>
    ((await a.query('SHOW BINARY LOGS'))[0] as { Log_name: string }[]).map(({ Log_name }) => Log_name);
  // A file that is still being sent stays.
  await until('it is purged', async () => {
    await a.query(`PURGE BINARY LOGS TO '${(await logs()).at(-1)!}'`);
    return (await logs()).length === 1;
  });
  expect(await set(gtid!, '--allow-repeated-changes')).toMatchObject({
    code: 4,
    err: expect.stringMatching(/cannot be followed from .*purged/s),
  });
});
