/** Waiting before another attempt, in a site: a peer or a database that is back is found within a second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../model/backoff.ts';

const BACKOFF = { baseMs: 50, maxMs: 1_000 };

/** Waits before attempt number `attempt` + 2 (attempts count from 0). Returns early, quietly, when aborted. */
export async function backoff(attempt: number, signal: AbortSignal): Promise<void> {
  await sleep(backoffMs(attempt, BACKOFF, Math.random()), undefined, { signal }).catch(() => undefined);
}
