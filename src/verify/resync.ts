/** Asks a database to send rows again, and waits until its pipelines have done so. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ComparedDatabase } from '../model/comparing.ts';
import { OtterError } from '../model/error.ts';
import type { ResyncProgress, ResyncRequest } from '../model/resync.ts';

export interface ResyncWait {
  readonly lineage: string;
  /** How long it may stand still. */
  readonly patienceMs: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Told whenever it has come on. */
  readonly told?: (progress: ResyncProgress) => void;
}

const LOOK_EVERY_MS = 50;

/** @param request of one pipeline, by the name that otter's own tables know. @throws OtterError OT7022 */
export async function resync(
  database: ComparedDatabase,
  request: Omit<ResyncRequest, 'id'> & { readonly pipeline: string },
  { lineage, patienceMs, now, signal, told }: ResyncWait,
): Promise<ResyncProgress> {
  const id = await database.askResync(lineage, request);
  let last = '';
  for (let moved = now(); ; ) {
    const progress = await database.resynced(lineage, request.pipeline, id);
    if (progress !== null && progress.state !== 'running') return progress;
    const text = JSON.stringify(progress);
    if (text !== last) {
      moved = now();
      if (progress !== null) told?.(progress);
    }
    last = text;
    if (now() - moved > patienceMs) throw late(request, id, patienceMs);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

function late(
  { pipeline, table }: Pick<ResyncRequest, 'pipeline' | 'table'>,
  id: number,
  patienceMs: number,
): OtterError {
  return new OtterError(
    'OT7022',
    `${pipeline ?? ''} has not come on for ${patienceMs / 1000} s with what was asked for`,
    {
      where: { pipeline: pipeline ?? '', table, request: id },
      hint: 'It goes on by itself when the pipeline streams: see `otter status`.',
    },
  );
}
