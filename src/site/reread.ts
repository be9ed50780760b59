/**
 * Changed rows as their source has them now, in place of what the log has of them: `reread`.
 *
 * Every change of a row in the log brings the row as it is then or later, so the last one brings the last row; a row that is gone
 * meanwhile goes as the log has it, and its deletion follows. Deletions, and the images before, are the log's.
 */
import type { SourcePort } from '../model/ports.ts';
import type { Image, RowChange, TableShape } from '../model/row.ts';
import { keyText } from '../replication/load-table.ts';

/** @param rereads whether the rows of a table are read again; it has a primary key then */
export async function reread(
  changes: readonly RowChange[],
  rereads: (table: TableShape) => boolean,
  source: Pick<SourcePort, 'presentRows'>,
): Promise<readonly RowChange[]> {
  const wanted = new Map<TableShape, Map<string, Image>>();
  for (const change of changes) {
    if (change.kind === 'delete' || !rereads(change.table)) continue;
    const keys = wanted.get(change.table) ?? new Map<string, Image>();
    wanted.set(change.table, keys);
    keys.set(keyText(change.after, change.table.primaryKey), change.after);
  }
  const present = new Map<TableShape, ReadonlyMap<string, Image>>();
  for (const [table, keys] of wanted) {
    const rows = await source.presentRows(table, [...keys.values()]);
    present.set(table, new Map(rows.map((row) => [keyText(row, table.primaryKey), row])));
  }
  return changes.map((change) => {
    if (change.kind === 'delete') return change;
    const after = present.get(change.table)?.get(keyText(change.after, change.table.primaryKey));
    return after === undefined ? change : { ...change, after };
  });
}
