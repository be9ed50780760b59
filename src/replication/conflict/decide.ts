/**
 * The slow path's decision: which changes of a window the serialiser takes, what it then writes, and what it answers.
 *
 * Rules kept: changes are decided one by one in the order of the spoke's log, before anything is merged, each by its own
 * token. A change that touches a refused key or value is refused too, until the window ends. Every refused change is
 * answered, for its old and its new key, with the row as this transaction leaves it. Nothing of the serialiser gives
 * way: a duplicate is a refusal, whether an entry explains it or not.
 *
 * Other policies take the place of `verdictOn` here and of `unseenWrite`; locking, writing and answering stay.
 */
import type { LoadTable, Write } from '../../model/load.ts';
import type { Answer, Image } from '../../model/row.ts';
import type { LoadChange } from '../window.ts';
import { unseenWrite } from './detect.ts';
import type { LockKeys } from './keys.ts';
import type { Recent, RecentEntry } from './recent.ts';
import type { Claim } from './tokens.ts';

/** A row as `LoadSession.lock` returns it: loaded columns first, then the table's extras. */
export interface LockedRow {
  readonly table: LoadTable;
  readonly image: Image;
}

export interface DecideInput {
  /** The pipeline from the spoke. */
  readonly pipeline: string;
  readonly claims: readonly Claim[];
  /** Every row that `footprint` of the changes found; a row may be listed more than once. */
  readonly present: readonly LockedRow[];
  readonly keys: LockKeys;
  readonly recent: Recent;
  /** What earlier pieces of the same transaction refused. */
  readonly refusedBefore?: ReadonlySet<string>;
}

export type Refusal = {
  readonly claim: Claim;
  /** The key or unique value that stood in the way. */
  readonly lock: string;
  /** The serialiser's row of the change's key (the old one, for a key change), or null. */
  readonly present: Image | null;
} & (
  | { readonly reason: 'recent write'; readonly entry: RecentEntry }
  /** A row has the key or the unique value, and no entry says since when. */
  | { readonly reason: 'duplicate'; readonly holder: Image }
  | { readonly reason: 'refused before' }
);

/** A row that was not as the spoke's log said it was, without anybody having written it lately; it is put right. */
export interface Drift {
  readonly change: LoadChange;
  readonly what: 'missing' | 'different';
}

/** An answer and the lock keys of its entry, to be stored beside it: the reader of the log notes them as they are. */
export interface AnswerPlan extends Answer {
  readonly locks: readonly string[];
}

export interface Verdict {
  /** In this order; rows that stay as they are are not written. */
  readonly writes: readonly Write[];
  readonly answers: readonly AnswerPlan[];
  readonly refused: readonly Refusal[];
  readonly drift: readonly Drift[];
  /** For the next piece of the same transaction. */
  readonly refusedLocks: ReadonlySet<string>;
}

/** A row of this site while the window is decided. */
interface Row {
  readonly table: LoadTable;
  /** As locked, extras included; null when there was none. */
  readonly before: Image | null;
  /** As it stands after the changes taken so far; extras included if it has any. */
  now: Image | null;
}

export function decide({ pipeline, claims, present, keys, recent, refusedBefore }: DecideInput): Verdict {
  const rows = new Rows(keys, present);
  const refusedLocks = new Set(refusedBefore);
  const refused: Refusal[] = [];
  const drift: Drift[] = [];
  for (const claim of claims) {
    const { change } = claim;
    const touched = keys.touched(change.table, change.before, change.after);
    const refusal = verdictOn(claim, touched, rows, refusedLocks, recent);
    if (refusal !== null) {
      refused.push(refusal);
      for (const lock of touched) refusedLocks.add(lock);
      continue;
    }
    const what = rows.take(change);
    if (what !== null) drift.push({ change, what });
  }
  return { writes: rows.writes(), answers: answersTo(refused, pipeline, rows, keys), refused, drift, refusedLocks };
}

