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
import { added } from './counter.ts';
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
);

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
  readonly evicted: readonly LockedRow[];
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
  return { taken: false, lost: null, won: NO_COLUMNS, against, beaten: null, evicted: [] };
}

function asWhole({ change, contests, stamp, rows, keys }: SettleInput): Settlement {
  const { table, before, after } = change;
  const standing = standsAgainst(contests, 'row', stamp);
  if (standing !== null) return refusal({ lock: standing.lock, reason: 'contest', entry: standing.entry });
  const blockers = after === null ? [] : rows.inTheWay(table, before, after);
  const firm = blockers.find((blocker) => !givesWay(blocker, contests, stamp));
  if (firm !== undefined) return refusal({ lock: firm.lock, reason: 'duplicate', holder: firm.holder });
  const [from, to] = [before, after].map((image) => (image === null ? null : keys.row(table, image)));
  const beaten = [from, to].map((lock) =>
    beatenBy(
      contests.filter((each) => each.lock === lock),
      null,
    ),
  );
  // A row of the same key is not put aside but written over: it keeps the columns that do not travel.
  const own = blockers.find(({ lock }) => lock === to);
  const others = [...new Set(blockers.filter((each) => each !== own).map(({ holder }) => holder))];
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
    evicted: others.map((image) => ({ table, image })),
  };
}

function byParts({ change, rules, contests, stamp, rows, keys }: SettleInput, present: Image): Settlement {
  const { table } = change;
  const [before, after] = [change.before!, change.after!];
  const onRow = contests.filter(({ lock }) => lock === keys.row(table, before));
  const lost = new Set<string>();
  const won = new Set<string>();
  const evicted = new Set<Image>();
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
    else if (firm !== undefined) loses(group.names, { lock: firm.lock, reason: 'duplicate', holder: firm.holder });
    else {
      image = trial;
      for (const name of group.names) won.add(name);
      for (const { holder } of blockers) evicted.add(holder);
    }
  }
  for (const index of rules.counters.filter(changed)) {
    const standing = standsAgainst(onRow, 'counter', stamp);
    if (standing !== null)
      loses([table.columns[index]!.name], { lock: standing.lock, reason: 'contest', entry: standing.entry });
    else {
      const sum = added(present[index]!, before[index]!, after[index]!) ?? after[index]!;
      image = image.with(index, sum);
      adds = true;
    }
  }
  if (won.size === 0 && !adds) return { taken: false, lost, won, against, beaten: null, evicted: [] };
  for (const holder of evicted) rows.remove(table, holder);
  rows.remove(table, present);
  rows.put(table, image);
  const beaten = beatenBy(onRow, won);
  return { taken: true, lost, won, against, beaten, evicted: [...evicted].map((row) => ({ table, image: row })) };
}

function givesWay({ lock }: Blocker, contests: readonly Contest[], stamp: Stamp | null): boolean {
  return stamp !== null && contests.some((contest) => contest.lock === lock);
}
