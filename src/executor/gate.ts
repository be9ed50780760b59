/**
 * The gate between two waves of an apply: the pipelines of what was just written run it, and lag less than was asked for.
 *
 * Rule: it only looks. A pipeline that copies has no lag yet and passes; one that rests does too; one that failed closes
 * the gate for good.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compileChannel } from '../model/pipeline.ts';
import type { StateStore } from '../model/ports.ts';
import type { ChannelSpec } from '../model/topology.ts';
import type { AppliedState, LiveState } from '../planner/change.ts';
import { readApplied } from './applied.ts';

/** What stands in the way. */
export interface Obstacle {
  readonly pipeline: string;
  readonly node: string | null;
  /** In words. */
  readonly why: string;
  /** Waiting longer is of no use. */
  readonly failed: boolean;
}

export interface GateOptions {
  readonly store: StateStore;
  readonly topology: string;
  /** Whose pipelines are looked at. */
  readonly channels: readonly string[];
  readonly maxLagMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told when it is another than before. */
  readonly waiting: (obstacles: readonly Obstacle[]) => void;
}

const LOOK_EVERY_MS = 300;

/** Empty when the gate is open. @throws the reason of `signal` */
export async function passGate(options: GateOptions): Promise<readonly Obstacle[]> {
  const { store, topology, channels, maxLagMs, timeoutMs, signal, waiting } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  let told = '[]';
  for (;;) {
    const { applied, live } = await readApplied(store, topology, signal);
    const obstacles = obstaclesOf(applied, live, channels, maxLagMs);
    if (obstacles.length === 0 || timeout.aborted || obstacles.some(({ failed }) => failed)) return obstacles;
    const text = JSON.stringify(obstacles.map(({ pipeline, why }) => [pipeline, why.replaceAll(/\d+/g, '')]));
    if (text !== told) waiting(obstacles);
    told = text;
    await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, timeout]) }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** Pure: what keeps the gate closed. */
export function obstaclesOf(
  applied: AppliedState,
  live: LiveState,
  channels: readonly string[],
  maxLagMs: number,
): Obstacle[] {
  return applied.specs.flatMap(({ kind, name, spec, generation }) => {
    if (kind !== 'channel' || !channels.includes(name)) return [];
    return compileChannel(name, spec as unknown as ChannelSpec).flatMap((pipeline): Obstacle[] => {
      if (!pipeline.enabled) return [];
      const node = live.owners[pipeline.target]?.node ?? null;
      const at = { pipeline: pipeline.name, node, failed: false };
      const figures = node === null ? undefined : live.nodes[node]?.pipelines[pipeline.name];
      if (figures === undefined) {
        return [{ ...at, why: node === null ? `no node owns ${pipeline.target}` : `${node} has not reported` }];
      }
      const { phase, observedGeneration, lagMs, error } = figures;
      if (observedGeneration < generation)
        return [{ ...at, why: `${node} runs generation ${observedGeneration}, not ${generation}` }];
      if (phase === 'failed') return [{ ...at, failed: true, why: `failed: ${error?.code ?? 'no reason given'}` }];
      if (phase === 'copying' || phase === 'paused') return [];
      if (phase !== 'streaming') return [{ ...at, why: `is ${phase}` }];
      if (lagMs === null) return [{ ...at, why: 'has not measured its lag yet' }];
      return lagMs <= maxLagMs ? [] : [{ ...at, why: `lags ${lagMs} ms, and at most ${maxLagMs} ms are asked for` }];
    });
  });
}
