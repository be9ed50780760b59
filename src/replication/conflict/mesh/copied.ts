/**
 * Existing rows of the first site of a mesh on their way into another, while users write at all sites.
 *
 * Rules kept: a copied row is older than every write. It makes no entry, and takes nothing from anybody: it is placed if
 * nobody here has its key or one of its unique values, and no register tells of them. What is passed over for that is
 * beaten already; or it was written by then, later than what stands in its way, and comes from the site that wrote it.
 * Clocks do not do here: a delete that the first site's clock has passed may still be unseen there, and its row on the
 * way. So while a copy is under way, what the first site has not seen stays in the registers.
 */
import type { LoadTable } from '../../../model/load.ts';
import type { Image } from '../../../model/row.ts';
import type { LockKeys } from '../keys.ts';
import type { LockedRow } from '../rows.ts';

import type { LastWrites } from './registers.ts';
import type { StableClocks } from './stability.ts';

/** What the loader has found and locked, as `footprint` of inserts of the rows says; then the reader passed the log's end. */
export interface Found {
  readonly present: readonly LockedRow[];
  readonly keys: LockKeys;
  readonly registers: LastWrites;
}

/** Those of a chunk's rows that are to be inserted. */
export function placeable(table: LoadTable, rows: readonly Image[], { present, keys, registers }: Found): Image[] {
  const taken = new Set(present.flatMap((row) => keys.touched(row.table, null, row.image)));
  return rows.filter((row) =>
    keys.touched(table, null, row).every((lock) => !taken.has(lock) && registers.last(lock) === null),
  );
}

/**
 * What may leave the registers while rows are copied here from `source`, which has `seen` so much by its checkpoint row
 * here. For as long registers are filled, after a restart, from where in this site's log the copy began.
 */
export function stableWhileCopying(
  stable: StableClocks,
  source: string,
  seen: Readonly<Record<string, { readonly clock: number }>>,
): StableClocks {
  return Object.fromEntries(
    Object.entries(stable).map(([site, clock]) => [
      site,
      site === source ? clock : Math.min(clock, Object.hasOwn(seen, site) ? seen[site]!.clock : 0),
    ]),
  );
}
