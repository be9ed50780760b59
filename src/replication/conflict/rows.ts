/**
 * The rows of the serialiser that a window touches, and who holds which unique value, changed as changes are taken; and
 * what is to be written in the end.
 */
import type { LoadTable, Write } from '../../model/load.ts';
import type { Image } from '../../model/row.ts';
import { type LoadChange, withExtras } from '../window.ts';
import type { LockKeys } from './keys.ts';

/** A row as `LoadSession.lock` returns it: loaded columns first, then the table's extras. */
export interface LockedRow {
  readonly table: LoadTable;
  readonly image: Image;
}

/** A row that was not as the spoke's log said it was, without anybody having written it lately; it is put right. */
export interface Drift {
  readonly change: LoadChange;
  readonly what: 'missing' | 'different';
}

/** What stands in the way of a row: the key or unique value, and the row that has it. */
export interface Blocker {
  readonly lock: string;
  readonly holder: Image;
}

interface Row {
  readonly table: LoadTable;
  /** As locked, extras included; null when there was none. */
  readonly before: Image | null;
  /** As it stands after the changes taken so far; extras included if it has any. */
  now: Image | null;
}

export class Rows {
  readonly #keys: LockKeys;
  readonly #rows = new Map<string, Row>();
  /** Unique value to the row that holds it now. */
  readonly #holders = new Map<string, string>();

  constructor(keys: LockKeys, present: readonly LockedRow[]) {
    this.#keys = keys;
    for (const { table, image } of present) {
      const row = keys.row(table, image);
      this.#rows.set(row, { table, before: image, now: image });
      for (const unique of keys.uniques(table, image)) this.#holders.set(unique, row);
    }
  }

  /** The row with the key of `image`, as it stands now. */
  at(table: LoadTable, image: Image): Image | null {
    return this.standing(this.#keys.row(table, image));
  }

  /** The row of a lock key. */
  standing(lock: string): Image | null {
    return this.#rows.get(lock)?.now ?? null;
  }

  /** The row that holds a unique value, by its lock key. */
  holder(unique: string): string | null {
    return this.#holders.get(unique) ?? null;
  }

  /** All that would make a duplicate of `after`, put in the place of `before`. */
  inTheWay(table: LoadTable, before: Image | null, after: Image): Blocker[] {
    const from = before === null ? null : this.#keys.row(table, before);
    const to = this.#keys.row(table, after);
    const there = this.#rows.get(to)?.now ?? null;
    const blockers = to !== from && there !== null ? [{ lock: to, holder: there }] : [];
    for (const lock of this.#keys.uniques(table, after)) {
      const holder = this.#holders.get(lock);
      if (holder !== undefined && holder !== from) blockers.push({ lock, holder: this.#rows.get(holder)!.now! });
    }
    return blockers;
  }

  /** Makes the change; says how the row differed from what the change starts from, or null. */
  take({ table, before, after }: LoadChange): Drift['what'] | null {
    const was = before === null ? null : this.remove(table, before);
    if (after !== null) this.put(table, was === null ? after : [...after, ...was.slice(table.columns.length)]);
    if (before === null) return null;
    if (was === null) return 'missing';
    return before.every((value, index) => value === was[index]) ? null : 'different';
  }

  /** Rows that differ from what was locked: deleted first, then inserted, so that values can move between them. */
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
    for (const [table, lists] of byTable) {
      if (lists.deletes.length > 0) deletes.push({ kind: 'delete', table, rows: lists.deletes });
      if (lists.fresh.length > 0) inserts.push({ kind: 'insert', table, rows: lists.fresh });
      if (lists.kept.length > 0) inserts.push({ kind: 'insert', table: withExtras(table), rows: lists.kept });
    }
    return [...deletes, ...inserts];
  }

  /** The row as it was, or null. */
  remove(table: LoadTable, image: Image): Image | null {
    return this.removeStanding(this.#keys.row(table, image));
  }

  /** The row of a lock key, as it was. */
  removeStanding(lock: string): Image | null {
    const row = this.#rows.get(lock);
    const was = row?.now ?? null;
    if (row === undefined || was === null) return null;
    for (const unique of this.#keys.uniques(row.table, was))
      if (this.#holders.get(unique) === lock) this.#holders.delete(unique);
    row.now = null;
    return was;
  }

  /**
   * Instead of the row that is there, whose columns that do not travel it keeps; else it keeps those of `moved`, the row
   * before its key changed. Its unique values must be free.
   */
  replace(table: LoadTable, image: Image, moved: Image | null): void {
    const was = this.remove(table, image) ?? moved;
    this.put(table, was === null ? image : [...image, ...was.slice(table.columns.length)]);
  }

  /** Its key and unique values must be free. */
  put(table: LoadTable, image: Image): void {
    const key = this.#keys.row(table, image);
    const row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, { table, before: null, now: image });
    else row.now = image;
    for (const unique of this.#keys.uniques(table, image)) this.#holders.set(unique, key);
  }
}

function equal(one: Image, other: Image): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
