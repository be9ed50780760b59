/** Which tables of a source a pipeline has, and where each goes. */
import type { ServerReport, TableName } from '../model/inspection.ts';
import { DRAFT_PREFIX } from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { tableName } from '../model/row.ts';
import type { Topology } from '../model/topology.ts';
import { mapName, ruleFor } from '../replication/names.ts';
import { pipelinesOf } from './live.ts';

export interface Pair {
  readonly source: TableName;
  readonly target: TableName;
  readonly rule: TableRule;
  /** Place of the rule among the channel's tables. */
  readonly entry: number;
}

export function pairsOf(pipeline: PipelineSpec, report: ServerReport, topology: Topology): Pair[] {
  const { tables } = pipeline;
  const own = topology.database[pipeline.source]!.schema;
  return report.tables.flatMap((source) => {
    if (source.schema === own || source.name.startsWith(DRAFT_PREFIX)) return [];
    const rule = ruleFor(tables, source.schema, source.name);
    if (rule === null) return [];
    const { schema, table } = mapName(rule, source.schema, source.name);
    return [{ source, target: { schema, name: table }, rule, entry: tables.indexOf(rule) }];
  });
}

/** By database: the tables whose columns, keys and triggers have to be known. */
export function wantedTables(
  topology: Topology,
  reports: ReadonlyMap<string, ServerReport>,
): ReadonlyMap<string, readonly TableName[]> {
  const wanted = new Map([...reports.keys()].map((name) => [name, new Map<string, TableName>()]));
  for (const pipeline of pipelinesOf(topology)) {
    const report = reports.get(pipeline.source);
    if (report === undefined) continue;
    for (const { source, target } of pairsOf(pipeline, report, topology)) {
      wanted.get(pipeline.source)?.set(tableName(source), source);
      wanted.get(pipeline.target)?.set(tableName(target), target);
    }
  }
  return new Map([...wanted].map(([name, tables]) => [name, [...tables.values()]]));
}
