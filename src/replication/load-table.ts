/**
 * How the columns of a source table fall into a target table.
 *
 * The source projects rows to the columns that may travel (`extract`); the target matches them by name with the table
 * it has (`loadTable`). From then on rows of the table are *loaded images*: values in the order of `LoadTable.columns`.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import type { TableRule } from '../model/pipeline.ts';
import type { ColumnShape, Image, TableShape } from '../model/row.ts';
import { tableName } from '../model/row.ts';
import { type Fit, fitOf, printTypes } from './column-fit.ts';
import { isOracle, oracleFit } from './oracle-fit.ts';

/** What leaves the source of one table: its shape less the columns that stay, and how to cut rows to it. */
export interface Extract {
  readonly shape: TableShape;
  /** Indexes into the source's full rows, or null when rows travel whole. */
  readonly picks: readonly number[] | null;
}

/** @throws OtterError OT5010 when a key column would stay behind. */
export function extract(rule: Pick<TableRule, 'omit' | 'only'>, full: TableShape): Extract {
  const omit = new Set(rule.omit);
  const only = rule.only === null ? null : new Set(rule.only);
  const travels = (column: ColumnShape): boolean =>
    !omit.has(column.name) && (only === null || only.has(column.name)) && !column.generated;
  const picks = full.columns.flatMap((column, index) => (travels(column) ? [index] : []));
  if (picks.length === full.columns.length) return { shape: full, picks: null };
  const at = new Map(picks.map((index, position) => [index, position]));
  const keyHole = full.primaryKey.find((index) => !at.has(index));
  if (keyHole !== undefined) {
    throw new OtterError(
      'OT5010',
      `${tableName(full)}: column ${full.columns[keyHole]!.name} is part of the primary key and cannot be left out`,
      {
        where: { table: tableName(full) },
        hint: 'Take it out of `omit`, or add it to `only`.',
      },
    );
  }
  const moved = (indexes: readonly number[]): number[] | null =>
    indexes.every((index) => at.has(index)) ? indexes.map((index) => at.get(index)!) : null;
  return {
    shape: {
      ...full,
      columns: picks.map((index) => full.columns[index]!),
      primaryKey: moved(full.primaryKey)!,
      uniques: full.uniques.flatMap((unique) => {
        const columns = moved(unique.columns);
        return columns === null ? [] : [{ ...unique, columns }];
      }),
      foreignKeys: full.foreignKeys.flatMap((key) => {
        const columns = moved(key.columns);
        return columns === null ? [] : [{ ...key, columns }];
      }),
    },
    picks,
  };
}

/** What a server does not change in silence, or not unseen (`MysqlSession` watches what it cuts). */
const ALOUD: readonly Fit[] = ['aloud', 'cuts'];

/**
 * `running`: rows came before, so that one side may have been widened before the other; then only columns that would
 * change values in silence are refused.
 * @throws OtterError OT5011 when a column has no counterpart, OT5012 when the target's key is not written, OT5028 when a
 * counterpart does not take every value.
 */
export function loadTable(
  source: TableShape,
  target: TableShape,
  rename: Readonly<Record<string, string>>,
  running = false,
): LoadTable {
  const place = new Map(target.columns.map((column, index) => [column.name.toLowerCase(), index]));
  const targetIndexes = source.columns.map((column) => {
    const wanted = rename[column.name] ?? column.name;
    const index = place.get(wanted.toLowerCase());
    if (index === undefined || target.columns[index]!.generated) {
      throw new OtterError(
        'OT5011',
        `${tableName(target)} has no writable column ${wanted} for ${tableName(source)}.${column.name}`,
        {
          where: { source: tableName(source), target: tableName(target) },
          hint: `Add the column to ${tableName(target)}, or leave ${column.name} out with \`columns: { omit: [${column.name}] }\`.`,
        },
      );
    }
    return index;
  });
  const judge = isOracle(target) ? oracleFit : fitOf;
  const fits = source.columns.map((column, position) => judge(column, target.columns[targetIndexes[position]!]!));
  refuseMisfits(source, target, targetIndexes, running ? ALOUD : [], fits);
  const at = new Map(targetIndexes.map((index, position) => [index, position]));
  const key = target.primaryKey.map((index) => at.get(index));
  if (key.some((index) => index === undefined)) {
    throw new OtterError(
      'OT5012',
      `the primary key of ${tableName(target)} has columns that ${tableName(source)} does not send`,
      {
        where: { source: tableName(source), target: tableName(target) },
        hint: 'Both tables need the same primary key.',
      },
    );
  }
  return {
    source,
    target,
    columns: targetIndexes.map((index) => target.columns[index]!),
    key: key as number[],
    uniques: target.uniques.flatMap((unique) => {
      const columns = unique.columns.map((index) => at.get(index));
      return columns.includes(undefined) ? [] : [{ name: unique.name, columns: columns as number[] }];
    }),
    extras: target.columns.filter((column, index) => !at.has(index) && !column.generated),
    cuts: fits.includes('cuts'),
  };
}

function refuseMisfits(
  source: TableShape,
  target: TableShape,
  targetIndexes: readonly number[],
  allowed: readonly Fit[],
  fits: readonly Fit[],
): void {
  const misfits = source.columns.flatMap((column, position) => {
    const counterpart = target.columns[targetIndexes[position]!]!;
    const fit = fits[position]!;
    if (fit === 'exact' || allowed.includes(fit)) return [];
    const { from, to } = printTypes(column, counterpart);
    return [`${counterpart.name} is ${to} and should take ${from}`];
  });
  if (misfits.length === 0) return;
  const to = tableName(target);
  throw new OtterError('OT5028', `${to} does not take every value of ${tableName(source)}: ${misfits.join('; ')}`, {
    where: { source: tableName(source), target: to },
    hint: isOracle(target)
      ? `Give the columns of ${to} types that take them (docs/oracle.md), or leave them out with \`columns: { omit: [...] }\`.`
      : `Give the columns of ${to} the types that ${tableName(source)} has (ALTER TABLE ... MODIFY), or leave them out with \`columns: { omit: [...] }\`.`,
  });
}

export function pick(image: Image, picks: readonly number[] | null): Image {
  return picks === null ? image : picks.map((index) => image[index]!);
}

/** An unambiguous text of some columns of a row, for maps. NULL and the text 'NULL' differ: literals of text are quoted. */
export function keyText(image: Image, columns: readonly number[]): string {
  if (columns.length === 1) return image[columns[0]!] ?? 'NULL';
  let text = '';
  for (const index of columns) text += `${image[index] ?? 'NULL'}\u0000`;
  return text;
}
