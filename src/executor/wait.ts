/**
 * Waiting until what was applied runs: every enabled pipeline is reported, at the applied generation, by a living owner,
 * and no living node has anything left to do for the applied serial. The second is for what changes no channel, as the
 * endpoints of a database do: what is reported of its pipelines may still be of before.
 *
 * Rule: it only looks. What is desired stays as it is, however the wait ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import { parseSide } from '../model/files.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { StateStore } from '../model/ports.ts';
import type { ErrorRecord, PipelineRecord } from '../model/records.ts';
import { firstOf } from '../model/suggest.ts';
import type { ChannelSpec, DatabaseSpec, NodeSpec } from '../model/topology.ts';
import type { AppliedState, LiveState } from '../planner/change.ts';
import { type ReadState, readApplied } from './applied.ts';

/** What a pipeline waits for. `node` is one to start or to look at; null when none is declared for the region. */
export interface Missing {
  readonly node: string | null;
  readonly database: string;
  readonly pipeline: string;
  /** Somebody who runs may report it yet; else a node must be started, or a pipeline mended that it follows. */
  readonly hope: boolean;
  /** What keeps it, as far as it was reported. */
  readonly error: ErrorRecord | null;
}

export interface FailedPipeline extends Pick<ErrorRecord, 'message' | 'hint'> {
  readonly pipeline: string;
  readonly node: string;
  readonly code: string | null;
}

export interface WaitResult {
  /** The time was over while somebody might still have reported. */
  readonly late: boolean;
  readonly running: readonly string[];
  readonly failed: readonly FailedPipeline[];
  readonly missing: readonly Missing[];
  /** Declared nodes that do not run or can own nothing; what they alone had to do they have not done. */
  readonly silent: readonly string[];
}

export interface WaitOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Once something has failed: how long nodes that may be starting just now are waited for. */
  readonly startMs?: number | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Told once for every failure, as soon as it is seen. */
  readonly onFailed?: ((failed: FailedPipeline) => void) | undefined;
  /** What is waited for, whenever that is something else than before. */
  readonly onWaiting?: ((waiting: readonly Awaited[]) => void) | undefined;
}

export interface Awaited {
  readonly pipeline: string;
  readonly node: string | null;
  /** In words. */
  readonly why: string;
}

const LOOK_EVERY_MS = 300;
const START_MS = 5_000;

