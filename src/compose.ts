/** Puts concrete adapters behind the ports of commands; those of databases and nodes are in `data-plane.ts`, which is loaded when asked for. */

import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Context, Output, Parts, Who } from './cli/context.ts';
import type { DataPlane } from './data-plane.ts';
import { messageOf, OtterError } from './model/error.ts';
import { createLogger } from './observe/log.ts';
import { makeFolder } from './state/folder.ts';
import { readLines } from './state/lines.ts';
import { openStore } from './state/open.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface World {
  readonly stdout: Output & NodeJS.WriteStream;
  readonly stderr: Output;
  readonly stdin: NodeJS.ReadStream;
  readonly env: Env;
  readonly signal: AbortSignal;
  readonly pid: number;
  /** This program, to be run again: the demo's nodes are processes of their own. */
  readonly self: readonly string[];
  /** Folder of the package: `schema/`, `package.json`. */
  readonly root: URL;
}

/** A folder of a network drive may keep git waiting. */
const GIT_MS_MAX = 5_000;

export function compose(world: World): Context {
  const { stdout, stderr, stdin, env, signal, root } = world;
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
  return { stdout, stderr, stdin, terminal: stdout, env, now: Date.now, signal, version, parts: parts(world) };
}

function parts({ env, stderr, pid, root, self }: World): Parts {
  const plane = async (): Promise<DataPlane> => (await import('./data-plane.ts')).dataPlane(env, stderr);
  return {
    openStore,
    logger: ({ level, readable }) => createLogger({ stream: stderr, level, readable }),
    runNodes: async (options) => (await plane()).runNodes(options),
    reachDatabase: async (...asked) => (await plane()).reachDatabase(...asked),
    reachServer: async (...asked) => (await plane()).reachServer(...asked),
    readManager: async (...asked) => (await plane()).readManager(...asked),
    findPoint: async (...asked) => (await plane()).findPoint(...asked),
    reachConflictLog: async (...asked) => (await plane()).reachConflictLog(...asked),
    reachConflictResolver: async (...asked) => (await plane()).reachConflictResolver(...asked),
    reachCompared: async (...asked) => (await plane()).reachCompared(...asked),
    makingRows: async () => (await plane()).makingRows(),
    reachLetters: async (...asked) => (await plane()).reachLetters(...asked),
    reachPlaces: async (...asked) => (await plane()).reachPlaces(...asked),
    reachLetterDesk: async (...asked) => (await plane()).reachLetterDesk(...asked),
    askNode: async (...asked) => (await plane()).askNode(...asked),
    askMinutes: async (...asked) => (await plane()).askMinutes(...asked),
    askLogs: async (...asked) => (await plane()).askLogs(...asked),
    demo: async (options) => (await import('./demo.ts')).demo(options, self),
    readFile: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        throw new OtterError('OT7003', `${path} cannot be read (${reasonOf(error)})`, { cause: error });
      }
    },
    *readLines(path) {
      try {
        yield* readLines(path);
      } catch (error) {
        throw new OtterError('OT7003', `${path} cannot be read (${reasonOf(error)})`, { cause: error });
      }
    },
    writeFile: (path, text, { fresh = false, secret = false }) => {
      try {
        makeFolder(dirname(path));
        writeFileSync(path, text, { flag: fresh ? 'wx' : 'w', mode: secret ? 0o600 : 0o644 });
        // One that was there keeps its mode otherwise; what is no file (/dev/stdout) is left alone.
        if (secret && statSync(path).isFile()) chmodSync(path, 0o600);
      } catch (error) {
        const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
        throw new OtterError(
          'OT7003',
          there ? `${path} is there already and is left alone` : `${path} cannot be written (${reasonOf(error)})`,
          { cause: error },
        );
      }
    },
    listFolder: (path) => readdirSync(path),
    exists: existsSync,
    writable: (path) => {
      try {
        accessSync(path, constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    schema: () => readFileSync(new URL('schema/topology.schema.json', root), 'utf8'),
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    newId: randomUUID,
    replaceFile: (path, text) => {
      try {
        makeFolder(dirname(path));
        writeFileSync(`${path}.new`, text, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch (error) {
        throw new OtterError('OT7003', `${path} cannot be written (${reasonOf(error)})`, { cause: error });
      }
    },
    openLines: (path) => {
      try {
        makeFolder(dirname(path));
        const file = openSync(path, 'w', 0o600);
        return { write: (line) => writeSync(file, `${line}\n`) };
      } catch (error) {
        throw new OtterError('OT7003', `${path} cannot be written (${reasonOf(error)})`, { cause: error });
      }
    },
    who: (path) => {
      const git = path === undefined ? { author: null, commit: null, dirty: null } : checkedOut(path);
      return { user: userInfo().username, host: hostname(), pid, ...git };
    },
    runs: (other) => {
      try {
        process.kill(other, 0);
        return true;
      } catch (error) {
        // One that is somebody else's.
        return (error as NodeJS.ErrnoException).code === 'EPERM';
      }
    },
  };
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? messageOf(error);
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'not allowed',
    EISDIR: 'it is a folder',
    ENOSPC: 'the disk is full',
  };
  return known[code] ?? code;
}

/** What git says of the repository that a file or folder lies in; nothing where there is none, or no git. */
function checkedOut(path: string): Pick<Who, 'author' | 'commit' | 'dirty'> {
  const folder = existsSync(path) && statSync(path).isDirectory() ? path : dirname(path);
  const git = (...args: string[]): string | null => {
    try {
      return execFileSync('git', ['-C', folder, '-c', 'core.fsmonitor=false', ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: GIT_MS_MAX,
      }).trim();
    } catch {
      return null;
    }
  };
  const [name, email] = [git('config', 'user.name'), git('config', 'user.email')];
  const author = name === null ? email : email === null ? name : `${name} <${email}>`;
  const commit = git('rev-parse', 'HEAD');
  const changed = commit === null ? null : git('status', '--porcelain', '--', '.');
  return { author, commit, dirty: changed === null ? null : changed !== '' };
}
