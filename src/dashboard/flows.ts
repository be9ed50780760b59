/** Pipelines seen as arrows between databases: what the map draws. Pure. */
import type { Phase } from '../model/records.ts';
import type { PipelineStatus, StatusReport } from '../model/status.ts';
import { allPipelines, channelOf, copyShare } from './figures.ts';

/** Everything that goes one way between two databases, over all channels. */
export interface Flow {
  readonly source: string;
  readonly target: string;
  readonly channels: readonly string[];
  /** Of the one that needs most attention. */
  readonly phase: Phase;
  /** The largest. */
  readonly lagMs: number | null;
  /** The pipeline that it is of. */
  readonly slowest: string;
  /** The sum. */
  readonly rowsPerSecond: number;
  /** Share of the copies that run, 0 to 1. */
  readonly copied: number | null;
}

/** Two databases and what flows between them. `left` has more partners, or comes earlier in the report. */
export interface Pair {
  readonly left: string;
  readonly right: string;
  readonly forward: Flow | null;
  readonly backward: Flow | null;
}

export interface FlowMap {
  /** Pairs by their left database, the one with most partners first. */
  readonly groups: readonly { readonly left: string; readonly pairs: readonly Pair[] }[];
  /** Databases that no pipeline reads or writes. */
  readonly alone: readonly string[];
  readonly regionOf: ReadonlyMap<string, string>;
}

const URGENCY: Readonly<Record<Phase, number>> = {
  streaming: 0,
  copying: 1,
  pending: 2,
  paused: 3,
  stopped: 4,
  failed: 5,
};

export function flowMap(report: StatusReport): FlowMap {
  const pipelines = allPipelines(report);
  const declared = report.regions.flatMap((region) => region.databases);
  const used = pipelines.flatMap((pipeline) => [pipeline.source, pipeline.target]);
  const partners = new Map<string, Set<string>>();
  for (const { source, target } of pipelines) {
    partners.set(source, (partners.get(source) ?? new Set()).add(target));
    partners.set(target, (partners.get(target) ?? new Set()).add(source));
  }
  const degree = (database: string): number => partners.get(database)?.size ?? 0;
  // A hub is drawn once, at the left of all that it is joined with.
  const order = [...new Set([...declared, ...used])].sort((a, b) => degree(b) - degree(a));
  const place = new Map(order.map((database, index) => [database, index]));
  // By their ends, the one that is declared first in front: of many databases few are joined.
  const joined = new Map<string, Map<string, PipelineStatus[]>>();
  for (const pipeline of pipelines) {
    const { source, target } = pipeline;
    const [left, right] = place.get(source)! < place.get(target)! ? [source, target] : [target, source];
    const rights = joined.get(left) ?? new Map<string, PipelineStatus[]>();
    rights.set(right, [...(rights.get(right) ?? []), pipeline]);
    joined.set(left, rights);
  }
  const groups = order.flatMap((left) => {
    const rights = [...(joined.get(left) ?? [])].sort(([a], [b]) => place.get(a)! - place.get(b)!);
    const pairs = rights.map(([right, between]) => ({
      left,
      right,
      forward: flow(between, left, right),
      backward: flow(between, right, left),
    }));
    return pairs.length === 0 ? [] : [{ left, pairs }];
  });
  const reached = new Set(used);
  return {
    groups,
    alone: order.filter((database) => !reached.has(database)),
    regionOf: new Map(
      report.regions.flatMap((region) => region.databases.map((database) => [database, region.name] as const)),
    ),
  };
}

function flow(pipelines: readonly PipelineStatus[], source: string, target: string): Flow | null {
  const all = pipelines.filter((pipeline) => pipeline.source === source && pipeline.target === target);
  if (all.length === 0) return null;
  const lags = all.flatMap((pipeline) => (pipeline.lag_ms === null ? [] : [pipeline.lag_ms]));
  const copies = all.flatMap((pipeline) =>
    pipeline.copy === null || pipeline.phase !== 'copying' ? [] : [copyShare(pipeline.copy)],
  );
  return {
    source,
    target,
    channels: all.map(channelOf),
    phase: all.reduce<Phase>((worst, one) => (URGENCY[one.phase] > URGENCY[worst] ? one.phase : worst), 'streaming'),
    lagMs: lags.length === 0 ? null : Math.max(...lags),
    slowest: all.reduce((a, b) => ((b.lag_ms ?? 0) > (a.lag_ms ?? 0) ? b : a)).name,
    rowsPerSecond: all.reduce((sum, one) => sum + one.rows_per_second, 0),
    copied: copies.length === 0 ? null : Math.min(...copies),
  };
}
