/** Plans carried out against a store in memory: locked, compared and journaled. */
import { expect, test } from 'vitest';
import { tellCut } from '../../src/cli/cut.ts';
import { readApplied } from '../../src/executor/apply.ts';
import { readAudit } from '../../src/executor/audit.ts';
import { BATCH_CHANGES_MAX } from '../../src/executor/batches.ts';
import { readRuns, runOf } from '../../src/executor/journal.ts';
import { World } from '../../src/executor/world.ts';
import type { Told } from '../../src/model/apply-event.ts';
import { OtterError } from '../../src/model/error.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { HistoryRecord, LockRecord } from '../../src/model/records.ts';
import type { DatabaseSpec, Topology } from '../../src/model/topology.ts';
import { historyKey, lockKey, runsPrefix, specKey, statusKey } from '../../src/state/keys.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { MemoryState, memoryStore } from '../../src/state/memory.ts';
import { ANN, applying, loaded, NOTHING, planned, present, SHOP } from './world.ts';

const never = new AbortController().signal;
const LOCK: LockRecord = {
  holder: 'bob',
  host: 'h2',
  pid: 9,
  since: '2026-01-01T00:00:00Z',
  operation: 'apply, serial 1',
};

function many(count: number): Topology {
  const region = Object.fromEntries(Array.from({ length: count }, (_, n) => [`r${n}`, { description: '' }]));
  return { ...NOTHING, region };
}

async function keysUnder(store: StateStore, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).entries.map(({ key }) => key);
}

/** A store whose commits go through `before` first. */
function watched(
  store: StateStore,
  before: (call: number) => Promise<void> | void,
  after?: (call: number) => void,
): StateStore {
  let call = 0;
  return {
    list: (prefix, options) => store.list(prefix, options),
    watch: (prefix, from, signal) => store.watch(prefix, from, signal),
    lease: (ttlMs) => store.lease(ttlMs),
    url: store.url,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    commit: async (commit) => {
      const own = ++call;
      await before(own);
      const result = await store.commit(commit);
      after?.(own);
      return result;
    },
  };
}

test('apply writes objects, meta, history and journal, and lets go of the lock', async () => {
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP));
  expect(await applying(store, plan)).toMatchObject({ serial: 1 });
  expect(await keysUnder(store, lockKey('t'))).toEqual([]);
  const { applied } = await readApplied(store, 't');
  expect(applied.meta.record).toMatchObject({ serial: 1, lineage: expect.stringMatching(/^lineage-/) });
  expect(applied.specs.every(({ generation }) => generation === 1)).toBe(true);
  const [history] = (await store.list(historyKey('t', 1))).entries;
  expect(JSON.parse(history!.value) as HistoryRecord).toEqual({
    serial: 1,
    at: '2026-01-01T00:00:00.000Z',
    by: 'ann',
    author: 'Ann <ann@example.org>',
    host: 'h1',
    commit: null,
    dirty: null,
    planDigest: plan.plan_digest,
    summary: { add: 7, change: 0, destroy: 0 },
    addresses: plan.changes.map(({ address }) => address),
    operation: 'apply',
    run: runOf(plan),
  });
  // The plan, the batch, and each change.
  expect(await keysUnder(store, runsPrefix('t'))).toHaveLength(plan.changes.length + 2);
  expect(await readRuns(store, 't')).toMatchObject([{ id: runOf(plan), plan, batches: [{ record: { batch: 1 } }] }]);
  expect(await readAudit(store, 't')).toMatchObject([
    { by: 'ann', command: 'apply', result: 'done', serial: 1, planDigest: plan.plan_digest },
  ]);
});

test('a plan without changes writes nothing', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const { revision } = await store.list('/otter/t/');
  expect(await applying(store, await planned(store, loaded(SHOP)))).toMatchObject({ serial: 1 });
  expect((await store.list('/otter/t/')).revision).toBe(revision);
});

test('only what changed gets another generation, and never one that was seen before', async () => {
  await using store = memoryStore();
  const generations = async () =>
    Object.fromEntries((await readApplied(store, 't')).applied.specs.map((one) => [one.name, one.generation]));
  await applying(store, await planned(store, loaded(SHOP)));
  await applying(store, await planned(store, loaded(SHOP.replace('shop.stock', 'shop.stuff'))));
  expect(await generations()).toMatchObject({ shop: 2, hz: 1 });
  const without = loaded(SHOP.slice(0, SHOP.indexOf('channels:')));
  await applying(store, await planned(store, without));
  await applying(store, await planned(store, loaded(SHOP)));
  expect(await generations()).toMatchObject({ shop: 4, hz: 1 });
});

