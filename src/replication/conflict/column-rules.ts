/**
 * What counts as one thing when two writes of a row meet: the columns of a table in groups that win or lose together, and
 * those whose changes add up.
 *
 * Rule kept: columns of one key are one group, since half of each of two values would be a value that nobody wrote or
 * locked. Under `merge: row` all columns are one group but the counters.
 */
import type { LoadTable } from '../../model/load.ts';
import type { ConflictRule } from '../../model/pipeline.ts';

export interface ColumnRules {
  readonly rule: ConflictRule;
  /** Indexes into the loaded columns. Every column is in exactly one group, or is a counter. */
  readonly groups: readonly ColumnGroup[];
  readonly counters: readonly number[];
  /** The column that stands in for the time of a write; null: none, or the table has no such column. */
  readonly by: number | null;
  /** Whether two writes of one row may both survive. */
  readonly merges: boolean;
}

export interface ColumnGroup {
  readonly columns: readonly number[];
  readonly names: ReadonlySet<string>;
  /** The primary key's columns are among them. */
  readonly key: boolean;
  /** Unique keys over columns of the group. */
  readonly uniques: LoadTable['uniques'];
}

const compiled = new WeakMap<LoadTable, { readonly rule: ConflictRule; readonly rules: ColumnRules }>();

/** Columns that the rule names and the table has not are left out; `conflictObstacle` refuses such tables before. */
export function columnRules(table: LoadTable, rule: ConflictRule): ColumnRules {
  const known = compiled.get(table);
  if (known?.rule === rule) return known.rules;
  const rules = compile(table, rule);
  compiled.set(table, { rule, rules });
  return rules;
}

function compile(table: LoadTable, rule: ConflictRule): ColumnRules {
  const at = new Map(table.columns.map(({ name }, index) => [name.toLowerCase(), index]));
  const indexesOf = (names: readonly string[]): number[] => names.flatMap((name) => at.get(name.toLowerCase()) ?? []);
  const keyed = [table.key, ...table.uniques.map(({ columns }) => columns)];
  const counters = indexesOf(rule.counters).filter((index) => !keyed.some((columns) => columns.includes(index)));
  const others = table.columns.flatMap((_, index) => (counters.includes(index) ? [] : [index]));
  const together = rule.merge === 'row' ? [others] : [...keyed, ...rule.groups.map(indexesOf)];
  const groups = joined(others, together).map((columns) => ({
    columns,
    names: new Set(columns.map((index) => table.columns[index]!.name)),
    key: columns.some((index) => table.key.includes(index)),
    uniques: table.uniques.filter((unique) => columns.includes(unique.columns[0]!)),
  }));
  return {
    rule,
    groups,
    counters,
    by: rule.by === null ? null : (at.get(rule.by.toLowerCase()) ?? null),
    merges: rule.merge === 'column' || counters.length > 0,
  };
}

/** The columns in as many groups as there can be so that each of `together` is within one. */
function joined(columns: readonly number[], together: readonly (readonly number[])[]): number[][] {
  const groupOf = new Map(columns.map((column) => [column, [column]]));
  for (const list of together) {
    const members = list.filter((column) => groupOf.has(column));
    const whole = [...new Set(members.flatMap((column) => groupOf.get(column)!))];
    for (const column of whole) groupOf.set(column, whole);
  }
  return [...new Set(groupOf.values())];
}
