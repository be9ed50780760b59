/** Waiting before another attempt, in a site: a peer or a database that is back is found within a second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../model/backoff.ts';
import { messageOf } from '../model/error.ts';

const BACKOFF = { baseMs: 50, maxMs: 1_000 };

/** Waits before attempt number `attempt` + 2 (attempts count from 0). Returns early, quietly, when aborted. */
export async function backoff(attempt: number, signal: AbortSignal): Promise<void> {
  await sleep(backoffMs(attempt, BACKOFF, Math.random()), undefined, { signal }).catch(() => undefined);
}

/** Tries until it is done, once at least; returns quietly when aborted. @param failed told what went wrong at each attempt */
export async function untilDone(
  work: () => Promise<void>,
  signal: AbortSignal,
  failed: (message: string) => void,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (signal.aborted) return;
      failed(messageOf(error));
    }
    await backoff(attempt, signal);
  }
}
