/**
 * Existing rows of the first site of a mesh on their way into another, while users write at all sites.
 *
 * Rules kept: a copied row is older than every write. It makes no entry, and takes nothing from anybody: it is placed if
 * nobody here has its key or one of its unique values, and nobody wrote one of them that the first site had not seen at
 * the chunk's high watermark. What is passed over for that is older than what stands in its way, or comes by itself from
 * the site that wrote it. Clocks do not do here: a delete that the first site's clock has passed may still be unseen
 * there. So while a copy is under way, what the first site has not seen stays in the registers.
 */
import type { LoadTable } from '../../../model/load.ts';
import type { Image } from '../../../model/row.ts';
import type { LockedRow } from '../decide.ts';
import type { LockKeys } from '../keys.ts';
import type { FoldState } from './log-fold.ts';
import type { LastWrites } from './registers.ts';
import type { StableClocks } from './stability.ts';

export interface CopiedRows {
  readonly table: LoadTable;
  readonly rows: readonly Image[];
  /** The site they are copied from. */
  readonly source: string;
  /** What that site had seen of all others at the high watermark. */
  readonly seen: FoldState['seen'];
}

/** What the loader has found and locked, as `footprint` of inserts of the rows says; then the reader passed the log's end. */
export interface Found {
  readonly present: readonly LockedRow[];
  readonly keys: LockKeys;
  readonly registers: LastWrites;
}

/** The rows to insert. */
export function placeable({ table, rows, source, seen }: CopiedRows, { present, keys, registers }: Found): Image[] {
  const taken = new Set(present.flatMap((row) => keys.touched(row.table, null, row.image)));
  return rows.filter((row) =>
    keys.touched(table, null, row).every((lock) => {
      const last = registers.last(lock);
      const known = last === null || last.site === source || last.clock <= (seen[last.site]?.clock ?? 0);
      return known && !taken.has(lock);
    }),
  );
}

/**
 * What may leave the registers while rows are copied here from `source`, which has `seen` so much by its checkpoint row
 * here. For as long registers are filled, after a restart, from where in this site's log the copy began.
 */
export function stableWhileCopying(stable: StableClocks, source: string, seen: FoldState['seen']): StableClocks {
  return Object.fromEntries(
    Object.entries(stable).map(([site, clock]) => [
      site,
      site === source ? clock : Math.min(clock, seen[site]?.clock ?? 0),
    ]),
  );
}
