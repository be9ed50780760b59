/** What is kept, looked at and changed from the command line: lock, pauses, history and the way back, audit, export and import. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AuditEntry, auditEntry } from '../../src/executor/audit.ts';
import { endRestart, pause, standing } from '../../src/executor/pausing.ts';
import type { ApplyEvent } from '../../src/model/apply-event.ts';
import type { AuditRecord, HistoryRecord, LockRecord, MetaRecord, SpecRecord } from '../../src/model/records.ts';
import { lockKey, metaKey, nodeKey, ownerKey, pauseKey, placeKey, specKey } from '../../src/state/keys.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { openStore } from '../../src/state/open.ts';
import { type Ended, type Habits, person } from './person.ts';

const SECRET = 'planted-hunter2';
const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: A_PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: B_PASSWORD }, protect: true }
channels:
  shop:
    between: [a, b]
    tables: [shop.orders]
`;
const never = new AbortController().signal;
const NOBODY = {
  ...{ by: 'ann', author: null, host: 'here', pid: 1, version: '1.0.0', commit: null, dirty: null },
  command: 'restart',
};

let folder: string;
/** Whatever was printed or written by any command. */
let told: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-keeping-'));
  told = '';
  await write(TOPOLOGY);
});
afterEach(async () => {
  expect(told).not.toContain(SECRET);
  await rm(folder, { recursive: true, force: true });
});

async function write(text: string): Promise<void> {
  await writeFile(join(folder, 'main.yaml'), text);
}

function state(name = 'state.db'): string {
  return `file:${join(folder, name)}`;
}

async function otter(args: readonly string[], habits: Habits = {}, at = state()): Promise<Ended> {
  const env = { A_PASSWORD: SECRET, B_PASSWORD: SECRET };
  const ended = await person(['-t', join(folder, 'main.yaml'), '--state', at, ...args], { env, ...habits });
  told += ended.out + ended.err;
  return ended;
}

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await otter(args);
  expect([code, err], err).toEqual([0, expect.any(String)]);
  return out + err;
}

async function applied(text: string): Promise<void> {
  await write(text);
  await done('apply', '--auto-approve', '--no-wait');
}

const WIDER = TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]');

test('history knows the person, the commit and whether all of it was committed; show has the plan; diff compares', async () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=Ann', '-c', 'user.email=ann@x.org', ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '-q');
  git('config', 'user.name', 'Ann');
  git('config', 'user.email', 'ann@x.org');
  git('add', 'main.yaml');
  git('commit', '-qm', 'first');
  await applied(TOPOLOGY);
  await applied(WIDER);
  const records = JSON.parse(await done('history', '--json')) as HistoryRecord[];
  const [commit, host] = [git('rev-parse', 'HEAD'), hostname()];
  // The state file lies beside it, so that the folder is not as it was committed either way.
  expect(records).toMatchObject([
    { serial: 1, author: 'Ann <ann@x.org>', host, commit, operation: 'apply' },
    { serial: 2, author: 'Ann <ann@x.org>', host, commit, operation: 'apply', dirty: true },
  ]);
  expect(await done('history')).toMatch(/^ {3}1 {2}\S+ {2}\S+ +\+7 ~0 -0 {2}apply {2}[0-9a-f]{7}/);
  const shown = await done('show', '2');
  expect(shown).toContain(`commit ${commit} with uncommitted changes`);
  expect(shown).toContain('Author Ann <ann@x.org>');
  expect(shown).toContain('  ~ channel.shop\n      + tables[shop.stock]');
  const differs = await done('diff', '1..2');
  expect(differs).toBe(`From serial 1 to serial 2:\n\n  ~ channel.shop\n      + tables[shop.stock] = "shop.stock"\n`);
  expect(await done('diff', 'HEAD~1')).toBe(differs);
  expect(await done('diff', '2..')).toBe('Serials 2 and 2 declare the same.\n');
  expect(JSON.parse(await done('diff', '2..1', '--json'))).toMatchObject({
    from: 2,
    to: 1,
    changes: [{ address: 'channel.shop', attributes: [{ path: 'tables[shop.stock]', action: 'remove' }] }],
  });
  for (const [word, code] of [
    ['7', 'OT7002'],
    ['HEAD~9', 'OT7002'],
    ['1..2..3', 'OT7001'],
    ['..', 'OT7001'],
    ['x', 'OT7001'],
  ] as const)
    expect((await otter(['diff', word])).err, word).toContain(code);
});

