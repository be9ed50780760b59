/** Every command either changes nothing that is kept, or stands in the audit with what it changed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { audited } from '../../src/cli/auditing.ts';
import { OtterError } from '../../src/model/error.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { AuditRecord, LockRecord } from '../../src/model/records.ts';
import { auditPrefix, lockKey, metaKey, parseKey, topologyPrefix } from '../../src/state/keys.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { openStore } from '../../src/state/open.ts';
import { contextOf, person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A_PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B_PASSWORD } }
channels:
  shop: { between: [a, b], tables: [shop.orders] }
alerts:
  shop-lag: { channel: shop, when: "lag > 30s", notify: [ops] }
notify:
  ops: { webhook: { env: OPS } }
`;
const WIDER = TOPOLOGY.replace('shop.orders', 'shop.orders, shop.stock');

let folder: string;
const file = (name: string): string => join(folder, name);
const state = (name = 'state.db'): string => `file:${file(name)}`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-audit-'));
  await writeFile(file('main.yaml'), TOPOLOGY);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Of what runs until somebody leaves: what it says first. */
const LEFT_AT: Readonly<Record<string, string>> = { node: '', up: 'Applied as serial' };

async function typed(...args: string[]): Promise<string> {
  const all = ['-t', file('main.yaml'), '--state', state(), ...args];
  const sees = LEFT_AT[args[0]!];
  const does = sees === undefined ? {} : { does: { sees, act: (leave: AbortController) => leave.abort() } };
  const { code, out, err } = await person(all, does);
  expect(code, err).not.toBe(70);
  return out + err;
}

async function holding(store: StateStore): Promise<void> {
  const record: LockRecord = { holder: 'bob', host: 'far', pid: 7, since: '2026-01-01T00:00:00Z', operation: 'apply' };
  const held = await acquireLock(store, lockKey('main'), record, 60_000, new AbortController().signal);
  if ('heldBy' in held) throw new Error();
}

/** What is kept, and who changed it. What nodes report is their own. */
async function kept(store: StateStore): Promise<{ readonly records: string; readonly audit: readonly AuditRecord[] }> {
  const { entries } = await store.list(topologyPrefix('main'));
  const is = (key: string, ...rooms: string[]): boolean => rooms.includes(parseKey(key)?.at ?? '');
  const records = entries.filter(({ key }) => !is(key, 'audit', 'lock', 'node', 'owner', 'status'));
  const audit = entries.filter(({ key }) => is(key, 'audit')).map(({ value }) => JSON.parse(value) as AuditRecord);
  return { records: JSON.stringify(records.map(({ key, value }) => [key, value])), audit };
}

interface Typed {
  /** What is typed, and before it what makes it have something to do. */
  readonly line: readonly string[];
  readonly before?: (store: StateStore) => Promise<unknown>;
}

const reads = (...line: string[]): Typed => ({ line });
const apply = ['apply', '--auto-approve', '--no-wait'];
const wider = () => writeFile(file('main.yaml'), WIDER);

/** Commands that leave what is kept as it is. */
const READING: Readonly<Record<string, () => Typed>> = {
  validate: () => reads('validate'),
  fmt: () => reads('fmt', '--check', file('main.yaml')),
  plan: () => ({ line: ['plan', '--out', file('plan')], before: wider }),
  graph: () => reads('graph', '--plan'),
  status: () => reads('status'),
  dashboard: () => reads('dashboard', '--once'),
  node: () => reads('node', 'west-1'),
  drift: () => ({ line: ['drift', '--no-databases', '--adopt'], before: wider }),
  history: () => reads('history'),
  show: () => reads('show', '1'),
  diff: () => reads('diff', '1'),
  audit: () => reads('audit'),
  explain: () => reads('explain', 'OT2001'),
  schema: () => reads('schema'),
  completion: () => reads('completion', 'bash'),
  version: () => reads('version'),
  init: () => reads('init', file('new')),
  'alerts list': () => reads('alerts'),
  'lock list': () => reads('lock', 'list'),
  'state export': () => reads('state', 'export', file('s')),
  conflicts: () => reads('conflicts'),
  stats: () => reads('stats', 'shop'),
  logs: () => reads('logs', '--no-follow'),
};
/** Commands that change it, in an order in which each has something to do. */
const CHANGING: Readonly<Record<string, () => Typed>> = {
  apply: () => ({ line: apply, before: wider }),
  pause: () => reads('pause', 'shop', '--no-wait'),
  resume: () => reads('resume', 'shop', '--no-wait'),
  move: () => reads('move', 'a', 'west-1', '--no-wait'),
  'alerts silence': () => reads('alerts', 'silence', 'shop-lag', '--for', '2h', '--why', 'works'),
  'alerts unsilence': () => reads('alerts', 'unsilence', 'alert.shop-lag'),
  'state import': () => reads('state', 'import', file('s'), '--auto-approve', '--no-wait'),
  up: () => reads('up', '--auto-approve'),
  rollback: () => reads('rollback', '1', '--auto-approve', '--no-wait'),
  'lock break': () => ({ line: ['lock', 'break', '--yes'], before: holding }),
  destroy: () => reads('destroy', '--auto-approve', '--no-wait'),
};
/** They do nothing without databases that answer, see their own tests there. */
const AT_DATABASES = ['deadletter', 'position', 'skip', 'verify', 'resync'];
/** Leaves what is kept as it was, see `keeping.test.ts`; its own servers and state; databases only, tested with some; a file only; nodes; none older than this one to migrate from, see `test/executor/migrate.test.ts`. */
const ELSEWHERE = ['restart', 'demo', 'alerts test', 'conflicts resolve', 'import', 'migrate', ...AT_DATABASES];

