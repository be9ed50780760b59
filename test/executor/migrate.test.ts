/** Formats of the state: an older one, made up, becomes the present one, in a store and on the way out of a file. */
import { expect, test } from 'vitest';
import { exportState, migrationOfFile, readStateFile, recordsToWrite } from '../../src/executor/backup.ts';
import { type FormatStep, migrationOf } from '../../src/executor/formats.ts';
import { migrate, readMigration } from '../../src/executor/migrate.ts';
import type { StateStore } from '../../src/model/ports.ts';
import { lockKey, specKey } from '../../src/state/keys.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, planned, SHOP, sha256 } from '../planner/world.ts';

/** Once upon a time a user was a `login`; then regions had no description. */
const STEPS: readonly FormatStep[] = [
  {
    from: -1,
    what: 'login of a database is called user',
    upgrade: (path, record) => {
      const spec = record['spec'] as Record<string, unknown>;
      if (!path.startsWith('spec/database/') || !('login' in spec)) return record;
      const { login, ...rest } = spec;
      return { ...record, spec: { ...rest, user: login } };
    },
  },
  {
    from: 0,
    what: 'regions have a description',
    upgrade: (path, record) =>
      path.startsWith('spec/region/')
        ? { ...record, spec: { description: '', ...(record['spec'] as object) } }
        : record,
  },
];
const FORMATS = { steps: STEPS, to: 1 };
const never = new AbortController().signal;

/** A topology as it would have been kept then. */
async function old(store: StateStore): Promise<void> {
  await applying(store, await planned(store, loaded(SHOP)));
  const { entries } = await store.list('/otter/t/');
  const puts = entries.flatMap(({ key, value }) => {
    if (key === specKey('t', 'database', 'hz')) return [{ key, value: value.replace('"user":', '"login":') }];
    if (key.startsWith('/otter/t/spec/region/')) return [{ key, value: '{"generation":1,"spec":{}}' }];
    return key === '/otter/t/meta' ? [{ key, value: value.replace('"format":1', '"format":-1') }] : [];
  });
  await store.commit({ conditions: [], puts, deletes: [] });
}

async function migrating(store: StateStore): Promise<void> {
  const found = (await readMigration(store, 't', never, FORMATS))!;
  const record = { holder: 'ann', host: 'h', pid: 1, since: '', operation: 'migrate' };
  const lock = await acquireLock(store, lockKey('t'), record, 5000, never);
  if ('heldBy' in lock) throw new Error('held');
  try {
    await migrate(store, 't', found, lock, { key: '/otter/t/audit/1-x', value: '{}' }, never);
  } finally {
    await lock.release();
  }
}

test('it is planned record by record, meta last, and after it nothing is left to do', async () => {
  await using store = memoryStore();
  await old(store);
  await expect(planned(store, loaded(SHOP))).rejects.toMatchObject({ code: 'OT3007' });
  const { migration } = (await readMigration(store, 't', never, FORMATS))!;
  expect(migration.what).toEqual(['login of a database is called user', 'regions have a description']);
  expect(migration.changes.map(({ path }) => path)).toEqual([
    'spec/database/hz',
    'spec/region/a',
    'spec/region/b',
    'meta',
  ]);
  await migrating(store);
  expect((await planned(store, loaded(SHOP))).changes).toEqual([]);
  expect((await readMigration(store, 't', never, FORMATS))!.migration.changes).toEqual([]);
  expect((await store.list('/otter/t/audit/1-x')).entries).toHaveLength(1);
});

test('cut before any of its writes it is begun again; who lost the lock writes nothing', async () => {
  for (let at = 1; at < 6; at += 1) {
    await using store = memoryStore();
    await old(store);
    let calls = 0;
    const cut: StateStore = {
      url: store.url,
      list: (prefix, options) => store.list(prefix, options),
      watch: (prefix, from, signal) => store.watch(prefix, from, signal),
      lease: (ttlMs) => store.lease(ttlMs),
      commit: async (commit) => {
        calls += 1;
        if (calls === at) throw new Error('cut');
        return store.commit(commit);
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
    const ended = await migrating(cut).then(
      () => 'done',
      (error: Error) => error.message,
    );
    expect(ended).toBe(calls >= at ? 'cut' : 'done');
    if (ended === 'cut') await migrating(store);
    expect((await planned(store, loaded(SHOP))).changes).toEqual([]);
  }
  await using store = memoryStore();
  await old(store);
  const found = (await readMigration(store, 't', never, FORMATS))!;
  const record = { holder: 'ann', host: 'h', pid: 1, since: '', operation: 'migrate' };
  const lock = await acquireLock(store, lockKey('t'), record, 5000, never);
  if ('heldBy' in lock) throw new Error('held');
  await lock.release();
  const before = await store.list('/otter/t/');
  const put = { key: '/otter/t/audit/1-x', value: '{}' };
  await expect(migrate(store, 't', found, lock, put, never)).rejects.toMatchObject({ code: 'OT2005' });
  expect(await store.list('/otter/t/')).toEqual(before);
});

test('a file of an older format is upgraded on its way, and one that is newer is refused', async () => {
  await using store = memoryStore();
  await old(store);
  const facts = { otter: '0.0.1', exported_at: '', exported_by: '', digest: sha256 };
  const file = readStateFile(JSON.stringify(await exportState(store, 't', facts)), sha256);
  expect(() => migrationOfFile(file)).toThrow(expect.objectContaining({ code: 'OT3007' }));
  const records = recordsToWrite(file, migrationOfFile(file, FORMATS));
  expect(records.get('spec/database/hz')).toMatchObject({ spec: { user: 'otter' } });
  expect(records.get('meta')).toMatchObject({ format: 1, serial: 1 });
  expect([...records.keys()].at(-1)).toBe('meta');
  expect(() => migrationOf(new Map(), 2, FORMATS)).toThrow('this version of otter knows -1 to 1');
});