test('rollback is a plan like any other: shown, asked for, guarded, applied, saved', async () => {
  await applied(TOPOLOGY.replace(', protect: true', ''));
  await applied(WIDER);
  expect((await otter(['rollback', '1', '--no-wait'], { terminal: false })).err).toContain('OT7007');
  const no = await otter(['rollback', '1', '--no-wait'], { types: { sees: 'Carry this out?', text: 'no\r' } });
  expect([no.code, no.out]).toEqual([8, expect.stringContaining('- tables[shop.stock]')]);
  const yes = await otter(['rollback', '1', '--no-wait'], { types: { sees: 'Carry this out?', text: 'yes\r' } });
  expect(yes.code).toBe(0);
  expect(yes.out).toContain('Applied as serial 3: 0 added, 2 changed');
  expect(await done('diff', '1..3')).toContain('declare the same');
  const last = (JSON.parse(await done('history', '--json')) as HistoryRecord[]).at(-1);
  expect(last?.operation).toBe('rollback 1');
  // The other way, from a file.
  const file = join(folder, 'back.plan');
  await done('rollback', '2', '--out', file);
  await done('apply', file, '--no-wait');
  expect(await done('diff', '2..4')).toContain('declare the same');
  // A guard holds.
  await applied(
    'version: 1\nname: main\nregions: { west: {}, east: {} }\n'.concat(TOPOLOGY.slice(TOPOLOGY.indexOf('nodes:'))),
  );
  await write('version: 1\nname: main\n');
  const gone = await otter(['apply', '--auto-approve', '--no-wait']);
  expect([gone.code, gone.err]).toEqual([4, expect.stringContaining('database.b is protected')]);
  await done('apply', '--auto-approve', '--no-wait', '--allow-destroy', 'database.b');
  await done('rollback', '4', '--auto-approve', '--no-wait');
  expect(await done('diff', '4..HEAD')).toContain('declare the same');
  const back = await otter(['rollback', '6', '--auto-approve', '--no-wait']);
  expect([back.code, back.err]).toEqual([4, expect.stringContaining('database.b is protected')]);
});

test('a pause with a time says until when; what rests is not restarted; a restart leaves nothing behind', async () => {
  await applied(TOPOLOGY);
  const before = Date.now();
  await done('pause', 'shop/a:b', '--no-wait', '--for', '2h', '--reason', 'the index is built');
  await using store = openStore(state());
  const [pause] = (await store.list(pauseKey('main', 'pipeline', 'shop/a>b'))).entries;
  const { until } = JSON.parse(pause!.value) as { until: string };
  expect(Date.parse(until) - before).toBeGreaterThanOrEqual(7_200_000);
  expect(Date.parse(until) - before).toBeLessThan(7_260_000);
  expect(await done('status')).toContain(` until ${until}, because the index is built`);
  const status = JSON.parse(await done('status', '--json')) as {
    channels: [{ pipelines: { paused: object | null }[] }];
  };
  expect(status.channels[0].pipelines[0]!.paused).toMatchObject({ until });
  const refused = await otter(['restart', 'shop']);
  expect([refused.code, refused.err]).toEqual([3, expect.stringContaining('OT7041')]);
  await done('resume', 'shop', '--no-wait');
  // No node runs that could say that it rests.
  const late = await otter(['restart', 'shop', '--timeout', '1ms', '--reason', 'memory']);
  expect([late.code, late.err]).toEqual([9, expect.stringContaining('channel.shop goes on.')]);
  expect((await store.list('/otter/main/pause/')).entries).toEqual([]);
  const audit = JSON.parse(await done('audit', '--json')) as AuditRecord[];
  expect(audit.slice(1).map(({ command, what }) => `${command} ${what}`)).toEqual([
    'pause pipeline.shop/a>b',
    'resume pipeline.shop/a>b',
    'restart channel.shop',
  ]);
  expect((await otter(['pause', 'shop', '--for', 'tomorrow'])).code).toBe(3);
  expect((await otter(['pause', 'shop', '--for', '0s'])).code).toBe(3);
});

