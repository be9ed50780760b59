/**
 * What the slow path locks before it decides: every key that the window touches and every value of every unique key,
 * old and new, whether a row bears it or not.
 *
 * Rule kept: what is decided about is locked until the decision is committed, absent keys included (by gap locks, so
 * under repeatable read). Otherwise a user's write slips between the decision and the commit, and the answer tells the
 * spoke less than this site's log does.
 */
import type { LoadTable } from '../../model/load.ts';
import type { Image } from '../../model/row.ts';
import type { LoadChange } from '../window.ts';

/** Rows to lock: those whose `columns` have the values that one of `rows` has there. Fits `LoadSession.lock`. */
export interface LockRequest {
  readonly table: LoadTable;
  readonly columns: readonly number[];
  readonly rows: readonly Image[];
}

/** Primary keys come first, table by table in the order of first touch. Values are listed once. */
export function footprint(changes: readonly LoadChange[]): LockRequest[] {
  const byTable = new Map<LoadTable, Image[]>();
  for (const { table, before, after } of changes) {
    let images = byTable.get(table);
    if (images === undefined) {
      images = [];
      byTable.set(table, images);
    }
    if (before !== null) images.push(before);
    if (after !== null) images.push(after);
  }
  return [...byTable].flatMap(([table, images]) =>
    [table.key, ...table.uniques.map(({ columns }) => columns)].flatMap((columns) => {
      const rows = distinct(images, columns);
      return rows.length === 0 ? [] : [{ table, columns, rows }];
    }),
  );
}

function distinct(images: readonly Image[], columns: readonly number[]): Image[] {
  const seen = new Map<string, Image>();
  for (const image of images) {
    const values = columns.map((index) => image[index] ?? null);
    if (!values.includes(null)) seen.set(JSON.stringify(values), image);
  }
  return [...seen.values()];
}
