/**
 * Makes a checkout ready: packages installed, otter built. Plain JavaScript that the machine's own Node can run, since the
 * Node that otter needs is itself one of the packages. It does nothing, and says nothing, where nothing is to be done.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BUNDLED_NODE = join(ROOT, 'node_modules/node/bin/node');
const BUILT_STAMP = join(ROOT, 'dist/.built');

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Runs a program to its end with our input and output; resolves to its exit code. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', cwd: ROOT, ...options });
  const forward = (signal) => {
    // What is typed at a terminal reaches the child by itself.
    if (!(signal === 'SIGINT' && process.stdin.isTTY)) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(signal === null ? code : 128 + constants.signals[signal]));
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}

/** The Node that otter runs on: the one that came with the packages, or this one if it is new enough. */
export function newNode() {
  if (existsSync(BUNDLED_NODE)) return BUNDLED_NODE;
  return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : null;
}

/** The environment in which `node`, and the programs of packages, are the new ones. */
export function newEnvironment() {
  const node = newNode();
  const folders = [join(ROOT, 'node_modules/.bin'), ...(node === null ? [] : [dirname(node)]), process.env.PATH];
  // Into a file or a pipe without colours, whatever a program thinks of the terminal around it.
  const plain = process.stdout.isTTY || process.env.FORCE_COLOR !== undefined ? {} : { NO_COLOR: '1' };
  return { ...process.env, ...plain, PATH: folders.join(delimiter) };
}

/** Installs the packages when they are missing or are not those of package-lock.json. Resolves to an exit code. */
export async function install() {
  if (!isInstalled()) {
    say('Installing packages (npm ci) ...');
    const code = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (code !== 0) return code;
  }
  if (newNode() !== null) return 0;
  say(
    `Otter needs Node 24 or later; this is ${process.version}, and the package that brings one could not run its install script.`,
  );
  say('Type: npm rebuild node --ignore-scripts=false');
  return 1;
}

/** By what is in there rather than by dates, which a checkout changes at will. */
function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  const present = packagesOf('node_modules/.package-lock.json');
  return Object.entries(wanted).every(([path, one]) => {
    if (path === '') return true;
    const other = present[path];
    return other === undefined
      ? one.optional === true
      : other.version === one.version && other.integrity === one.integrity;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), 'utf8')).packages;
  } catch {
    return {};
  }
}

/** Compiles src to dist when a source is newer than the last time. Resolves to an exit code. */
export async function build({ always = false } = {}) {
  if (!existsSync(join(ROOT, 'src')) || !existsSync(join(ROOT, 'node_modules/typescript'))) return 0;
  if (!always && !isStale()) return 0;
  if (!always) say('Building ...');
  removeOrphans(join(ROOT, 'dist'), join(ROOT, 'src'));
  const code = await run(
    newNode() ?? process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'],
    { env: newEnvironment() },
  );
  if (code === 0) {
    mkdirSync(dirname(BUILT_STAMP), { recursive: true });
    writeFileSync(BUILT_STAMP, '');
  }
  return code;
}

function isStale() {
  if (!existsSync(BUILT_STAMP)) return true;
  const built = statSync(BUILT_STAMP).mtimeMs;
  return ['package-lock.json', 'tsconfig.json', 'src'].some((path) => newestIn(join(ROOT, path)) > built);
}

/** The latest change in a tree; a folder changes when something in it appears or goes. */
function newestIn(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}

/** What was compiled from a source that is gone. */
function removeOrphans(dist, src) {
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { withFileTypes: true })) {
    const path = join(dist, entry.name);
    if (entry.isDirectory()) removeOrphans(path, join(src, entry.name));
    const stem = /^(.*)\.js(\.map)?$/.exec(entry.name)?.[1];
    if (stem !== undefined && !existsSync(join(src, `${stem}.ts`)) && !existsSync(join(src, `${stem}.tsx`)))
      rmSync(path);
  }
}
