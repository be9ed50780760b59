/** Follows a prefix of the state store for as long as it is asked to: a list, then a watch, and anew when either fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backoff } from '../model/backoff.ts';
import { backoffMs } from '../model/backoff.ts';
import type { StateStore, WatchBatch } from '../model/ports.ts';

export interface FollowOptions {
  readonly store: StateStore;
  readonly prefix: string;
  readonly signal: AbortSignal;
  readonly random: () => number;
  /** The first batch, and the first after every failure, is the whole present state in the form of a reset. */
  readonly told: (batch: WatchBatch) => void;
  readonly failed: (error: unknown) => void;
}

const BACKOFF: Backoff = { baseMs: 100, maxMs: 3000 };

/** Resolves when `signal` aborts. */
export async function follow({ store, prefix, signal, random, told, failed }: FollowOptions): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const { revision, entries } = await store.list(prefix, { signal });
      told({ revision, reset: true, events: entries.map((entry) => ({ kind: 'put', entry })) });
      failures = 0;
      for await (const batch of store.watch(prefix, revision, signal)) told(batch);
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
    }
    const ms = backoffMs(failures, BACKOFF, random());
    failures += 1;
    await slept(ms, signal);
  }
}

/** False when `signal` aborted. */
export async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
