/** From where changes reach a table without a trace in the log. */
import type { SourcePort } from '../model/ports.ts';
import { type TableShape, tableName } from '../model/row.ts';
import { cascades } from '../replication/cascades.ts';
import type { Parents } from './pending-chunk.ts';

/** Tables from which a delete or key change reaches `table` through foreign keys that cascade without being logged. */
export async function cascadeParents(
  table: TableShape,
  source: Pick<SourcePort, 'shape'>,
  logsCascades: boolean,
): Promise<Parents> {
  const parents = new Map<string, Set<string>>();
  if (logsCascades) return parents;
  const open = [table];
  for (let child = open.pop(); child !== undefined; child = open.pop()) {
    for (const key of child.foreignKeys) {
      const { parentSchema, parentTable, parentColumns } = key;
      if (!cascades(key)) continue;
      const name = tableName({ schema: parentSchema, name: parentTable });
      const known = parents.get(name);
      const columns = known ?? new Set<string>();
      for (const column of parentColumns) columns.add(column.toLowerCase());
      if (known !== undefined) continue;
      parents.set(name, columns);
      const parent = await source.shape(parentSchema, parentTable);
      if (parent !== null) open.push(parent);
    }
  }
  return parents;
}