test('who pauses while a restart is under way is obeyed: the restart gives way', async () => {
  await applied(TOPOLOGY);
  await using store = openStore(state());
  const audit = (): AuditEntry => auditEntry('main', NOBODY, Date.now(), randomUUID());
  const stop = { by: 'ann', host: 'here', at: '2026-03-02T09:12:44.000Z', reason: 'memory', restarts: true } as const;
  for (const [stopped, wanted] of [
    ['shop', 'shop'],
    ['shop/a:b', 'shop/a:b'],
    ['shop', 'shop/a:b'],
  ] as const) {
    expect(await pause(store, 'main', await standing(store, 'main', stopped, never), stop, audit())).toBe(true);
    expect(await done('pause', wanted, '--no-wait', '--reason', 'the index is built')).toContain('is paused');
    const found = await standing(store, 'main', stopped, never);
    const ended = await endRestart(store, 'main', found, ({ by }) => by === 'ann', audit());
    expect([ended, (await store.list('/otter/main/pause/')).entries.length]).toEqual([stopped !== wanted, 1]);
    expect(await done('status')).toContain('because the index is built');
    const refused = await otter(['restart', stopped]);
    expect([refused.code, refused.err]).toEqual([3, expect.stringContaining('OT7041')]);
    await done('resume', wanted, '--no-wait');
    expect((await store.list('/otter/main/pause/')).entries).toEqual([]);
  }
  // One that somebody has let go on is not what keeps it at rest either.
  await pause(store, 'main', await standing(store, 'main', 'shop', never), stop, audit());
  await done('resume', 'shop', '--no-wait');
  expect(await endRestart(store, 'main', await standing(store, 'main', 'shop', never), () => true, audit())).toBe(
    false,
  );
  // A pipeline does not go on while its channel rests.
  await done('pause', 'shop', '--no-wait');
  const within = await otter(['restart', 'shop/a:b']);
  expect([within.code, within.err]).toEqual([3, expect.stringMatching(/otter resume .*channel\.shop/)]);
});

test('a position is not moved while a restart is under way', async () => {
  await applied(TOPOLOGY.replace('between: [a, b]', 'from: a\n    to: b'));
  await using store = openStore(state());
  const audit = auditEntry('main', NOBODY, Date.now(), randomUUID());
  const stop = { by: 'ann', host: 'here', at: '2026-03-02T09:12:44.000Z', reason: null, restarts: true } as const;
  await pause(store, 'main', await standing(store, 'main', 'shop', never), stop, audit);
  const moved = await otter(['position', 'set', 'shop/a:b', '--to', '0-1-1']);
  expect([moved.code, moved.err]).toEqual([4, expect.stringContaining('shop/a>b runs')]);
});

test('a database is moved to a node of its region, by a record with who and why that an export has', async () => {
  await applied(`${TOPOLOGY}`.replace('nodes:', 'nodes:\n  west-2: { region: west, listen: "127.0.0.1:7403" }'));
  expect(await done('move', 'a', 'west-2', '--no-wait', '--reason', 'more memory')).toBe(
    'database.a is to be owned by west-2.\n',
  );
  await using store = openStore(state());
  const place = async () => (await store.list(placeKey('main', 'a'))).entries.map(({ value }) => JSON.parse(value));
  expect(await place()).toMatchObject([{ node: 'west-2', reason: 'more memory', host: hostname() }]);
  expect(await done('state', 'export')).toContain('more memory');
  for (const [line, words] of [
    [['move', 'a', 'east-1'], 'node east-1 is of region east, and a of west'],
    [['move', 'a', 'nobody'], 'no node `nobody` is applied'],
    [['move', 'nobody', 'west-1'], 'no database `nobody` is applied'],
    [['move', 'a'], 'a node, or `--anywhere`'],
    [['move', 'a', 'west-1', '--anywhere'], 'a node, or `--anywhere`'],
  ] as const) {
    const refused = await otter([...line, '--no-wait']);
    expect([refused.code, refused.err]).toEqual([3, expect.stringContaining(words)]);
  }
  const late = await otter(['move', 'database.a', 'node.west-1', '--timeout', '1ms']);
  expect([late.code, late.err]).toEqual([9, expect.stringContaining('west-1 has not taken database.a')]);
  await done('move', 'a', '--anywhere');
  expect(await place()).toEqual([]);
});