test('every command is one or the other', async () => {
  const help = (await person(['--help'])).out;
  const commands = [...help.matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map(([, name]) => name!);
  expect(commands.length).toBeGreaterThan(20);
  const known = new Set(
    [...Object.keys(READING), ...Object.keys(CHANGING), ...ELSEWHERE].map((one) => one.split(' ')[0]),
  );
  expect(commands.filter((name) => name !== 'help').filter((name) => !known.has(name))).toEqual([]);
});

test('commands that read leave what is kept as it is', async () => {
  await typed(...apply);
  await using store = openStore(state());
  for (const [name, of] of Object.entries(READING)) {
    const { line, before } = of();
    await before?.(store);
    const was = await kept(store);
    await typed(...line);
    expect(await kept(store), name).toEqual(was);
  }
});

test('commands that change it stand in the audit with what they change', async () => {
  await typed(...apply);
  await typed('state', 'export', file('s'));
  await using store = openStore(state());
  for (const [name, of] of Object.entries(CHANGING)) {
    const { line, before } = of();
    await before?.(store);
    const was = await kept(store);
    const lock = await store.list(lockKey('main'));
    const said = await typed(...line);
    const is = await kept(store);
    const locks = (await store.list(lockKey('main'))).entries.length;
    expect(is.records === was.records && locks === lock.entries.length, `${name}: ${said}`).toBe(false);
    const more = is.audit.slice(was.audit.length);
    expect(more.map(({ command, result }) => [command.replace(/ \d+$/, ''), result])).toEqual([[name, 'done']]);
  }
});

test('what changes a database is begun in the audit before it is done, and its end is told', async () => {
  await typed(...apply);
  await using store = openStore(state());
  const { context, said } = contextOf();
  const options = { state: state() };
  const deed = { topology: 'main', command: 'conflicts resolve', what: 'a:7' };
  const told = async () =>
    (await kept(store)).audit
      .filter(({ command }) => command === 'conflicts resolve')
      .map(({ what, result, code }) => [what, result, code]);
  expect(await audited(context, options, deed, async () => (await told())[0])).toEqual(['a:7', 'begun', null]);
  const broken = new OtterError('OT4006', 'no');
  await expect(audited(context, options, { ...deed, what: 'a:8' }, () => Promise.reject(broken))).rejects.toBe(broken);
  expect(await told()).toEqual([
    ['a:7', 'done', null],
    ['a:8', 'failed', 'OT4006'],
  ]);
  expect(said()).toBe('');
  // Elsewhere it is done all the same, and told.
  expect(await audited(context, { state: state('no.db') }, deed, async () => 1)).toBe(1);
  expect(await audited(context, options, { ...deed, topology: 'other' }, async () => 2)).toBe(2);
  expect(said()).toMatch(
    /^This is in no audit: OT7005: there is no state file .*\.\nThis is in no audit: OT7005: topology other was never applied to .*\.\n$/,
  );
  expect((await store.list(auditPrefix('other'))).entries).toEqual([]);
  expect((await store.list(metaKey('other'))).entries).toEqual([]);
});
