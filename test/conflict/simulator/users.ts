/** What the model's users write: few keys and few values, so that everything collides and x → a → x happens. */
import type { Image, TableShape } from '../../../src/model/row.ts';
import type { Database } from './database.ts';
import type { Random } from './random.ts';
import { FRESH_FROM, ITEM, KEYS, NOTE, TALLIES, TALLY } from './schema.ts';
import { Duplicate, Transaction } from './transaction.ts';

const IDS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'];
const CODES = ["'a'", "'A'", "'b'", "'c'", "'c '", null];
const MORE_CODES = ["'d'", "'E'", "'e'", "'f'", "'g'", "'h'", "'i'", "'j'"];
const SHELVES = ['1', '2', null];
const SLOTS = ['1', '2'];
const AMOUNTS = ['0', '1', '2', null];
const NAMES = ["'x'", "'X'", "'y'"];

/** How many keys and codes the users of a history write: the fewer, the more they collide. */
export interface Habits {
  readonly ids: readonly string[];
  readonly codes: readonly (string | null)[];
  /** Whether they raise and lower the tallies. */
  readonly tallies: boolean;
}

export function habits(random: Random, tallies: boolean): Habits {
  return {
    ids: IDS.slice(0, 2 + random.below(IDS.length - 1)),
    tallies,
    codes: [...CODES, ...MORE_CODES.slice(0, random.below(MORE_CODES.length + 1))],
  };
}

/** A transaction of one to three operations; null when it wrote nothing or ran into a lock of a loader. */
export function userTransaction(
  database: Database,
  random: Random,
  habit: Habits,
  fresh: () => number,
): { fresh: readonly string[]; tallied: ReadonlyMap<string, number> } | null {
  const transaction = new Transaction(database, null);
  const ledger: string[] = [];
  const tallied = new Map<string, number>();
  const operations = 1 + random.below(3);
  for (let count = 0; count < operations; count += 1) {
    try {
      if (habit.tallies && random.chance(0.3)) writeTally(transaction, random, tallied);
      else if (random.chance(0.12)) ledger.push(insertFresh(transaction, fresh()));
      else if (random.chance(0.2)) writeNote(transaction, database, random);
      else writeItem(transaction, database, random, habit);
    } catch (error) {
      if (!(error instanceof Duplicate)) throw error;
    }
  }
  const { changes } = transaction;
  if (changes.length === 0) return null;
  for (const change of changes) {
    const before = change.kind === 'insert' ? null : change.before;
    const after = change.kind === 'delete' ? null : change.after;
    if (KEYS.touched(change.table, before, after).some((lock) => database.locks.heldByAny(lock))) return null;
  }
  transaction.commit();
  database.append({ kind: 'user', changes });
  return { fresh: ledger, tallied };
}

/** Rows that are not here yet are not written. */
function writeTally(transaction: Transaction, random: Random, tallied: Map<string, number>): void {
  const id = random.pick(TALLIES);
  const row = transaction.at(KEYS.row(TALLY, [id, null]));
  if (row === null) return;
  const by = random.below(9) - 4;
  transaction.update(TALLY, row.image, [id, `${Number(row.image[1]) + by}`]);
  tallied.set(id, (tallied.get(id) ?? 0) + by);
}

function insertFresh(transaction: Transaction, number: number): string {
  const image = [`${FRESH_FROM + number}`, `'fresh ${number}'`, null, '1', '0'];
  transaction.insert(ITEM, image);
  return `item ${image.join(' ')}`;
}

function writeNote(transaction: Transaction, database: Database, random: Random): void {
  const there = database.list(NOTE);
  const key = there.length > 0 && random.chance(0.7) ? random.pick(there) : null;
  if (key === null) transaction.insert(NOTE, [random.pick(NAMES), random.pick(AMOUNTS)]);
  else if (random.chance(0.3)) transaction.delete(NOTE, key);
  else transaction.update(NOTE, key, [random.chance(0.2) ? random.pick(NAMES) : key[0]!, random.pick(AMOUNTS)]);
}

function writeItem(transaction: Transaction, database: Database, random: Random, { ids, codes }: Habits): void {
  const there = database.list(ITEM).filter(([id]) => Number(id) < FRESH_FROM);
  const row = there.length > 0 ? random.pick(there) : null;
  if (row === null || random.chance(0.3)) {
    transaction.insert(ITEM, [
      random.pick(ids),
      random.pick(codes),
      random.pick(SHELVES),
      random.pick(SLOTS),
      random.pick(AMOUNTS),
    ]);
    return;
  }
  const change = (index: number, value: string | null): Image => row.with(index, value);
  random.weighted<() => unknown>([
    [4, () => transaction.update(ITEM, row, change(4, random.pick(AMOUNTS)))],
    [3, () => transaction.update(ITEM, row, change(1, random.pick(codes)))],
    [1, () => transaction.update(ITEM, row, change(2, random.pick(SHELVES)))],
    [1, () => transaction.update(ITEM, row, change(0, random.pick(ids)))],
    [3, () => transaction.delete(ITEM, row)],
    [0.5, () => replace(transaction, ITEM, row, change(4, random.pick(AMOUNTS)))],
    [1, () => swap(transaction, ITEM, row, random.pick(there))],
  ])();
}

/** As REPLACE may be logged. */
function replace(transaction: Transaction, table: TableShape, row: Image, by: Image): void {
  if (transaction.delete(table, row)) transaction.insert(table, by);
}

/** Two rows exchange their codes, as an application does it: over NULL. */
function swap(transaction: Transaction, table: TableShape, one: Image, other: Image): void {
  if (one === other) return;
  transaction.update(table, one, one.with(1, null));
  transaction.update(table, other, other.with(1, one[1]!));
  transaction.update(table, one, one.with(1, other[1]!));
}
