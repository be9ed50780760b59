/**
 * One private server as a process: started in a group of its own (a Ctrl-C meant for otter does not reach it), its output in
 * a file, watched over by the watchdog from before it exists until after it is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OtterError } from '../model/error.ts';
import { run } from './command.ts';

// ---------------------------------------------------------------- the watchdog, from the starter's side

const heldFolders = new Map<string, number | null>();
let watchdog: ChildProcess | null = null;

function tell(line: string): void {
  watchdog ??= startWatchdog();
  watchdog.stdin?.write(`${line}.\n`);
}

function startWatchdog(): ChildProcess {
  const program = fileURLToPath(new URL(`./watchdog${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [program], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: {},
  });
  child.unref();
  child.stdin?.on('error', () => undefined);
  // A socket underneath; typed as a plain stream.
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  child.once('error', () => {
    if (watchdog === child) watchdog = null;
  });
  child.once('exit', () => {
    if (watchdog !== child) return;
    watchdog = null;
    for (const [folder, pid] of heldFolders) tell(holdLine(folder, pid));
  });
  return child;
}

function holdLine(folder: string, pid: number | null): string {
  return `hold\t${folder}\t${pid ?? ''}`;
}

function hold(folder: string, pid: number | null): void {
  heldFolders.set(folder, pid);
  tell(holdLine(folder, pid));
}

// ---------------------------------------------------------------- private folders

/** A folder that vanishes with this process, at the latest. */
export async function makePrivateFolder(): Promise<string> {
  const folder = await mkdtemp(join(await reachableTemp(), 'otter-lab-'));
  // Servers run as another user when we are root: they must get through to what is theirs inside.
  if (isRoot()) chmodSync(folder, 0o711);
  hold(folder, null);
  return folder;
}

export async function removePrivateFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  heldFolders.delete(folder);
  tell(`release\t${folder}`);
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether every user may pass through to `path`. */
export async function isReachableByAll(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function reachableTemp(): Promise<string> {
  const folder = tmpdir();
  return !isRoot() || (await isReachableByAll(folder)) ? folder : '/tmp';
}

// ---------------------------------------------------------------- processes

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** From `makePrivateFolder`; must be part of the arguments, by which the watchdog knows its processes. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running server process. */
export class ServerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #ending: Ending | null = null;
  readonly #ended: Promise<Ending>;

  private constructor(child: ChildProcess, pid: number, folder: string) {
    this.#child = child;
    this.pid = pid;
    this.#folder = folder;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#ending = { code, signal };
        if (heldFolders.has(folder)) hold(folder, null);
        resolve(this.#ending);
      });
    });
  }

  /** @throws OtterError OT7102 when the program cannot be run at all. */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const log = openSync(logFile(command.folder), 'a', 0o644);
    try {
      const child = spawn(command.command, command.args, {
        stdio: ['ignore', log, log],
        detached: true,
        cwd: command.folder,
        env: { PATH: process.env['PATH'] ?? '', LANG: 'C', ...command.env },
      });
      const pid = child.pid;
      if (pid === undefined) {
        const cause = await new Promise<Error>((resolve) => child.once('error', resolve));
        throw new OtterError('OT7102', `${command.command} cannot be run: ${cause.message}`, { cause });
      }
      hold(command.folder, pid);
      child.unref();
      return new ServerProcess(child, pid, command.folder);
    } finally {
      closeSync(log);
    }
  }

  /** How it ended, or null while it runs. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /** To the whole group; nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.#ending !== null) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Returns when the last thread has stopped: the signal alone only asks for it. */
  async freeze(): Promise<void> {
    this.signal('SIGSTOP');
    while (this.#ending === null && !(await hasStopped(this.pid))) await sleep(2);
  }

  async ended(): Promise<Ending> {
    this.#child.ref();
    return this.#ended;
  }

  /** Asks it to end, and after `graceMs` makes it. */
  async end(graceMs: number): Promise<Ending> {
    this.signal('SIGCONT');
    this.signal(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    try {
      return await this.ended();
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Waits until `answers` returns true. @throws OtterError OT7102 with the last lines of the log when the process ends
   * first or does not answer within `timeoutMs`.
   */
  async ready(
    what: string,
    answers: () => Promise<boolean>,
    timeoutMs: number,
    signal?: AbortSignal | undefined,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.#ending !== null) {
        const how = this.#ending.signal ?? `code ${this.#ending.code}`;
        throw new OtterError('OT7102', `${what} ended with ${how} while starting:\n${await logTail(this.#folder)}`);
      }
      if (await answers()) return;
      if (performance.now() > deadline) {
        throw new OtterError(
          'OT7102',
          `${what} did not answer within ${timeoutMs / 1000} s:\n${await logTail(this.#folder)}`,
        );
      }
      await sleep(40, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** By the letter of each thread's state; without /proc, by that of the process. */
async function hasStopped(pid: number): Promise<boolean> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => null);
  if (tasks === null) return (await run('ps', ['-o', 'state=', '-p', String(pid)])).output.trim().startsWith('T');
  const states = tasks.map(async (task) => readFile(`/proc/${pid}/task/${task}/stat`, 'latin1').catch(() => ') T'));
  // The name in parentheses may hold anything, parentheses too.
  return (await Promise.all(states)).every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'));
}

function logFile(folder: string): string {
  return join(folder, 'log');
}

/** The last lines a server wrote, most of all those that speak of errors. */
export async function logTail(folder: string): Promise<string> {
  const lines = (await readFile(logFile(folder), 'utf8').catch(() => '')).trimEnd().split('\n');
  const errors = lines.filter((line) => /error|fatal|unknown|cannot|can't/i.test(line));
  return (errors.length > 0 ? errors : lines)
    .slice(-8)
    .map((line) => `  ${line.slice(0, 300)}`)
    .join('\n');
}
