/** The decision about a window by the real rules, or by one that is known to be wrong. */
import type { Image } from '../../../src/model/row.ts';
import { type DecideInput, decide, type Verdict } from '../../../src/replication/conflict/decide.ts';
import type { Recent } from '../../../src/replication/conflict/recent.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import type { Claim } from '../../../src/replication/conflict/tokens.ts';
import { byBeforeImages, decideForgetfully, type Fault } from './faults.ts';
import { KEYS } from './schema.ts';

export interface Judgement {
  /** Those that the verdict speaks of. */
  readonly claims: readonly Claim[];
  readonly verdict: Verdict;
  /** Whether `decide` was given what it asks for, so that its refusals can be held against the truth. */
  readonly right: boolean;
}

/** What the decision is about. */
export type Judged = Required<Pick<DecideInput, 'pipeline' | 'ruleOf'>>;

export function judge(
  judged: Judged,
  claims: readonly Claim[],
  present: readonly LockedRow[],
  recent: Recent,
  has: (fault: Fault) => boolean,
): Judgement {
  const judgement = decided(judged, claims, present, recent, has);
  const { verdict } = judgement;
  let { answers } = verdict;
  if (has('taken unanswered')) answers = answers.filter(({ won }) => won !== null && won.size === 0);
  if (has('evicted row unanswered')) {
    const evicted = verdict.overruled.flatMap((each) => each.evicted.map(({ table, image }) => KEYS.row(table, image)));
    answers = answers.filter(({ locks }) => !evicted.includes(locks[0]!));
  }
  if (has('image at refusal')) {
    answers = answers.map((answer) => {
      const row = present.find(({ table, image }) => KEYS.row(table, image) === answer.locks[0]);
      return { ...answer, image: row?.image ?? null };
    });
  }
  if (has('one answer for a key change')) {
    const asked = new Set(
      verdict.refused.map(({ claim: { change } }) => KEYS.row(change.table, change.before ?? change.after!)),
    );
    answers = answers.filter(({ locks }) => asked.has(locks[0]!));
  }
  return { ...judgement, verdict: { ...verdict, answers } };
}

function decided(
  judged: Judged,
  claims: readonly Claim[],
  present: readonly LockedRow[],
  recent: Recent,
  has: (fault: Fault) => boolean,
): Judgement {
  const { pipeline, ruleOf } = judged;
  const common = { pipeline, present, keys: KEYS, ruleOf: spoiled(ruleOf, has) };
  if (has('before image')) {
    const rows = new Map<string, Image>(present.map(({ table, image }) => [KEYS.row(table, image), image]));
    const replaced = byBeforeImages(claims, rows);
    return { claims: replaced.claims, verdict: decide({ ...common, ...replaced }), right: false };
  }
  if (has('refusal not kept'))
    return { claims, verdict: decideForgetfully(pipeline, claims, present, recent), right: false };
  return { claims, verdict: decide({ ...common, claims, recent }), right: true };
}

/** The rule, or one that is known to be wrong. */
function spoiled(ruleOf: Judged['ruleOf'], has: (fault: Fault) => boolean): Judged['ruleOf'] {
  if (!has('naive counters')) return ruleOf;
  return (table) => ({ ...ruleOf(table), merge: 'column', counters: [] });
}
