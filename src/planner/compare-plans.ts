/** A plan beside the one that was made before: what stays, what is not needed any more, what comes or is another change now. */
import { canonicalText } from './canonical.ts';
import type { Change } from './change.ts';
import type { Plan } from './plan.ts';

export interface PlanDifference {
  readonly same: number;
  readonly gone: readonly Change[];
  readonly come: readonly Change[];
  readonly other: readonly Change[];
}

export function comparePlans(before: Pick<Plan, 'changes'>, after: Pick<Plan, 'changes'>): PlanDifference {
  const old = new Map(before.changes.map((change) => [change.address, change]));
  const young = new Map(after.changes.map((change) => [change.address, change]));
  const text = ({ before: was, after: is, actions }: Change): string => canonicalText([actions, was, is]);
  const both = after.changes.filter(({ address }) => old.has(address));
  const other = both.filter((change) => text(change) !== text(old.get(change.address)!));
  return {
    same: both.length - other.length,
    gone: before.changes.filter(({ address }) => !young.has(address)),
    come: after.changes.filter(({ address }) => !old.has(address)),
    other,
  };
}
