/** Waits until everything that the logs of some databases hold now has come to where it goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ComparedDatabase } from '../model/comparing.ts';
import { OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { covers, type Position, parsePosition } from '../model/position.ts';

export interface PassingOptions {
  readonly database: (name: string) => Promise<ComparedDatabase>;
  readonly lineage: string;
  /** The name under which otter's own tables know a pipeline. */
  readonly kept: (pipeline: string) => string;
  /** How long it may stand still. */
  readonly patienceMs: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 50;

/** @throws OtterError OT7020 when one of the pipelines does not come on */
export async function passed(pipelines: readonly PipelineSpec[], options: PassingOptions): Promise<void> {
  const { database, lineage, kept, patienceMs, now, signal } = options;
  const sources = [...new Set(pipelines.map(({ source }) => source))];
  const ends = new Map<string, Position>();
  for (const name of sources) ends.set(name, parsePosition(await (await database(name)).logEnd()));
  let open = pipelines;
  let moved = now();
  const last = new Map<string, string>();
  for (;;) {
    const left: PipelineSpec[] = [];
    for (const [target, mine] of Map.groupBy(open, (one) => one.target)) {
      const positions = await (await database(target)).checkpoints(lineage);
      for (const pipeline of mine) {
        const position = positions.get(kept(pipeline.name));
        if (position !== undefined && covers(parsePosition(position), ends.get(pipeline.source)!)) continue;
        left.push(pipeline);
        if (position !== undefined && last.get(pipeline.name) !== position) moved = now();
        if (position !== undefined) last.set(pipeline.name, position);
      }
    }
    open = left;
    if (open.length === 0) return;
    if (now() - moved > patienceMs) throw stands(open, patienceMs);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

function stands(open: readonly PipelineSpec[], patienceMs: number): OtterError {
  const names = open.map(({ name }) => name).join(', ');
  return new OtterError(
    'OT7020',
    `${names} has not come on for ${patienceMs / 1000} s, so what is on its way cannot be told from what is wrong`,
    { where: { pipelines: names }, hint: 'See `otter status`; when it streams, verify again.' },
  );
}
