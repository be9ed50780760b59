/** How long to wait before trying again: doubling, bounded, with jitter so that many do not try at once. */
import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_MS = 50;
/** A peer or a database that is back is found within this. */
const LONGEST_MS = 1_000;

/** Waits before attempt number `attempt` + 2 (attempts count from 0). Returns early, quietly, when aborted. */
export async function backoff(attempt: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  await sleep(ms / 2 + Math.random() * (ms / 2), undefined, { signal }).catch(() => undefined);
}
