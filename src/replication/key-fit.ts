/**
 * Whether the primary key of a one-way target tells every two rows of the source apart. Two that it takes for one would be
 * one there, without an error, where rows give way to each other: while existing ones are copied.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import { type ColumnShape, type Image, tableName } from '../model/row.ts';
import { keyText } from './load-table.ts';

/**
 * Why the target's key can never do it, or null. Where only its comparison of texts is in doubt, see `mayMerge`.
 * @param copies whether existing rows are copied: into a table without a key none could be told from those that the log brings
 */
export function keyObstacle(table: LoadTable, copies: boolean): OtterError | null {
  const { source, key } = table;
  if (key.length === 0) {
    if (!copies || source.primaryKey.length === 0) return null;
    return refusal(table, 'is missing, or not over whole columns, so that copied rows could not be told apart');
  }
  const keys = [
    ...(source.primaryKey.length > 0 ? [source.primaryKey] : []),
    ...source.uniques.flatMap(({ columns, partial }) =>
      partial === true || columns.some((index) => source.columns[index]!.nullable) ? [] : [columns],
    ),
  ];
  if (!keys.some((columns) => columns.every((index) => key.includes(index))))
    return refusal(table, `is over ${namesOf(table)}, which holds no whole key of ${tableName(source)}`);
  const twice = key.find((index) => hasTwice(source.columns[index]!, table.columns[index]!));
  if (twice !== undefined)
    return refusal(table, `has no two places for characters that ${source.columns[twice]!.charset} has twice`);
  if (mayMerge(table) && key.some((index) => formOf(source.columns[index]!) !== formOf(table.columns[index]!)))
    return refusal(table, 'compares texts in another way, and has columns of other types');
  return null;
}

/** Whether texts that the source tells apart may be equal in the target's key. */
export function mayMerge({ source, columns, key }: LoadTable): boolean {
  return key.some((index) => isText(source.columns[index]!) && !isAsFine(source.columns[index]!, columns[index]!));
}

/**
 * Rows that stand at the target under the keys of these, before or after they are written: is each of them one of these?
 * @param found the rows there, some perhaps twice
 * @param rows the rows that are written, with the texts of their keys as the target keeps them
 * @param whole whether each of them must be there
 * @throws OtterError OT5012 when the target's key takes two for one; OT5016 when a row that is kept stands in the way of one
 */
export function refuseMerged(table: LoadTable, found: readonly Image[], rows: readonly Image[], whole: boolean): void {
  const textOf = (row: Image): string => keyText(row, table.key);
  const keys = new Set(rows.map(textOf));
  const present = new Set(found.map(textOf));
  const other = mayMerge(table) ? found.find((row) => !keys.has(textOf(row))) : undefined;
  if (other === undefined && !(whole && present.size < rows.length)) return;
  const row = other ?? rows.find((each) => !present.has(textOf(each))) ?? rows[0]!;
  const key = table.key.map((index) => `${table.columns[index]!.name}=${row[index] ?? 'NULL'}`).join(', ');
  if (mayMerge(table)) throw refusal(table, `takes another row for the one with ${key}`);
  const target = tableName(table.target);
  throw new OtterError(
    'OT5016',
    `the row ${key} of ${tableName(table.source)} has no place in ${target}: a row that is kept there has one of its unique values`,
    { where: { target }, hint: 'Remove that row, or copy with `existing: merge` or `replace`.' },
  );
}

/** Some character sets have two codes for one character of all others. */
function hasTwice(from: ColumnShape, to: ColumnShape): boolean {
  return isText(from) && from.charset !== to.charset && /^(cp932|sjis|eucjpms|ujis|armscii8)$/.test(from.charset ?? '');
}

/** Texts of a source column that differ also differ in the target's. */
function isAsFine(from: ColumnShape, to: ColumnShape): boolean {
  const [had, has] = [nameOf(from), nameOf(to)];
  if (had === has || to.collation === null) return true;
  if (!/bin$/.test(has) || !isOneToOne(from.charset, to.charset)) return false;
  return isUnpadded(has) || !isUnpadded(had);
}

function isUnpadded(collation: string): boolean {
  return /0900|nopad|^binary$/.test(collation);
}

/** `utf8` is how older servers call `utf8mb3`. */
function nameOf({ collation }: ColumnShape): string {
  return (collation ?? '').replace(/^utf8_/, 'utf8mb3_');
}

/** Members of an ENUM or SET travel as numbers. */
function isText({ type, collation }: ColumnShape): boolean {
  return collation !== null && !/^(enum|set)\(/i.test(type);
}

/** Whether no two codes of one character set are the same character of the other; some of Asia have such. */
function isOneToOne(from: string | null, to: string | null): boolean {
  return (
    from === to ||
    (/^(ascii|latin1|utf8|utf8mb3|utf8mb4|ucs2|utf16|utf16le|utf32)$/.test(from ?? '') && UNICODE.test(to ?? ''))
  );
}

const UNICODE = /^(utf8|ucs2|utf16|utf32)/;

/** How literals of the column are written, as far as its type decides: of others, all the same. */
function formOf(column: ColumnShape): string {
  if (isText(column)) return 'text';
  const type = column.type.toLowerCase();
  return type.replace(/^(tiny|small|medium|big)?int\b.*/, 'int').replace(/^(enum|set|bit|year|varbinary)\b.*/, '$1');
}

function namesOf({ columns, key }: LoadTable): string {
  return `(${key.map((index) => columns[index]!.name).join(', ')})`;
}

function refusal({ source, target }: LoadTable, why: string): OtterError {
  return new OtterError('OT5012', `the primary key of ${tableName(target)} ${why}`, {
    where: { source: tableName(source), target: tableName(target) },
    hint: `Give ${tableName(target)} at the target the primary key that ${tableName(source)} has at the source, with its collations (or \`_bin\`); copy it again if it has rows.`,
  });
}
