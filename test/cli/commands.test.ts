/** What commands print, what they write and how they end, in this process; rooms of their own have plans, what is kept, completion and the audit. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Context, topologyPath } from '../../src/cli/context.ts';
import { explainFailure } from '../../src/cli/failure.ts';
import { freePort } from '../../src/lab/free-port.ts';
import { CODES } from '../../src/model/codes.ts';
import type { LockRecord } from '../../src/model/records.ts';
import { lockKey, nodeKey, ownerKey, statusKey } from '../../src/state/keys.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { openStore } from '../../src/state/open.ts';
import { type Ended, type Habits, person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: A_PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: B_PASSWORD } }
channels:
  shop:
    between: [a, b]
    tables: [shop.orders]
`;
const CARRY_OUT = 'Carry this out?';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-cli-'));
  await write(TOPOLOGY);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(text: string): Promise<void> {
  await writeFile(join(folder, 'main.yaml'), text);
}

function state(): string {
  return `file:${join(folder, 'state.db')}`;
}

async function otter(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  return person(['-t', join(folder, 'main.yaml'), '--state', state(), ...args], habits);
}

async function serials(): Promise<number> {
  const { code, out } = await otter(['history', '--json']);
  // Never applied.
  return code === 3 ? 0 : (JSON.parse(out) as unknown[]).length;
}

test('only a typed yes is a yes; Ctrl-C and Ctrl-D are a no, and none of them a bug', async () => {
  for (const text of ['no\r', 'y\r', '\r', '\u0003', '\u0004']) {
    const { code, err } = await otter(['apply', '--no-wait'], { types: { sees: CARRY_OUT, text } });
    expect(code, JSON.stringify(text)).toBe(8);
    expect(err).toContain('OT7006');
    expect(await serials()).toBe(0);
  }
  const signalled = await otter(['apply', '--no-wait'], {
    does: { sees: CARRY_OUT, act: (leave) => leave.abort(new Error('cancelled by SIGTERM')) },
  });
  expect(signalled.code).toBe(8);
  const agreed = await otter(['apply', '--no-wait'], { types: { sees: CARRY_OUT, text: 'yes\r' } });
  expect(agreed.code).toBe(0);
  expect(agreed.out).toContain('Applied as serial 1: 7 added');
  expect(await serials()).toBe(1);
});

test('a wait that is cancelled says what stays, and one that takes too long what to type', async () => {
  const cancelled = await otter(['apply', '--auto-approve'], {
    does: { sees: 'not running', act: (leave) => leave.abort(new Error('cancelled by SIGINT')) },
  });
  expect(cancelled.code).toBe(8);
  expect(cancelled.err).toContain('The desired state stays');
  const late = await otter(['apply', '--auto-approve', '--timeout', '1ms']);
  expect(late.code).toBe(9);
  const flags = `-t ${join(folder, 'main.yaml')} --state ${state()}`;
  expect(late.err).toContain(`type: otter node ${flags} west-1 (`);
  expect(late.err).toContain(`type: otter node ${flags} east-1 (`);
});

test('what failed is said at once with what to do, and the last lines sum up', async () => {
  await using store = openStore(state());
  const alive = { instance: 'i', databases: [], pipelines: {} };
  const owner = (node: string): object => ({ node, instance: 'i', advertise: '' });
  const record = { observedGeneration: 1, position: null, updatedMs: 0 };
  const hint = 'Empty it.';
  const puts = Object.entries({
    [nodeKey('main', 'west-1')]: alive,
    [nodeKey('main', 'east-1')]: alive,
    [ownerKey('main', 'a')]: owner('west-1'),
    [ownerKey('main', 'b')]: owner('east-1'),
    [statusKey('main', 'pipeline', 'shop/b>a')]: { ...record, phase: 'streaming', error: null, node: 'west-1' },
    [statusKey('main', 'pipeline', 'shop/a>b')]: {
      ...record,
      phase: 'failed',
      error: { code: 'OT5013', message: 'rows are there\u001b[2J', hint },
      node: 'east-1',
    },
  }).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  const { code, out, err } = await otter(['apply', '--auto-approve', '--timeout', '100s'], {
    does: {
      sees: 'Applied as serial 1',
      act: () => void store.commit({ conditions: [], puts, deletes: [] }),
    },
  });
  expect(code).toBe(1);
  expect(out).not.toContain('All nodes run it');
  expect(err.slice(err.indexOf('Error'))).toBe(`Error OT5013: shop/a>b on east-1: rows are there\ufffd[2J
  Empty it.
  running: shop/b>a
  failed: shop/a>b on east-1 (OT5013)
The change is applied and stays; what failed is tried again by itself: see \`otter status -t ${join(folder, 'main.yaml')} --state ${state()}\`.
`);
});

test('what is wrong on the command line is said before anything is written', async () => {
  for (const args of [
    ['apply', '--auto-approve', '--no-wait', '--timeout', 'soon'],
    ['apply', '--auto-approve', '--no-wait', '--lock-timeout', '-1'],
    ['apply', '--auto-approve', '--refresh-only'],
    ['apply', 'one.plan', 'two.plan'],
    ['plan', '--format', 'pdf'],
    ['plan', '--target', 'nowhere'],
    ['plan', '-t', 'nope'],
    ['status', '-t', 'nope'],
    ['status'],
    ['dashboard', '--once', '-t', 'nope'],
    ['show', '1'],
    ['show', 'abc'],
    ['demo', '--seconds', '-1'],
    ['demo', '--seconds', '1e3'],
    ['demo', '--seconds', '100000'],
    ['graph', '--json'],
    ['dashboard', '--once', '--json'],
    ['aply'],
    [],
  ]) {
    const { code, err } = await otter(args);
    expect(code, args.join(' ')).toBe(3);
    expect(err).not.toBe('');
  }
  expect(await serials()).toBe(0);
});

test('flags stand before or after the command', async () => {
  const flags = ['-t', join(folder, 'main.yaml'), '--state', state(), '--json'];
  const [before, after] = [await person([...flags, 'plan']), await person(['plan', ...flags])];
  expect(before.code).toBe(0);
  expect(JSON.parse(before.out)).toEqual(JSON.parse(after.out));
});

test('who comes second is told who holds the lock, or waits for it', async () => {
  await using store = openStore(state());
  const record: LockRecord = {
    holder: 'ann',
    host: 'build-7',
    pid: 4711,
    since: '2026-01-02T03:04:05Z',
    operation: 'x',
  };
  const lock = await acquireLock(store, lockKey('main'), record, 30_000, new AbortController().signal);
  if ('heldBy' in lock) throw new Error('the lock should be free');
  const refused = await otter(['apply', '--auto-approve', '--no-wait']);
  expect(refused.code).toBe(6);
  expect(refused.err).toContain('ann@build-7 (pid 4711) holds the lock of main since 2026-01-02T03:04:05Z');
  const waited = await otter(['apply', '--auto-approve', '--no-wait', '--lock-timeout', '60s'], {
    does: { sees: 'Waiting for ann@build-7', act: () => void lock.release() },
  });
  expect(waited.code).toBe(0);
  expect(await serials()).toBe(1);
});

test('only the plan with the expected digest is carried out', async () => {
  const { plan_digest } = JSON.parse((await otter(['plan', '--json'])).out) as { plan_digest: string };
  const other = await otter(['apply', '--no-wait', '--expect', `${plan_digest}x`], { terminal: false });
  expect(other.code).toBe(5);
  expect(await serials()).toBe(0);
  expect((await otter(['apply', '--no-wait', '--expect', plan_digest], { terminal: false })).code).toBe(0);
});

test('a saved plan can be read by its owner only, also when the file was there', async () => {
  const path = join(folder, 'shop.plan');
  await writeFile(path, 'something older', { mode: 0o644 });
  const { code, out } = await otter(['plan', '--out', path]);
  expect(code).toBe(0);
  expect(out).toContain(`To carry it out: otter apply --state ${state()} ${path}\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await otter(['apply', path, '--no-wait'], { terminal: false })).code).toBe(0);
});

test('a saved plan of which a word was edited is refused; one that is applied already says so', async () => {
  const path = join(folder, 'shop.plan');
  await otter(['plan', '--out', path]);
  const saved = await readFile(path, 'utf8');
  for (const [was, is] of [
    ['"add": 7', '"add": 1'],
    ['"reason": "declared', '"reason": "harmless'],
    ['"risk": "low"', '"risk": "high"'],
  ] as const) {
    expect(saved).toContain(was);
    await writeFile(path, saved.replace(was, is));
    const { code, err } = await otter(['apply', path, '--no-wait'], { terminal: false });
    expect([code, err]).toEqual([3, expect.stringContaining('OT7003')]);
  }
  await writeFile(path, saved);
  expect((await otter(['apply', path, '--no-wait'], { terminal: false })).code).toBe(0);
  const again = await otter(['apply', path, '--no-wait'], { terminal: false });
  expect(again.code).toBe(5);
  expect(again.err).toMatch(/OT2001: the plan is applied already: as serial 1, at \S+Z by \S+\n/);
  await write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  await otter(['apply', '--auto-approve', '--no-wait']);
  const later = await otter(['apply', path, '--no-wait'], { terminal: false });
  expect(later.err).toContain('; since then serial 2 was applied');
  expect(await serials()).toBe(2);
});

test('a plan that a guard refused stays refused, also when its file says otherwise', async () => {
  await write(TOPOLOGY.replace('{ region: west, engine', '{ protect: true, region: west, engine'));
  await otter(['apply', '--auto-approve', '--no-wait']);
  await write(TOPOLOGY.replace(/ {2}a: .*\n/, '').replace(/channels:.*/s, ''));
  const path = join(folder, 'gone.plan');
  expect((await otter(['plan', '--out', path])).code).toBe(4);
  expect((await otter(['apply', path], { terminal: false })).err).toContain('OT2004');
  await writeFile(path, (await readFile(path, 'utf8')).replace('"applyable": false', '"applyable": true'));
  expect(await otter(['apply', path], { terminal: false })).toMatchObject({ code: 3 });
  expect(await serials()).toBe(1);
});

