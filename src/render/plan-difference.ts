/** How a new plan differs from the one that was saved, in lines. */

import type { Change } from '../planner/change.ts';
import type { PlanDifference } from '../planner/compare-plans.ts';
import { changeLines, symbolOf } from './text.ts';

export function differenceLines({ same, gone, come, other }: PlanDifference): string[] {
  if (gone.length + come.length + other.length === 0) return ['A new plan would do the same.'];
  const named = (word: string, changes: readonly Change[]): string[] =>
    changes.map((change) => `  ${word} ${symbolOf(change)} ${change.address}`);
  return [
    'A new plan would differ from this one:',
    ...named('no longer  ', gone),
    ...named('in addition', come),
    ...other.flatMap((change) => ['  otherwise', ...changeLines(change, false).trimEnd().split('\n')]),
    ...(same === 0 ? [] : [`  ${same} ${same === 1 ? 'change is' : 'changes are'} the same`]),
  ];
}
