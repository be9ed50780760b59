/** What in the live state is not as it was applied. Drift changes nothing in a plan; it tells a person what to look at. */
import { compileChannel } from '../model/pipeline.ts';
import type { ChannelSpec } from '../model/topology.ts';
import type { AppliedState, LiveState } from './change.ts';

export interface Drift {
  readonly address: string;
  readonly kind: 'failed' | 'behind' | 'paused' | 'undeclared';
  /** A sentence without a full stop. */
  readonly message: string;
}

export function driftOf(applied: AppliedState, live: LiveState): Drift[] {
  const pipelines = new Map(
    applied.specs.flatMap(({ kind, name, generation, spec }) =>
      kind === 'channel'
        ? compileChannel(name, spec as unknown as ChannelSpec).map(
            (one) => [one.name, { generation, enabled: one.enabled }] as const,
          )
        : [],
    ),
  );
  const nodes = new Set(applied.specs.flatMap(({ kind, name }) => (kind === 'node' ? [name] : [])));
  const found: Drift[] = [];
  const pauses = live.pauses ?? {};
  for (const [address, { by, host, at, reason }] of sorted(pauses)) {
    const why = reason === null ? '' : ` because ${reason}`;
    found.push({ address, kind: 'paused', message: `paused by ${by}@${host} since ${at}${why}` });
  }
  for (const [name, record] of sorted(live.pipelines)) {
    const address = `pipeline.${name}`;
    const wanted = pipelines.get(name);
    if (wanted === undefined) {
      found.push({ address, kind: 'undeclared', message: `reported by ${record.node}, but no applied channel has it` });
    } else if (record.phase === 'failed') {
      const why = record.error === null ? '' : `: ${record.error.code} ${record.error.message}`;
      found.push({ address, kind: 'failed', message: `failed on ${record.node}${why}` });
    } else if (record.observedGeneration < wanted.generation) {
      const text = `${record.node} runs generation ${record.observedGeneration}, applied is ${wanted.generation}`;
      found.push({ address, kind: 'behind', message: text });
    } else if (record.phase === 'paused' && wanted.enabled && !isPaused(name, pauses)) {
      found.push({ address, kind: 'paused', message: `paused on ${record.node}` });
    }
  }
  for (const [name, record] of sorted(live.nodes)) {
    if (!nodes.has(name)) {
      const message = `runs on ${record.host} (pid ${record.pid}), but no applied node has this name`;
      found.push({ address: `node.${name}`, kind: 'undeclared', message });
    }
  }
  return found;
}

/** By itself or with its channel. */
function isPaused(pipeline: string, pauses: NonNullable<LiveState['pauses']>): boolean {
  const channel = pipeline.slice(0, pipeline.indexOf('/'));
  return pauses[`pipeline.${pipeline}`] !== undefined || pauses[`channel.${channel}`] !== undefined;
}

function sorted<T>(records: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(records).sort(([a], [b]) => (a < b ? -1 : 1));
}
