/**
 * What stands against a change: writes of others, of what it touches, that the spoke had not seen when it made it.
 *
 * Rule kept: a change is *contested* when anything it touches has a write that its own token does not cover, or was
 * settled earlier in the same window. Only a contested change can lose; and whatever becomes of it, it is answered.
 */
import type { Recent, RecentEntry } from './recent.ts';
import { isLater, type Stamp } from './stamp.ts';
import type { Claim } from './tokens.ts';

/** Something the change had not seen. */
export interface Contest {
  readonly lock: string;
  /** Null: a change before this one in the same window was contested there. */
  readonly entry: RecentEntry | null;
  /** What of the row it is about; null: the row as a whole. An empty set is about nothing that could be lost. */
  readonly columns: ReadonlySet<string> | null;
  /** When it was written; null: it is no write of its own, and stands against nothing where the later one wins. */
  readonly stamp: Stamp | null;
  /** The spoke's change won there: what others wrote before has lost already. */
  readonly won: boolean;
}

/** What was contested so far in a window or transaction, by lock key, the last first. */
export class Settled {
  readonly #contests = new Map<string, Contest[]>();

  of(lock: string): readonly Contest[] {
    return this.#contests.get(lock) ?? [];
  }

  add(locks: readonly string[], lost: ReadonlySet<string> | null, won: ReadonlySet<string> | null): void {
    for (const lock of locks) {
      const common = { lock, entry: null, stamp: null };
      const list = this.#contests.get(lock) ?? [];
      this.#contests.set(lock, list);
      list.unshift({ ...common, columns: lost, won: false }, { ...common, columns: won, won: true });
    }
  }
}

/** Existing rows that are being copied do not give way to anybody. */
const ALWAYS: Stamp = { order: Number.POSITIVE_INFINITY, clock: Number.POSITIVE_INFINITY };

/** Everything that contests the claim, for each lock key in turn. */
export function contestsOf(claim: Claim, touched: readonly string[], recent: Recent, settled: Settled): Contest[] {
  return touched.flatMap((lock) => [
    ...settled.of(lock),
    ...recent.allUncovered(lock, claim.token).map((entry) => ofEntry(lock, entry)),
  ]);
}

function ofEntry(lock: string, entry: RecentEntry): Contest {
  const { kind, columns, stamp } = entry;
  const told = kind === 'answer' || kind === 'settled';
  return { lock, entry, columns, stamp: kind === 'chunk' ? ALWAYS : told ? null : stamp, won: kind === 'settled' };
}

/** The part of a row that is asked about. */
export type Part = 'row' | 'counter' | ReadonlySet<string>;

/**
 * Whether the contest is about this part of the row. A number that adds up suffers only what becomes of the row as a whole;
 * a copied row is no such thing: the copy shows what the sum was, and what is added is in the answer.
 */
function concerns({ columns, entry }: Contest, part: Part): boolean {
  if (part === 'counter') return columns === null && entry?.kind !== 'chunk';
  if (columns === null) return true;
  if (part === 'row') return columns.size > 0;
  for (const column of part) if (columns.has(column)) return true;
  return false;
}

/**
 * What the claim loses the part to, or null: then it wins it. What an earlier change of the spoke has beaten stands no
 * more against a later one, which has seen that change, whatever its time says.
 * @param contests of each lock key the last first
 * @param stamp null: whatever came first stands
 */
export function standsAgainst(contests: readonly Contest[], part: Part, stamp: Stamp | null): Contest | null {
  /** By lock key what was won since; null: all. */
  const won = new Map<string, ReadonlySet<string> | null>();
  for (const contest of contests) {
    const { lock, columns } = contest;
    const before = won.get(lock);
    if (before === null) continue;
    if (contest.won) won.set(lock, columns === null ? null : new Set([...(before ?? []), ...columns]));
    else if (concerns(contest, without(part, before)) && (stamp === null || outdoes(contest, stamp))) return contest;
  }
  return null;
}

function outdoes({ stamp }: Contest, claimed: Stamp): boolean {
  return stamp !== null && !isLater(claimed, stamp);
}

function without(part: Part, won: ReadonlySet<string> | undefined): Part {
  return won === undefined || typeof part === 'string' ? part : new Set([...part].filter((name) => !won.has(name)));
}

/**
 * The write of somebody else that loses these columns of a row (null: all) to a claim that is taken; null: none does, or
 * it had lost them before.
 * @param contests of the row's key, the last first
 */
export function beatenBy(contests: readonly Contest[], columns: ReadonlySet<string> | null): RecentEntry | null {
  const rest = columns === null ? null : new Set(columns);
  for (const contest of contests) {
    // What only adds to a number takes nothing from anybody.
    if (rest?.size === 0) return null;
    if (contest.won) {
      if (contest.columns === null) return null;
      for (const column of contest.columns) rest?.delete(column);
    } else if (contest.entry !== null && contest.stamp !== null && concerns(contest, rest ?? 'row'))
      return contest.entry;
  }
  return null;
}