/** @throws the reason of `signal` */
export async function waitForNodes(options: WaitOptions): Promise<WaitResult> {
  const { store, topology, signal, timeoutMs, startMs = START_MS } = options;
  const begun = performance.now();
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, timeout]);
  const tell = teller(options);
  let away = false;
  for (;;) {
    let state: ReadState;
    try {
      state = await readApplied(store, topology, signal);
    } catch (error) {
      // What was applied stays applied: the store may well be back before the time is over.
      if (signal.aborted || timeout.aborted || !isAway(error)) throw error;
      if (!away) options.onProgress?.(`${messageOf(error)}; waiting for it`);
      away = true;
      await sleep(LOOK_EVERY_MS, undefined, { signal: either }).catch(() => undefined);
      signal.throwIfAborted();
      continue;
    }
    away = false;
    const { applied, live } = state;
    const missing = missingOf(applied, live);
    const failed = failedOf(applied, live);
    tell(live, missing, failed);
    const starting = performance.now() - begun < startMs && missing.some(({ error }) => error === null);
    const over = missing.length === 0 || (failed.length > 0 && !starting && missing.every(({ hope }) => !hope));
    if (over || timeout.aborted) {
      const running = runningOf(applied, missing, failed);
      return { late: !over, running, failed, missing, silent: silentOf(applied, live) };
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal: either }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

function isAway(error: unknown): boolean {
  return error instanceof OtterError && error.code === 'OT3001';
}

/** Says what is new since it was called last. */
function teller({
  onProgress = () => undefined,
  onFailed = () => undefined,
  onWaiting = () => undefined,
}: WaitOptions) {
  const said = new Set<string>();
  let waiting = '';
  let awaited = '[]';
  const once = (key: string, say: () => void): void => {
    if (!said.has(key)) say();
    said.add(key);
  };
  return (live: LiveState, missing: readonly Missing[], failed: readonly FailedPipeline[]) => {
    for (const failure of failed) {
      once(`${failure.pipeline} ${failure.code} ${failure.message}`, () => onFailed(failure));
    }
    for (const { pipeline, error } of missing) {
      if (error === null) continue;
      const line = `${pipeline} does not run yet: ${error.code}: ${error.message}`;
      once(line, () => onProgress(line));
    }
    const now = missing.map((one) => awaitedOf(one, live));
    const seen = JSON.stringify(now);
    if (seen !== awaited) onWaiting(now);
    awaited = seen;
    const text = missing.length === 0 ? waiting : progressText(missing, live);
    if (text !== waiting) onProgress(text);
    waiting = text;
  };
}

function awaitedOf({ pipeline, node, database, error }: Missing, live: LiveState): Awaited {
  if (error !== null) return { pipeline, node, why: `${error.code}: ${error.message}` };
  if (node === null) return { pipeline, node, why: `no node for ${database}` };
  return { pipeline, node, why: live.nodes[node] === undefined ? `${node} does not run` : `${node} has not reported` };
}

/** Pure: what still has to be reported. */
export function missingOf(applied: AppliedState, live: LiveState): Missing[] {
  const databases = new Map(
    applied.specs.flatMap(({ kind, name, spec }) =>
      kind === 'database' ? [[name, spec as unknown as DatabaseSpec] as const] : [],
    ),
  );
  if (databases.size === 0) return leftovers(live);
  const regionOf = (database: string): string | null => databases.get(database)?.region ?? null;
  const behind = nodesBehind(applied, live);
  const failed = new Set(failedOf(applied, live).map(({ pipeline }) => pipeline));
  const missing = wantedPipelines(applied).flatMap(({ name, source, target, generation, reverse }): Missing[] => {
    const unowned = [target, source].filter((database) => !isOwned(database, regionOf(database), applied, live));
    if (unowned.length > 0) {
      return unowned.map((database) => {
        const nodes = nodesOf(regionOf(database), applied);
        const alive = (node: string): boolean => live.nodes[node] !== undefined;
        // A node of the region that does not run, else one that does and has not taken the database yet.
        const node = nodes.find((one) => !alive(one)) ?? nodes[0] ?? null;
        return { node, database, pipeline: name, hope: nodes.some(alive), error: null };
      });
    }
    const late = [target, source].find((database) => behind.includes(live.owners[database]!.node));
    if (late !== undefined)
      return [{ node: live.owners[late]!.node, database: late, pipeline: name, hope: true, error: null }];
    const record = reported(name, target, live);
    if (record !== undefined && record.observedGeneration >= generation && isUnderWay(record.phase)) return [];
    const error = record?.phase === 'failed' ? null : (record?.error ?? null);
    // The two directions of a pair begin together: the one cannot go on before the other is mended.
    const hope = error === null || reverse === null || !failed.has(reverse);
    return [{ node: live.owners[target]?.node ?? null, database: target, pipeline: name, hope, error }];
  });
  const named = new Set(missing.map(({ node }) => node));
  const others = behind.filter((node) => !named.has(node));
  return [
    ...missing,
    ...others.map((node) => ({ node, database: '', pipeline: `node.${node}`, hope: true, error: null })),
  ];
}

/** Declared nodes that live, could own something, and have not carried the applied serial out. */
function nodesBehind(applied: AppliedState, live: LiveState): string[] {
  const serial = applied.meta.record?.serial ?? 0;
  return declaredNodes(applied).filter((name) => {
    const node = live.nodes[name];
    // One of an earlier version does not tell.
    return node !== undefined && node.error == null && (node.settledSerial ?? serial) < serial;
  });
}

/** The newest that is known of a pipeline: what its owner says of itself is at least as new as what it wrote down. */
function reported(
  name: string,
  target: string,
  live: LiveState,
): (Pick<PipelineRecord, 'observedGeneration' | 'phase' | 'error'> & { readonly node: string }) | undefined {
  const owner = live.owners[target]?.node ?? '';
  const node = live.nodes[owner];
  const figures = node?.pipelines[name];
  if (figures !== undefined) return { ...figures, node: owner };
  const record = live.pipelines[name];
  // It took the database over a moment ago: what another wrote down is no word of its own. Earlier versions do not tell.
  return node?.settledSerial !== undefined && record?.node !== owner ? undefined : record;
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

/** Those that do not run, or can own nothing. */
function silentOf(applied: AppliedState, live: LiveState): string[] {
  return declaredNodes(applied).filter((node) => live.nodes[node] === undefined || live.nodes[node].error != null);
}

function declaredNodes(applied: AppliedState): string[] {
  return applied.specs.flatMap(({ kind, name }) => (kind === 'node' ? [name] : []));
}

/** After everything was destroyed: what nodes still hold. Without a living node there is nobody to wait for. */
function leftovers(live: LiveState): Missing[] {
  if (Object.keys(live.nodes).length === 0) return [];
  const pipelines = Object.entries(live.pipelines).map(([name, record]) => ({
    node: record.node,
    database: name.slice(name.indexOf('>') + 1),
    pipeline: name,
    hope: true,
    error: null,
  }));
  const covered = new Set(pipelines.map(({ database }) => database));
  const owned = Object.entries(live.owners).flatMap(([database, { node }]) =>
    covered.has(database) ? [] : [{ node, database, pipeline: leftover(database), hope: true, error: null }],
  );
  return [...pipelines, ...owned];
}

/** A side of a file set says itself what it is. */
function leftover(name: string): string {
  return parseSide(name) === null ? `database.${name}` : name;
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
  const behind = nodesBehind(applied, live);
  return wantedPipelines(applied).flatMap(({ name, source, target, generation }) => {
    const record = reported(name, target, live);
    // Nor does a node that has yet to look at what was changed of a database.
    if ([source, target].some((database) => behind.includes(live.owners[database]?.node ?? ''))) return [];
    // What failed under an earlier generation may be what was just mended.
    if (record?.phase !== 'failed' || record.observedGeneration < generation) return [];
    const { node, error } = record;
    const { code = null, message = 'no reason given', hint = null } = error ?? {};
    return [{ pipeline: name, node, code, message, hint }];
  });
}

function runningOf(
  applied: AppliedState,
  missing: readonly Missing[],
  failed: readonly FailedPipeline[],
): readonly string[] {
  const not = new Set([...missing, ...failed].map(({ pipeline }) => pipeline));
  return wantedPipelines(applied).flatMap(({ name }) => (not.has(name) ? [] : [name]));
}

/** By a node that lives, and that the topology has for it. */
function isOwned(database: string, region: string | null, applied: AppliedState, live: LiveState): boolean {
  const owner = live.owners[database];
  return owner !== undefined && live.nodes[owner.node] !== undefined && nodesOf(region, applied).includes(owner.node);
}

function nodesOf(region: string | null, applied: AppliedState): string[] {
  return applied.specs.flatMap(({ kind, name, spec }) =>
    kind === 'node' && (spec as unknown as NodeSpec).region === region ? [name] : [],
  );
}

function progressText(missing: readonly Missing[], live: LiveState): string {
  const pipelines = firstOf(missing.map(({ pipeline }) => pipeline));
  const toStart = missing.flatMap(({ node }) => (node === null || live.nodes[node] !== undefined ? [] : [node]));
  const start = firstOf(toStart.map((node) => `\`otter node ${node}\``));
  const unable = Object.entries(live.nodes).flatMap(([node, { error }]) =>
    error == null ? [] : [`; ${node} can own nothing: ${error.code}: ${error.message}`],
  );
  return `Waiting for ${pipelines}${start === '' ? '' : `; not running, to start: ${start}`}${unable.join('')}.`;
}