test('pause and resume: asked for once, said everywhere, left alone by apply', async () => {
  await applied(TOPOLOGY);
  await done('pause', 'shop/a:b', '--no-wait', '--reason', 'the index is built');
  await using store = openStore(state());
  const [pause] = (await store.list(pauseKey('main', 'pipeline', 'shop/a>b'))).entries;
  expect(JSON.parse(pause!.value)).toMatchObject({ reason: 'the index is built', host: hostname() });
  expect(await done('pause', 'pipeline.shop/a>b', '--no-wait')).toContain('is paused already: by');
  const plan = await done('plan');
  expect(plan).toMatch(/! pipeline\.shop\/a>b: paused by \S+ since \S+ because the index is built/);
  expect(plan).toContain('No changes');
  await applied(WIDER);
  const status = JSON.parse(await done('status', '--json')) as {
    channels: [{ pipelines: { name: string; phase: string; paused: object | null }[] }];
  };
  expect(status.channels[0].pipelines).toMatchObject([
    { name: 'shop/a>b', phase: 'paused', paused: { reason: 'the index is built' } },
    { name: 'shop/b>a', phase: 'pending', paused: null },
  ]);
  expect(await done('status')).toContain('because the index is built');
  await done('pause', 'shop', '--no-wait');
  const alone = await otter(['resume', 'shop/a:b', '--no-wait']);
  expect([alone.code, alone.err]).toEqual([3, expect.stringContaining('all of channel.shop is paused')]);
  await done('resume', 'shop', '--no-wait');
  expect((await store.list('/otter/main/pause/')).entries).toEqual([]);
  expect(await done('resume', 'shop')).toContain('is not paused');
  for (const word of ['nobody', 'shop/a:c', 'database.a', 'channel.shop/a:b', 'pipeline.shop', ''])
    expect((await otter(['pause', word, '--no-wait'])).err, word).toContain('OT2035');
  // A channel that comes back is not the one that somebody paused.
  await done('pause', 'shop', '--no-wait');
  await done('pause', 'shop/b:a', '--no-wait');
  await applied(TOPOLOGY.slice(0, TOPOLOGY.indexOf('channels:')));
  expect((await store.list('/otter/main/pause/')).entries).toEqual([]);
  const audit = JSON.parse(await done('audit', '--json')) as AuditRecord[];
  expect(audit.map(({ command, what }) => `${command} ${what}`)).toEqual([
    expect.stringMatching(/^apply serial 1/),
    'pause pipeline.shop/a>b',
    expect.stringMatching(/^apply serial 2/),
    'pause channel.shop',
    'resume channel.shop, pipeline.shop/a>b',
    'pause channel.shop',
    expect.stringMatching(/^apply serial 3/),
  ]);
  expect(audit.every(({ result, host }) => result === 'done' && host === hostname())).toBe(true);
  expect((await done('audit', '--limit', '1')).split('\n')).toHaveLength(2);
  expect(await done('audit', '--since', '1h')).toContain('pause: channel.shop: done');
});

test('pausing waits until nodes report it, and says which have not', async () => {
  await applied(TOPOLOGY);
  const late = await otter(['pause', 'shop/a:b', '--timeout', '10ms']);
  expect([late.code, late.err]).toEqual([9, expect.stringContaining('shop/a>b')]);
  await using store = openStore(state());
  const node = { instance: 'i', databases: ['b'], pipelines: { 'shop/a>b': { phase: 'paused' } } };
  const puts = { [nodeKey('main', 'east-1')]: node, [ownerKey('main', 'b')]: { node: 'east-1', instance: 'i' } };
  const entries = Object.entries(puts).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  await done('resume', 'shop/a:b', '--no-wait');
  const pausing = otter(['pause', 'shop/a:b']);
  await store.commit({ conditions: [], puts: entries, deletes: [] });
  expect(await pausing).toMatchObject({ code: 0, out: expect.stringContaining('is paused: it keeps its place') });
  // Who lets it go on meanwhile is not waited against.
  await done('resume', 'shop/a:b', '--no-wait');
  const waiting = otter(['pause', 'shop/b:a', '--timeout', '10m']);
  await expect
    .poll(async () => (await store.list(pauseKey('main', 'pipeline', 'shop/b>a'))).entries.length, { timeout: 30_000 })
    .toBe(1);
  await done('resume', 'shop/b:a', '--no-wait');
  expect(await waiting).toMatchObject({ code: 9, err: expect.stringContaining('goes on again') });
});