/** Null when the change is taken. */
function verdictOn(
  claim: Claim,
  touched: readonly string[],
  rows: Rows,
  refusedLocks: ReadonlySet<string>,
  recent: Recent,
): Refusal | null {
  const { table, before, after } = claim.change;
  const present = rows.at(table, before ?? after!);
  const lock = touched.find((each) => refusedLocks.has(each));
  if (lock !== undefined) return { claim, lock, present, reason: 'refused before' };
  const unseen = unseenWrite(touched, claim, recent);
  if (unseen !== null) return { claim, lock: unseen.lock, present, reason: 'recent write', entry: unseen.entry };
  const blocker = after === null ? null : rows.inTheWay(table, before, after);
  if (blocker !== null) return { claim, present, reason: 'duplicate', ...blocker };
  return null;
}

function answersTo(refused: readonly Refusal[], pipeline: string, rows: Rows, keys: LockKeys): AnswerPlan[] {
  const asked = new Map<string, { table: LoadTable; key: Image; locks: Set<string> }>();
  for (const { claim } of refused) {
    const { table, before, after } = claim.change;
    for (const image of [before, after]) {
      if (image === null) continue;
      const row = keys.row(table, image);
      const answer = asked.get(row) ?? { table, key: image, locks: new Set([row]) };
      for (const lock of keys.touched(table, before, after)) answer.locks.add(lock);
      asked.set(row, answer);
    }
  }
  return [...asked.values()].map(({ table, key, locks }) => {
    const image = rows.at(table, key);
    if (image !== null) for (const lock of keys.uniques(table, image)) locks.add(lock);
    return {
      pipeline,
      table: table.target,
      key: table.key.map((index) => key[index]!),
      image: image === null ? null : fullImage(table, image),
      locks: [...locks],
    };
  });
}

/** The locked rows and who holds which unique value, changed as changes are taken. */
class Rows {
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
    return this.#rows.get(this.#keys.row(table, image))?.now ?? null;
  }

  /** What would make a duplicate of `after`, put in the place of `before`. */
  inTheWay(
    table: LoadTable,
    before: Image | null,
    after: Image,
  ): { readonly lock: string; readonly holder: Image } | null {
    const from = before === null ? null : this.#keys.row(table, before);
    const to = this.#keys.row(table, after);
    const there = this.#rows.get(to)?.now ?? null;
    if (to !== from && there !== null) return { lock: to, holder: there };
    for (const lock of this.#keys.uniques(table, after)) {
      const holder = this.#holders.get(lock);
      if (holder !== undefined && holder !== from) return { lock, holder: this.#rows.get(holder)!.now! };
    }
    return null;
  }

  /** Makes the change; says how the row differed from what the change starts from, or null. */
  take({ table, before, after }: LoadChange): Drift['what'] | null {
    const was = before === null ? null : this.#remove(table, before);
    if (after !== null) this.#put(table, was === null ? after : [...after, ...was.slice(table.columns.length)]);
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

  #remove(table: LoadTable, image: Image): Image | null {
    const key = this.#keys.row(table, image);
    const row = this.#rows.get(key);
    const was = row?.now ?? null;
    if (row === undefined || was === null) return null;
    for (const unique of this.#keys.uniques(table, was))
      if (this.#holders.get(unique) === key) this.#holders.delete(unique);
    row.now = null;
    return was;
  }

  #put(table: LoadTable, image: Image): void {
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

/** The table with the columns that do not travel, for rows that keep theirs. */
function withExtras(table: LoadTable): LoadTable {
  return { ...table, columns: [...table.columns, ...table.extras], extras: [] };
}

/** A row in the order of the table's own columns. Generated ones are the server's business and stay null. */
function fullImage(table: LoadTable, image: Image): Image {
  const at = new Map([...table.columns, ...table.extras].map(({ name }, index) => [name, index]));
  return table.target.columns.map(({ name }) => {
    const index = at.get(name);
    return index === undefined ? null : (image[index] ?? null);
  });
}