test('a topology that was destroyed begins anew under another lineage, and serials go on', async () => {
  await using store = memoryStore();
  const meta = async () => (await readApplied(store, 't')).applied.meta.record!;
  await applying(store, await planned(store, loaded(SHOP)));
  const first = await meta();
  await applying(store, await planned(store, NOTHING, { destroy: true }));
  expect(await meta()).toEqual({ ...first, serial: 2 });
  await applying(store, await planned(store, loaded(SHOP)));
  const third = await meta();
  expect(third.serial).toBe(3);
  expect(third.lineage).not.toBe(first.lineage);
});

test('pipelines of a database that became another begin anew in both directions, and only then', async () => {
  await using store = memoryStore();
  const born = async (spec: Partial<DatabaseSpec>): Promise<number[]> => {
    const { topology } = loaded(SHOP);
    const ca = { ...topology.database['ca']!, ...spec };
    await applying(store, await planned(store, { ...topology, database: { ...topology.database, ca } }));
    const world = new World('t', 'me');
    const { revision, entries } = await store.list('/otter/t/');
    world.apply({ revision, reset: true, events: entries.map((entry) => ({ kind: 'put', entry })) });
    const pipelines = world.siteSpec('hz')!.pipelines.map((one) => [one.spec.name, one.born] as const);
    expect(pipelines.map(([name]) => name).sort()).toEqual(['shop/ca>hz', 'shop/hz>ca']);
    return pipelines.map(([, when]) => when);
  };
  const engine = 'mariadb';
  const seen = new Set<string>([String(await born({}))]);
  const moved = await born({ endpoints: ['elsewhere:3306'], user: 'other' });
  expect(seen).toContain(String(moved));
  for (const anew of [{ engine }, {}] as const) {
    const now = await born(anew);
    expect(seen).not.toContain(String(now));
    expect(new Set(now).size).toBe(1);
    seen.add(String(now));
    expect(await born({ ...anew, endpoints: ['elsewhere:3306'] })).toEqual(now);
  }
});

test('a plan is applied once', async () => {
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP));
  await applying(store, plan);
  await expect(applying(store, plan)).rejects.toMatchObject({
    code: 'OT2001',
    message: expect.stringMatching(/^the plan is applied already: as serial 1, at \S+ by ann$/),
  });
});

test('what was taken away is made again by the same plan, as often as it is wanted; a saved one still only once', async () => {
  await using store = memoryStore();
  const [without, with_] = [many(1), many(2)];
  await applying(store, await planned(store, without));
  const first = await planned(store, with_);
  await applying(store, first);
  await applying(store, await planned(store, without));
  const again = await planned(store, with_);
  // Nothing that it depends on is another than it was, so neither is its digest.
  expect(again.plan_digest).toBe(first.plan_digest);
  await expect(applying(store, first)).rejects.toMatchObject({
    code: 'OT2001',
    message: expect.stringMatching(/^the plan is applied already: as serial 2, .*; since then serial 3 was applied$/),
  });
  expect((await applying(store, again)).serial).toBe(4);
  await applying(store, await planned(store, without));
  await expect(applying(store, again)).rejects.toMatchObject({ code: 'OT2001' });
  expect((await applying(store, await planned(store, with_))).serial).toBe(6);
});

test('a stale plan names every key that moved, with both revisions, and writes nothing', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const plan = await planned(store, loaded(SHOP.replace('shop.stock', 'shop.stuff')));
  const [spec] = (await store.list(specKey('t', 'database', 'hz'))).entries;
  const put = { key: spec!.key, value: spec!.value };
  const moved = await store.commit({ conditions: [], puts: [put], deletes: [specKey('t', 'node', 'a1')] });
  const before = await present(store, 't');
  const error = await applying(store, plan).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'OT2001' });
  expect((error as Error).message).toContain(
    `spec/database/hz (revision ${spec!.revision}, now revision ${moved.ok && moved.revision})`,
  );
  expect((error as Error).message).toContain(`spec/node/a1 (revision ${spec!.revision}, now not there)`);
  expect(await present(store, 't')).toEqual(before);
});

