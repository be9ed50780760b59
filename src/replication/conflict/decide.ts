/**
 * The slow path's decision: which changes of a window the serialiser takes, in whole or in part, what it then writes,
 * and what it answers.
 *
 * Rules kept: changes are decided one by one in the order of the spoke's log, before anything is merged, each by its own
 * token. What nobody contests is taken. A contested change is decided by the policy of its table, and answered whatever
 * becomes of it: for its old and its new key, and for every row that gave way to it, with the row as this transaction
 * leaves it. That makes the sites equal under every policy (docs/conflicts.md); the policy says only whose write it is.
 * A duplicate that nothing explains is a refusal.
 */
import type { LoadTable, Write } from '../../model/load.ts';
import { type ConflictRule, SITE_PRIORITY } from '../../model/pipeline.ts';
import type { Image, LoggedAnswer } from '../../model/row.ts';
import type { LoadChange } from '../window.ts';
import { Answers } from './answers.ts';
import { columnRules } from './column-rules.ts';
import { contestsOf, Settled } from './contest.ts';
import type { LockKeys } from './keys.ts';
import type { Recent, RecentEntry } from './recent.ts';
import { type Drift, type LockedRow, Rows } from './rows.ts';
import { type Against, type Evicted, refusal, type SettleInput, type Settlement, settle } from './settle.ts';
import { stampOf } from './stamp.ts';
import type { Claim } from './tokens.ts';

export interface DecideInput {
  /** The pipeline from the spoke. */
  readonly pipeline: string;
  readonly claims: readonly Claim[];
  /** Every row that `footprint` of the changes found; a row may be listed more than once. */
  readonly present: readonly LockedRow[];
  readonly keys: LockKeys;
  readonly recent: Recent;
  /** Left out: site-priority, row by row. */
  readonly ruleOf?: (table: LoadTable) => ConflictRule;
  /** What earlier pieces of the same transaction settled. */
  readonly settled?: Settled;
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
  /** The sum of a counter is more than its column holds. */
  | { readonly reason: 'no room' }
);

/** A change that was taken although others had written what it touches; somebody lost something. */
export interface Overruling {
  readonly claim: Claim;
  /** The row of its key before, and after; null: there is none. */
  readonly present: Image | null;
  readonly result: Image | null;
  /** The write that lost what the change has won; null: nothing was lost there. */
  readonly beaten: RecentEntry | null;
  /** Other rows that gave way, because they had its key or a unique value. */
  readonly evicted: readonly Evicted[];
  /** These, and the row that was written over. */
  readonly gaveWay: readonly LockedRow[];
  /** Columns in which the change itself lost, and to what; empty and null when it lost none. */
  readonly lost: readonly string[];
  readonly against: Against | null;
}

export interface Verdict {
  /** In this order; rows that stay as they are are not written. */
  readonly writes: readonly Write[];
  readonly answers: readonly LoggedAnswer[];
  readonly refused: readonly Refusal[];
  readonly overruled: readonly Overruling[];
  readonly drift: readonly Drift[];
  /** For the next piece of the same transaction. */
  readonly settled: Settled;
}

export function decide({
  pipeline,
  claims,
  present,
  keys,
  recent,
  ruleOf = () => SITE_PRIORITY,
  settled = new Settled(),
}: DecideInput): Verdict {
  const rows = new Rows(keys, present);
  const answers = new Answers(keys);
  const refused: Refusal[] = [];
  const overruled: Overruling[] = [];
  const drift: Drift[] = [];
  for (const claim of claims) {
    const { change } = claim;
    const { table, before, after } = change;
    const touched = keys.touched(table, before, after);
    const contests = contestsOf(claim, touched, recent, settled);
    const blocker = contests.length > 0 || after === null ? undefined : rows.inTheWay(table, before, after)[0];
    if (contests.length === 0 && blocker === undefined) {
      const what = rows.take(change);
      if (what !== null) drift.push({ change, what });
      continue;
    }
    const there = rows.at(table, before ?? after!);
    const settlement =
      blocker === undefined
        ? settle({ change, contests, rows, keys, ...standing(claim, ruleOf(table)) })
        : refusal({ reason: 'duplicate', ...blocker });
    for (const { images, locks, won } of disputed(change, touched, settlement, keys)) {
      settled.add(locks, settlement.lost, won);
      answers.add(table, images, locks, { lost: settlement.lost, won });
    }
    const gaveWay = [...settlement.evicted, ...(settlement.overwritten === null ? [] : [settlement.overwritten])];
    for (const row of gaveWay) {
      const locks = keys.touched(row.table, row.image, null);
      settled.add(locks, settlement.lost, null);
      answers.add(row.table, [row.image], locks, { lost: settlement.lost, won: null });
    }
    const { taken, against, beaten, evicted, lost } = settlement;
    if (!taken) refused.push({ ...refusalOf(against!), claim, present: there });
    else if (beaten !== null || evicted.length > 0 || against !== null) {
      const result = rows.at(table, after ?? before!);
      overruled.push({ claim, present: there, result, beaten, evicted, gaveWay, lost: [...(lost ?? [])], against });
    }
  }
  return { writes: rows.writes(), answers: answers.plans(pipeline, rows), refused, overruled, drift, settled };
}

interface Disputed {
  readonly images: readonly (Image | null)[];
  readonly locks: readonly string[];
  readonly won: Settlement['won'];
}

/** What was in dispute, and what the change has won there: nothing under a key to which its row did not come. */
function disputed(
  { table, before, after }: LoadChange,
  touched: readonly string[],
  { won }: Settlement,
  keys: LockKeys,
): Disputed[] {
  const moves = before !== null && after !== null && keys.row(table, before) !== keys.row(table, after);
  const came = won === null || table.key.some((index) => won.has(table.columns[index]!.name));
  if (!moves || came) return [{ images: [before, after], locks: touched, won }];
  return [
    { images: [before], locks: keys.touched(table, before, null), won },
    { images: [after], locks: keys.touched(table, null, after), won: new Set() },
  ];
}

/** What the table's rule makes of the claim: by which parts it is decided, and whether its time counts. */
function standing({ change, clock }: Claim, rule: ConflictRule): Pick<SettleInput, 'rules' | 'stamp'> {
  const rules = columnRules(change.table, rule);
  const timed = rule.policy === 'last-write-wins';
  return { rules, stamp: timed ? stampOf(clock, rules.by, change.before, change.after) : null };
}

type Reason<T> = T extends unknown ? Omit<T, 'claim' | 'present'> : never;

function refusalOf(against: Against): Reason<Refusal> {
  const { lock } = against;
  if (against.reason === 'duplicate') return { lock, reason: 'duplicate', holder: against.holder };
  if (against.reason === 'no room') return { lock, reason: 'no room' };
  const { entry } = against;
  return entry === null ? { lock, reason: 'refused before' } : { lock, reason: 'recent write', entry };
}
