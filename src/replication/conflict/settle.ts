/**
 * Whose a contested row is, by the policy of its table.
 *
 * - *As a whole*: the change is taken as it is, or refused.
 * - *By parts*, where the policy lets two writes of one row both survive and the row is there: each group of columns that
 *   the change wrote is won or lost by itself, and what it added to a counter is added to the row.
 *
 * Where the later write wins, a row that has the change's key or one of its unique values gives way to it when an entry
 * says that somebody wrote it lately; what nothing explains stays (rows that differed before, or are still to be copied).
 */
import type { Image } from '../../model/row.ts';
import type { LoadChange } from '../window.ts';
import type { ColumnRules } from './column-rules.ts';
import { beatenBy, type Contest, standsAgainst } from './contest.ts';
import { added, holds } from './counter.ts';
import type { LockKeys } from './keys.ts';
import type { RecentEntry } from './recent.ts';
import type { Blocker, LockedRow, Rows } from './rows.ts';
import type { Stamp } from './stamp.ts';

/** Names of columns; null: the row as a whole. */
export type Columns = ReadonlySet<string> | null;

/** What the change lost to. */
export type Against = { readonly lock: string } & (
  | { readonly reason: 'contest'; readonly entry: RecentEntry | null }
  | { readonly reason: 'duplicate'; readonly holder: Image }
  /** The sum of a counter is more than its column holds. */
  | { readonly reason: 'no room' }
);

/** A row that gave way, and the write that had put it there, where that is known. */
export interface Evicted extends LockedRow {
  readonly entry: RecentEntry | null;
}

export interface Settlement {
  readonly taken: boolean;
  /** What the change lost and won of its row. */
  readonly lost: Columns;
  readonly won: Columns;
  /** Null when it lost nothing. */
  readonly against: Against | null;
  /** The write that lost what the change has won; null: none did. */
  readonly beaten: RecentEntry | null;
  /** Other rows that gave way. */
  readonly evicted: readonly Evicted[];
  /** The row that had the key, where the change is no update of it. */
  readonly overwritten: LockedRow | null;
}

export interface SettleInput {
  readonly change: LoadChange;
  readonly rules: ColumnRules;
  readonly contests: readonly Contest[];
  /** Null: whatever was there first stands. */
  readonly stamp: Stamp | null;
  /** Changed when the change is taken. */
  readonly rows: Rows;
  readonly keys: LockKeys;
}

const NO_COLUMNS: ReadonlySet<string> = new Set();

export function settle(input: SettleInput): Settlement {
  const { change, rules, rows } = input;
  const present = change.kind === 'update' && rules.merges ? rows.at(change.table, change.before!) : null;
  return present === null ? asWhole(input) : byParts(input, present);
}

/** Refused as a whole. */
export function refusal(against: Against): Settlement {
  return { taken: false, lost: null, won: NO_COLUMNS, against, beaten: null, evicted: [], overwritten: null };
}

function asWhole({ change, contests, stamp, rows, keys }: SettleInput): Settlement {
  const { table, before, after } = change;
  const standing = standsAgainst(contests, 'row', stamp);
  if (standing !== null) return refusal({ lock: standing.lock, reason: 'contest', entry: standing.entry });
  const blockers = after === null ? [] : rows.inTheWay(table, before, after);
  const firm = blockers.find((blocker) => !givesWay(blocker, contests, stamp));
  if (firm !== undefined) return refusal(heldBy(firm, contests));
  const [from, to] = [before, after].map((image) => (image === null ? null : keys.row(table, image)));
  const beaten = [from, to].map((lock) =>
    beatenBy(
      contests.filter((each) => each.lock === lock),
      null,
    ),
  );
  // A row of the same key is not put aside but written over: it keeps the columns that do not travel.
  const own = blockers.find(({ lock }) => lock === to);
  const others = new Set(blockers.map(({ holder }) => holder));
  if (own !== undefined) others.delete(own.holder);
  for (const holder of others) rows.remove(table, holder);
  const kept = (before === null ? null : rows.remove(table, before)) ?? (own === undefined ? null : own.holder);
  if (own !== undefined) rows.remove(table, own.holder);
  if (after !== null) rows.put(table, kept === null ? after : [...after, ...kept.slice(table.columns.length)]);
  return {
    taken: true,
    lost: NO_COLUMNS,
    won: null,
    against: null,
    beaten: beaten.find((entry) => entry !== null) ?? null,
    evicted: [...others].map((image) => ({ table, image, entry: entryOf(image, blockers, contests) })),
    overwritten: own === undefined ? null : { table, image: own.holder },
  };
}

