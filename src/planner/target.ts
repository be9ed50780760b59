/**
 * `--target` and `--exclude`: a part of the changes. What a chosen one cannot do without is drawn in; what cannot be without an excluded
 * one stays away with it.
 *
 * Rule: what is left over after the changes never refers to something that is not there.
 */
import { type Known, plannedAddress } from './addresses.ts';
import type { Json } from './change.ts';
import type { RawChange } from './diff.ts';
import { refersTo } from './references.ts';

export interface TargetInput extends Known {
  readonly target: readonly string[];
  readonly exclude: readonly string[];
}

/** @throws OtterError OT7001 */
export function targeted(changes: readonly RawChange[], input: TargetInput): readonly RawChange[] {
  const { target, exclude } = input;
  if (target.length === 0 && exclude.length === 0) return changes;
  const find = plannedAddress(input);
  const chosen = target.length === 0 ? changes : withNeeded(changes, new Set(target.map(find)));
  return without(chosen, new Set(exclude.map(find)));
}

/** Until nothing more is drawn in: what a kept object needs, and what refers to a removed one. */
function withNeeded(changes: readonly RawChange[], chosen: Set<string>): readonly RawChange[] {
  const wanted = (change: RawChange): boolean => chosen.has(change.address);
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const change of changes.filter(wanted)) {
      for (const address of refersTo(change.kind, change.after)) chosen.add(address);
    }
    for (const change of changes) {
      const lost = (spec: Json): boolean =>
        refersTo(change.kind, spec).some((address) =>
          changes.some((other) => other.address === address && other.after === null && chosen.has(address)),
        );
      if (lost(change.before)) chosen.add(change.address);
    }
  }
  return changes.filter(wanted);
}

/** Until nothing more stays away: what needs an object that is not made, and what is still used by one that stays as it is. */
function without(changes: readonly RawChange[], excluded: Set<string>): readonly RawChange[] {
  for (let before = -1; before !== excluded.size; ) {
    before = excluded.size;
    const away = changes.filter(({ address }) => excluded.has(address));
    const unmade = new Set(away.flatMap((change) => (change.before === null ? [change.address] : [])));
    const used = new Set(away.flatMap((change) => refersTo(change.kind, change.before)));
    for (const { kind, address, after } of changes) {
      const needs = after === null ? used.has(address) : refersTo(kind, after).some((other) => unmade.has(other));
      if (needs) excluded.add(address);
    }
  }
  return changes.filter(({ address }) => !excluded.has(address));
}
