/** Tables of one server that go into one table, and count their keys each for itself: rows that have nothing to do with each other meet. */
import { isAmong } from '../model/column-names.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { tableName } from '../model/row.ts';
import type { Topology } from '../model/topology.ts';
import { type LiveFinding, ofTable } from './finding.ts';
import type { Answered } from './live.ts';
import { type Pair, pairsOf } from './pairs.ts';

export function mergedFindings(pipeline: PipelineSpec, source: Answered, topology: Topology): LiveFinding[] {
  if (pipeline.role !== 'one-way') return [];
  const counting = pairsOf(pipeline, source.report, topology).filter((pair) => countsAlone(pair, source));
  const merged = Map.groupBy(counting, ({ target }) => tableName(target));
  return [...merged].flatMap(([target, [first, second]]): LiveFinding[] =>
    second === undefined
      ? []
      : [
          {
            code: 'OT4063',
            severity: 'warning',
            summary: `${pipeline.name}: ${tableName(first!.source)} and ${tableName(second.source)} go into ${target}, and each counts its own AUTO_INCREMENT keys`,
            detail:
              'Rows with the same number overwrite each other in a copy. Tell them apart by a constant that is part of the key there: `columns: { set: { shard: 0 } }`.',
            at: ofTable(pipeline.channel, first!.entry),
          },
        ],
  );
}

/** Whether nothing but its counted key tells its rows from another table's: what is set is taken to. */
function countsAlone({ source: name, rule }: Pair, source: Answered): boolean {
  const table = source.tables.get(tableName(name));
  if (table?.autoIncrement !== true) return false;
  const { columns, primaryKey } = table.shape;
  const set = Object.keys(rule.rows?.set ?? {});
  return (
    set.every((one) =>
      isAmong(
        columns.map((column) => column.name),
        one,
      ),
    ) && primaryKey.length === 1
  );
}
