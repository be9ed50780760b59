/**
 * From where in its own log a site is in a mesh.
 *
 * Rule kept: what its log has from before it came into the mesh, or came back, tells of rows that are not there any more: its
 * tables are made the first site's. So nothing before that place is noted, and its clock is what the log's clock is there,
 * which is later than everything it has ever said.
 */
import type { LogOrigin, TargetPort } from '../model/load.ts';
import { coversGtid, parsePosition } from '../model/position.ts';
import type { LogListener } from './reader.ts';
import type { SiteLog } from './site-log.ts';

export interface MeshOriginOptions {
  readonly site: string;
  readonly target: Pick<TargetPort, 'origin' | 'recordedOrigin' | 'moveOrigin' | 'firstPosition' | 'beat'>;
  readonly log: Pick<SiteLog, 'join' | 'leave'>;
  readonly signal: AbortSignal;
}

/**
 * Where pipelines out of the site may begin, and the registers, unless peers are known to be further back.
 * @param life names the channel and since when the site is in it
 * @param begins whether nothing has come by any pipeline of the channel yet
 */
export async function meshOrigin(options: MeshOriginOptions, life: string, begins: boolean): Promise<LogOrigin> {
  const { site, target } = options;
  const moved = await target.origin(site);
  const recorded = await target.recordedOrigin(life);
  if (recorded !== null) return recorded.clock > moved.clock ? recorded : moved;
  if (!begins) return moved;
  const here = await presentPlace(options, moved);
  // Only once: who has begun there goes on from there.
  await target.moveOrigin(life, here);
  return here;
}

/** The log's end with its clock, which is folded from an earlier place on. */
async function presentPlace({ site, target, log, signal }: MeshOriginOptions, from: LogOrigin): Promise<LogOrigin> {
  const end = parsePosition((await target.firstPosition(site)).position);
  const { promise, resolve, reject } = Promise.withResolvers<LogOrigin>();
  const nothing = (): void => {};
  const listener: LogListener = {
    part: ({ last, gtid, position, clock, seen }) => {
      if (last && !coversGtid(end, gtid)) resolve({ position, clock, seen: { ...from.seen, ...seen } });
    },
    statement: nothing,
    unreadable: nothing,
    moved: nothing,
    ahead: () => null,
    failed: reject,
    broken: nothing,
    room: () => null,
  };
  const stopped = (): void => reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', stopped);
  log.join(listener, from);
  try {
    await target.beat(site);
    return await promise;
  } finally {
    signal.removeEventListener('abort', stopped);
    log.leave(listener);
  }
}