test('the lock: who has it, whether they live, and taking it away', async () => {
  await applied(TOPOLOGY);
  expect(await done('lock', 'list')).toContain('Nobody holds the lock of main');
  expect(JSON.parse(await done('lock', '--json'))).toEqual({ topology: 'main', lock: null });
  await using store = openStore(state());
  const hold = async (more: Partial<LockRecord>) => {
    const since = new Date(Date.now() - 65_000).toISOString();
    const record = { holder: 'bob', host: 'far', pid: 77, since, operation: 'apply, serial 9', ...more };
    const lock = await acquireLock(store, lockKey('main'), record, 60_000, never);
    if ('heldBy' in lock) throw new Error('held');
    return lock;
  };
  const far = await hold({});
  expect(await done('lock', 'list')).toMatch(
    /bob@far \(pid 77\) holds the lock since \S+ \(01m0[5-9]s\): apply, serial 9\. Its lease/,
  );
  await write(WIDER);
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(6);
  expect((await otter(['lock', 'break'], { terminal: false })).err).toContain('OT7007');
  await done('lock', 'break', '--yes');
  expect((await store.list(lockKey('main'))).entries).toEqual([]);
  // What its holder still writes is refused.
  expect(await store.commit({ conditions: [far.condition], puts: [], deletes: [] })).toMatchObject({ ok: false });
  const here = await hold({ host: hostname(), pid: process.pid });
  const refused = await otter(['lock', 'break', '--yes']);
  expect([refused.code, refused.err]).toEqual([4, expect.stringContaining('OT2034')]);
  await done('lock', 'break', '--yes', '--force');
  await here.release();
  await hold({ host: hostname(), pid: 2 ** 22 + 1 });
  expect(await done('lock', 'list')).toContain('No such process runs on this machine');
  const audit = JSON.parse(await done('audit', '--json')) as AuditRecord[];
  expect(audit.filter(({ command }) => command === 'lock break')).toMatchObject([
    { what: expect.stringContaining('bob@far (pid 77), apply, serial 9') },
    { what: expect.stringContaining(`bob@${hostname()}`) },
  ]);
});