test('a plan of another state is stale, also where every key has the revision it was read at', async () => {
  await using here = memoryStore();
  await using there = memoryStore();
  for (const store of [here, there]) await applying(store, await planned(store, loaded(SHOP)));
  const more = loaded(SHOP.replace('shop.stock', 'shop.customer'));
  const [plan, other] = [await planned(here, more), await planned(there, more)];
  expect(plan.reads).toEqual(other.reads);
  expect(plan.plan_digest).not.toBe(other.plan_digest);
  const { revision } = await there.list('/otter/t/');
  const error: unknown = await applying(there, plan).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'OT2001', message: expect.stringContaining('another state of t') });
  expect((await there.list('/otter/t/spec/')).entries.every((entry) => entry.revision <= revision)).toBe(true);
});

test('a plan without changes may be stale too', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const plan = await planned(store, loaded(SHOP));
  await applying(store, await planned(store, loaded(SHOP.replace('shop.stock', 'shop.customer'))));
  await expect(applying(store, plan)).rejects.toMatchObject({ code: 'OT2001' });
});

test('what nodes write never makes a plan stale', async () => {
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP));
  await store.commit({ conditions: [], puts: [{ key: statusKey('t', 'channel', 'shop'), value: '{}' }], deletes: [] });
  await expect(applying(store, plan)).resolves.toMatchObject({ serial: 1 });
});

test('of two applies at once one is told who holds the lock, or waits and finds its plan stale', async () => {
  const state = new MemoryState();
  await using store = memoryStore(state);
  await using other = memoryStore(state);
  const plan = await planned(store, loaded(SHOP));
  const lock = await acquireLock(other, lockKey('t'), LOCK, 5000, never);
  if ('heldBy' in lock) throw new Error('the lock should be free');
  await expect(applying(store, plan)).rejects.toMatchObject({
    code: 'OT2002',
    message: 'bob@h2 (pid 9) holds the lock of t since 2026-01-01T00:00:00Z: apply, serial 1',
  });
  await expect(applying(store, plan, { lockTimeoutMs: 50 })).rejects.toMatchObject({ code: 'OT2002' });
  const told: Told[] = [];
  const waiting = applying(store, plan, {
    lockTimeoutMs: 30_000,
    onEvent: (event) => {
      told.push(event);
      void lock.release();
    },
  });
  await expect(waiting).resolves.toMatchObject({ serial: 1 });
  expect(told[0]).toEqual({ type: 'lock_waiting', ...LOCK });
});

test('many at once: one plan is applied, the others end in words', async () => {
  const state = new MemoryState();
  await using store = memoryStore(state);
  const plan = await planned(store, loaded(SHOP));
  const runs = Array.from({ length: 8 }, () => applying(memoryStore(state), plan, { lockTimeoutMs: 20_000 }));
  const results = await Promise.allSettled(runs);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'OT2001' });
});

test('a refused plan is not applied', async () => {
  await using store = memoryStore();
  const plan = { ...(await planned(store, loaded(SHOP))), applyable: false };
  await expect(applying(store, plan)).rejects.toMatchObject({ code: 'OT2004' });
  expect(await keysUnder(store, '/otter/t/')).toEqual([]);
});

test('who loses the lock writes nothing', async () => {
  const state = new MemoryState();
  await using store = memoryStore(state);
  const plan = await planned(store, loaded(SHOP));
  // The first commit takes the lock; before the second it is gone.
  const unlucky = watched(store, async (call) => {
    if (call === 2) await store.commit({ conditions: [], puts: [], deletes: [lockKey('t')] });
  });
  await expect(applying(unlucky, plan)).rejects.toMatchObject({ code: 'OT2005' });
  expect(await keysUnder(store, '/otter/t/')).toEqual([]);
});

