/**
 * May a window be committed as it was written? Asked when all its rows are written and locked, and the reader of this
 * site's own log has passed the log's end.
 *
 * Rules kept: nothing that it touches has a write here that its own transaction had not seen. And everything it touches
 * is locked by what was written: a key or value that rows only pass through within the window is not, but its register
 * counts all the same, so somebody's older write that slips in before the commit would stay here and lose elsewhere.
 */
import type { LoadTable } from '../../../model/load.ts';
import type { LockKeys } from '../keys.ts';
import { fates, type LoadChange } from '../../window.ts';
import type { MeshClaim } from './claims.ts';
import type { LastWrite, LastWrites } from './registers.ts';
import { touches } from './touches.ts';
import { hasSeen } from './version.ts';

export interface Unseen {
  readonly claim: MeshClaim;
  readonly lock: string;
  readonly write: LastWrite;
}

/** The first write here that a change of `source` touches and had not seen, or null. */
export function firstUnseen(
  claims: readonly MeshClaim[],
  source: string,
  keys: LockKeys,
  registers: LastWrites,
): Unseen | null {
  if (registers.size === 0) return null;
  for (const claim of claims) {
    const { table, before, after } = claim.change;
    for (const { lock } of touches(keys, table, before, after)) {
      const write = registers.last(lock);
      if (write !== null && write.site !== source && !hasSeen(claim.seen, write)) return { claim, lock, write };
    }
  }
  return null;
}

/** A key or unique value that the window touches and `optimisticWrites` of it does not lock, or null. */
export function passedThrough(changes: readonly LoadChange[], keys: LockKeys): string | null {
  const byTable = Map.groupBy(changes, ({ table }) => table);
  for (const [table, list] of byTable) {
    const locked = locksOfWrites(table, list, keys);
    for (const { before, after } of list)
      for (const { lock } of touches(keys, table, before, after)) if (!locked.has(lock)) return lock;
  }
  return null;
}

/** Rows that were there are found and locked by their keys, or missed, and then the window is not committed so. */
function locksOfWrites(table: LoadTable, changes: readonly LoadChange[], keys: LockKeys): ReadonlySet<string> {
  const locked = new Set<string>();
  for (const { existed, key, after } of fates(table, changes).values()) {
    if (existed || after !== null) locked.add(keys.row(table, key));
    if (after !== null) for (const unique of keys.uniques(table, after)) locked.add(unique);
  }
  return locked;
}
