/** The rows that a window may meet, as they were locked, changed as its changes are decided. */
import type { LoadTable, Write } from '../../../model/load.ts';
import type { Image } from '../../../model/row.ts';
import type { LockKeys } from '../keys.ts';
import type { LockedRow } from '../rows.ts';

interface Row {
  readonly table: LoadTable;
  /** As locked, with the columns that do not travel; null when there was none. */
  readonly before: Image | null;
  now: Image | null;
}

export class StandingRows {
  readonly #keys: LockKeys;
  readonly #rows = new Map<string, Row>();
  /** Unique value to the row that holds it now. */
  readonly #holders = new Map<string, string>();

  /** `present`: a row may be listed more than once. */
  constructor(keys: LockKeys, present: readonly LockedRow[]) {
    this.#keys = keys;
    for (const { table, image } of present) {
      const row = keys.row(table, image);
      this.#rows.set(row, { table, before: image, now: image });
      for (const unique of keys.uniques(table, image)) this.#holders.set(unique, row);
    }
  }

  at(row: string): Image | null {
    return this.#rows.get(row)?.now ?? null;
  }

  /** The row that holds the unique value, by its lock key. */
  holder(unique: string): string | null {
    return this.#holders.get(unique) ?? null;
  }

  /** Returns the image of the row that was there. */
  remove(lock: string): Image | null {
    const row = this.#rows.get(lock);
    const was = row?.now ?? null;
    if (row === undefined || was === null) return null;
    for (const unique of this.#keys.uniques(row.table, was))
      if (this.#holders.get(unique) === lock) this.#holders.delete(unique);
    row.now = null;
    return was;
  }

  /**
   * Instead of what was there, whose columns that do not travel it keeps; else it keeps those of `moved`, the row before
   * its key changed. No other row holds its unique values.
   */
  place(table: LoadTable, image: Image, moved: Image | null): void {
    const lock = this.#keys.row(table, image);
    const was = this.remove(lock) ?? moved;
    const whole = was === null ? image : [...image, ...was.slice(table.columns.length)];
    const row = this.#rows.get(lock);
    if (row === undefined) this.#rows.set(lock, { table, before: null, now: whole });
    else row.now = whole;
    for (const unique of this.#keys.uniques(table, image)) this.#holders.set(unique, lock);
  }

  /** Rows that differ from what was locked: all deletes first, so that values can move between rows. */
  writes(): Write[] {
    const byTable = new Map<LoadTable, { deletes: Image[]; fresh: Image[]; kept: Image[] }>();
    for (const { table, before, now } of this.#rows.values()) {
      if (before === now || (before !== null && now !== null && equal(before, now))) continue;
      const lists = byTable.get(table) ?? { deletes: [], fresh: [], kept: [] };
      byTable.set(table, lists);
      if (before !== null) lists.deletes.push(before);
      if (now !== null) (now.length > table.columns.length ? lists.kept : lists.fresh).push(now);
    }
    const deletes: Write[] = [];
    const inserts: Write[] = [];
    for (const [table, { deletes: gone, fresh, kept }] of byTable) {
      if (gone.length > 0) deletes.push({ kind: 'delete', table, rows: gone });
      if (fresh.length > 0) inserts.push({ kind: 'insert', table, rows: fresh });
      if (kept.length > 0) inserts.push({ kind: 'insert', table: withExtras(table), rows: kept });
    }
    return [...deletes, ...inserts];
  }
}

function equal(one: Image, other: Image): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** The table with the columns that do not travel, for rows that keep theirs. */
function withExtras(table: LoadTable): LoadTable {
  return { ...table, columns: [...table.columns, ...table.extras], extras: [] };
}