test('a state goes into a file and into another store, where history, positions and the way back are what they were', async () => {
  await applied(TOPOLOGY);
  await applied(WIDER);
  await done('pause', 'shop', '--no-wait');
  const file = join(folder, 'main.state.json');
  await done('state', 'export', file);
  const text = await readFile(file, 'utf8');
  told += text;
  const there = state('there.db');
  const asked = await otter(['state', 'import', file], { terminal: false }, there);
  expect([asked.code, asked.err]).toEqual([3, expect.stringContaining('OT7007')]);
  const imported = await otter(['state', 'import', file, '--auto-approve'], {}, there);
  expect(imported, imported.err).toMatchObject({ code: 0, out: expect.stringContaining('7 objects') });
  expect((await otter(['plan', '--detailed-exitcode'], {}, there)).code).toBe(0);
  const [mine, theirs] = [openStore(state()), openStore(there)];
  const metaOf = async (store: typeof mine): Promise<MetaRecord> =>
    JSON.parse((await store.list(metaKey('main'))).entries[0]!.value) as MetaRecord;
  const [old, young] = [await metaOf(mine), await metaOf(theirs)];
  expect(young).toMatchObject({ lineage: old.lineage, serial: 2 });
  const channel = specKey('main', 'channel', 'shop');
  const [here] = (await mine.list(channel)).entries;
  const [copied] = (await theirs.list(channel)).entries;
  expect((JSON.parse(copied!.value) as SpecRecord).created).toBe(here!.created);
  // What is given from now on was given to nobody there.
  await write(TOPOLOGY);
  expect((await otter(['apply', '--auto-approve', '--no-wait'], {}, there)).code).toBe(0);
  const [changed] = (await theirs.list(channel)).entries;
  const record = JSON.parse(changed!.value) as SpecRecord;
  expect(record.created).toBe(here!.created);
  expect(record.generation).toBe(young.generationFloor);
  const back = await otter(['rollback', '1', '--auto-approve', '--no-wait'], {}, there);
  expect(back.out).toContain('No changes. main (serial 3)');
  expect((await otter(['diff', '1..2'], {}, there)).out).toContain('+ tables[shop.stock]');
  expect((await otter(['status', '--json'], {}, there)).out).toContain('"paused"');
  // Where something is, it is a plan.
  const plan = await otter(['state', 'import', file, '--auto-approve', '--no-wait'], {}, there);
  expect(plan).toMatchObject({ code: 0, out: expect.stringContaining('Applied as serial 4: 0 added, 1 changed') });
  await mine[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
  await writeFile(file, text.replace('shop.stock', 'shop.stick'));
  expect((await otter(['state', 'import', file], {}, there)).err).toContain('its digest does not fit');
  await writeFile(file, '{}');
  expect((await otter(['state', 'import', file], {}, there)).err).toContain('OT7003');
});

test('an apply that was cut is resumed, and events go into a file beside the words', async () => {
  const regions = Array.from({ length: 200 }, (_, n) => `  r${n}: {}`).join('\n');
  await write(`version: 1\nname: main\nregions:\n${regions}\n`);
  const events = join(folder, 'events.ndjson');
  const read = async (): Promise<ApplyEvent[]> =>
    (await readFile(events, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ApplyEvent);
  const args = ['apply', '--auto-approve', '--no-wait', '--json-into', events];
  const cut = await otter(args, {
    does: { sees: 'Written 2 of 5 parts', act: (leave) => leave.abort(new Error('cancelled by SIGINT')) },
  });
  expect(cut.code).toBe(7);
  expect(cut.err).toContain('Interrupted: what is under way is finished first.');
  expect(cut.err).toMatch(/ {2}done: .* and \d+ more\n {2}left: .* and \d+ more\nError OT2003/);
  const last = (await read()).at(-1)!;
  expect(last).toMatchObject({ type: 'finished', exit: 7, code: 'OT2003', in_doubt: [] });
  if (last.type !== 'finished') throw new Error();
  expect(last.done.length + last.left.length).toBe(200);
  // In another store revisions are others: it says so, and what is left is a plan.
  await done('state', 'export', join(folder, 'cut.json'));
  await done('state', 'import', join(folder, 'cut.json'), '--auto-approve', '--state', state('cut.db'));
  const elsewhere = await otter(['apply', '--resume', '--no-wait'], {}, state('cut.db'));
  expect([elsewhere.code, elsewhere.err]).toEqual([3, expect.stringContaining('Error OT2032: there is nothing to')]);
  expect((await otter(['apply', '--auto-approve', '--no-wait'], {}, state('cut.db'))).out).toContain('Applied as');
  const resumed = await otter(['apply', '--resume', '--no-wait', '--json-into', events]);
  expect(resumed, resumed.err).toMatchObject({ code: 0 });
  expect(resumed.out).toContain(`Serial 1 was begun by`);
  const second = await read();
  expect(second.map(({ type }) => type)).toEqual([
    'started',
    ...Array.from({ length: (second.length - 2) / 2 }, () => ['step_started', 'step_written']).flat(),
    'finished',
  ]);
  expect(second[0]).toMatchObject({ done: last.done, format_version: '1.0', serial: 1 });
  expect(second.at(-1)).toMatchObject({
    exit: 0,
    left: [],
    done: expect.toSatisfy((all: string[]) => all.length === 200),
  });
  const none = await otter(['apply', '--resume']);
  expect([none.code, none.err]).toEqual([3, expect.stringContaining('the last apply, serial 1, is complete')]);
  expect((await otter(['apply', '--json-into', join(folder, 'main.yaml', 'x')])).err).toContain('OT7003');
  told += await readFile(events, 'utf8');
});

test('the state is in the format of this version, or an older one is said so', async () => {
  await applied(TOPOLOGY);
  expect(await done('migrate')).toContain('Nothing to do');
  await using store = openStore(state());
  const [meta] = (await store.list(metaKey('main'))).entries;
  const put = (format: number) => ({ key: meta!.key, value: meta!.value.replace('"format":1', `"format":${format}`) });
  for (const [format, words] of [
    [0, 'otter migrate'],
    [2, 'A newer otter may have written it'],
  ] as const) {
    await store.commit({ conditions: [], puts: [put(format)], deletes: [] });
    const { code, err } = await otter(['plan']);
    expect([format, code, err]).toEqual([format, 1, expect.stringContaining('OT3007')]);
    if (format === 0) expect(err).toContain(words);
    expect((await otter(['migrate'])).err).toContain('this version of otter knows 1');
  }
});
