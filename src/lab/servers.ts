/**
 * Private database and etcd servers for demos, tests and benchmarks: each in a folder of its own, on a free port of
 * 127.0.0.1, with settings that favour many small servers on a small machine (commits are not synced to disk). They are gone
 * when they are disposed, and also when the process that started them ends in any way.
 */
import { chown, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { OtterError } from '../model/error.ts';
import { type Account, accountStatements, answersAs, newAccount, newServerId, openExternal } from './accounts.ts';
import type { MariaDbPrograms, ProvideOptions } from './binaries.ts';
import { cached, exists } from './cache.ts';
import { run } from './command.ts';
import { borrow, type Loan } from './external.ts';
import { freePort } from './free-port.ts';
import { provideEtcd, provideMariaDb, provideMySql } from './install.ts';
import { relocatedArguments } from './install-mysql.ts';
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

export interface EtcdServer extends Lifetime {
  readonly version: string;
  /** As a state store is named: `etcd://127.0.0.1:2379`. */
  readonly url: string;
}

// ---------------------------------------------------------------- MariaDB

const SMALL = [
  '--bind-address=127.0.0.1',
  '--skip-name-resolve',
  '--log-bin=binlog',
  '--binlog-row-image=FULL',
  '--innodb-flush-log-at-trx-commit=2',
  '--sync-binlog=0',
  '--innodb-buffer-pool-size=64M',
  '--max-allowed-packet=64M',
  '--character-set-server=utf8mb4',
];

const MARIADB = [
  ...SMALL,
  '--binlog-format=ROW',
  '--gtid-strict-mode=ON',
  '--log-slave-updates',
  '--innodb-log-file-size=48M',
];

export async function startMariaDb(options: StartOptions = {}): Promise<DatabaseServer> {
  const loan = lent('OTTER_TEST_MARIADB', options);
  if (loan !== null) return external('mariadb', loan);
  const programs = await provideMariaDb(options);
  return startDatabase('mariadb', programs.server.version, options, {
    prepare: async (datadir) => {
      await cp(await mariaDbTemplate(programs, options.signal), datadir, { recursive: true });
    },
    command: { command: programs.server.command, args: ['--no-defaults', ...MARIADB] },
  });
}

/** An empty data directory of this version, made once and copied ever after. */
async function mariaDbTemplate(programs: MariaDbPrograms, signal: AbortSignal | undefined): Promise<string> {
  return cached(
    `mariadb-${programs.server.version}-empty`,
    async (folder) => {
      const install = await run(
        programs.installDb,
        [
          '--no-defaults',
          `--datadir=${folder}`,
          '--auth-root-authentication-method=normal',
          '--skip-test-db',
          '--skip-name-resolve',
          '--innodb-log-file-size=48M',
          // Nobody else is to read the template; each server gives its copy away.
          ...(isRoot() ? ['--user=root'] : []),
        ],
        { signal },
      );
      signal?.throwIfAborted();
      if (install.code !== 0) {
        throw new OtterError(
          'OT7102',
          `mariadb-install-db failed:\n  ${install.output.trim().split('\n').slice(-5).join('\n  ')}`,
        );
      }
    },
    signal,
  );
}

// ---------------------------------------------------------------- MySQL

const MYSQL = [...SMALL, '--gtid-mode=ON', '--enforce-gtid-consistency=ON', '--mysqlx=0', '--secure-file-priv=NULL'];

export async function startMySql(options: StartOptions = {}): Promise<DatabaseServer> {
  const loan = lent('OTTER_TEST_MYSQL', options);
  if (loan !== null) return external('mysql', loan);
  const program = await provideMySql(options);
  const common = [...program.args, '--no-defaults', ...relocatedArguments(program)];
  return startDatabase('mysql', program.version, options, {
    prepare: async (datadir) => {
      const template = await cached(
        `mysql-${program.version}-empty`,
        async (folder) => {
          const user = isRoot() ? ['--user=root'] : [];
          const made = await run(
            program.command,
            [...common, '--initialize-insecure', `--datadir=${folder}`, ...user],
            { signal: options.signal },
          );
          options.signal?.throwIfAborted();
          if (made.code !== 0) {
            throw new OtterError(
              'OT7102',
              `mysqld --initialize-insecure failed:\n  ${made.output.trim().split('\n').slice(-5).join('\n  ')}`,
            );
          }
        },
        options.signal,
      );
      // A server's identity is in this file; each copy makes its own.
      await cp(template, datadir, { recursive: true, filter: (path) => !path.endsWith('/auto.cnf') });
    },
    command: { command: program.command, args: [...common, ...MYSQL] },
  });
}

// ---------------------------------------------------------------- what both databases share

interface Family {
  /** Fills an empty data directory. */
  readonly prepare: (datadir: string) => Promise<void>;
  readonly command: { readonly command: string; readonly args: readonly string[] };
}

async function startDatabase(
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

function lent(
  variable: 'OTTER_TEST_MARIADB' | 'OTTER_TEST_MYSQL' | 'OTTER_TEST_ETCD',
  options: StartOptions,
): Loan | null {
  // Who wants special settings or data of his own cannot have them on a server that is not ours.
  return options.args === undefined && options.datadir === undefined ? borrow(variable) : null;
}

async function external(family: 'mariadb' | 'mysql', loan: Loan): Promise<DatabaseServer> {
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

// ---------------------------------------------------------------- etcd

export async function startEtcd(options: StartOptions = {}): Promise<EtcdServer> {
  const loan = lent('OTTER_TEST_ETCD', options);
  if (loan !== null) {
    const { host, port } = loan.address;
    const server = new ExternalServer({ host, port, letGo: loan.letGo });
    return Object.assign(server, { version: 'external', url: `etcd://${host}:${port}` });
  }
  const program = await provideEtcd(options);
  const folder = await makePrivateFolder();
  try {
    const name = `lab-${newServerId()}`;
    let peerPort = 0;
    const server = new PrivateServer({
      what: `etcd ${program.version}`,
      folder,
      keepsData: options.datadir !== undefined,
      args: options.args ?? [],
      command: async (port, args, first) => {
        if (first) peerPort = await freePort();
        const client = `http://127.0.0.1:${port}`;
        const peer = `http://127.0.0.1:${peerPort}`;
        const own = [
          `--name=${name}`,
          `--data-dir=${options.datadir ?? join(folder, 'data')}`,
          `--listen-client-urls=${client}`,
          `--advertise-client-urls=${client}`,
          `--listen-peer-urls=${peer}`,
          `--initial-advertise-peer-urls=${peer}`,
          `--initial-cluster=${name}=${peer}`,
          // Alone, it elects itself as soon as it has waited for others that do not exist.
          '--heartbeat-interval=50',
          '--election-timeout=500',
          '--logger=zap',
          '--log-level=warn',
        ];
        return {
          command: program.command,
          args: [...own, ...args],
          env: process.arch === 'x64' ? {} : { ETCD_UNSUPPORTED_ARCH: process.arch },
        };
      },
      answers: async (port) => isMember(port, name),
    });
    await server.start(options.signal);
    return Object.assign(server, { version: program.version, url: `etcd://127.0.0.1:${server.port}` });
  } catch (error) {
    await removePrivateFolder(folder);
    throw error;
  }
}

/** Whether the etcd on this port bears the name and has a leader, which for a member on its own is itself. */
async function isMember(port: number, name: string): Promise<boolean> {
  const members = await ask(port, 'POST', '/v3/cluster/member/list');
  return members.includes(`"${name}"`) && (await ask(port, 'GET', '/health')).includes('true');
}

/** The body of the answer, or nothing at all. */
async function ask(port: number, method: 'GET' | 'POST', path: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, method, path, timeout: 2_000, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
      response.on('error', () => resolve(''));
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(''));
    sent.end(method === 'POST' ? '{}' : undefined);
  });
}
