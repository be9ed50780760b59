/** How long to wait before trying again: doubling, bounded, and spread so that many who failed together do not return together. */

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** `attempt` counts from 0; `random` is in [0, 1). The result is between half of the bound and the bound. */
export function backoffMs(attempt: number, { baseMs, maxMs }: Backoff, random: number): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(bound / 2 + (bound / 2) * random);
}
