/**
 * May a window be committed as it was written? Asked when all its rows are written and locked, and the reader of this
 * site's own log has passed the log's end.
 *
 * Rules kept: nothing that it touches has a later write here, nor one of this site's own users that its transaction had
 * not seen, since that one is to be noted as lost. And everything it touches is locked by what was written: a key or value
 * that rows only pass through within the window is not, but its register counts all the same, so somebody's older write
 * that slips in before the commit would stay here and lose elsewhere.
 */
import { fates, type LoadChange } from '../../window.ts';
import type { LockKeys } from '../keys.ts';
import type { LastWrite, LastWrites } from './registers.ts';
import { type MeshClaim, touches } from './touches.ts';
import { later } from './version.ts';

export interface Opposed {
  readonly claim: MeshClaim;
  readonly lock: string;
  readonly write: LastWrite;
}

export interface Sites {
  /** The site that decides. */
  readonly own: string;
  /** The site whose users wrote the changes. */
  readonly source: string;
}

/** The first write here that needs a decision, or null. */
export function firstOpposed(
  claims: readonly MeshClaim[],
  { own, source }: Sites,
  keys: LockKeys,
  registers: LastWrites,
): Opposed | null {
  if (registers.size === 0) return null;
  for (const claim of claims) {
    const { table, before, after } = claim.change;
    for (const { lock } of touches(keys, table, before, after)) {
      const write = registers.last(lock);
      if (write === null) continue;
      const unseen = write.site === own && write.clock > claim.seen;
      if (unseen || later(write, { clock: claim.clock, site: source })) return { claim, lock, write };
    }
  }
  return null;
}

/**
 * A key or unique value that the window touches and `optimisticWrites` of it does not lock; or a key that it spells in two
 * ways, which are merged as two rows though the server has one: another site's write may have come in between; or a value
 * that would be left to a row though another has claimed it since: what took it from the first came to the source from
 * elsewhere. Or null.
 */
export function passedThrough(changes: readonly LoadChange[], keys: LockKeys): string | null {
  const byTable = Map.groupBy(changes, ({ table }) => table);
  for (const [table, list] of byTable) {
    // Rows that were there are found and locked by their keys, or missed, and then the window is not committed so.
    const locked = new Set<string>();
    const rows = new Set<string>();
    for (const { existed, key, after } of fates(table, list).values()) {
      const row = keys.row(table, key);
      if (rows.has(row)) return row;
      rows.add(row);
      if (existed || after !== null) locked.add(row);
      if (after !== null) for (const unique of keys.uniques(table, after)) locked.add(unique);
    }
    const claimed = new Map<string, string>();
    for (const { before, after } of list) {
      const row = after === null ? null : keys.row(table, after);
      for (const { kind, lock } of touches(keys, table, before, after)) {
        if (!locked.has(lock)) return lock;
        if (kind === 'claim') claimed.set(lock, row!);
      }
    }
    for (const { after } of fates(table, list).values()) {
      if (after === null) continue;
      const lost = keys.uniques(table, after).find((lock) => claimed.get(lock) !== keys.row(table, after));
      if (lost !== undefined) return lost;
    }
  }
  return null;
}
