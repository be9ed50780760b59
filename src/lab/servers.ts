/**
 * Private database and etcd servers for demos, tests and benchmarks: each in a folder of its own, on a free port of
 * 127.0.0.1, with settings that favour many small servers on a small machine (commits are not synced to disk). They are gone
 * when they are disposed, and also when the process that started them ends in any way.
 */
import { cp, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { OtterError } from '../model/error.ts';
import { newServerId } from './accounts.ts';
import type { Program } from './binaries.ts';
import { cached } from './cache.ts';
import { type Outcome, run } from './command.ts';
import { type DatabaseServer, openDatabase, type StartOptions, startDatabase } from './database.ts';
import { borrow, type Loan } from './external.ts';
import { freePort } from './free-port.ts';
import { provideEtcd, provideMariaDb, provideMySql, provideNewMariaDb } from './install.ts';
import { isRoot, makePrivateFolder, removePrivateFolder } from './process.ts';
import { ExternalServer, type Lifetime, PrivateServer } from './server.ts';
import { relocatedArguments, shareOf } from './unstable.ts';

export type { DatabaseServer };

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
  if (loan !== null) return openDatabase('mariadb', loan);
  const programs = await provideMariaDb(options);
  return startMariaDbOf(programs.server, options, async (folder) => {
    const user = isRoot() ? ['--user=root'] : [];
    return run(programs.installDb, [...MARIADB_DATA, `--datadir=${folder}`, ...MARIADB_INSTALL, ...user], {
      signal: options.signal,
    });
  });
}

/** The newest MariaDB (11.8 or later), beside the one of the machine. */
export async function startNewMariaDb(options: StartOptions = {}): Promise<DatabaseServer> {
  const program = await provideNewMariaDb(options);
  return startMariaDbOf(program, options, async (folder) => {
    const share = shareOf(program) ?? join(program.command, '../../share/mariadb');
    const scripts = await Promise.all(
      MARIADB_SCRIPTS.map(async (name) => readFile(join(share, `${name}.sql`), 'utf8')),
    );
    // What mariadb-install-db does, which finds neither a moved server nor its loader.
    const input = `CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n${scripts.join('\n')}`;
    const user = isRoot() ? ['--user=root'] : [];
    const own = [...program.args, '--no-defaults', ...relocatedArguments(program)];
    const data = ['--bootstrap', `--datadir=${folder}`, '--innodb-log-file-size=48M', ...user];
    return run(program.command, [...own, ...data], { signal: options.signal, input });
  });
}

const MARIADB_DATA = ['--no-defaults', '--innodb-log-file-size=48M'];
const MARIADB_INSTALL = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
const MARIADB_SCRIPTS = [
  'mariadb_system_tables',
  'mariadb_performance_tables',
  'mariadb_system_tables_data',
  'maria_add_gis_sp_bootstrap',
  'mariadb_sys_schema',
];

/** An empty data directory of each version is made once and copied ever after. */
async function startMariaDbOf(
  program: Program,
  options: StartOptions,
  fill: (folder: string) => Promise<Outcome>,
): Promise<DatabaseServer> {
  const { signal } = options;
  return startDatabase('mariadb', program.version, options, {
    prepare: async (datadir) => {
      const template = await cached(
        `mariadb-${program.version}-empty`,
        async (folder) => {
          const { code, output } = await fill(folder);
          signal?.throwIfAborted();
          if (code === 0) return;
          const end = output.trim().split('\n').slice(-5).join('\n  ');
          throw new OtterError('OT7102', `the data directory of MariaDB ${program.version} was not made:\n  ${end}`);
        },
        signal,
      );
      await cp(template, datadir, { recursive: true });
    },
    command: {
      command: program.command,
      args: [...program.args, '--no-defaults', ...relocatedArguments(program), ...MARIADB],
    },
  });
}

// ---------------------------------------------------------------- MySQL

const MYSQL = [...SMALL, '--gtid-mode=ON', '--enforce-gtid-consistency=ON', '--mysqlx=0', '--secure-file-priv=NULL'];

export interface MySqlOptions extends StartOptions {
  /** What to run in place of the program that was found. */
  readonly program?: ((found: Program) => Program | Promise<Program>) | undefined;
}

export async function startMySql(options: MySqlOptions = {}): Promise<DatabaseServer> {
  const loan = lent('OTTER_TEST_MYSQL', options);
  if (loan !== null) return openDatabase('mysql', loan);
  const program = await provideMySql(options);
  const started = (await options.program?.(program)) ?? program;
  const common = [...program.args, '--no-defaults', ...relocatedArguments(program)];
  const own = [...started.args, '--no-defaults', ...relocatedArguments(program)];
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
    command: { command: started.command, args: [...own, ...MYSQL] },
  });
}

// ---------------------------------------------------------------- etcd

export interface EtcdOptions extends StartOptions {
  /** Listens on this port too, over TLS, for clients with a certificate of `ca`; paths of PEM files. */
  readonly tls?:
    | { readonly port: number; readonly ca: string; readonly cert: string; readonly key: string }
    | undefined;
}

export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdServer> {
  const { tls } = options;
  const loan = tls === undefined ? lent('OTTER_TEST_ETCD', options) : null;
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
        const plain = `http://127.0.0.1:${port}`;
        const client = tls === undefined ? plain : `${plain},https://127.0.0.1:${tls.port}`;
        const secure =
          tls === undefined
            ? []
            : ['--client-cert-auth', `--trusted-ca-file=${tls.ca}`, `--cert-file=${tls.cert}`, `--key-file=${tls.key}`];
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
          ...secure,
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

function lent(
  variable: 'OTTER_TEST_MARIADB' | 'OTTER_TEST_MYSQL' | 'OTTER_TEST_ETCD',
  options: StartOptions,
): Loan | null {
  // Who wants special settings or data of his own cannot have them on a server that is not ours.
  return options.args === undefined && options.datadir === undefined ? borrow(variable) : null;
}