test('where no file can be written, saving a plan says so', async () => {
  // Below /proc, making a folder with those above it at once would never end.
  const { code, err } = await otter(['plan', '--out', '/proc/x/y/shop.plan']);
  expect([code, err]).toEqual([3, expect.stringContaining('OT7003: /proc/x/y/shop.plan cannot be written')]);
});

test('who only looks makes no state file, and where none is nothing can be destroyed', async () => {
  expect((await otter(['plan'])).out).toContain('7 to add');
  expect((await otter(['graph', '--plan'])).code).toBe(0);
  const destroyed = await otter(['destroy', '--auto-approve']);
  expect(destroyed.err).toContain('OT7005');
  await expect(stat(state().slice('file:'.length))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('looking for drift plans no change', async () => {
  const never = await otter(['plan', '--refresh-only', '--detailed-exitcode']);
  expect(never).toMatchObject({ code: 0, out: 'main was never applied: there is nothing to compare.\n' });
  await otter(['apply', '--auto-approve', '--no-wait']);
  await write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  const same = await otter(['plan', '--refresh-only', '--detailed-exitcode']);
  expect(same).toMatchObject({ code: 0, out: 'main (serial 1): what nodes report is as it was applied.\n' });
  await using store = openStore(state());
  const key = '/otter/main/status/pipeline/shop%2Fa%3Eb';
  const record = { observedGeneration: 1, phase: 'failed', position: null, error: null, node: 'east-1', updatedMs: 0 };
  await store.commit({ conditions: [], puts: [{ key, value: JSON.stringify(record) }], deletes: [] });
  const drift = await otter(['plan', '--refresh-only', '--detailed-exitcode']);
  expect(drift.code).toBe(2);
  expect(drift.out).toContain('! pipeline.shop/a>b: failed on east-1');
  const json = JSON.parse((await otter(['plan', '--refresh-only', '--json'])).out) as { changes: []; drift: [] };
  expect([json.changes, json.drift]).toMatchObject([[], [{ kind: 'failed' }]]);
});

test('with --target nothing is said of the rest', async () => {
  await otter(['apply', '--auto-approve', '--no-wait']);
  await write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  const part = await otter(['plan', '--target', 'database.a']);
  expect(part.out).toContain('what is applied is what the topology declares, as far as --target database.a goes');
  expect((await otter(['plan', '--target', 'database.a', '--format', 'markdown'])).out).toContain(
    'only --target database.a',
  );
  for (const known of ['table.shop/shop.stock', 'shop/a:b', 'pipeline.shop/b>a'])
    expect((await otter(['plan', '--target', known, '--detailed-exitcode'])).code).toBe(2);
  for (const unknown of ['table.shop/shop.typo', 'pipeline.shop/a>c', 'shop/a:c', 'table.shop/a>b'])
    expect(await otter(['plan', '--target', unknown])).toMatchObject({
      code: 3,
      err: expect.stringContaining('OT7001'),
    });
  expect((await otter(['plan', '--refresh-only', '--target', 'a'])).code).toBe(3);
});

test('a saved plan without changes says so, and is not called applied', async () => {
  await otter(['apply', '--auto-approve', '--no-wait']);
  const plan = join(folder, 'p.json');
  expect((await otter(['plan', '--out', plan])).out).toContain('There is nothing in it to carry out.');
  expect((await otter(['apply', plan, '--no-wait'])).out).toBe('No changes: serial 1 stays as it is.\n');
  await write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  await otter(['apply', '--auto-approve', '--no-wait']);
  expect((await otter(['apply', plan, '--no-wait'])).code).toBe(5);
});

test('a node that starts before its state store waits for it', async () => {
  const args = ['node', 'west-1', '-t', 'main', '--state', `etcd://127.0.0.1:${await freePort()}`];
  const leaves = { sees: 'state store away; waiting for it', act: (leave: AbortController) => leave.abort() };
  const { code, err } = await person(args, { does: leaves });
  expect(code).toBe(0);
  expect(err).toContain('OT3001');
});

test.each([
  ['the folder', { 'README.md': null, '.git': ['a.yaml'], processors: ['orders.mjs', 'lib'], 'shop.v2': ['x.yml'] }],
  [
    'the folder',
    { 'README.md': null, '.hidden.yaml': null, empty: [], processors: ['orders.mjs'], 'shop.v2': ['a.yaml'] },
  ],
  ['the file', { 'main.yaml': null, processors: ['orders.mjs', '.orders.yaml'] }],
] as [string, Record<string, string[] | null>][])('%s is the only topology among %j', (_, there) => {
  const only = 'shop.v2' in there ? 'shop.v2' : 'main.yaml';
  const parts = {
    listFolder: (path: string) => there[path.replace('topologies/', '')] ?? Object.keys(there),
    exists: (path: string) => path === 'topologies' || Array.isArray(there[path.slice('topologies/'.length, -2)]),
  };
  expect(topologyPath({ parts } as unknown as Context, {})).toBe(`topologies/${only}`);
});

test('every code as JSON', async () => {
  const codes = JSON.parse((await person(['explain', '--json'])).out) as unknown[];
  expect(codes).toContainEqual(expect.objectContaining({ code: 'OT2001', title: 'Plan is stale' }));
  expect(codes).toHaveLength(Object.keys(CODES).length);
});

test('destroying needs the name only', async () => {
  await otter(['apply', '--auto-approve', '--no-wait']);
  await write('name: main\nversion: 1\nregions: [this, is, not, a, topology]\n');
  expect((await otter(['plan'])).code).toBe(3);
  const destroyed = await person(['destroy', '-t', 'main', '--state', state(), '--auto-approve']);
  expect(destroyed.code).toBe(0);
  expect(destroyed.out).toContain('Plan: 0 to add, 0 to change, 7 to destroy.');
  expect(destroyed.err).toContain("otter's own tables stay");
});

test('the plan as JSON is as its schema says', async () => {
  const schema = JSON.parse(
    await readFile(new URL('../../schema/plan.schema.json', import.meta.url), 'utf8'),
  ) as object;
  const valid = new Ajv({ strict: true, allErrors: true }).compile(schema);
  const plans = [(await otter(['plan', '--json'])).out];
  await otter(['apply', '--auto-approve', '--no-wait']);
  await write(
    TOPOLOGY.replace('[shop.orders]', '[shop.stock]').replace(
      'a: { region: west, engine: mariadb',
      'a: { region: west, engine: mysql',
    ),
  );
  plans.push((await otter(['plan', '--json'])).out, (await otter(['plan', '--refresh-only', '--json'])).out);
  await otter(['apply', '--auto-approve', '--no-wait']);
  const destroy = await otter(['destroy', '--json'], { terminal: false });
  expect(destroy.code).toBe(3);
  plans.push(destroy.out);
  for (const text of plans) expect(valid(JSON.parse(text)) ? [] : valid.errors).toEqual([]);
  expect(valid({ ...(JSON.parse(plans[0]!) as object), changes: [{ address: 'channel.x' }] })).toBe(false);
});

test('what init writes is valid and can be planned, and it overwrites nothing', async () => {
  const home = join(folder, 'new');
  await mkdir(home);
  expect((await person(['init', home])).code).toBe(0);
  const topology = join(home, 'topologies', 'example');
  expect((await person(['validate', '-t', topology])).code).toBe(0);
  expect((await person(['plan', '-t', topology, '--state', state()])).out).toContain('7 to add');
  const again = await person(['init', home]);
  expect(again.code).toBe(3);
  expect(again.err).toContain('topology.yaml');
});

test('a bug is called one in a few words; a stack only when asked for', () => {
  const ends = (env: Record<string, string>): readonly [number, string] => {
    let err = '';
    const stderr = { write: (text: string) => (err += text) };
    const context = { stderr, env, version: '1.2.3', signal: new AbortController().signal } as unknown as Context;
    return [explainFailure(new TypeError('x is \u001b[2Jnot a function'), context), err];
  };
  const [code, err] = ends({});
  expect(code).toBe(70);
  expect(err).toContain('Error OT9001: this is a bug in otter 1.2.3');
  expect(err).not.toMatch(/\u001b|\n\s+at /);
  expect(ends({ OTTER_DEBUG: '1' })[1]).toMatch(/\n\s+at /);
});

test.each(['status', 'history', 'show 1', 'dashboard --once'])(
  '`%s` makes no state file where there is none',
  async (command) => {
    const { code, err } = await otter(command.split(' '));
    expect({ code, there: existsSync(join(folder, 'state.db')) }).toEqual({ code: 3, there: false });
    expect(err).toContain('OT7005');
  },
);

test('beside a saved plan nothing is said that would make another plan', async () => {
  const plan = join(folder, 'p.json');
  expect((await otter(['plan', '--out', plan])).code).toBe(0);
  for (const more of [
    ['--target', 'region.west'],
    ['--allow-destroy', 'a'],
    ['--var', 'x=1'],
    ['-t', 'other'],
  ]) {
    const { code, err } = await otter(['apply', plan, '--no-wait', ...more]);
    expect({ code, more }).toEqual({ code: 3, more });
    expect(err).toContain('OT7001');
  }
  expect(await serials()).toBe(0);
  expect((await otter(['apply', plan, '--no-wait'])).code).toBe(0);
  expect((await otter(['apply', '--expect', 'abc', '--no-wait'])).code).toBe(5);
});

test('who removes databases that no running node owns is told what stays there', async () => {
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
  const { code, err } = await otter(['destroy', '--auto-approve', '--no-wait']);
  expect(code).toBe(0);
  expect(err).toContain("No running node owns a, b, so otter's own tables stay there");
});

test('who removes databases that nodes own is told what they made of it', async () => {
  await otter(['apply', '--auto-approve', '--no-wait']);
  await using store = openStore(state());
  const owner = JSON.stringify({ node: 'west-1', instance: 'i', advertise: 'x' });
  const puts = ['a', 'b'].map((name) => ({ key: ownerKey('main', name), value: owner }));
  await store.commit({ conditions: [], puts, deletes: [] });
  const told = (name: string, error: object | null) => ({
    key: statusKey('main', 'database', name),
    value: JSON.stringify({ node: 'west-1', error }),
  });
  const error = { code: 'OT4001', message: 'nobody answers', hint: null };
  const gaveUp = { conditions: [], puts: [told('a', null), told('b', error)], deletes: puts.map(({ key }) => key) };
  const { code, err } = await otter(['destroy', '--auto-approve'], {
    does: { sees: 'Applied as serial 2', act: () => void store.commit(gaveUp) },
  });
  expect(code).toBe(0);
  expect(err).not.toContain('No running node');
  expect(err).toContain("Otter's own tables stay in b, node west-1 could not remove them: OT4001: nobody answers");
});