test('a large plan is cut; one that breaks off says so, leaves no serial, and is continued by the next', async () => {
  await using store = memoryStore();
  const topology = many(2 * BATCH_CHANGES_MAX + 5);
  const plan = await planned(store, topology);
  const broken = watched(store, (call) => {
    if (call === 4) throw new Error('the store is away');
  });
  await expect(applying(broken, plan)).rejects.toMatchObject({
    code: 'OT2003',
    message: expect.stringMatching(/^80 of 85 changes are applied, then: the store is away/),
  });
  const { applied } = await readApplied(store, 't');
  expect(applied.meta.record).toMatchObject({ serial: 0 });
  expect(await keysUnder(store, historyKey('t', 1))).toEqual([]);
  const rest = await planned(store, topology);
  expect(rest.changes).toHaveLength(5);
  await applying(store, rest);
  const done = await readApplied(store, 't');
  expect(done.applied.meta.record).toEqual({ ...applied.meta.record, serial: 1 });
  expect((await planned(store, topology)).changes).toEqual([]);
});

test('a channel of ten thousand tables, each named, is applied and changed', async () => {
  await using store = memoryStore();
  const { topology } = loaded(SHOP);
  const shop = topology.channel['shop']!;
  const [table] = shop.tables;
  const listing = (prefix: string): Topology => {
    const tables = Array.from({ length: 10_000 }, (_, n) => ({ ...table!, from: `${prefix}.t${n}` }));
    return { ...topology, channel: { shop: { ...shop, tables } } };
  };
  for (const desired of [listing('shop'), listing('other')]) {
    await applying(store, await planned(store, desired));
    expect((await planned(store, desired)).changes).toEqual([]);
  }
});

test('an answer that was lost is looked up in the journal', async () => {
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP));
  const deaf = watched(
    store,
    () => undefined,
    (call) => {
      if (call === 2) throw new Error('no answer');
    },
  );
  const { revision } = await applying(deaf, plan);
  expect((await readApplied(store, 't')).applied.meta.revision).toBe(revision);
});

test('an answer that was lost is looked up also when the store is away for a moment, and the apply goes on', async () => {
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP));
  const gone = (): never => {
    throw new OtterError('OT3001', 'away', { retry: 'backoff' });
  };
  let [commits, awayFor] = [0, 0];
  const deaf: StateStore = {
    url: store.url,
    list: async (prefix, options) => {
      if (awayFor === 0) return store.list(prefix, options);
      awayFor -= 1;
      return gone();
    },
    commit: async (commit) => {
      const result = await store.commit(commit);
      commits += 1;
      if (commits !== 2) return result;
      awayFor = 3;
      return gone();
    },
    watch: (prefix, from, signal) => store.watch(prefix, from, signal),
    lease: async (ttlMs) => store.lease(ttlMs),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const { revision } = await applying(deaf, plan);
  expect(awayFor).toBe(0);
  expect((await readApplied(store, 't')).applied.meta.revision).toBe(revision);
});

const TWO = `${SHOP}  dw: { from: hz, to: ca, tables: [crm.client] }\n`;
/** A third pair of databases, in a region of their own. */
const APART = `${SHOP.replace('regions: { a: {}, b: {} }', 'regions: { a: {}, b: {}, c: {} }')
  .replace('databases:\n', '  c1: { region: c, listen: "127.0.0.3:7401" }\ndatabases:\n')
  .replace(
    'channels:\n',
    ['x', 'y']
      .map(
        (name, i) =>
          `  ${name}: { region: c, engine: mysql, endpoints: ["10.0.2.${i}:3306"], user: o, password: { env: P } }\n`,
      )
      .join('')
      .concat('channels:\n  far: { from: x, to: y, tables: [crm.client] }\n'),
  )}`;

test('what a plan does not depend on makes it neither stale nor another plan; it gets the next serial', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(APART)));
  const mine = loaded(APART.replace('shop.stock', 'shop.stuff'));
  const plan = await planned(store, mine);
  const theirs = APART.replace('crm.client', 'crm.buyer').replace('user: o,', 'user: oo,');
  await applying(store, await planned(store, loaded(theirs)));
  const both = loaded(theirs.replace('shop.stock', 'shop.stuff'));
  expect((await planned(store, both)).plan_digest).toBe(plan.plan_digest);
  expect(plan.serial).toBe(2);
  expect(await applying(store, plan)).toMatchObject({ serial: 3 });
  expect((await planned(store, both)).changes).toEqual([]);
  const { applied } = await readApplied(store, 't');
  expect(applied.specs.find(({ name }) => name === 'shop')).toMatchObject({ generation: 3 });
  await expect(applying(store, plan)).rejects.toMatchObject({
    message: expect.stringMatching(/^the plan is applied already: as serial 3/),
  });
});

