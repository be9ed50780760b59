import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseVersion } from '../../src/lab/binaries.ts';
import { cached, withFileLock } from '../../src/lab/cache.ts';
import { borrow, parseAddress } from '../../src/lab/external.ts';
import { mirrorIn } from '../../src/lab/unstable.ts';
import { OtterError } from '../../src/model/error.ts';

describe('parseVersion', () => {
  it.each([
    [
      'mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)',
      { family: 'mariadb', version: '10.11.19' },
    ],
    ['/usr/sbin/mysqld  Ver 10.11.19-MariaDB for Linux on x86_64', { family: 'mariadb', version: '10.11.19' }],
    [
      '/usr/sbin/mysqld  Ver 9.7.0 for Linux on x86_64 (MySQL Community Server - GPL)',
      { family: 'mysql', version: '9.7.0' },
    ],
    ['bash: mysqld: command not found', null],
  ])('%s', (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });
});

describe('mirrorIn', () => {
  it.each([
    ['Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm', 'http://deb.debian.org/debian'],
    [
      '# deb http://old.example/debian sid main\ndeb [signed-by=/x.gpg arch=amd64] https://mirror.example/debian/ bookworm main',
      'https://mirror.example/debian/',
    ],
    ['deb http://security.debian.org/debian-security bookworm-security main', null],
    ['deb https://deb.nodesource.com/node_20.x nodistro main', null],
  ])('%s', (text, expected) => {
    expect(mirrorIn(text)).toBe(expected);
  });
});

describe('addresses from the environment', () => {
  it('are read with their parts', () => {
    expect(parseAddress('OTTER_TEST_MARIADB', 'mysql://root:p%40ss@db.example:3307')).toEqual({
      host: 'db.example',
      port: 3307,
      user: 'root',
      password: 'p@ss',
    });
    expect(parseAddress('OTTER_TEST_ETCD', 'etcd://[::1]')).toMatchObject({ host: '::1', port: 2379 });
  });

  it('are refused when they are not addresses, without showing the password', () => {
    const attempt = () => parseAddress('OTTER_TEST_MYSQL', 'root:secret@host');
    expect(attempt).toThrow(OtterError);
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'OT7105', message: expect.not.stringContaining('secret') as string }),
    );
  });

  it('are lent to one at a time', () => {
    vi.stubEnv('OTTER_TEST_ETCD', 'etcd://a:1,etcd://b:2');
    const first = borrow('OTTER_TEST_ETCD');
    expect(first?.address).toMatchObject({ host: 'a', port: 1 });
    expect(borrow('OTTER_TEST_ETCD')?.address).toMatchObject({ host: 'b', port: 2 });
    expect(borrow('OTTER_TEST_ETCD')).toBeNull();
    first?.letGo();
    expect(borrow('OTTER_TEST_ETCD')?.address).toMatchObject({ host: 'a', port: 1 });
    vi.unstubAllEnvs();
  });
});

describe('the cache', () => {
  it('makes an entry once, whole or not at all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'otter-cache-'));
    vi.stubEnv('OTTER_CACHE', folder);
    let made = 0;
    const make = async (fresh: string) => {
      made++;
      await writeFile(join(fresh, 'one'), '1');
    };
    await expect(cached('thing', async () => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
    expect(await readdir(folder)).toEqual([]);
    const paths = await Promise.all([cached('thing', make), cached('thing', make), cached('thing', make)]);
    expect(made).toBe(1);
    expect(new Set(paths)).toEqual(new Set([join(folder, 'thing')]));
    expect(await readdir(folder)).toEqual(['thing']);
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it('takes over a lock whose holder is gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'otter-lock-'));
    const lock = join(folder, 'lock');
    // No process has an id beyond the kernel's largest.
    await writeFile(lock, '99999999');
    expect(await withFileLock(lock, async () => readdir(folder))).toEqual(['lock']);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
