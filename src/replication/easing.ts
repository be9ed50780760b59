/**
 * How much of the time a database is written, by how busy its server is: pure.
 *
 * Rules kept: over a limit the share is halved at every look, under all of them it comes back in steps; it never falls below
 * `LEAST_SHARE`, and no pause is longer than `PAUSE_MS_MAX`, so that a server which stays busy is written slowly, and never not at all.
 */
import { durationMs, saidDuration } from '../model/alerts/times.ts';
import type { ServerLoad } from '../model/load.ts';
import type { ThrottleSpec } from '../model/topology.ts';

export const LEAST_SHARE = 1 / 32;
export const PAUSE_MS_MAX = 5_000;
/** Of its last value, at every look that finds nothing over a limit. */
const RECOVERY = 1.25;
/** A window that took next to nothing is followed by a pause all the same. */
const LEAST_TOOK_MS = 20;

/** What is over its limit, in words; empty: nothing. */
export function excesses(limits: ThrottleSpec, load: ServerLoad): readonly string[] {
  const { threads_running: threads, replica_lag: lag } = limits;
  const found: string[] = [];
  if (threads !== undefined && load.threadsRunning !== null && load.threadsRunning > threads)
    found.push(`${load.threadsRunning} threads run (limit ${threads})`);
  if (lag !== undefined)
    for (const { endpoint, behindMs } of load.replicas)
      if (behindMs > durationMs(lag))
        found.push(`the replica ${endpoint} is ${saidDuration(behindMs)} behind (limit ${lag})`);
  return found;
}

/** @param share of the time that the database is written, from `LEAST_SHARE` to 1 */
export function nextShare(share: number, isOver: boolean): number {
  return isOver ? Math.max(LEAST_SHARE, share / 2) : Math.min(1, share * RECOVERY);
}

/** How long to rest after a window that took so long, for writing to have this share of the time. */
export function restMs(tookMs: number, share: number): number {
  if (share >= 1) return 0;
  return Math.min(PAUSE_MS_MAX, Math.max(tookMs, LEAST_TOOK_MS) * (1 / share - 1));
}
