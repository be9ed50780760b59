/**
 * PostgreSQL with orafce, which understands enough of Oracle's SQL to stand in for it in tests where no Oracle is at hand:
 * found on the machine or installed from the distribution, and started as any other private server.
 */
import { chown, cp, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { ProvideOptions } from './binaries.ts';
import { cached, exists } from './cache.ts';
import { run } from './command.ts';
import { providePackages } from './install.ts';
import { isRoot, makePrivateFolder, removePrivateFolder } from './process.ts';
import { type Lifetime, PrivateServer } from './server.ts';

const PACKAGES = ['postgresql-15', 'postgresql-15-orafce'] as const;
/** Where Debian and its like put each version; MERGE came with 15. */
const VERSIONS = '/usr/lib/postgresql';
const VERSION_MIN = 15;

interface PostgresProgram {
  readonly version: string;
  readonly folder: string;
}

export interface PostgresServer extends Lifetime {
  readonly version: string;
  /** May do everything, without a password. */
  readonly user: string;
}

async function findPostgres(): Promise<PostgresProgram | null> {
  for (const version of await readdir(VERSIONS).catch(() => [])) {
    const folder = join(VERSIONS, version, 'bin');
    const orafce = `/usr/share/postgresql/${version}/extension/orafce.control`;
    if (Number(version) >= VERSION_MIN && (await exists(join(folder, 'initdb'))) && (await exists(orafce)))
      return { version, folder };
  }
  return null;
}

/** @throws OtterError OT7101, OT7102, OT7103 */
export async function startPostgres(options: ProvideOptions = {}): Promise<PostgresServer> {
  const { signal } = options;
  const { version, folder: bin } = await providePackages('PostgreSQL 15 with orafce', PACKAGES, findPostgres, options);
  const folder = await makePrivateFolder();
  try {
    const data = join(folder, 'data');
    const owner = await postgresUser();
    const template = await cached(
      `postgres-${version}-empty`,
      async (entry) => {
        // Not in the cache itself, where another user may not come.
        const fresh = join(folder, 'fresh');
        if (owner !== null) await chown(folder, owner.uid, owner.gid);
        const [command, args] = as(owner, join(bin, 'initdb'), [
          ...['-D', fresh, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
        ]);
        const { code, output } = await run(command, args, { signal });
        signal?.throwIfAborted();
        if (code === 0) return cp(fresh, entry, { recursive: true });
        const end = output.trim().split('\n').slice(-5).join('\n  ');
        throw new OtterError('OT7102', `the data directory of PostgreSQL ${version} was not made:\n  ${end}`);
      },
      signal,
    );
    await cp(template, data, { recursive: true });
    if (owner !== null) {
      for (const path of [folder, data, ...(await readdir(data, { recursive: true })).map((name) => join(data, name))])
        await chown(path, owner.uid, owner.gid);
    }
    const server: PrivateServer = new PrivateServer({
      what: `PostgreSQL ${version}`,
      folder,
      keepsData: false,
      args: [],
      command: async (port) => {
        await whenAlone(data);
        const settings = [
          ...[`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=off'],
          ...['shared_buffers=16MB', 'max_connections=60', 'deadlock_timeout=200ms', 'autovacuum=off'],
        ];
        const [command, args] = as(owner, join(bin, 'postgres'), [
          ...['-D', data],
          ...settings.flatMap((setting) => ['-c', setting]),
        ]);
        return { command, args };
      },
      answers: async (port) => {
        // Lines: pid, folder, start, port, socket, host, memory, state. One that was killed leaves its own behind, "ready".
        const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
        return Number(lines[0]) === server.pid && Number(lines[3]) === port && lines[7]?.trim() === 'ready';
      },
    });
    await server.start(signal);
    return Object.assign(server, { version, user: 'postgres' });
  } catch (error) {
    await removePrivateFolder(folder);
    throw error;
  }
}

const ALONE_MS_MAX = 10_000;

/** Processes of one that was killed end by themselves a moment later, and until then no other starts on its data. They work there. */
async function whenAlone(data: string): Promise<void> {
  const worksThere = async (pid: string): Promise<boolean> =>
    (await readlink(`/proc/${pid}/cwd`).catch(() => null)) === data;
  for (const deadline = Date.now() + ALONE_MS_MAX; Date.now() < deadline; await sleep(20)) {
    const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
    if (!(await Promise.all(pids.map(worksThere))).includes(true)) return;
  }
}

interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL does not run as root. */
async function postgresUser(): Promise<SystemUser | null> {
  if (!isRoot()) return null;
  const { output } = await run('id', ['postgres']);
  const ids = /uid=(\d+).*?gid=(\d+)/.exec(output);
  return ids === null ? null : { uid: Number(ids[1]), gid: Number(ids[2]) };
}

function as(user: SystemUser | null, command: string, args: readonly string[]): [string, readonly string[]] {
  if (user === null) return [command, args];
  return ['setpriv', [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', command, ...args]];
}
