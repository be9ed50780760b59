import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openStore, parseStoreUrl } from '../../src/state/open.ts';
import { Follower, keys, put, WAIT } from './contract.ts';

describe('the address of a store', () => {
  test('is read', () => {
    expect(parseStoreUrl('file:.otter/state.db')).toEqual({ kind: 'file', path: '.otter/state.db' });
    expect(parseStoreUrl('memory:')).toEqual({ kind: 'memory' });
    expect(parseStoreUrl('etcd://a:2379,10.0.0.2:2380,[::1]:2379')).toEqual({
      kind: 'etcd',
      etcd: {
        hosts: ['a:2379', '10.0.0.2:2380', '[::1]:2379'],
        tls: null,
        auth: null,
        shown: 'etcd://a:2379,10.0.0.2:2380,[::1]:2379',
      },
    });
    expect(parseStoreUrl('etcds://u:p%40ss%3A@h:2379?ca=/c.pem&cert=/d.pem&key=/k.pem')).toEqual({
      kind: 'etcd',
      etcd: {
        hosts: ['h:2379'],
        tls: { ca: '/c.pem', cert: '/d.pem', key: '/k.pem' },
        auth: { username: 'u', password: 'p@ss:' },
        shown: 'etcds://h:2379',
      },
    });
  });

  test.each([
    'etcd:/h:1',
    'etcd://h',
    'etcd://h:2379,',
    'etcd://user:s3cret@h',
    'etcd://user:s3cret@',
    'etcd://us%er:s3cret@h:1',
    'etcd://user:s3cret@x@h',
    'etcds://user:s3cret@h:1?token=x',
    'etcds://h:1?cert=/c',
    'etcd://h:1?ca=/c',
    'http://user:s3cret@h:1',
    'etcd://user:s3cret/x@h:1',
    'etcd://user:s3cret?x@h:1',
    'etcd://user:x#s3cret@h:1',
    'etcds://user:x?s3cret@h:1?ca=/c',
    'etcd://h:99999',
    'etcd://h:0',
    'etcd://',
    'file:',
    '',
    'x',
  ])('%s is refused, with words and without credentials', (url) => {
    expect(() => parseStoreUrl(url)).toThrow(expect.objectContaining({ code: 'OT3002' }));
    expect(() => parseStoreUrl(url)).not.toThrow(/s3cret/);
  });
});

test.each([
  ['etcd://u:s/x@h:1', '/ is written %2F'],
  ['etcd://u:s?x@h:1', '? %3F'],
  ['etcd://', 'behind it come user:password@ or nothing, and host:port'],
  ['etcd://h:99999', '"h:99999" is not host:port'],
  ['foo:x', 'it begins with none of'],
])('of %s it is said why', (url, why) => {
  expect(() => parseStoreUrl(url)).toThrow(why);
});

test('an @ in the path of a certificate is none of a password', () => {
  expect(parseStoreUrl('etcds://h:1?ca=/a@b/c.pem')).toMatchObject({ etcd: { tls: { ca: '/a@b/c.pem' } } });
});

describe('a state file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otter-state-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  test('is made with its folder, for its owner only, and git ignores it', async () => {
    const path = join(folder, '.otter', 'state.db');
    await using store = openStore(`file:${path}`);
    await put(store, '/a', '1');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, '.otter', '.gitignore'), 'utf8')).toBe('*\n');
  });

  test('keeps what was written when everything is closed', async () => {
    const url = `file:${join(folder, 'state.db')}`;
    const first = openStore(url);
    const revision = await put(first, '/a', '1');
    await first[Symbol.asyncDispose]();
    await using second = openStore(url);
    expect(await second.list('/')).toEqual({
      revision,
      entries: [{ key: '/a', value: '1', revision, created: revision }],
    });
  });

  test('that is something else is refused by name', async () => {
    const path = join(folder, 'state.db');
    await writeFile(path, 'this is a letter to my aunt, not a database, and it should stay as it is');
    expect(() => openStore(`file:${path}`)).toThrow(
      expect.objectContaining({ code: 'OT3006', message: expect.stringContaining(path) }),
    );
    expect(await readFile(path, 'utf8')).toMatch(/aunt/);
  });

  test('is shared by processes: a watcher here hears every write there, and a process that dies leaves nothing held', async () => {
    const path = join(folder, 'state.db');
    await using store = openStore(`file:${path}`);
    const follower = new Follower(store, '/w/', 0);
    const script = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/state/open.ts'))};
      const store = openStore('file:' + process.argv[1]);
      const lease = await store.lease(1000);
      await store.commit({ conditions: [], puts: [{ key: '/w/held-' + process.argv[2], value: 'held', lease }], deletes: [] });
      for (let n = 0; n < 100; n += 1) {
        await store.commit({ conditions: [], puts: [{ key: '/w/' + process.argv[2] + n, value: 'v' }], deletes: [] });
      }
      process.kill(process.pid, 'SIGKILL');
    `;
    const writer = promisify(execFile);
    const runs = ['a', 'b'].map((id) => writer(process.execPath, ['--input-type=module', '-e', script, path, id]));
    const ends = await Promise.allSettled(runs);
    expect(ends.map((end) => (end.status === 'rejected' ? (end.reason as { signal: string }).signal : null))).toEqual([
      'SIGKILL',
      'SIGKILL',
    ]);
    const letGo = (): string[] => follower.seen.filter((event) => event.startsWith('-/w/held')).sort();
    await vi.waitFor(() => expect(letGo()).toEqual(['-/w/held-a', '-/w/held-b']), WAIT);
    await vi.waitFor(() => expect(follower.seen.filter((event) => event.endsWith('=v'))).toHaveLength(200), WAIT);
    expect(await keys(store, '/w/held')).toEqual([]);
    await follower.stop();
  }, 30_000);
});
