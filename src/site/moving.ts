/**
 * The checkpoint of a pipeline that rests, moved to another place of its source's log, because a person wants it there.
 *
 * Rule kept: whoever owns the target does it, after a claim, by the same compare-and-set by which windows move it; from the place
 * that the person saw, and no other; and done twice it is done once.
 */
import { OtterError } from '../model/error.ts';
import type { TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { lettersInTheWay } from './setting-aside.ts';

export interface MoveOptions {
  readonly target: Pick<
    TargetPort,
    'prepare' | 'claim' | 'createCheckpoint' | 'lanes' | 'letters' | 'copies' | 'session'
  >;
  readonly ownerRevision: number;
  readonly born: number;
  readonly spec: PipelineSpec;
}

/** Where it stands then. @throws OtterError OT5085, OT5080 */
export async function moveCheckpoint({ target, ownerRevision, born, spec }: MoveOptions): Promise<string> {
  const { name, initial, role } = spec;
  const { from, to } = spec.move!;
  const refuse = (why: string): OtterError =>
    new OtterError('OT5085', `${name} is not moved: ${why}`, { where: { pipeline: name } });
  if (role !== 'one-way') throw refuse('it is one direction of a two-way channel');
  await target.prepare();
  const claimed = await target.claim(name, ownerRevision, born);
  if (claimed === null) {
    if (from !== null) throw refuse('it has not begun');
    if (initial === 'copy') throw refuse('it has not begun, and begins with a copy');
    const epoch = Math.max(1, ownerRevision);
    await target.createCheckpoint(name, { seq: 0, epoch, position: to, clock: 0, seen: {} }, born);
    return to;
  }
  if (claimed.position === to) return to;
  if (claimed.position !== from) throw refuse(`it stands at ${claimed.position}, and not where it was seen`);
  if ((await target.lanes(name)) !== null) throw refuse('its lanes have not all come to one place');
  if ((await target.letters(name, 0, 1)).length > 0)
    throw lettersInTheWay(name, name, 'what waits would not be in order any more');
  const copying = (await target.copies(name)).find(({ done }) => !done);
  if (copying !== undefined) throw refuse(`${copying.table} is still being copied, which hangs on where it stands`);
  await using session = await target.session(name);
  // What the log's clock is there, and what its writers had seen, nobody knows; one-way nothing hangs on it.
  const moved = { ...claimed, seq: claimed.seq + 1, position: to, clock: 0, seen: {} };
  await session.begin('read committed', false, claimed, moved, []);
  await session.commit();
  return to;
}
