/**
 * A database server of either family, private or given by address: its folder, its owner, its accounts, its arguments. What
 * differs between MariaDB and MySQL is in `servers.ts`.
 */
import { chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, accountStatements, answersAs, newAccount, newServerId, openExternal } from './accounts.ts';
import type { ProvideOptions } from './binaries.ts';
import { exists } from './cache.ts';
import { run } from './command.ts';
import type { Loan } from './external.ts';
import { isReachableByAll, isRoot, makePrivateFolder, removePrivateFolder } from './process.ts';
import { ExternalServer, type Lifetime, PrivateServer } from './server.ts';

export interface StartOptions extends ProvideOptions {
  /** Further server arguments; they come last and win over the lab's. */
  readonly args?: readonly string[] | undefined;
  /** Kept when the server is disposed, and used again when it holds data; else a temporary one. */
  readonly datadir?: string | undefined;
}

export interface DatabaseServer extends Lifetime {
  readonly family: 'mariadb' | 'mysql';
  readonly version: string;
  readonly root: Account;
  /** Holds just the privileges that otter needs (`accounts.ts`). */
  readonly otter: Account;
}

export interface Family {
  /** Fills an empty data directory. */
  readonly prepare: (datadir: string) => Promise<void>;
  readonly command: { readonly command: string; readonly args: readonly string[] };
}

/** Starts it on fresh or kept data, with its accounts. */
export async function startDatabase(
  family: 'mariadb' | 'mysql',
  version: string,
  options: StartOptions,
  make: Family,
): Promise<DatabaseServer> {
  const folder = await makePrivateFolder();
  try {
    const datadir = options.datadir ?? join(folder, 'data');
    const owner = await serverUser(make.command.command, datadir);
    await mkdir(datadir, { recursive: true });
    if ((await readdir(datadir)).length === 0) await make.prepare(datadir);
    await mkdir(join(folder, 'tmp'));
    const root = newAccount('root');
    const otter = newAccount('otter');
    const initFile = join(folder, 'accounts.sql');
    await writeFile(initFile, `${accountStatements(family, root, otter).join(';\n')};\n`, { mode: 0o600 });
    if (owner !== null) await giveTo(owner.uid, owner.gid, [datadir, join(folder, 'tmp'), initFile]);
    if (owner !== null) await chown(folder, owner.uid, owner.gid);
    const socket = join(folder, 's');
    const serverId = newServerId();
    const server = new PrivateServer({
      what: `${family === 'mysql' ? 'MySQL' : 'MariaDB'} ${version}`,
      folder,
      keepsData: options.datadir !== undefined,
      args: options.args ?? [],
      command: (port, args, first) => {
        const { command, args: own } = make.command;
        const places = [
          `--datadir=${datadir}`,
          `--socket=${socket}`,
          `--port=${port}`,
          `--pid-file=${join(folder, 'pid')}`,
          `--tmpdir=${join(folder, 'tmp')}`,
        ];
        const user = isRoot() ? [`--user=${owner?.name ?? 'root'}`] : [];
        const init = first ? [`--init-file=${initFile}`] : [];
        return { command, args: [...own, ...places, ...user, `--server-id=${serverId}`, ...init, ...args] };
      },
      answers: async (port) => answersAs(socket, { host: '127.0.0.1', port }, root),
    });
    await server.start(options.signal);
    return Object.assign(server, { family, version, root, otter });
  } catch (error) {
    await removePrivateFolder(folder);
    throw error;
  }
}

interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who a server runs as when we are root: nobody, if nobody can get to its program and data; else root itself. Null: it runs as
 * whoever we are, and owns what we own.
 */
async function serverUser(program: string, datadir: string): Promise<SystemUser | null> {
  if (!isRoot()) return null;
  const parent = datadir.slice(0, datadir.lastIndexOf('/')) || '/';
  const reachable = (await isReachableByAll(program)) && (await exists(parent)) && (await isReachableByAll(parent));
  return reachable ? nobody() : null;
}

async function nobody(): Promise<SystemUser | null> {
  const { code, output } = await run('id', ['nobody']);
  const ids = /uid=(\d+).*?gid=(\d+)/.exec(output);
  return code === 0 && ids !== null ? { name: 'nobody', uid: Number(ids[1]), gid: Number(ids[2]) } : null;
}

async function giveTo(uid: number, gid: number, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await chown(path, uid, gid);
    const inside = await readdir(path, { recursive: true }).catch(() => []);
    for (const name of inside) await chown(join(path, name), uid, gid);
  }
}

/** A server given by address, with an `otter` account of ours. */
export async function openDatabase(family: 'mariadb' | 'mysql', loan: Loan): Promise<DatabaseServer> {
  const { host, port, user, password } = loan.address;
  const otter = newAccount('otter');
  try {
    const version = await openExternal(family, { host, port }, { user, password }, otter);
    return Object.assign(new ExternalServer({ host, port, letGo: loan.letGo }), {
      family,
      version,
      root: { user, password },
      otter,
    });
  } catch (error) {
    loan.letGo();
    throw error;
  }
}
