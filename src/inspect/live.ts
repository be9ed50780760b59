/** A topology beside what its databases say: what the other rooms of this wing are given. */
import type { LiveTable, ServerReport } from '../model/inspection.ts';
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import type { Topology } from '../model/topology.ts';

/** A database that answered. */
export interface Answered {
  readonly report: ServerReport;
  /** By `tableName`: those of `wantedTables` that are there. */
  readonly tables: ReadonlyMap<string, LiveTable>;
}

export interface Live {
  readonly topology: Topology;
  /** By name; those that did not answer are missing. */
  readonly databases: ReadonlyMap<string, Answered>;
}

export function pipelinesOf(topology: Topology): PipelineSpec[] {
  return Object.entries(topology.channel).flatMap(([name, spec]) => compileChannel(name, spec));
}

/** Those that a channel uses. */
export function usedDatabases(topology: Topology): string[] {
  return [...new Set(pipelinesOf(topology).flatMap(({ source, target }) => [source, target]))];
}
