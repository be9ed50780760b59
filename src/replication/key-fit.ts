/**
 * Whether the primary key of a one-way target tells every two rows of the source apart. Two that it takes for one would be
 * one there, without an error, where rows give way to each other: while existing ones are copied.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import { type ColumnShape, type Image, tableName } from '../model/row.ts';
import { keyText } from './load-table.ts';

/** Why the target's key can never do it, or null. Where only its comparison of texts is in doubt, see `mayMerge`. */
export function keyObstacle(table: LoadTable): OtterError | null {
  const { source, key } = table;
  if (key.length === 0) return null;
  const keys = [
    ...(source.primaryKey.length > 0 ? [source.primaryKey] : []),
    ...source.uniques.flatMap(({ columns, partial }) =>
      partial === true || columns.some((index) => source.columns[index]!.nullable) ? [] : [columns],
    ),
  ];
  if (!keys.some((columns) => columns.every((index) => key.includes(index))))
    return refusal(table, `is over ${namesOf(table)}, which is more than no key of ${tableName(source)}`);
  if (mayMerge(table) && key.some((index) => !isText(source.columns[index]!) && !isSame(table, index)))
    return refusal(table, 'compares texts in another way, and has columns of other types');
  return null;
}

/** Whether texts that the source tells apart may be equal in the target's key. */
export function mayMerge({ source, columns, key }: LoadTable): boolean {
  return key.some((index) => isText(source.columns[index]!) && !isAsFine(source.columns[index]!, columns[index]!));
}

/**
 * Rows that stand at the target under the keys of these, before or after they are written: is each of them one of these?
 * @param found the rows there
 * @param rows the rows that are written, with the texts of their keys as the target keeps them
 * @param whole whether each of them must be there
 * @throws OtterError OT5012 when the target's key takes two for one
 */
export function refuseMerged(table: LoadTable, found: readonly Image[], rows: readonly Image[], whole: boolean): void {
  const keys = new Set(rows.map((row) => keyText(row, table.key)));
  const other = found.find((row) => !keys.has(keyText(row, table.key)));
  if (other === undefined && !(whole && found.length < keys.size)) return;
  const present = new Set(found.map((row) => keyText(row, table.key)));
  const row = other ?? rows.find((each) => !present.has(keyText(each, table.key)))!;
  const key = table.key.map((index) => `${table.columns[index]!.name}=${row[index]}`).join(', ');
  throw refusal(table, `takes two rows of ${tableName(table.source)} for one, of which one is ${key}`);
}

/** Texts of a source column that differ also differ in the target's. */
function isAsFine(from: ColumnShape, to: ColumnShape): boolean {
  const [had, has] = [nameOf(from), nameOf(to)];
  if (had === has || to.collation === null) return true;
  if (!/bin$/.test(has)) return false;
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

function isSame({ source, columns }: LoadTable, index: number): boolean {
  return source.columns[index]!.type.replace(/\(\d+\)/, '') === columns[index]!.type.replace(/\(\d+\)/, '');
}

function namesOf({ columns, key }: LoadTable): string {
  return `(${key.map((index) => columns[index]!.name).join(', ')})`;
}

function refusal({ source, target }: LoadTable, why: string): OtterError {
  return new OtterError('OT5012', `the primary key of ${tableName(target)} ${why}`, {
    where: { source: tableName(source), target: tableName(target) },
    hint: `Give ${tableName(target)} the primary key that ${tableName(source)} has, with its collations (or \`_bin\`); copy it again if it has rows.`,
  });
}
