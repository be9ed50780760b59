/** What becomes of a state file that is deleted, moved away or replaced while processes have it open. */
import { writeFileSync } from 'node:fs';
import { copyFile, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { acquireLock } from '../../src/state/lock.ts';
import { sqliteStore } from '../../src/state/sqlite.ts';
import { Follower, put } from './contract.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-state-file-'));
  path = join(folder, 'state.db');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const GONE = { code: 'OT3001', message: expect.stringContaining('is gone') };

test('a file that was deleted is the store being away, for every call, and none is made in its place', async () => {
  await using store = sqliteStore(path);
  await put(store, '/a', '1');
  const lease = await store.lease(5_000);
  const watching = store.watch('/', 1, new AbortController().signal)[Symbol.asyncIterator]();
  const next = watching.next();
  next.catch(() => undefined);
  await rm(path);
  await expect(store.list('/')).rejects.toMatchObject(GONE);
  await expect(put(store, '/a', '2')).rejects.toMatchObject(GONE);
  await expect(store.lease(5_000)).rejects.toMatchObject(GONE);
  await expect(next).rejects.toMatchObject(GONE);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(lease.revoke()).rejects.toMatchObject(GONE);
});

test('where no file can be, that is said at once with what to do', () => {
  const hint: unknown = expect.stringContaining('--state file:PATH');
  const message = (text: string): unknown =>
    expect.objectContaining({ code: 'OT3006', message: expect.stringContaining(text), hint });
  const open = (file: string) => (): unknown => sqliteStore(file);
  // A folder that takes no folders: asking for the whole path at once never ends there.
  if (process.platform === 'linux') expect(open('/proc/x/y/s.db')).toThrow(message('the folder /proc/x/y'));
  expect(open(folder)).toThrow(message('not a file'));
  writeFileSync(path, 'something else, that is no database at all');
  expect(open(path)).toThrow(message('not a database'));
  expect(open(join(path, 's.db'))).toThrow(message('ENOTDIR'));
});

test('a file that another process is just making is waited for', async () => {
  const maker = new DatabaseSync(path);
  // While the journal is not a WAL yet, who makes it keeps others from reading too.
  maker.exec('begin exclusive');
  await using store = sqliteStore(path);
  const listed = store.list('/');
  await sleep(100);
  maker.exec('commit');
  maker.close();
  expect((await listed).entries).toEqual([]);
});

test('one that was gone before it could be opened is not made anew', async () => {
  const maker = new DatabaseSync(path);
  maker.exec('begin exclusive');
  await using store = sqliteStore(path);
  await rm(path);
  await expect(store.list('/')).rejects.toMatchObject(GONE);
  await expect(put(store, '/a', '1')).rejects.toMatchObject(GONE);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  maker.close();
});

test('who wants to write and waits for another process can give up', async () => {
  await using store = sqliteStore(path);
  await put(store, '/a', '1');
  const other = new DatabaseSync(path);
  other.exec('begin immediate');
  const abort = new AbortController();
  const record = { holder: 'ann', host: 'h', pid: 1, since: '2026-01-01T00:00:00Z', operation: 'apply' } as const;
  const lock = acquireLock(store, '/lock', record, 5_000, abort.signal);
  lock.catch(() => undefined);
  await sleep(50);
  abort.abort(new Error('no more'));
  await expect(lock).rejects.toThrow('no more');
  // While the other still has it.
  expect(other.isTransaction).toBe(true);
  other.exec('rollback');
  other.close();
});

test('who only looks finds an empty store where there is no file, and makes none; the first write does', async () => {
  await using store = sqliteStore(path, { make: false });
  const follower = new Follower(store, '/', 0);
  expect(await store.list('/')).toEqual({ revision: 0, entries: [] });
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  const nowhere = join(path, 'state.db');
  writeFileSync(path, '');
  expect(() => sqliteStore(nowhere, { make: false })).toThrow(expect.objectContaining({ code: 'OT3006' }));
  await rm(path);
  await put(store, '/a', '1');
  await vi.waitFor(() => expect(follower.seen).toEqual(['/a=1']), 5_000);
  await follower.stop();
  await using other = sqliteStore(path, { make: false });
  expect((await other.list('/')).entries).toMatchObject([{ key: '/a', value: '1' }]);
});

test('a file that is put back is gone on with', async () => {
  await using store = sqliteStore(path);
  await put(store, '/a', '1');
  await rename(path, `${path}.away`);
  await expect(store.list('/')).rejects.toMatchObject(GONE);
  await rename(`${path}.away`, path);
  expect((await store.list('/')).entries).toMatchObject([{ key: '/a', value: '1' }]);
});

test('another file in its place is opened, after it was said, and old revisions mean nothing there', async () => {
  await using store = sqliteStore(path);
  for (const value of ['1', '2', '3']) await put(store, '/a', value);
  const { revision } = await store.list('/');
  await rm(path);
  await expect(store.list('/')).rejects.toMatchObject(GONE);
  const other = sqliteStore(path);
  for (const value of ['4', '5', '6', '7']) await put(other, '/b', value);
  // What was in the journal of the deleted file is not in the new one.
  expect((await other.list('/')).entries.map(({ key }) => key)).toEqual(['/b']);
  const batches = store.watch('/', revision, new AbortController().signal)[Symbol.asyncIterator]();
  const first = batches.next();
  await expect(first).rejects.toMatchObject({ code: 'OT3001', message: expect.stringContaining('was replaced') });
  expect((await store.list('/')).entries).toMatchObject([{ key: '/b', value: '7' }]);
  await put(store, '/c', '8');
  expect((await other.list('/')).entries.map(({ key }) => key)).toEqual(['/b', '/c']);
  await other[Symbol.asyncDispose]();
});

test('a watch that spans a replacement ends, also when another call noticed it', async () => {
  await using store = sqliteStore(path);
  await put(store, '/a', '1');
  const { revision } = await store.list('/');
  const batches = store.watch('/', revision, new AbortController().signal)[Symbol.asyncIterator]();
  const next = batches.next();
  next.catch(() => undefined);
  const away = sqliteStore(join(folder, 'other.db'));
  for (const value of ['4', '5', '6']) await put(away, '/b', value);
  await away[Symbol.asyncDispose]();
  await copyFile(join(folder, 'other.db'), join(folder, 'copy.db'));
  await rm(`${path}-wal`);
  await rm(`${path}-shm`);
  await rename(join(folder, 'copy.db'), path);
  await expect(store.list('/')).rejects.toMatchObject({ code: 'OT3001' });
  await expect(next).rejects.toMatchObject({ code: 'OT3001' });
});
