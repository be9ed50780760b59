/**
 * Pauses that have their time (`otter pause --for`) end by themselves: the node that sees it first has what rested go on, and says so
 * in the audit. Rule kept: only the pause that was seen is ended, never one that took its place.
 */
import { compileChannel } from '../model/pipeline.ts';
import type { StateStore } from '../model/ports.ts';
import { moveKey, type PausedKind, pauseKey } from '../state/keys.ts';
import type { AuditEntry } from './audit.ts';
import type { World } from './world.ts';

export interface PauseEnds {
  readonly store: StateStore;
  readonly topology: string;
  readonly world: World;
  readonly nowMs: number;
  readonly audit: () => AuditEntry;
}

/** Returns the addresses of what goes on. */
export async function endPauses({ store, topology, world, nowMs, audit }: PauseEnds): Promise<readonly string[]> {
  const ended: string[] = [];
  for (const { kind, name, seen } of world.pauses()) {
    const { until } = seen.record;
    if (until === undefined || Date.parse(until) > nowMs) continue;
    const key = pauseKey(topology, kind, name);
    const what = `${kind}.${name}`;
    // What was wanted of one that rests means nothing when it goes on.
    const moves = pipelinesOf(kind, name, world)
      .filter((pipeline) => world.isMoved(pipeline))
      .map((pipeline) => moveKey(topology, pipeline));
    const result = await store.commit({
      conditions: [{ key, revision: seen.revision }],
      puts: [audit().put({ what, result: 'done' })],
      deletes: [key, ...moves],
    });
    if (!result.ok) continue;
    world.deleted(key, result.revision);
    ended.push(what);
  }
  return ended;
}

function pipelinesOf(kind: PausedKind, name: string, world: World): readonly string[] {
  if (kind === 'pipeline') return [name];
  const spec = world.spec('channel', name)?.record.spec;
  return spec === undefined ? [] : compileChannel(name, spec).map((pipeline) => pipeline.name);
}
