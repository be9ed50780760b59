/**
 * Gets the newest servers without touching the system: the packages of Debian unstable with everything they need, unpacked
 * into a folder of the cache and run through their own loader, so that neither this machine's libraries nor its package
 * database are involved. Needs no root.
 */
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OtterError } from '../model/error.ts';
import { findAll, type Program, type ProvideOptions, parseVersion } from './binaries.ts';
import { cached } from './cache.ts';
import { run } from './command.ts';

type Family = 'mysql' | 'mariadb';

interface Fetched {
  readonly title: string;
  readonly packages: readonly string[];
  /** Below `usr`. */
  readonly program: string;
  readonly share: string;
  readonly instead: string;
}

const SERVERS: Readonly<Record<Family, Fetched>> = {
  mysql: {
    title: 'MySQL 9',
    packages: ['mysql-server-core', 'mysql-client-core'],
    program: 'sbin/mysqld',
    share: 'share/mysql',
    instead:
      'install MySQL 8.4 or later so that mysqld is on PATH, or set OTTER_TEST_MYSQL=mysql://root:PASSWORD@HOST:3306',
  },
  mariadb: {
    title: 'MariaDB 11',
    packages: ['mariadb-server-core', 'mariadb-client-core'],
    program: 'sbin/mariadbd',
    share: 'share/mariadb',
    instead: 'install MariaDB 11.8 or later so that mariadbd is on PATH',
  },
};

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Of Node's words for processors, in Debian's words: package architecture, folder of libraries, loader. */
const MACHINES: Readonly<Record<string, { readonly triplet: string; readonly loader: string }>> = {
  x64: { triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

/** Whether this is a Debian machine with apt and a mirror to ask. */
export async function canFetch(): Promise<boolean> {
  return (
    MACHINES[process.arch] !== undefined &&
    findAll(['apt-get']).length > 0 &&
    findAll(['dpkg-deb']).length > 0 &&
    (await debianMirror()) !== null
  );
}

/** @throws OtterError OT7103 */
export async function fetchServer(family: Family, options: ProvideOptions): Promise<Program> {
  const { title } = SERVERS[family];
  const root = await cached(
    family,
    async (folder) => {
      options.say?.(
        `getting ${title} from Debian unstable into the cache (once, about 80 MB; the system is not touched)`,
      );
      await unpackInto(folder, SERVERS[family], options);
    },
    options.signal,
  );
  const program = throughLoader(root, SERVERS[family]);
  const { output } = await run(program.command, [...program.args, '--no-defaults', '--version']);
  const version = parseVersion(output);
  if (version === null) {
    throw new OtterError(
      'OT7103',
      `the ${title} server in ${root} does not run: ${output.trim().split('\n').at(-1) ?? ''}`,
      { hint: `type: rm -r ${root}` },
    );
  }
  return { ...program, version: version.version };
}

function throughLoader(root: string, { program }: Fetched): Omit<Program, 'version'> {
  const machine = MACHINES[process.arch];
  if (machine === undefined) throw new OtterError('OT7101', `there is no server package for ${process.arch}`);
  const libraries = join(root, 'usr/lib', machine.triplet);
  return {
    command: join(libraries, machine.loader),
    args: ['--library-path', `${libraries}:${join(libraries, 'mysql/private')}`, join(root, 'usr', program)],
  };
}

/** Folder with the messages, character sets and scripts of a server that was fetched; null for one that was installed. */
export function shareOf(program: Program): string | null {
  const server = Object.values(SERVERS).find((each) => program.args.at(-1)?.endsWith(`/usr/${each.program}`) === true);
  return server === undefined ? null : join(program.args.at(-1)!, '../..', server.share);
}

/** Arguments without which a server that is not where its package wanted it does not start. */
export function relocatedArguments(program: Program): readonly string[] {
  const share = shareOf(program);
  if (share === null) return [];
  return [
    `--basedir=${join(share, '../..')}`,
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, 'charsets')}`,
  ];
}

async function unpackInto(folder: string, server: Fetched, options: ProvideOptions): Promise<void> {
  const work = join(folder, 'apt');
  await mkdir(join(work, 'lists/partial'), { recursive: true });
  await mkdir(join(work, 'archives/partial'), { recursive: true });
  await writeFile(join(work, 'status'), '');
  await writeFile(join(work, 'sources.list'), `deb [signed-by=${KEYRING}] ${await debianMirror()} sid main\n`);
  const settings = [
    `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::State::status=${join(work, 'status')}`,
    `Dir::Cache::archives=${join(work, 'archives')}`,
    `Dir::Cache::pkgcache=`,
    `Dir::Cache::srcpkgcache=`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Debug::NoLocking=true',
  ].flatMap((setting) => ['-o', setting]);
  const told = { ...options, server };
  await must('apt-get', [...settings, 'update', '-qq'], told, work);
  const listing = await must(
    'apt-get',
    [...settings, '-s', 'install', '--no-install-recommends', ...server.packages],
    told,
    work,
  );
  const names = [...listing.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  await must('apt-get', [...settings, 'download', '-qq', ...names], told, work);
  for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
    await must('dpkg-deb', ['-x', join(work, file), folder], told, work);
  }
  await appendFile(join(folder, 'PACKAGES'), `${names.join('\n')}\n`);
  await rm(work, { recursive: true, force: true });
}

async function must(
  command: string,
  args: readonly string[],
  options: ProvideOptions & { readonly server: Fetched },
  cwd: string,
): Promise<string> {
  const { code, output } = await run(command, args, {
    cwd,
    signal: options.signal,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
  options.signal?.throwIfAborted();
  if (code !== 0) {
    throw new OtterError(
      'OT7103',
      `${command} failed while getting ${options.server.title}:\n  ${output.trim().split('\n').slice(-5).join('\n  ')}`,
      {
        hint: options.server.instead,
      },
    );
  }
  return output;
}

/** The mirror that the machine's own sources name for its main archive. */
async function debianMirror(): Promise<string | null> {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(await readdir(folder).catch(() => [])).map((name) => join(folder, name))];
  for (const file of files) {
    const mirror = mirrorIn(await readFile(file, 'utf8').catch(() => ''));
    if (mirror !== null) return mirror;
  }
  return null;
}

/** Of either form of a sources file, the first address that ends in `/debian`. */
export function mirrorIn(text: string): string | null {
  for (const line of text.split('\n')) {
    const words = /^(?:deb(?:\s+\[[^\]]*\])?|URIs:)\s+(.*)$/.exec(line.trim())?.[1]?.split(/\s+/) ?? [];
    const mirror = words.find((word) => /^https?:\/\/\S+\/debian\/?$/.test(word));
    if (mirror !== undefined) return mirror;
  }
  return null;
}
