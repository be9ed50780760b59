/** Puts concrete adapters behind the ports of commands; those of databases and nodes are in `data-plane.ts`, which is loaded when asked for. */

import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Context, Output, Parts } from './cli/context.ts';
import type { DataPlane } from './data-plane.ts';
import { OtterError } from './model/error.ts';
import { createLogger } from './observe/log.ts';
import { makeFolder } from './state/folder.ts';
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
    askNode: async (...asked) => (await plane()).askNode(...asked),
    demo: async (options) => (await import('./demo.ts')).demo(options, self),
    readFile: (path) => {
      try {
        return readFileSync(path, 'utf8');
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
    schema: () => readFileSync(new URL('schema/topology.schema.json', root), 'utf8'),
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    newId: randomUUID,
    who: () => ({ user: userInfo().username, host: hostname(), pid, commit: headCommit() }),
  };
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'not allowed',
    EISDIR: 'it is a folder',
    ENOSPC: 'the disk is full',
  };
  return known[code] ?? code;
}

function headCommit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // Not a checkout, or no git: history says so by having no commit.
    return null;
  }
}
