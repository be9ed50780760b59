/** Which tables the entries of channels mean, by what their sources have: each table belongs to the most exact entry. */
import type { TableName } from '../model/inspection.ts';
import { DRAFT_PREFIX } from '../model/load.ts';
import { compileChannel } from '../model/pipeline.ts';
import { tableName } from '../model/row.ts';
import type { ChannelTables, MatchedEntry } from '../model/status.ts';
import type { ChannelSpec } from '../model/topology.ts';
import { mapName, ruleFor } from '../replication/names.ts';

export interface SourceTables {
  /** Of otter's own tables there. */
  readonly schema: string;
  readonly tables: readonly TableName[];
}

/** @param sources by database; one that did not answer is not there */
export function matchedTables(
  channels: Readonly<Record<string, ChannelSpec>>,
  sources: ReadonlyMap<string, SourceTables>,
): ChannelTables[] {
  return Object.entries(channels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, spec]) => {
      const entries = spec.tables.map(({ from, to }): MatchedEntry => ({ from, to: to ?? from, tables: [] }));
      const reading = new Map(compileChannel(name, spec).map((pipeline) => [pipeline.source, pipeline]));
      for (const { source, tables: rules } of reading.values()) {
        const there = sources.get(source);
        for (const { schema, name: table } of there?.tables ?? []) {
          if (schema === there!.schema || table.startsWith(DRAFT_PREFIX)) continue;
          const rule = ruleFor(rules, schema, table);
          if (rule === null) continue;
          const to = mapName(rule, schema, table);
          const target = tableName({ schema: to.schema, name: to.table });
          const found = { database: source, table: tableName({ schema, name: table }), target };
          (entries[rules.indexOf(rule)]!.tables as (typeof found)[]).push(found);
        }
      }
      return { name, entries };
    });
}
