/**
 * Shortens the conflict log of an owned database, in the background and a few rows at a time, and empties `otter.skip`.
 *
 * Rule kept: nothing that loads rows waits for it; what fails is tried again with the next round.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../model/error.ts';
import type { TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Logger } from '../model/ports.ts';
import { conflictShares } from '../replication/conflict/keeping.ts';

export interface KeepingOptions {
  readonly target: Pick<TargetPort, 'recordedConflicts' | 'pruneConflicts' | 'pruneSkips'>;
  /** Two-way pipelines out of this database, as they are now. */
  readonly pipelines: () => readonly PipelineSpec[];
  readonly everyMs: number;
  readonly logger: Logger;
}

/** Until the signal aborts; begins at once. */
export async function keepConflictLog(options: KeepingOptions, signal: AbortSignal): Promise<void> {
  let failed = false;
  while (!signal.aborted) {
    try {
      await shorten(options, signal);
      failed = false;
    } catch (error) {
      if (!failed && !signal.aborted)
        options.logger.warn('the conflict log could not be shortened; it is tried again', { error: messageOf(error) });
      failed = true;
    }
    await sleep(options.everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function shorten({ target, pipelines }: KeepingOptions, signal: AbortSignal): Promise<void> {
  let skips = true;
  while (skips && !signal.aborted) skips = await target.pruneSkips();
  for (const share of conflictShares(await target.recordedConflicts(), pipelines())) {
    let more = true;
    while (more && !signal.aborted) more = await target.pruneConflicts(share);
  }
}
