/**
 * What is made of the rows of one table on their way: which travel at all, and which of their columns have other values.
 *
 * Prepared once per table at its source, where the whole row is there, also what does not travel, and used alike for copied rows
 * and for both images of what the log brings. Rule kept: what a row becomes depends on nothing but the row and the rules, so an
 * update or delete finds what the insert made.
 */
import { isAmong } from '../model/column-names.ts';
import { OtterError } from '../model/error.ts';
import { columnsOf, type Expression } from '../model/expression.ts';
import { ExpressionProblem, parseExpression } from '../model/expression-parser.ts';
import { nameNow } from '../model/renamed.ts';
import { type ColumnShape, type Image, type TableShape, tableName, type Value } from '../model/row.ts';
import { nearest } from '../model/suggest.ts';
import type { MaskKind, RowSpec } from '../model/topology.ts';
import { compile, compileCondition } from './expression/compile.ts';
import { columnFor, TRUTH_TYPE } from './expression/types.ts';
import { ValueProblem, writerOf } from './expression/values.ts';
import { type FindHash, maskOf } from './mask.ts';

/** A column as it travels, and how its value is made of the source's whole row. */
export interface MadeColumn {
  readonly shape: ColumnShape;
  readonly make: (row: Image) => Value;
  /** Whether two rows that differ in the column of the source also differ in this one. */
  readonly distinct: boolean;
}

export interface RowWork {
  /** Null: all rows travel. @throws OtterError OT5051 */
  readonly keeps: ((row: Image) => boolean) | null;
  /** By index of the source's column whose place they take. */
  readonly instead: ReadonlyMap<number, MadeColumn>;
  /** Columns that the source does not have, or that do not travel from there. */
  readonly besides: readonly MadeColumn[];
}

/**
 * @param travels whether a column of the source would travel as it is
 * @param hash null where nothing is masked
 * @throws OtterError OT5050 when the rules do not fit the table
 */
export function rowWork(
  rows: RowSpec,
  rename: Readonly<Record<string, string>>,
  full: TableShape,
  travels: (column: ColumnShape) => boolean,
  hash: FindHash | null,
): RowWork {
  const instead = new Map<number, MadeColumn>();
  const besides: MadeColumn[] = [];
  const masks = Object.keys(rows.mask ?? {});
  for (const [name, kind] of Object.entries(rows.mask ?? {})) {
    const index = columnNamed(full, name, 'mask');
    if (travels(full.columns[index]!)) instead.set(index, masked(full, index, kind, hash));
  }
  for (const [name, text] of Object.entries(rows.set ?? {})) {
    const made = computed(full, masks, name, text);
    const index = full.columns.findIndex(
      (column) => travels(column) && nameNow(rename, column.name).toLowerCase() === name.toLowerCase(),
    );
    if (index < 0) besides.push(made);
    else instead.set(index, made);
  }
  if (rows.process !== undefined) refuseUnseen(full, '`process`', () => true);
  return { keeps: rows.where === undefined ? null : filter(full, masks, rows.where), instead, besides };
}

function filter(full: TableShape, masks: readonly string[], text: string): (row: Image) => boolean {
  const what = '`where`';
  const expression = read(full, what, text);
  const holds = understood(full, what, text, () => compileCondition(expression, full.columns));
  return guarded(full, masks, what, holds);
}

function computed(full: TableShape, masks: readonly string[], name: string, text: string): MadeColumn {
  const what = `\`columns.set.${name}\``;
  const expression = read(full, what, text);
  const { type, nullable, column, evaluate } = understood(full, what, text, () => compile(expression, full.columns));
  if (column !== null) {
    // As it is, whatever its type. A TINYINT(1) may hold more than a condition does.
    const source = full.columns[column]!;
    const kind = source.type === TRUTH_TYPE ? 'tinyint' : source.type;
    const shape = { ...source, type: kind, name, generated: false, computed: true } as const;
    return { shape, make: (row) => row[column]!, distinct: false };
  }
  if (type.kind === 'opaque') throw misfit(full, what, text, new ExpressionProblem('nothing can be made of it', 0));
  const shape = columnFor(type, name, nullable);
  if (type.kind === 'null') return { shape, make: () => null, distinct: false };
  const write = writerOf(type);
  const make = guarded(full, masks, what, (row): Value => {
    const value = evaluate(row);
    return value === null ? null : write(value);
  });
  return { shape, make, distinct: false };
}

