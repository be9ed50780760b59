/**
 * The fast path's writes: a window of the spoke as if nothing could be in its way.
 *
 * Rule kept: nothing here overwrites or passes over a row that the spoke's log did not name. Every insert is plain, so
 * a row or unique value that is already there is a duplicate key error; rows that should be there and are not are
 * counted by the target (`WriteCounts`). Either sends the window to the slow path, which knows why.
 */
import type { LoadTable, Write } from '../../model/load.ts';
import type { Image } from '../../model/row.ts';
import { fates, type LoadChange } from '../window.ts';

export function optimisticWrites(changes: readonly LoadChange[]): Write[] {
  const byTable = new Map<LoadTable, LoadChange[]>();
  for (const change of changes) {
    const list = byTable.get(change.table);
    if (list === undefined) byTable.set(change.table, [change]);
    else list.push(change);
  }
  return [...byTable].flatMap(([table, list]) => {
    // Rows with columns that do not travel must keep them: they are updated where they stand, in the log's order.
    if (table.target.uniques.length > 0 && table.extras.length > 0) return list.map(single);
    return merged(table, list);
  });
}

/**
 * One final image a row. Where unique values may move between rows, rows that were there are deleted before any is
 * inserted, so that the order among them does not matter.
 */
function merged(table: LoadTable, changes: readonly LoadChange[]): Write[] {
  const inPlace = table.target.uniques.length === 0;
  const deletes: Image[] = [];
  const inserts: Image[] = [];
  const upserts: Image[] = [];
  for (const { existed, deleted, key, after } of fates(table, changes).values()) {
    const updates = inPlace && existed && !deleted && after !== null;
    if (existed && !updates) deletes.push(key);
    if (after !== null) (updates ? upserts : inserts).push(after);
  }
  const writes: Write[] = [];
  if (deletes.length > 0) writes.push({ kind: 'delete', table, rows: deletes });
  if (inserts.length > 0) writes.push({ kind: 'insert', table, rows: inserts });
  if (upserts.length > 0) writes.push({ kind: 'upsert', table, rows: upserts });
  return writes;
}

function single({ table, before, after }: LoadChange): Write {
  if (before === null) return { kind: 'insert', table, rows: [after!] };
  if (after === null) return { kind: 'delete', table, rows: [before] };
  return { kind: 'update', table, before, after };
}
