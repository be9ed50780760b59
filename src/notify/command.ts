/**
 * Notices to a program on the node: its arguments as they are written, no shell, the facts in its environment.
 *
 * Rule kept: of the node's own environment, where secrets are, it gets only what programs need to run.
 */
import { spawn } from 'node:child_process';
import type { Notice } from '../model/alerts/notice.ts';
import { OtterError } from '../model/error.ts';

export interface Running {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const HANDED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** @throws OtterError OT8153 when it cannot be run, ends with another code than 0, or takes too long */
export async function runCommand(
  [program = '', ...args]: readonly string[],
  notice: Notice,
  { env, timeoutMs, signal }: Running,
): Promise<void> {
  const own = Object.fromEntries(HANDED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const failed = (why: string, cause?: unknown): OtterError => new OtterError('OT8153', `${program} ${why}`, { cause });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  // What it prints is not read: who inherits its output cannot keep anybody waiting.
  const child = spawn(program, args, {
    env: { ...own, ...factsOf(notice) },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.on('error', (error) =>
    reject(failed(`cannot be run (${(error as NodeJS.ErrnoException).code ?? 'error'})`, error)),
  );
  child.on('exit', (code, by) => {
    if (code === 0) resolve(undefined);
    else reject(failed(code === null ? `was ended by ${by}` : `ended with code ${code}`));
  });
  // Who reads nothing from it closes it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${JSON.stringify(notice)}\n`);
  const late = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]);
  const end = (): void => {
    reject(
      failed(signal.aborted ? 'was ended with the node' : `had not ended after ${timeoutMs / 1000} s, and was ended`),
    );
    endGroup(child.pid);
  };
  late.addEventListener('abort', end, { once: true });
  try {
    await promise;
  } finally {
    late.removeEventListener('abort', end);
  }
}

/** With what it has started. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It ended in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function factsOf(notice: Notice): Record<string, string> {
  const { topology, alert, kind, incident, number, summary, on, when, since, node } = notice;
  return {
    OTTER_NOTICE: JSON.stringify(notice),
    OTTER_TOPOLOGY: topology,
    OTTER_ALERT: alert,
    OTTER_KIND: kind,
    OTTER_INCIDENT: incident,
    OTTER_NUMBER: String(number),
    OTTER_SUMMARY: summary,
    OTTER_ON: on,
    OTTER_WHEN: when,
    OTTER_SINCE: since,
    OTTER_NODE: node,
  };
}
