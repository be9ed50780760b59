/** Which rows of a source travel through one pipeline, and how they are cut to the columns that do. */
import { UnreachableError } from '../model/error.ts';
import { DRAFT_PREFIX } from '../model/load.ts';
import type { TableRule } from '../model/pipeline.ts';
import { type Image, type RowChange, type TableShape, tableName } from '../model/row.ts';
import { type Extract, extract, travelling } from '../replication/load-table.ts';
import type { FindHash } from '../replication/mask.ts';
import { ruleFor } from '../replication/names.ts';

/** Answers are remembered by shape, so that the hot path asks a map. */
export class Routes {
  #rules: readonly TableRule[];
  /** Of tables that the rules have no more, by name. */
  #leaving: ReadonlyMap<string, TableRule> = new Map();
  #known = new WeakMap<TableShape, Extract | null>();
  readonly #hash: FindHash | null;

  /** @param hash for masks; null where there are none */
  constructor(rules: readonly TableRule[], hash: FindHash | null) {
    this.#rules = rules;
    this.#hash = hash;
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

  /** Null when the table is not in the pipeline. @throws OtterError OT5010, OT5050 */
  of(table: TableShape): Extract | null {
    const known = this.#known.get(table);
    if (known !== undefined) return known;
    const rule = this.ruleOf(table.schema, table.name);
    const route = rule === null ? null : extract(rule, table, this.#hash);
    this.#known.set(table, route);
    return route;
  }
}

/** The change as it travels; null when its row does not. What leaves the filter is gone for the target, what enters it is new. */
export function cut(change: RowChange, route: Extract): RowChange | null {
  const { shape: table, keeps } = route;
  switch (change.kind) {
    case 'insert':
      return keeps === null || keeps(change.after)
        ? { ...change, table, after: travelling(change.after, route) }
        : null;
    case 'update':
      return keeps === null
        ? { ...change, table, before: travelling(change.before, route), after: travelling(change.after, route) }
        : filtered(change, route, keeps);
    case 'delete':
      return keeps === null || keeps(change.before)
        ? { ...change, table, before: travelling(change.before, route) }
        : null;
    default:
      throw new UnreachableError(change satisfies never);
  }
}

function filtered(
  { fkChecks, before, after }: RowChange & { readonly kind: 'update' },
  route: Extract,
  keeps: (row: Image) => boolean,
): RowChange | null {
  const table = route.shape;
  const [was, is] = [keeps(before), keeps(after)];
  if (was && is)
    return { kind: 'update', table, fkChecks, before: travelling(before, route), after: travelling(after, route) };
  if (was) return { kind: 'delete', table, fkChecks, before: travelling(before, route) };
  return is ? { kind: 'insert', table, fkChecks, after: travelling(after, route) } : null;
}
