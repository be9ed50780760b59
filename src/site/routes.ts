/** Which rows of a source travel through one pipeline, and how they are cut to the columns that do. */
import { UnreachableError } from '../model/error.ts';
import { DRAFT_PREFIX } from '../model/load.ts';
import type { TableRule } from '../model/pipeline.ts';
import { type RowChange, type TableShape, tableName } from '../model/row.ts';
import { type Extract, extract, pick } from '../replication/load-table.ts';
import { ruleFor } from '../replication/names.ts';

/** Answers are remembered by shape, so that the hot path asks a map. */
export class Routes {
  #rules: readonly TableRule[];
  /** Of tables that the rules have no more, by name. */
  #leaving: ReadonlyMap<string, TableRule> = new Map();
  #known = new WeakMap<TableShape, Extract | null>();

  constructor(rules: readonly TableRule[]) {
    this.#rules = rules;
  }

  update(rules: readonly TableRule[], leaving: ReadonlyMap<string, TableRule>): void {
    this.#rules = rules;
    this.#leaving = leaving;
    this.#known = new WeakMap();
  }

  ruleOf(schema: string, table: string): TableRule | null {
    if (table.startsWith(DRAFT_PREFIX)) return null;
    return ruleFor(this.#rules, schema, table) ?? this.#leaving.get(tableName({ schema, name: table })) ?? null;
  }

  /** Null when the table is not in the pipeline. @throws OtterError OT5010 */
  of(table: TableShape): Extract | null {
    const known = this.#known.get(table);
    if (known !== undefined) return known;
    const rule = this.ruleOf(table.schema, table.name);
    const route = rule === null ? null : extract(rule, table);
    this.#known.set(table, route);
    return route;
  }
}

export function cut(change: RowChange, { shape, picks }: Extract): RowChange {
  switch (change.kind) {
    case 'insert':
      return { ...change, table: shape, after: pick(change.after, picks) };
    case 'update':
      return { ...change, table: shape, before: pick(change.before, picks), after: pick(change.after, picks) };
    case 'delete':
      return { ...change, table: shape, before: pick(change.before, picks) };
    default:
      throw new UnreachableError(change satisfies never);
  }
}
