/** Finds server programs that are installed already, and tells MariaDB from MySQL, which share names. */
import { accessSync, constants, globSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './command.ts';

/** A program with the arguments that must come before its own, such as a loader's. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly version: string;
}

export interface ProvideOptions {
  /** Told in short lines what is being done when it takes long. */
  readonly say?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface MariaDbPrograms {
  readonly server: Program;
  readonly installDb: string;
}

const FOLDERS = [
  '/usr/sbin',
  '/usr/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/libexec',
  '/usr/lib/mysql',
  '/usr/local/mysql/bin',
  '/opt/homebrew/bin',
  '/opt/homebrew/opt/mariadb/bin',
  '/opt/homebrew/opt/mysql/bin',
];

/** Every executable file of one of the names, PATH first, none twice. */
export function findAll(names: readonly string[]): readonly string[] {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS].filter((folder) => folder !== '');
  const found = new Map<string, string>();
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        const real = realpathSync(path);
        if (!found.has(real)) found.set(real, path);
      } catch {
        // Not here.
      }
    }
  }
  return [...found.values()];
}

export async function findMariaDb(): Promise<MariaDbPrograms | null> {
  const [installDb] = findAll(['mariadb-install-db', 'mysql_install_db']);
  if (installDb === undefined) return null;
  for (const command of findAll(['mariadbd', 'mysqld'])) {
    const version = await versionOf(command);
    if (version?.family === 'mariadb') return { server: { command, args: [], version: version.version }, installDb };
  }
  return null;
}

/** A MySQL server of 8.4 or later: what is older lacks statements that otter types. */
export async function findMySql(): Promise<Program | null> {
  for (const command of findAll(['mysqld'])) {
    const version = await versionOf(command);
    if (version?.family === 'mysql' && Number.parseFloat(version.version) >= 8.4)
      return { command, args: [], version: version.version };
  }
  return null;
}

export async function findEtcd(): Promise<Program | null> {
  for (const command of findAll(['etcd'])) {
    const { code, output } = await run(command, ['--version']);
    const version = /etcd Version: (\S+)/.exec(output)?.[1];
    if (code === 0 && version !== undefined) return { command, args: [], version };
  }
  return null;
}

/** The library that changes what a process takes for the time, for processes of several threads. */
export async function findFakeTime(): Promise<string | null> {
  return globSync('/usr/{lib,lib64,local/lib}/{,*/}faketime/libfaketimeMT.so.1')[0] ?? null;
}

export interface ServerVersion {
  readonly family: 'mariadb' | 'mysql';
  readonly version: string;
}

async function versionOf(command: string): Promise<ServerVersion | null> {
  const { code, output } = await run(command, ['--no-defaults', '--version']);
  return code === 0 ? parseVersion(output) : null;
}

/** Of `mysqld  Ver 10.11.19-MariaDB-… for debian-linux-gnu`, and `mysqld  Ver 9.7.0 for Linux on x86_64`. */
export function parseVersion(text: string): ServerVersion | null {
  const version = /\bVer (\d+\.\d+\.\d+)/.exec(text)?.[1];
  return version === undefined ? null : { family: /mariadb/i.test(text) ? 'mariadb' : 'mysql', version };
}
