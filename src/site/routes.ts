/** Which rows of a source travel through one pipeline, and how they are cut to the columns that do. */
import { DRAFT_PREFIX } from '../model/load.ts';
import type { TableRule } from '../model/pipeline.ts';
import { type Image, type RowChange, type TableShape, tableName } from '../model/row.ts';
import { type Extract, extract, type Finds, travelling } from '../replication/load-table.ts';
import { ruleFor } from '../replication/names.ts';

/** Answers are remembered by shape, so that the hot path asks a map. */
export class Routes {
  #rules: readonly TableRule[];
  /** Of tables that the rules have no more, by name. */
  #leaving: ReadonlyMap<string, TableRule> = new Map();
  #known = new WeakMap<TableShape, Extract | null>();
  readonly #finds: Finds;

  constructor(rules: readonly TableRule[], finds: Finds) {
    this.#rules = rules;
    this.#finds = finds;
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

  /** Null when the table is not in the pipeline. @throws OtterError OT5010, OT5050, OT5053 */
  of(table: TableShape): Extract | null {
    const known = this.#known.get(table);
    if (known !== undefined) return known;
    const rule = this.ruleOf(table.schema, table.name);
    const route = rule === null ? null : extract(rule, table, this.#finds);
    this.#known.set(table, route);
    return route;
  }

  /** Whether all of them travel, and as the log has them. */
  allWhole(changes: readonly RowChange[]): boolean {
    let last: TableShape | null = null;
    for (const { table } of changes) {
      if (table === last) continue;
      const route = this.of(table);
      if (route === null || !whole(route)) return false;
      last = table;
    }
    return true;
  }

  /** The changes as they travel, without those of tables that do not. */
  cut(changes: readonly RowChange[]): readonly RowChange[] {
    for (const { table } of changes) {
      const bounded = this.of(table)?.bounded;
      if (bounded != null) return bounded(() => this.#cut(changes));
    }
    return this.#cut(changes);
  }

  #cut(changes: readonly RowChange[]): readonly RowChange[] {
    const routed: RowChange[] = [];
    for (const change of changes) {
      const route = this.of(change.table);
      if (route === null) continue;
      if (whole(route)) routed.push(change);
      else cut(change, route, routed);
    }
    return routed;
  }
}

/** Whether rows travel as the log has them. */
function whole({ picks, keeps, makes, processes }: Extract): boolean {
  return picks === null && keeps === null && makes === null && processes === null;
}

/**
 * The change as it travels, in however many. What leaves the filter is gone for the target, what enters it is new; and where a
 * processor makes several rows of one, those that stay the same are left alone.
 */
function cut(change: RowChange, route: Extract, into: RowChange[]): void {
  const { fkChecks } = change;
  const { shape: table } = route;
  const before = change.kind === 'insert' ? [] : travelling(change.before, route);
  const after = change.kind === 'delete' ? [] : travelling(change.after, route);
  if (before.length === 1 && after.length === 1) {
    into.push({ kind: 'update', table, fkChecks, before: before[0]!, after: after[0]! });
    return;
  }
  const several =
    before.length > 0 && after.length > 0 ? [before, after].map((rows) => new Set(rows.map(wholeText))) : null;
  const stays = (row: Image): boolean => several?.every((rows) => rows.has(wholeText(row))) ?? false;
  for (const row of before) if (!stays(row)) into.push({ kind: 'delete', table, fkChecks, before: row });
  for (const row of after) if (!stays(row)) into.push({ kind: 'insert', table, fkChecks, after: row });
}

function wholeText(row: Image): string {
  return JSON.stringify(row);
}
