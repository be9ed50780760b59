/**
 * Numbers and states in words, the same on every screen and in plain lines: durations, counts, the tone of a lag, and the
 * health of a topology in one word.
 */
import type { NodeStatus, PipelineStatus, StatusReport } from '../model/status.ts';
import type { Tone } from './text.ts';

/** Lag up to here is calm. */
export const LAG_CALM_MS = 1_000;
/** Lag from here on is a problem. */
export const LAG_LATE_MS = 10_000;

export function lagTone(lagMs: number | null): Tone {
  if (lagMs === null) return 'dim';
  if (lagMs < LAG_CALM_MS) return 'good';
  return lagMs < LAG_LATE_MS ? 'warn' : 'bad';
}

/** `12 ms`, `1.4 s`, `34 s`, `2m05s`, `3h10m`, `2d04h`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** `1,204`; from a million on `1.20M`. */
export function count(value: number): string {
  const whole = Math.round(value);
  if (whole < 1_000_000) return String(whole).replace(/\B(?=(\d{3})+$)/g, ',');
  return whole < 1e9 ? `${(whole / 1e6).toFixed(2)}M` : `${(whole / 1e9).toFixed(2)}G`;
}

/** `95 MB`. */
export function megabytes(bytes: number): string {
  return `${count(bytes / 1_000_000)} MB`;
}

/** `12:04:31` by the clock on the wall. */
export function clock(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

/** Share of the copy that is done, 0 to 1. */
export function copyShare(copy: NonNullable<PipelineStatus['copy']>): number {
  if (copy.rows_total > 0) return Math.min(1, copy.rows_done / copy.rows_total);
  return copy.tables_total === 0 ? 1 : Math.min(1, copy.tables_done / copy.tables_total);
}

/** `42%`; only what is whole says 100. */
export function percent(share: number): string {
  return `${share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))}%`;
}

export function allPipelines(report: StatusReport): readonly PipelineStatus[] {
  return report.channels.flatMap((channel) => channel.pipelines);
}

/** The name of the channel in `channel/source>target`. */
export function channelOf(pipeline: PipelineStatus): string {
  const slash = pipeline.name.indexOf('/');
  return slash < 0 ? pipeline.name : pipeline.name.slice(0, slash);
}

export function ownerOf(report: StatusReport, database: string): NodeStatus | null {
  return report.nodes.find((node) => node.alive && node.databases.includes(database)) ?? null;
}

export interface Health {
  readonly word: string;
  readonly tone: Tone;
}

/** The worst thing that is so, in one word. */
export function health(report: StatusReport | null, storeAway: boolean): Health {
  if (report === null) return storeAway ? { word: 'unknown', tone: 'bad' } : { word: 'connecting', tone: 'dim' };
  if (storeAway) return { word: 'unknown', tone: 'bad' };
  const pipelines = allPipelines(report);
  const some = (phase: PipelineStatus['phase']): boolean => pipelines.some((one) => one.phase === phase);
  if (some('failed')) return { word: 'failed', tone: 'bad' };
  if (some('stopped')) return { word: 'stopped', tone: 'bad' };
  if (report.nodes.some((node) => !node.alive) || pipelines.some(({ error }) => error !== null))
    return { word: 'degraded', tone: 'bad' };
  if (pipelines.some((one) => one.phase === 'streaming' && (one.lag_ms ?? 0) >= LAG_LATE_MS)) {
    return { word: 'late', tone: 'bad' };
  }
  if (pipelines.length === 0) return { word: 'empty', tone: 'dim' };
  if (some('pending')) return { word: 'starting', tone: 'busy' };
  if (some('copying')) return { word: 'copying', tone: 'busy' };
  if (some('paused')) return { word: 'paused', tone: 'warn' };
  if (pipelines.some((one) => one.waiting !== null)) return { word: 'waiting', tone: 'warn' };
  return { word: 'healthy', tone: 'good' };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