function byParts({ change, rules, contests, stamp, rows, keys }: SettleInput, present: Image): Settlement {
  const { table } = change;
  const [before, after] = [change.before!, change.after!];
  const onRow = contests.filter(({ lock }) => lock === keys.row(table, before));
  const lost = new Set<string>();
  const won = new Set<string>();
  const evicted = new Map<Image, RecentEntry | null>();
  let image = present;
  let against: Against | null = null;
  let adds = false;
  const loses = (names: Iterable<string>, to: Against): void => {
    against ??= to;
    for (const name of names) lost.add(name);
  };
  const changed = (index: number): boolean => before[index] !== after[index];
  for (const group of rules.groups.filter(({ columns }) => columns.some(changed))) {
    const trial = image.map((value, index) => (group.columns.includes(index) ? after[index]! : value));
    // Its unique values, and its key, as far as the row does not have them already.
    const had = new Set(keys.touched(table, null, image));
    const fresh = new Set(keys.touched(table, null, trial).filter((lock) => !had.has(lock)));
    const onFresh = contests.filter(({ lock }) => fresh.has(lock));
    const standing = standsAgainst(onRow, group.names, stamp) ?? standsAgainst(onFresh, 'row', stamp);
    const blockers = rows.inTheWay(table, present, trial).filter(({ holder }) => !evicted.has(holder));
    const firm = blockers.find((blocker) => !givesWay(blocker, contests, stamp));
    if (standing !== null) loses(group.names, { lock: standing.lock, reason: 'contest', entry: standing.entry });
    else if (firm !== undefined) loses(group.names, heldBy(firm, contests));
    else {
      image = trial;
      for (const name of group.names) won.add(name);
      for (const { holder } of blockers) evicted.set(holder, entryOf(holder, blockers, contests));
    }
  }
  for (const index of rules.counters.filter(changed)) {
    const column = table.columns[index]!;
    const names = new Set([column.name]);
    const sum = added(present[index]!, before[index]!, after[index]!);
    // To NULL, or from it, nothing is added: it is written like any other column.
    const standing = standsAgainst(onRow, sum === null ? names : 'counter', stamp);
    if (standing !== null) loses(names, { lock: standing.lock, reason: 'contest', entry: standing.entry });
    else if (sum !== null && !holds(column, sum)) loses(names, { lock: keys.row(table, before), reason: 'no room' });
    else {
      image = image.with(index, sum ?? after[index]!);
      if (sum === null) won.add(column.name);
      else adds = true;
    }
  }
  const nobody = { beaten: null, evicted: [], overwritten: null };
  if (won.size === 0 && !adds) return { taken: false, lost, won, against, ...nobody };
  for (const holder of evicted.keys()) rows.remove(table, holder);
  rows.remove(table, present);
  rows.put(table, image);
  const beaten = beatenBy(onRow, won);
  const gone = [...evicted].map(([row, entry]) => ({ table, image: row, entry }));
  return { taken: true, lost, won, against, beaten, evicted: gone, overwritten: null };
}

/** The write by which a row has what the change takes from it. */
function entryOf(row: Image, blockers: readonly Blocker[], contests: readonly Contest[]): RecentEntry | null {
  const locks = blockers.flatMap(({ lock, holder }) => (holder === row ? [lock] : []));
  return contests.find(({ lock, entry }) => locks.includes(lock) && entry?.kind === 'local')?.entry ?? null;
}

/** What somebody wrote lately, or was settled, explains; rows that differed before, or are still to be copied, nothing does. */
function heldBy({ lock, holder }: Blocker, contests: readonly Contest[]): Against {
  const contest = contests.find((each) => each.lock === lock);
  return contest === undefined
    ? { lock, reason: 'duplicate', holder }
    : { lock, reason: 'contest', entry: contest.entry };
}

function givesWay({ lock }: Blocker, contests: readonly Contest[], stamp: Stamp | null): boolean {
  return stamp !== null && contests.some((contest) => contest.lock === lock);
}
