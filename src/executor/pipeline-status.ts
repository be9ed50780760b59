/**
 * `status/pipeline/<name>`: what the owner of a target reports, written when something changes and not on every row;
 * and deleted when the pipeline is no longer in the topology.
 *
 * Rule: every write compares the owner record and the channel's spec it rests on, so neither a former owner nor a
 * node that is behind the topology writes or deletes anything.
 */
import { isDeepStrictEqual } from 'node:util';
import { compileChannel } from '../model/pipeline.ts';
import type { Condition, Put, StateStore } from '../model/ports.ts';
import type { PipelineFigures, PipelineRecord } from '../model/records.ts';
import { parseKey, specKey, statusKey, statusPrefix } from '../state/keys.ts';
import type { World } from './world.ts';

const POSITION_EVERY_MS = 60_000;
/** Keeps a commit well below what a store takes, conditions included. */
const RECORDS_PER_COMMIT = 60;

/** Whether the record should be written, given the one written last. */
export function isDue(record: PipelineRecord, written: PipelineRecord | undefined): boolean {
  if (written === undefined) return true;
  const { position, updatedMs, ...rest } = record;
  const { position: writtenPosition, updatedMs: writtenMs, ...writtenRest } = written;
  if (!isDeepStrictEqual(rest, writtenRest)) return true;
  return position !== writtenPosition && updatedMs - writtenMs >= POSITION_EVERY_MS;
}

export function recordOf(figures: PipelineFigures, node: string, updatedMs: number): PipelineRecord {
  const { observedGeneration, phase, position, error } = figures;
  return { observedGeneration, phase, position, error, node, updatedMs };
}

export interface StatusOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly node: string;
  readonly world: World;
  readonly now: () => number;
}

export class PipelineStatus {
  readonly #options: StatusOptions;
  /** With the owner record it was written under: after another owner, everything is due again. */
  readonly #written = new Map<string, { readonly record: PipelineRecord; readonly owner: number | null }>();

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  /** Writes what is due of the pipelines into one owned database. */
  async report(owner: Condition, figures: Readonly<Record<string, PipelineFigures>>): Promise<void> {
    const { store, topology, node, now } = this.#options;
    const due = Object.entries(figures)
      .map(([pipeline, figure]) => ({
        pipeline,
        record: recordOf(figure, node, now()),
        channel: this.#channelOf(pipeline),
      }))
      .filter(({ pipeline, record }) => isDue(record, this.#last(pipeline, owner)))
      .filter(({ channel }) => channel !== null);
    for (let from = 0; from < due.length; from += RECORDS_PER_COMMIT) {
      const part = due.slice(from, from + RECORDS_PER_COMMIT);
      const channels = new Map(part.map(({ channel }) => [channel!.key, channel!]));
      const puts: Put[] = part.map(({ pipeline, record }) => ({
        key: statusKey(topology, 'pipeline', pipeline),
        value: JSON.stringify(record),
      }));
      const result = await store.commit({ conditions: [owner, ...channels.values()], puts, deletes: [] });
      // Not written: the owner or the topology is changing, and the next round knows more.
      if (result.ok)
        for (const { pipeline, record } of part) this.#written.set(pipeline, { record, owner: owner.revision });
    }
  }

  /** Deletes the records of pipelines that are not in the topology. */
  async sweep(): Promise<void> {
    const { store, topology } = this.#options;
    const { entries } = await store.list(statusPrefix(topology, 'pipeline'));
    for (const { key, revision } of entries) {
      const parsed = parseKey(key);
      if (parsed?.at !== 'status' || this.#channelOf(parsed.name) !== null) continue;
      this.#written.delete(parsed.name);
      const channel = parsed.name.slice(0, parsed.name.indexOf('/'));
      const spec = specKey(topology, 'channel', channel);
      await store.commit({
        conditions: [
          { key, revision },
          { key: spec, revision: this.#options.world.spec('channel', channel)?.revision ?? null },
        ],
        puts: [],
        deletes: [key],
      });
    }
  }

  #last(pipeline: string, owner: Condition): PipelineRecord | undefined {
    const written = this.#written.get(pipeline);
    return written?.owner === owner.revision ? written.record : undefined;
  }

  /** The spec of the channel that a pipeline in the topology belongs to, as a condition; null when there is none. */
  #channelOf(pipeline: string): Condition | null {
    const { world, topology } = this.#options;
    const channel = pipeline.slice(0, pipeline.indexOf('/'));
    const spec = world.spec('channel', channel);
    if (spec === null) return null;
    const known = compileChannel(channel, spec.record.spec).some(({ name }) => name === pipeline);
    return known ? { key: specKey(topology, 'channel', channel), revision: spec.revision } : null;
  }
}
