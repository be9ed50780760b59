/** How long it takes until one process sees what another wrote to the same state file. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/state/open.ts';

const WATCHER = fileURLToPath(new URL('watcher/fixture.ts', import.meta.url));

/** Writes `count` keys at odd moments and resolves to the milliseconds each took, in the order they were heard of. */
export async function seenAfterMs(count: number): Promise<{ readonly keys: string[]; readonly ms: number[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'otter-two-'));
  const file = join(folder, 'state.db');
  const store = openStore(`file:${file}`);
  const watcher = spawn(process.execPath, [WATCHER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
  try {
    await lines.next();
    const writing = (async (): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        // A prime, so that the writes do not fall in step with whatever the watcher does at fixed times.
        await sleep(37);
        const value = String(performance.timeOrigin + performance.now());
        await store.commit({ conditions: [], puts: [{ key: `/two/${n}`, value }], deletes: [] });
      }
    })();
    const [keys, ms]: [string[], number[]] = [[], []];
    while (keys.length < count) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the watching process ended');
      const [key, took] = value.split(' ');
      keys.push(key!);
      ms.push(Number(took));
    }
    await writing;
    return { keys, ms };
  } finally {
    watcher.kill('SIGKILL');
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The value below which this share of them lies. */
export function quantile(ms: readonly number[], share: number): number {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
