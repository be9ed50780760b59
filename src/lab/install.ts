/**
 * Provides server programs: found on the machine, installed by apt (as root on Debian and Ubuntu; nothing is removed and no
 * service is started), or else an error that says what to type. MySQL never touches the system: see `unstable.ts`.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OtterError } from '../model/error.ts';
import {
  findAll,
  findEtcd,
  findFakeTime,
  findMariaDb,
  findMySql,
  type MariaDbPrograms,
  type Program,
  type ProvideOptions,
} from './binaries.ts';
import { cacheFolder, withFileLock } from './cache.ts';
import { run } from './command.ts';
import { isRoot } from './process.ts';
import { canFetch, fetchServer } from './unstable.ts';

const PACKAGES = {
  mariadb: ['mariadb-server-core', 'mariadb-client-core'],
  etcd: ['etcd-server', 'etcd-client'],
  faketime: ['libfaketime'],
} as const;

/** @throws OtterError OT7101, OT7103 */
export async function provideMariaDb(options: ProvideOptions = {}): Promise<MariaDbPrograms> {
  return (
    (await findMariaDb()) ??
    (await afterInstalling(PACKAGES.mariadb, findMariaDb, options)) ??
    missing(
      'MariaDB (mariadbd, mariadb-install-db)',
      'brew install mariadb',
      PACKAGES.mariadb,
      'OTTER_TEST_MARIADB=mysql://root:PASSWORD@HOST:3306',
    )
  );
}

/** MariaDB 11.8 or later: the machine's own, where it is that new. @throws OtterError OT7101, OT7103 */
export async function provideNewMariaDb(options: ProvideOptions = {}): Promise<Program> {
  const found = await findMariaDb();
  if (found !== null && Number.parseFloat(found.server.version) >= 11.8) return found.server;
  if (await canFetch()) return fetchServer('mariadb', options);
  return missing('MariaDB 11.8 or later (mariadbd)', 'brew install mariadb', ['mariadb-server-core'], 'PATH');
}

/** @throws OtterError OT7101, OT7103 */
export async function provideEtcd(options: ProvideOptions = {}): Promise<Program> {
  return (
    (await findEtcd()) ??
    (await afterInstalling(PACKAGES.etcd, findEtcd, options)) ??
    missing('etcd', 'brew install etcd', PACKAGES.etcd, 'OTTER_TEST_ETCD=etcd://HOST:2379')
  );
}

/** @throws OtterError OT7101, OT7103 */
export async function provideMySql(options: ProvideOptions = {}): Promise<Program> {
  const found = await findMySql();
  if (found !== null) return found;
  if (await canFetch()) return fetchServer('mysql', options);
  return missing(
    'MySQL 8.4 or later (mysqld)',
    'brew install mysql',
    ['mysql-server-core'],
    'OTTER_TEST_MYSQL=mysql://root:PASSWORD@HOST:3306',
  );
}

/** The library with which clocks of processes can be set, for chaos. @throws OtterError OT7101, OT7103 */
export async function provideFakeTime(options: ProvideOptions = {}): Promise<string> {
  return providePackages('libfaketime', PACKAGES.faketime, findFakeTime, options);
}

/** What stands in for a server that cannot be installed. @throws OtterError OT7101, OT7103 */
export async function providePackages<T>(
  what: string,
  packages: readonly string[],
  find: () => Promise<T | null>,
  options: ProvideOptions,
): Promise<T> {
  const found = (await find()) ?? (await afterInstalling(packages, find, options));
  if (found !== null) return found;
  throw new OtterError('OT7101', `${what} was not found, and cannot be installed from here`, {
    hint: `type: sudo ${aptInstall(packages).join(' ')} (or your system's like)`,
  });
}

function missing(what: string, brew: string, packages: readonly string[], variable: string): never {
  throw new OtterError('OT7101', `${what} was not found on PATH, and cannot be installed from here`, {
    hint:
      process.platform === 'darwin'
        ? `type: ${brew}`
        : `type: sudo ${aptInstall(packages).join(' ')} (or your system's like), or set ${variable}`,
  });
}

function aptInstall(packages: readonly string[]): readonly string[] {
  return ['apt-get', 'install', '-y', '--no-remove', '--no-install-recommends', ...packages];
}

async function afterInstalling<T>(
  packages: readonly string[],
  find: () => Promise<T | null>,
  options: ProvideOptions,
): Promise<T | null> {
  if (!isRoot() || !(await isDebianLike())) return null;
  await mkdir(cacheFolder(), { recursive: true });
  return withFileLock(
    join(cacheFolder(), 'apt.lock'),
    async () => {
      // Somebody else may have installed it while we waited.
      const found = await find();
      if (found !== null) return found;
      options.say?.(`installing ${packages.join(' ')} with apt (once; nothing is removed, no service is started)`);
      const update = await runApt(['apt-get', 'update', '-qq'], options);
      const install = await runApt(aptInstall(packages), options);
      if (install.code !== 0) {
        const words = install.output.trim().split('\n').slice(-5).join('\n  ');
        throw new OtterError('OT7103', `apt could not install ${packages.join(' ')}:\n  ${words}`, {
          hint: `type: ${update.code === 0 ? '' : 'apt-get update && '}${aptInstall(packages).join(' ')}`,
        });
      }
      return find();
    },
    options.signal,
  );
}

async function runApt(command: readonly string[], options: ProvideOptions) {
  const [program, ...args] = command;
  return run(program ?? 'apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    signal: options.signal,
  });
}

async function isDebianLike(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release) && findAll(['apt-get']).length > 0;
}
