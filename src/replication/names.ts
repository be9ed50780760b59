/**
 * Which rule of a channel a table falls under, and its name at the target.
 *
 * Rule kept here: the most exact entry wins (name, shards, wildcard, regex), among equals the first listed; the
 * answer depends on nothing but the rules and the name, so every node comes to the same one.
 */

import type { NameRule } from '../model/table-mapping.ts';
import type { TablePattern } from '../model/table-pattern.ts';
import { matches, singleName, tablePattern, vagueness } from '../model/table-pattern.ts';

export type { NameRule } from '../model/table-mapping.ts';
export { inverse, mapName } from '../model/table-mapping.ts';
export { formatName, matches, overlap, parsePattern } from '../model/table-pattern.ts';

interface RankedRules {
  /** Rules of one table each, by its name: no others are more exact. */
  readonly singles: ReadonlyMap<string, NameRule>;
  /** The most exact first. */
  readonly others: readonly { readonly rule: NameRule; readonly pattern: TablePattern }[];
}

/** Rules are read-only values, so the order found for an array holds as long as the array lives. */
const ranked = new WeakMap<readonly NameRule[], RankedRules>();

/** The rule a table falls under, or null when no entry means it. */
export function ruleFor<R extends NameRule>(rules: readonly R[], schema: string, table: string): R | null {
  let order = ranked.get(rules);
  if (order === undefined) {
    order = rank(rules);
    ranked.set(rules, order);
  }
  const found =
    order.singles.get(keyOf(schema, table)) ??
    order.others.find(({ pattern }) => matches(pattern, schema, table))?.rule;
  return found === undefined ? null : (found as R);
}

function rank(rules: readonly NameRule[]): RankedRules {
  const singles = new Map<string, NameRule>();
  const others: { rule: NameRule; pattern: TablePattern }[] = [];
  for (const rule of rules) {
    const pattern = tablePattern(rule.from);
    const single = singleName(pattern);
    if (single === null) others.push({ rule, pattern });
    else {
      const key = keyOf(single.schema, single.table);
      if (!singles.has(key)) singles.set(key, rule);
    }
  }
  return { singles, others: others.sort((a, b) => vagueness(a.pattern) - vagueness(b.pattern)) };
}

/** No name has a NUL in it. */
function keyOf(schema: string, table: string): string {
  return `${schema}\0${table}`;
}
