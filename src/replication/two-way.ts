/**
 * Which tables cannot be replicated in both directions, and why.
 *
 * Rule kept: a conflict is found by the keys that two writes share, so both sites must mean the same by a key: the same
 * columns, compared the same way, all of them travelling.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import { type ColumnShape, tableName } from '../model/row.ts';

export interface TwoWayFacts {
  /** Whether the source logs what its foreign keys cascade to. */
  readonly logsCascades: boolean;
  /** Triggers of the target table that do not ask `@otter_apply`. */
  readonly unguardedTriggers: readonly string[];
}

/** Why a pair of tables cannot be two-way, or null when it can. */
export function twoWayObstacle(table: LoadTable, { logsCascades, unguardedTriggers }: TwoWayFacts): OtterError | null {
  const { source, target } = table;
  const refuse = (why: string, hint: string): OtterError =>
    new OtterError('OT5014', `${tableName(target)} cannot be two-way: ${why}`, {
      where: { table: tableName(target) },
      hint,
    });
  if (target.primaryKey.length === 0) return refuse('it has no primary key', 'Add a primary key.');
  const cascades = target.foreignKeys.find(({ onDelete, onUpdate }) => /CASCADE|SET/.test(`${onDelete} ${onUpdate}`));
  if (cascades !== undefined && !logsCascades) {
    return refuse(
      `foreign key ${cascades.name} cascades, and this server does not log the child rows`,
      'Use RESTRICT or NO ACTION, or replicate the table one-way.',
    );
  }
  const generated = target.uniques.find((unique) => unique.columns.some((index) => target.columns[index]!.generated));
  if (generated !== undefined) {
    return refuse(
      `unique key ${generated.name} is over a generated column, whose values do not travel`,
      'Make the key one of columns that are written, or replicate the table one-way.',
    );
  }
  const partial = [...target.uniques, ...source.uniques].find((unique) => unique.partial === true);
  if (partial !== undefined) {
    return refuse(
      `unique key ${partial.name} is over a prefix or an expression, so equal values cannot be told from the log`,
      'Make the key one of whole columns, or replicate the table one-way.',
    );
  }
  if (unguardedTriggers.length > 0) {
    return refuse(
      `trigger ${unguardedTriggers.join(', ')} would run on replicated rows too`,
      'Let its body begin with `IF @otter_apply IS NULL THEN`, drop it, or replicate the table one-way.',
    );
  }
  return differingKey(table, refuse);
}

function differingKey(table: LoadTable, refuse: (why: string, hint: string) => OtterError): OtterError | null {
  const { source, target } = table;
  const hint = 'Give both tables the same keys and collations.';
  const here = keysOf(target.primaryKey, target.uniques, target.columns, (column) => column.name);
  const names = new Map(source.columns.map((column, index) => [column, table.columns[index]!.name]));
  const there = keysOf(source.primaryKey, source.uniques, source.columns, (column) => names.get(column)!);
  for (const [mine, others, side] of [
    [here, there, 'the other site'],
    [there, here, 'this site'],
  ] as const) {
    for (const [columns, compared] of mine) {
      const found = others.get(columns);
      if (found === undefined) return refuse(`the key over (${columns}) is not one at ${side}`, hint);
      if (found !== compared) return refuse(`the key over (${columns}) compares texts differently at ${side}`, hint);
    }
  }
  return null;
}

/** Columns of each key, in an order that both sides agree on, to how each column compares. */
function keysOf(
  primary: readonly number[],
  uniques: readonly { readonly columns: readonly number[] }[],
  columns: readonly ColumnShape[],
  nameOf: (column: ColumnShape) => string,
): Map<string, string> {
  return new Map(
    [primary, ...uniques.map((unique) => unique.columns)].map((indexes) => {
      const parts = indexes
        .map((index) => columns[index]!)
        .map((column) => [nameOf(column).toLowerCase(), collationOf(column)] as const)
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return [parts.map(([name]) => name).join(', '), parts.map(([, collation]) => collation).join(',')];
    }),
  );
}

/** `utf8` is how older servers call `utf8mb3`. */
function collationOf(column: ColumnShape): string {
  return (column.collation ?? '').replace(/^utf8_/, 'utf8mb3_');
}
