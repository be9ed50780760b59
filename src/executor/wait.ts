/**
 * Waiting until what was applied runs: every enabled pipeline is reported, at the applied generation, by a living owner.
 *
 * Rule: it only looks. What is desired stays as it is, however the wait ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compileChannel } from '../model/pipeline.ts';
import type { StateStore } from '../model/ports.ts';
import type { ChannelSpec, DatabaseSpec, NodeSpec } from '../model/topology.ts';
import type { AppliedState, LiveState } from '../planner/change.ts';
import { readApplied } from './applied.ts';

/** What a pipeline waits for. `node` is one to start or to look at; null when none is declared for the region. */
export interface Missing {
  readonly node: string | null;
  readonly database: string;
  readonly pipeline: string;
}

export interface FailedPipeline {
  readonly pipeline: string;
  readonly node: string;
  readonly code: string | null;
  readonly message: string;
}

export type WaitResult =
  | { readonly ready: true; readonly failed: readonly FailedPipeline[] }
  | { readonly ready: false; readonly missing: readonly Missing[]; readonly failed: readonly FailedPipeline[] };

export interface WaitOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly onProgress?: ((line: string) => void) | undefined;
}

const LOOK_EVERY_MS = 300;

/** @throws the reason of `signal` */
export async function waitForNodes(options: WaitOptions): Promise<WaitResult> {
  const { store, topology, signal, timeoutMs, onProgress = () => undefined } = options;
  const late = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, late]);
  let told = '';
  const toldFailed = new Set<string>();
  for (;;) {
    const { applied, live } = await readApplied(store, topology, signal);
    const missing = missingOf(applied, live);
    const failed = failedOf(applied, live);
    if (missing.length === 0) {
      // Only nodes reach the databases: who destroys without them should know what stays.
      const destroyed = applied.meta.record !== null && applied.specs.length === 0;
      if (destroyed && told === '' && Object.keys(live.nodes).length === 0) {
        onProgress("No node runs, so otter's own tables stay in the databases.");
      }
      return { ready: true, failed };
    }
    if (late.aborted) return { ready: false, missing, failed };
    for (const { pipeline, node, code, message } of failed) {
      if (toldFailed.has(pipeline)) continue;
      toldFailed.add(pipeline);
      onProgress(`${pipeline} failed on ${node} (${code ?? 'no code'}): ${message}`);
    }
    const text = progressText(missing, live);
    if (text !== told) onProgress(text);
    told = text;
    await sleep(LOOK_EVERY_MS, undefined, { signal: either }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** Pure: what still has to be reported. */
export function missingOf(applied: AppliedState, live: LiveState): Missing[] {
  const databases = new Map(
    applied.specs.flatMap(({ kind, name, spec }) =>
      kind === 'database' ? [[name, spec as unknown as DatabaseSpec] as const] : [],
    ),
  );
  if (databases.size === 0) return leftovers(live);
  return wantedPipelines(applied).flatMap(({ name, source, target, generation }) => {
    const unowned = [target, source].filter((database) => !isOwned(database, live));
    if (unowned.length > 0) {
      return unowned.map((database) => ({
        node: nodeFor(databases.get(database)?.region ?? null, applied, live),
        database,
        pipeline: name,
      }));
    }
    const record = live.pipelines[name];
    if (record !== undefined && record.observedGeneration >= generation && isUnderWay(record.phase)) return [];
    return [{ node: live.owners[target]?.node ?? null, database: target, pipeline: name }];
  });
}

function isUnderWay(phase: LiveState['pipelines'][string]['phase']): boolean {
  switch (phase) {
    case 'copying':
    case 'streaming':
    case 'paused':
    case 'failed':
      return true;
    case 'pending':
    case 'stopped':
      return false;
    default:
      return phase satisfies never;
  }
}

/** After everything was destroyed: what nodes still hold. Without a living node there is nobody to wait for. */
function leftovers(live: LiveState): Missing[] {
  if (Object.keys(live.nodes).length === 0) return [];
  const pipelines = Object.entries(live.pipelines).map(([name, record]) => ({
    node: record.node,
    database: name.slice(name.indexOf('>') + 1),
    pipeline: name,
  }));
  const covered = new Set(pipelines.map(({ database }) => database));
  const owned = Object.entries(live.owners).flatMap(([database, { node }]) =>
    covered.has(database) ? [] : [{ node, database, pipeline: `database.${database}` }],
  );
  return [...pipelines, ...owned];
}

function wantedPipelines(applied: AppliedState) {
  return applied.specs.flatMap(({ kind, name, generation, spec }) =>
    kind === 'channel'
      ? compileChannel(name, spec as unknown as ChannelSpec)
          .filter(({ enabled }) => enabled)
          .map((pipeline) => ({ ...pipeline, generation }))
      : [],
  );
}

function failedOf(applied: AppliedState, live: LiveState): FailedPipeline[] {
  return wantedPipelines(applied).flatMap(({ name, generation }) => {
    const record = live.pipelines[name];
    // What failed under an earlier generation may be what was just mended.
    if (record?.phase !== 'failed' || record.observedGeneration < generation) return [];
    const { node, error } = record;
    return [{ pipeline: name, node, code: error?.code ?? null, message: error?.message ?? 'no reason given' }];
  });
}

function isOwned(database: string, live: LiveState): boolean {
  const owner = live.owners[database];
  return owner !== undefined && live.nodes[owner.node] !== undefined;
}

/** A node of the region that does not run, else one that does and has not taken the database yet. */
function nodeFor(region: string | null, applied: AppliedState, live: LiveState): string | null {
  const nodes = applied.specs.flatMap(({ kind, name, spec }) =>
    kind === 'node' && (spec as unknown as NodeSpec).region === region ? [name] : [],
  );
  return nodes.find((name) => live.nodes[name] === undefined) ?? nodes[0] ?? null;
}

function progressText(missing: readonly Missing[], live: LiveState): string {
  const pipelines = [...new Set(missing.map(({ pipeline }) => pipeline))];
  const toStart = [
    ...new Set(missing.flatMap(({ node }) => (node === null || live.nodes[node] !== undefined ? [] : [node]))),
  ];
  const start = toStart.map((node) => `otter node ${node}`).join(', ');
  return `Waiting for ${pipelines.join(', ')}${start === '' ? '' : `; not running, to start: ${start}`}.`;
}
