/** The status of a topology as one value: what `otter status --json` prints and the dashboard draws. Names are snake_case because it is a contract with scripts. */
import type { CopyProgress, Phase } from './records.ts';

export interface StatusReport {
  readonly topology: string;
  readonly serial: number;
  readonly at: string;
  readonly regions: readonly { readonly name: string; readonly databases: readonly string[] }[];
  readonly nodes: readonly NodeStatus[];
  readonly channels: readonly ChannelStatus[];
  readonly files: readonly { readonly name: string; readonly ready: boolean }[];
  /** Who applies right now, or null. */
  readonly applying: string | null;
  /** Why the state store told nothing; the figures are then the nodes' own, asked at their ports. Null when it told. */
  readonly store_away: { readonly code: string; readonly message: string } | null;
}

export interface NodeStatus {
  readonly name: string;
  readonly region: string;
  readonly alive: boolean;
  readonly databases: readonly string[];
  readonly rss_bytes: number | null;
  readonly started: string | null;
  readonly version: string | null;
  /** Why it can own nothing. */
  readonly error: PipelineStatus['error'];
}

export interface ChannelStatus {
  readonly name: string;
  /** Every pipeline runs the applied generation and streams. */
  readonly ready: boolean;
  readonly generation: number;
  readonly pipelines: readonly PipelineStatus[];
}

export interface PipelineStatus {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly phase: Phase;
  readonly lag_ms: number | null;
  readonly position: string | null;
  readonly rows_applied: number;
  readonly rows_per_second: number;
  readonly conflicts: number;
  readonly drift: number;
  readonly observed_generation: number;
  readonly node: string | null;
  readonly copy: {
    readonly tables_done: number;
    readonly tables_total: number;
    readonly rows_done: number;
    readonly rows_total: number;
    readonly eta_ms: number | null;
  } | null;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  readonly waiting: string | null;
}

export function copyStatus(copy: CopyProgress | null): PipelineStatus['copy'] {
  return copy === null
    ? null
    : {
        tables_done: copy.tablesDone,
        tables_total: copy.tablesTotal,
        rows_done: copy.rowsDone,
        rows_total: copy.rowsTotal,
        eta_ms: copy.etaMs,
      };
}
