/**
 * Passing over one transaction: a record of its own in the state store, which the owner of the target carries out under its epoch
 * when that transaction comes, and which is taken away when it has.
 *
 * Rule kept: it names the transaction before which the pipeline has stopped, never "the next".
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { PipelineFigures, SkipRecord } from '../model/records.ts';
import type { ChannelSpec } from '../model/topology.ts';
import { skipKey } from '../state/keys.ts';
import { readApplied } from './applied.ts';
import type { AuditEntry } from './audit.ts';
import type { Standing } from './pausing.ts';

/** Where a pipeline has stopped. */
export interface Stop {
  readonly pipeline: string;
  readonly transaction: string;
  /** What the target said. */
  readonly message: string;
  /** Up to where all is applied. */
  readonly position: string | null;
}

/** @throws OtterError OT2045 when it is no pipeline that may pass a transaction over, or it does not stand before one */
export function stopOf({ rest, live, pausedBy }: Standing): Stop {
  if (rest.kind !== 'pipeline')
    throw refused('a transaction is passed over by one pipeline', `Name it: ${rest.pipelines.map(typed).join(' or ')}`);
  const { direction, apply } = rest.channel.spec as unknown as ChannelSpec;
  if (direction.kind === 'two-way') {
    throw refused(
      `${rest.name} is one direction of a two-way channel, whose sites would differ in silence`,
      'Mend the cause at the target, or change the row at the source so that the target takes it.',
    );
  }
  if (apply.lanes > 1)
    throw refused(`${rest.name} has several lanes`, 'Set `lanes: 1` and apply; skip when it stands there again.');
  if (pausedBy !== null) throw refused(`${rest.name} is paused`, `First: otter resume ${rest.name.replace('>', ':')}`);
  const figures = figuresOf(live.nodes, rest.name);
  const { error = null, position = null } = figures ?? {};
  if (error?.transaction === undefined) {
    throw refused(
      `${rest.name} does not stand before a transaction that its target refuses`,
      '`otter status` shows where it stands.',
    );
  }
  return { pipeline: rest.name, transaction: error.transaction, message: error.message, position };
}

/** False when the channel was changed meanwhile. */
export async function skip(
  store: StateStore,
  topology: string,
  { rest, applied }: Standing,
  record: SkipRecord,
  audit: AuditEntry,
): Promise<boolean> {
  const { channel } = rest;
  const result = await store.commit({
    conditions: [{ key: channel.key, revision: channel.revision }],
    puts: [
      { key: skipKey(topology, applied.names.keptPipeline(rest.name)), value: JSON.stringify(record) },
      audit.put({ what: about(rest.name, record), result: 'begun' }),
    ],
    deletes: [],
  });
  return result.ok;
}

/** The record goes; the audit says how it ended. */
export async function ended(
  store: StateStore,
  topology: string,
  { rest, applied }: Standing,
  record: SkipRecord,
  audit: AuditEntry,
): Promise<void> {
  await store.commit({
    conditions: [],
    puts: [audit.put({ what: about(rest.name, record), result: 'done' })],
    deletes: [skipKey(topology, applied.names.keptPipeline(rest.name))],
  });
}

const LOOK_EVERY_MS = 200;

/** Waits until its node reports that it stands elsewhere; false when that takes too long. @throws the reason of `signal` */
export async function passed(
  store: StateStore,
  topology: string,
  stop: Stop,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const timeout = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const { live } = await readApplied(store, topology, signal);
    const figures = figuresOf(live.nodes, stop.pipeline);
    if (figures !== undefined && figures.position !== stop.position && figures.error?.transaction !== stop.transaction)
      return true;
    if (timeout.aborted) return false;
    await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, timeout]) }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

function figuresOf(nodes: Standing['live']['nodes'], pipeline: string): PipelineFigures | undefined {
  return Object.values(nodes)
    .map((node) => (Object.hasOwn(node.pipelines, pipeline) ? node.pipelines[pipeline] : undefined))
    .find((figures) => figures !== undefined);
}

function about(pipeline: string, { transaction, reason }: SkipRecord): string {
  return `pipeline.${pipeline}: transaction ${transaction}${reason === null ? '' : `, because ${reason}`}`;
}

function typed(pipeline: string): string {
  return `otter skip ${pipeline.replace('>', ':')}`;
}

function refused(message: string, hint: string): OtterError {
  return new OtterError('OT2045', `nothing is passed over: ${message}`, { hint });
}
