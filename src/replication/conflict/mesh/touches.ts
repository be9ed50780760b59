/**
 * What a change does to registers: it writes primary keys, and claims unique values for its row.
 *
 * Rules kept: a key change is a delete of the old key and a put of the new one. Only a put claims, and it claims every
 * unique value of its row, also those that it leaves as they were. To give a value up needs no register: what is left
 * behind by a put is an older claim.
 */
import type { LoadTable } from '../../../model/load.ts';
import type { AppliedTouches, Image, TableShape, TouchKind } from '../../../model/row.ts';
import type { LoadChange } from '../../window.ts';
import type { Digest } from '../key-log.ts';
import type { LockKeys } from '../keys.ts';

/** A change of a peer that asks to be taken; judged by its own transaction's version, and never by the window's. */
export interface MeshClaim {
  readonly change: LoadChange;
  /** Of its transaction's version; the site is the pipeline's source. */
  readonly clock: number;
  /** Up to which clock of this site's log the source had applied it before the transaction. */
  readonly seen: number;
  /** Its transaction in its own log; left out where nobody asks. */
  readonly gtid?: string;
}

export interface Touch {
  readonly kind: TouchKind;
  /** Lock key of the row, or of the unique value; see `keys.ts`. */
  readonly lock: string;
}

/** In the order in which they count. */
export function touches(
  keys: LockKeys,
  table: TableShape | LoadTable,
  before: Image | null,
  after: Image | null,
): Touch[] {
  const from = before === null ? null : keys.row(table, before);
  const to = after === null ? null : keys.row(table, after);
  const list: Touch[] = [];
  if (from !== null && from !== to) list.push({ kind: 'delete', lock: from });
  if (to === null) return list;
  for (const lock of keys.uniques(table, after!)) list.push({ kind: 'claim', lock });
  list.push({ kind: 'put', lock: to });
  return list;
}

/** Of every transaction of a window, in order: also of changes that lost, and of those that changed nothing here. */
export function appliedTouches(claims: readonly MeshClaim[], keys: LockKeys, digest: Digest): AppliedTouches[] {
  const list: { clock: number; touched: Map<string, TouchKind> }[] = [];
  for (const { change, clock } of claims) {
    let last = list.at(-1);
    if (last?.clock !== clock) {
      last = { clock, touched: new Map() };
      list.push(last);
    }
    for (const { kind, lock } of touches(keys, change.table, change.before, change.after))
      last.touched.set(digest(lock), kind);
  }
  return list;
}