function masked(full: TableShape, index: number, kind: MaskKind, hash: FindHash | null): MadeColumn {
  const column = full.columns[index]!;
  const what = `\`columns.mask.${column.name}\``;
  const { problem, shape, make } = maskOf(column, kind, hash);
  if (problem !== null) throw misfit(full, what, column.name, new ExpressionProblem(problem, 0));
  const value = guarded(full, [column.name], what, (row): Value => {
    const literal = row[index]!;
    return literal === null ? null : make(literal);
  });
  return { shape, make: value, distinct: kind === 'hash' };
}

function columnNamed(full: TableShape, name: string, key: string): number {
  const index = full.columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
  if (index >= 0) return index;
  const near = nearest(
    name,
    full.columns.map((column) => column.name),
  );
  throw new OtterError('OT5050', `${tableName(full)} has no column ${name}, which \`columns.${key}\` names`, {
    where: { table: tableName(full) },
    hint: near === null ? 'Correct its name.' : `Did you mean ${near}?`,
  });
}

function read(full: TableShape, what: string, text: string): Expression {
  const expression = understood(full, what, text, () => parseExpression(text));
  const used = new Set([...columnsOf(expression)].map((name) => name.toLowerCase()));
  refuseUnseen(full, what, (name) => used.has(name.toLowerCase()));
  return expression;
}

function refuseUnseen(full: TableShape, what: string, reads: (column: string) => boolean): void {
  const unseen = full.foreignKeys.find(
    ({ onDelete, onUpdate, columns }) =>
      (/SET/.test(onDelete) || /CASCADE|SET/.test(onUpdate)) &&
      columns.some((index) => reads(full.columns[index]!.name)),
  );
  if (unseen === undefined) return;
  throw new OtterError(
    'OT5050',
    `${what} of ${tableName(full)} reads a column that foreign key ${unseen.name} changes, which most servers do not log`,
    { where: { table: tableName(full) }, hint: 'Use another column, or make the key one of RESTRICT or NO ACTION.' },
  );
}

function understood<T>(full: TableShape, what: string, text: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ExpressionProblem ? misfit(full, what, text, error) : error;
  }
}

function misfit(full: TableShape, what: string, text: string, { message, at, end }: ExpressionProblem): OtterError {
  const part = text.slice(at, end);
  const where = part === '' || part === text ? '' : ` (at character ${at + 1}: ${part})`;
  return new OtterError('OT5050', `${what} does not fit ${tableName(full)}: ${message}${where}`, {
    where: { table: tableName(full) },
    hint: 'Correct the expression, or give the table an entry of its own.',
  });
}

/** What goes wrong with one row names it by its key, less what is masked. */
function guarded<T>(
  full: TableShape,
  masks: readonly string[],
  what: string,
  work: (row: Image) => T,
): (row: Image) => T {
  return (row) => {
    try {
      return work(row);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      const shown = (name: string, index: number): string =>
        isAmong(masks, name) ? '(masked)' : (row[index] ?? 'NULL');
      const named = full.primaryKey.map((index) => [full.columns[index]!.name, index] as const);
      const key = named.map(([name, index]) => `${name}=${shown(name, index)}`).join(', ');
      throw new OtterError(
        'OT5051',
        `${what} of ${tableName(full)} cannot be answered for the row ${key === '' ? 'without a key' : key}: it holds ${error.message}`,
        {
          where: { table: tableName(full), ...(key === '' ? {} : { key }) },
          hint: 'Correct the row at the source and the expression so that it has an answer for such rows.',
        },
      );
    }
  };
}
