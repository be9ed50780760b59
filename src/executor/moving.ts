/**
 * Moving the position of a pipeline that rests: a record of its own in the state store, which the owner of the target carries out
 * under its epoch, and which is taken away when it has.
 *
 * Rule kept: nobody writes a checkpoint behind a running loader. The record names where the pipeline stood, and means nothing
 * when it stands elsewhere, when its channel has changed, or when it goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { ErrorRecord, MoveRecord } from '../model/records.ts';
import type { ChannelSpec, DatabaseSpec } from '../model/topology.ts';
import { moveKey, skipKey } from '../state/keys.ts';
import { readApplied } from './applied.ts';
import type { AuditEntry } from './audit.ts';
import { isRestarting, type Standing } from './pausing.ts';

export interface Movable {
  /** As people know it, and under which it is kept. */
  readonly pipeline: string;
  readonly kept: string;
  readonly lineage: string;
  readonly generation: number;
  readonly source: { readonly name: string; readonly spec: DatabaseSpec };
  readonly target: { readonly name: string; readonly spec: DatabaseSpec };
}

/** @throws OtterError OT2046 when its position may not be moved */
export function movableOf(standing: Standing): Movable {
  const { rest, applied, pausedBy } = standing;
  if (rest.kind !== 'pipeline') {
    const names = rest.pipelines.map((name) => name.replace('>', ':')).join(' or ');
    throw notMoved('a position is that of one pipeline', `Name it: ${names}`);
  }
  const { direction, apply, enabled, dryRun } = rest.channel.spec as unknown as ChannelSpec;
  const word = rest.name.replace('>', ':');
  if (direction.kind === 'two-way') {
    throw notMoved(
      `${rest.name} is one direction of a two-way channel. What each site has seen of the other is read from the log in order; with a position moved, writes would count as seen that were not, and the sites would differ in silence`,
      'Have its tables copied again: take the channel out of the topology, apply, put it back, apply.',
    );
  }
  if (apply.lanes > 1)
    throw notMoved(`${rest.name} has several lanes`, 'Set `lanes: 1`, apply, and let it run for a moment.');
  if (dryRun === true) throw notMoved(`${rest.name} only counts (\`dry_run\`)`, 'Set `dry_run: false` first.');
  if ((pausedBy === null || isRestarting(standing)) && enabled)
    throw notMoved(`${rest.name} runs`, `First: otter pause ${word}`);
  const [source, target] = rest.name.slice(rest.name.indexOf('/') + 1).split('>');
  const database = (name: string): Movable['source'] => {
    const spec = applied.specs.find((one) => one.kind === 'database' && one.name === name)!.spec;
    return { name, spec: spec as unknown as DatabaseSpec };
  };
  if (database(target!).spec.engine === 'oracle')
    throw notMoved(
      `${target!} is an Oracle database`,
      'Begin the channel anew: take it out of the topology, apply, put it back, apply.',
    );
  return {
    pipeline: rest.name,
    kept: applied.names.keptPipeline(rest.name),
    lineage: applied.meta.record!.lineage,
    generation: rest.channel.generation,
    source: database(source!),
    target: database(target!),
  };
}

/** False when the channel was changed, or goes on. */
export async function move(
  store: StateStore,
  topology: string,
  { rest }: Standing,
  { pipeline, kept }: Movable,
  record: MoveRecord,
  audit: AuditEntry,
): Promise<boolean> {
  const { channel } = rest;
  const result = await store.commit({
    conditions: [{ key: channel.key, revision: channel.revision }],
    puts: [
      { key: moveKey(topology, kept), value: JSON.stringify(record) },
      audit.put({ what: about(pipeline, record), result: 'begun' }),
    ],
    // What was to be passed over may come again, and is then asked for again.
    deletes: [skipKey(topology, kept)],
  });
  return result.ok;
}

/** The record goes; the audit says how it ended. */
export async function ended(
  store: StateStore,
  topology: string,
  { pipeline, kept }: Movable,
  record: MoveRecord,
  audit: AuditEntry,
  code: string | null,
): Promise<void> {
  const result = code === null ? 'done' : 'failed';
  await store.commit({
    conditions: [],
    puts: [audit.put({ what: about(pipeline, record), result, code })],
    deletes: [moveKey(topology, kept)],
  });
}

const LOOK_EVERY_MS = 200;

/** Waits until its node reports that it stands there, or why not; `late`: that takes too long. @throws the reason of `signal` */
export async function moved(
  store: StateStore,
  topology: string,
  { pipeline }: Movable,
  to: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<'done' | 'late' | ErrorRecord> {
  const timeout = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const { live } = await readApplied(store, topology, signal);
    const found = Object.values(live.nodes).flatMap((node) => node.pipelines[pipeline] ?? []);
    const figures = found.find(({ phase }) => phase === 'paused');
    if (figures?.position === to) return 'done';
    if (figures?.error != null) return figures.error;
    if (timeout.aborted) return 'late';
    await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, timeout]) }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

function about(pipeline: string, { from, to, reason }: MoveRecord): string {
  return `pipeline.${pipeline}: ${from ?? 'nowhere'} -> ${to}${reason === null ? '' : `, because ${reason}`}`;
}

export function notMoved(message: string, hint: string): OtterError {
  return new OtterError('OT2046', `the position is not moved: ${message}`, { hint });
}
