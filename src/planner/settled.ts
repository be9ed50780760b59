/** Which generation of a channel all its pipelines have carried out, as nodes report it. */
import { compileChannel } from '../model/pipeline.ts';
import type { ChannelSpec } from '../model/topology.ts';
import type { LiveState } from './change.ts';

/** 0 while one of them has not come so far, or says that something is wrong with it; of one that never ran nothing is to come. */
export function settledGeneration(channel: string, spec: ChannelSpec, live: LiveState): number {
  return Math.min(...waitingFor(channel, spec, live).map(({ settled }) => settled));
}

/** Every pipeline, and up to which generation of the channel nothing is to come of tables that left with it. */
export function waitingFor(
  channel: string,
  spec: ChannelSpec,
  live: LiveState,
): readonly { readonly pipeline: string; readonly settled: number }[] {
  return compileChannel(channel, spec).map(({ name }) => ({ pipeline: name, settled: settledOf(name, live) }));
}

/** Whether any of its pipelines has ever been run by a node. */
export function hasRun(channel: string, spec: ChannelSpec, live: LiveState): boolean {
  return waitingFor(channel, spec, live).some(({ settled }) => settled !== Number.POSITIVE_INFINITY);
}

/** Infinity for one that no node has ever run. */
export function settledOf(pipeline: string, { nodes, pipelines }: LiveState): number {
  const told = Object.values(nodes).flatMap((node) => node.pipelines[pipeline] ?? []);
  // What living nodes say of themselves is newer than what is written down.
  const reports = told.length > 0 ? told : [pipelines[pipeline] ?? []].flat();
  return Math.min(
    ...reports.map(({ phase, error, observedGeneration }) =>
      error === null && (phase === 'streaming' || phase === 'copying') ? observedGeneration : 0,
    ),
  );
}
