/**
 * Dead letters: changes that a target refused and that its pipeline has set aside (`on_error: park`), and what waits behind
 * them. They are rows of `otter.dead_letter` in the target, written in the transaction that moves the checkpoint past them.
 */
import type { NamedImage } from './conflict.ts';
import type { RowChange } from './row.ts';

/** How foreign keys are checked where a change is written: as the target does, not at all, or not for this change alone. */
export type KeyChecks = 'on' | 'off' | 'off-here';

/** The names of columns are the target's, their values SQL literals. */
export interface DeadLetter {
  readonly pipeline: string;
  readonly channel: string;
  /** `schema.table` at the source. */
  readonly sourceTable: string;
  readonly table: { readonly schema: string; readonly name: string };
  /** `insert` also of a row that was copied. */
  readonly kind: RowChange['kind'];
  /** Primary key of the row before the change, of an insert after it; empty where the table has none. */
  readonly key: NamedImage;
  /** Null for inserts. */
  readonly before: NamedImage | null;
  /** Null for deletes. */
  readonly after: NamedImage | null;
  readonly checks: KeyChecks;
  /** Transaction in the log of the source. */
  readonly gtid: string;
  /** The log of the source up to and including it. */
  readonly position: string;
  /** What the server said, without values; null: it was not tried, because it waits behind others. */
  readonly error: string | null;
  /** Numbers of the letters that it waits behind, those directly before it. */
  readonly behind: readonly number[];
  readonly parkedMs: number;
}

export interface LoggedLetter extends DeadLetter {
  /** Later letters have greater numbers. */
  readonly id: number;
  readonly lineage: string;
}

/** A letter as lists show it, without its row. */
export type ListedLetter = Omit<LoggedLetter, 'before' | 'after'>;

/** More than this of one pipeline are not set aside: it is no single row then that is wrong. */
export const LETTERS_MAX = 10_000;

/**
 * Letters that hang together, in order: each waits behind another of them, or another waits behind it.
 * @param letters in the order of their numbers
 */
export function chainsOf<T extends { readonly id: number; readonly behind: readonly number[] }>(
  letters: readonly T[],
): T[][] {
  const chainOf = new Map<number, { letters: T[] }>();
  for (const letter of letters) {
    const before = new Set(letter.behind.flatMap((id) => chainOf.get(id) ?? []));
    const [into = { letters: [] }, ...others] = before;
    for (const other of others) {
      for (const each of other.letters) chainOf.set(each.id, into);
      into.letters.push(...other.letters);
    }
    into.letters.push(letter);
    chainOf.set(letter.id, into);
  }
  return [...new Set(chainOf.values())].map((chain) => chain.letters.sort((a, b) => a.id - b.id));
}

export interface LetterQuery {
  readonly channel: string | null;
  readonly pipeline: string | null;
  readonly limit: number;
}

/** The dead letters of a database that was reached. Reading changes nothing there. */
export interface LetterReader extends AsyncDisposable {
  /** Newest last, without rows. Empty where there is no such table yet. @throws OtterError */
  list(query: LetterQuery): Promise<readonly ListedLetter[]>;
  /** Null: there is none of that number. @throws OtterError */
  one(id: number): Promise<LoggedLetter | null>;
}

/** What was done about letters. */
export interface LettersSettled {
  /** Numbers of those that are gone now, applied or dropped. */
  readonly done: readonly number[];
  /** Chains that the target refuses still, by their first letter, and why. */
  readonly refused: readonly { readonly id: number; readonly error: string }[];
}

/** A target whose letters are decided about, whoever owns it. */
export interface LetterDesk extends AsyncDisposable {
  /** Applies these letters, with all that hang together with them, each chain in its order and in a transaction of its own. */
  retry(pipeline: string, ids: readonly number[]): Promise<LettersSettled>;
  /** Removes these letters if, with all that hang together with them, they are exactly these. @throws OtterError OT7030 */
  drop(pipeline: string, ids: readonly number[]): Promise<LettersSettled>;
}
