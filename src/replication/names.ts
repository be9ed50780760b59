/**
 * Which rule of a channel a table falls under, and its name at the target.
 *
 * Rule kept here: the most exact entry wins (name, shards, wildcard, regex), among equals the first listed; the
 * answer depends on nothing but the rules and the name, so every node comes to the same one.
 */

import type { NameRule } from '../model/table-mapping.ts';
import type { TablePattern } from '../model/table-pattern.ts';
import { matches, tablePattern, vagueness } from '../model/table-pattern.ts';

export type { NameRule } from '../model/table-mapping.ts';
export { inverse, mapName } from '../model/table-mapping.ts';
export { formatName, matches, overlap, parsePattern } from '../model/table-pattern.ts';

interface RankedRule {
  readonly rule: NameRule;
  readonly pattern: TablePattern;
}

/** Rules are read-only values, so the order found for an array holds as long as the array lives. */
const ranked = new WeakMap<readonly NameRule[], readonly RankedRule[]>();

/** The rule a table falls under, or null when no entry means it. */
export function ruleFor<R extends NameRule>(rules: readonly R[], schema: string, table: string): R | null {
  let order = ranked.get(rules);
  if (order === undefined) {
    order = rules
      .map((rule) => ({ rule, pattern: tablePattern(rule.from) }))
      .sort((a, b) => vagueness(a.pattern) - vagueness(b.pattern));
    ranked.set(rules, order);
  }
  const found = order.find((entry) => matches(entry.pattern, schema, table));
  return found === undefined ? null : (found.rule as R);
}