test.each<[string, string, string, string]>([
  ['the channel itself', SHOP, SHOP.replace('tables:', 'ddl: ignore\n    tables:'), 'spec/channel/shop'],
  ['a channel that shares its databases', SHOP, TWO, 'spec/channel/dw'],
  ['a database that it uses', SHOP, SHOP.replace('10.0.1.2', '10.0.1.9'), 'spec/database/ca'],
  ['a node of its region', SHOP, SHOP.replace('127.0.0.2:7401', '127.0.0.9:7401'), 'spec/node/b1'],
  ['a guard', SHOP, `${SHOP}guards: { max_destroy: 1 }\n`, 'spec/policy/guards'],
])('what a plan depends on makes it stale: %s', async (_, before, after, key) => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(before)));
  const plan = await planned(store, loaded(before.replace('shop.stock', 'shop.stuff')));
  await applying(store, await planned(store, loaded(after)), { author: { ...ANN, by: 'bob' } });
  await expect(applying(store, plan)).rejects.toMatchObject({
    code: 'OT2001',
    message: expect.stringMatching(
      new RegExp(
        `^the plan is stale, since then these have moved: .*${key} .*serial 2 by bob at 2026-01-01T00:00:00.000Z`,
      ),
    ),
  });
});

test('a stale plan says from what to what, and never a secret', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const plan = await planned(store, loaded(SHOP.replace('shop.stock', 'shop.stuff')));
  await applying(
    store,
    await planned(
      store,
      loaded(
        SHOP.replace('tables:', 'ddl: ignore\n    tables:').replace(
          'password: { env: P } }\nch',
          'password: { file: /q } }\nch',
        ),
      ),
    ),
  );
  const error: unknown = await applying(store, plan).catch((thrown: unknown) => thrown);
  expect((error as Error).message).toBe(
    'the plan is stale, since then these have moved: spec/channel/shop (revision 2, now revision 5: serial 2 by ann at 2026-01-01T00:00:00.000Z: ddl "stop" -> "ignore"); ' +
      'spec/database/ca (revision 2, now revision 5: serial 2 by ann at 2026-01-01T00:00:00.000Z: password.env "P" -> (none), password.file (none) -> "/q")',
  );
});

test('whoever plans anew is told of an apply that was cut, or is under way; of nothing when all of it is written', async () => {
  await using store = memoryStore();
  const told = async (serial: number, changes = plan.changes): Promise<string> => {
    let text = '';
    const stderr = { write: (more: string) => (text += more) };
    await tellCut({ stderr, signal: never }, store, { topology: 't', serial, changes });
    return text;
  };
  const stop = new AbortController();
  const plan = await planned(store, many(9));
  const cut = applying(store, plan, {
    stepChangesMax: 3,
    signal: stop.signal,
    onEvent: ({ type }) => type === 'step_written' && stop.abort(),
  });
  await expect(cut).rejects.toMatchObject({ code: 'OT2003' });
  expect(await told(1)).toMatch(
    /^An apply was cut: serial 1, begun by ann: 1 of \d steps were written at 2026-\S+\. `otter apply --resume` goes on/,
  );
  expect(await told(2)).toBe('');
  const lock = await acquireLock(store, lockKey('t'), LOCK, 10_000, never);
  if (!('release' in lock)) throw new Error('somebody holds it');
  expect(await told(1)).toContain('An apply is under way: serial 1, begun by ann: 1 of ');
  await lock.release();
  expect(await told(0, [])).toContain('An apply was cut: serial 1');
  await applying(store, plan, { stepChangesMax: 3, resume: true });
  expect(await told(2)).toBe('');
  expect(await told(1, [])).toBe('');
});

test('a plan that many objects have made stale says so in a few lines', async () => {
  await using store = memoryStore();
  const plan = await planned(store, many(30));
  await applying(store, await planned(store, loaded(SHOP)));
  await applying(store, await planned(store, many(29)));
  const error: unknown = await applying(store, plan).catch((thrown: unknown) => thrown);
  expect((error as OtterError).message).toContain('more');
  expect((error as OtterError).message.length).toBeLessThan(800);
  expect((error as OtterError).message).not.toContain('->');
});
