/**
 * A process of its own that outlives whoever started private servers, by a moment: it holds a pipe to the starter, and when
 * the pipe closes, however the starter ended (SIGKILL included), it kills the servers that are still held and removes their
 * folders. It keeps one rule: what is released is no longer its business, what is held never survives the starter.
 *
 * Run as a program by `process.ts`; imports nothing of otter, so that it starts fast and cannot break with it.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

interface Held {
  /** Removed at the end; also how processes of a server are recognised: it is part of their command lines. */
  readonly folder: string;
  readonly pid: number | null;
}

const held = new Map<string, Held>();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  // A line cut short by the starter's death is no order.
  if (!line.endsWith('.')) return;
  const [verb, folder, pid] = line.slice(0, -1).split('\t');
  if (folder === undefined || folder === '') return;
  if (verb === 'hold') held.set(folder, { folder, pid: pid === undefined || pid === '' ? null : Number(pid) });
  if (verb === 'release') held.delete(folder);
});
lines.on('close', () => {
  for (const one of held.values()) killAll(one);
  for (const one of held.values()) {
    // Once more: a server that was just being started when its starter died.
    killAll(one);
    rmSync(one.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
  process.exit(0);
});

/** Where /proc tells which process is whose, a process id that was given to somebody else meanwhile is left alone. */
function killAll(one: Held): void {
  if (existsSync('/proc/self/cmdline')) {
    for (const entry of readdirSync('/proc')) {
      const pid = Number(entry);
      if (Number.isInteger(pid) && pid !== process.pid && commandLine(pid).includes(`${one.folder}/`)) kill(pid);
    }
  } else if (one.pid !== null) {
    kill(-one.pid);
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
