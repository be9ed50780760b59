import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RowDataPacket } from 'mysql2/promise';
import { describe, expect, it, vi } from 'vitest';
import { type Account, connect, type Door } from '../../src/lab/accounts.ts';
import { startProxy } from '../../src/lab/proxy.ts';
import { type DatabaseServer, startEtcd, startMariaDb, startMySql, startNewMariaDb } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';

// Own arguments: these tests stop and kill, which a server given by address would refuse.
const OWN = ['--max-connections=50'];

async function rowsOf(door: Door, account: Account, sql: string): Promise<RowDataPacket[]> {
  const connection = await connect(door, account);
  try {
    const [rows] = await connection.query(sql);
    return rows as RowDataPacket[];
  } finally {
    connection.destroy();
  }
}

async function run(door: Door, account: Account, ...statements: readonly string[]): Promise<void> {
  const connection = await connect(door, account);
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    connection.destroy();
  }
}

const FAMILIES: readonly { readonly family: string; readonly start: () => Promise<DatabaseServer> }[] = [
  { family: 'MariaDB', start: async () => startMariaDb({ args: OWN }) },
  ...(LONG ? [{ family: 'MariaDB 11.8 or later', start: async () => startNewMariaDb({ args: OWN }) }] : []),
  { family: 'MySQL', start: async () => startMySql({ args: OWN }) },
];

describe.each(FAMILIES)('a private $family server', ({ start }) => {
  it('logs rows, serves two accounts, keeps data over stop and SIGKILL, and several run side by side', async () => {
    await using one = await start();
    await using other = await start();
    expect(one.port).not.toBe(other.port);
    const [settings] = await rowsOf(
      one,
      one.otter,
      'SELECT @@log_bin AS log, @@binlog_format AS format, @@binlog_row_image AS image, @@server_id AS id',
    );
    const [otherSettings] = await rowsOf(other, other.otter, 'SELECT @@server_id AS id');
    expect(settings).toMatchObject({ log: 1, format: 'ROW', image: 'FULL' });
    expect(settings?.['id']).not.toBe(otherSettings?.['id']);
    // The accounts themselves left nothing in the log.
    const log = one.family === 'mariadb' ? 'SHOW BINLOG STATUS' : 'SHOW BINARY LOG STATUS';
    const [end] = await rowsOf(one, one.otter, log);
    expect(Number(end?.['Position'])).toBeLessThan(500);

    await run(
      one,
      one.otter,
      'CREATE DATABASE d',
      'CREATE TABLE d.t (id int primary key)',
      'INSERT INTO d.t VALUES (1)',
    );
    await expect(run(one, one.otter, 'SET GLOBAL max_connections = 40')).rejects.toMatchObject({ errno: 1227 });
    const { port } = one;
    await one.stop();
    expect(one.running).toBe(false);
    await expect(connect(one, one.otter)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await one.restart();
    await run(one, one.otter, 'INSERT INTO d.t VALUES (2)');
    await one.kill();
    await one.restart();
    expect(one.port).toBe(port);
    expect(await rowsOf(one, one.otter, 'SELECT id FROM d.t')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('frozen, answers nobody; thawed, goes on', async () => {
    await using server = await start();
    const connection = await connect(server, server.otter);
    await server.freeze();
    let answered = false;
    const answer = connection.query('SELECT 1').then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBe(false);
    server.thaw();
    await answer;
    connection.destroy();
  });
});

describe('a private MariaDB server', () => {
  it('keeps a data directory that it was given', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'otter-kept-'));
    const datadir = join(folder, 'data');
    {
      await using server = await startMariaDb({ datadir });
      await run(
        server,
        server.otter,
        'CREATE DATABASE d',
        'CREATE TABLE d.t (id int primary key)',
        'INSERT INTO d.t VALUES (7)',
      );
    }
    {
      await using server = await startMariaDb({ datadir });
      expect(await rowsOf(server, server.otter, 'SELECT id FROM d.t')).toEqual([{ id: 7 }]);
    }
    await rm(folder, { recursive: true });
  });

  it('that cannot start says why in its own words', async () => {
    await expect(startMariaDb({ args: ['--no-such-option'] })).rejects.toMatchObject({
      code: 'OT7102',
      message: expect.stringContaining('no-such-option') as string,
    });
  });

  it('is reached through a proxy', async () => {
    await using server = await startMariaDb({ args: OWN });
    await using proxy = await startProxy({ target: server });
    expect(await rowsOf(proxy, server.otter, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a private etcd server', () => {
  it('answers, and keeps its data over SIGKILL', async () => {
    await using etcd = await startEtcd({ args: ['--snapshot-count=10000'] });
    const call = async (path: string, body: object) =>
      (await (
        await fetch(`http://127.0.0.1:${etcd.port}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) })
      ).json()) as {
        readonly kvs?: readonly { readonly value: string }[];
      };
    await call('put', { key: 'YQ==', value: 'Yg==' });
    await etcd.kill();
    await etcd.restart();
    expect((await call('range', { key: 'YQ==' })).kvs?.[0]?.value).toBe('Yg==');
  });
});

describe('servers of a program that ends', () => {
  const rarer = LONG ? ['SIGINT', 'SIGHUP', 'exit'] : [];

  it.each(['SIGKILL', 'SIGTERM', 'throw', ...rarer])('by %s are gone with their folders', async (how) => {
    const starter = spawn(process.execPath, [fileURLToPath(new URL('./starter.ts', import.meta.url)), how], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(starter, 'exit');
    const [line] = (await once(createInterface({ input: starter.stdout }), 'line')) as [string];
    const { pids, folder } = JSON.parse(line) as { readonly pids: readonly number[]; readonly folder: string };
    if (how.startsWith('SIG')) {
      expect(pids.every(isAlive)).toBe(true);
      expect(existsSync(folder)).toBe(true);
      starter.kill(how as NodeJS.Signals);
    }
    await exited;
    await vi.waitFor(
      () => {
        expect(pids.filter(isAlive)).toEqual([]);
        expect(existsSync(folder)).toBe(false);
      },
      { timeout: 10_000, interval: 50 },
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
