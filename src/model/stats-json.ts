/** What `otter stats --json` prints. Names are snake_case because it is a contract with scripts. */

export interface StatsJson {
  readonly topology: string;
  /** The channel or pipeline that was asked for. */
  readonly of: string;
  /** Since when, and until when, as ISO times in UTC. */
  readonly since: string;
  readonly until: string;
  /** Length of a step, in seconds. */
  readonly step_s: number;
  readonly pipelines: readonly PipelineStatsJson[];
  /** Nodes that did not tell what they have kept. */
  readonly unread: readonly UnreadNodeJson[];
}

export interface UnreadNodeJson {
  readonly node: string;
  readonly code: string;
  readonly message: string;
}

export interface PipelineStatsJson {
  /** `channel/source>target`. */
  readonly pipeline: string;
  /** Of all steps together. */
  readonly total: StatsCountsJson;
  /** Steps of which something is known, oldest first. */
  readonly steps: readonly StatsStepJson[];
}

export interface StatsStepJson extends StatsCountsJson {
  /** When it begins. */
  readonly at: string;
}

export interface StatsCountsJson {
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
  /** Existing rows that were copied, rows sent again, and answers to refused changes. */
  readonly others: number;
  /** Rough size in memory of all of these. */
  readonly bytes: number;
  /** Of users. */
  readonly transactions: number;
  readonly conflicts: number;
  /** Windows with rows that were written. */
  readonly windows: number;
  /** Mean and largest lag in milliseconds, as seen every second; null: none was known. */
  readonly lag_mean_ms: number | null;
  readonly lag_max_ms: number | null;
  /** Time that was spent in writing, with nothing to write, and waiting for a busy target, in seconds. */
  readonly load_s: number;
  readonly idle_s: number;
  readonly stall_s: number;
  /** For how long it ran, and for how long of that it could not go on, in seconds. */
  readonly seen_s: number;
  readonly failing_s: number;
}
