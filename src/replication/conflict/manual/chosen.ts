/** The row that a person chose for an open conflict, as the table here has its columns. */
import type { LoggedConflict, NamedImage } from '../../../model/conflict.ts';
import { OtterError } from '../../../model/error.ts';
import { numberText } from '../../../model/exact-json.ts';
import type { LoadTable } from '../../../model/load.ts';
import type { Take } from '../../../model/resolution.ts';
import { type ColumnShape, type Image, tableName, type Value } from '../../../model/row.ts';

/** @param present the row here @throws OtterError OT7011 */
export function chosenRow(table: LoadTable, conflict: LoggedConflict, take: Take, present: Image | null): Image | null {
  if (take === 'local') return present;
  if (typeof take === 'string') {
    const image = take === 'incoming' ? conflict.incoming : conflict.base;
    return image === null ? null : imageOf(table, image);
  }
  return writtenRow(table, conflict, take.row, present);
}

/** The images of a record are by column; the table may have changed since. */
function imageOf(table: LoadTable, image: NamedImage): Image {
  return table.columns.map(({ name }) => {
    if (!Object.hasOwn(image, name))
      throw untaken(
        `the record says nothing of column ${name}, which ${tableName(table.target)} has now`,
        'Write the row into a file and take that: --take row.json',
      );
    return image[name]!;
  });
}

/** What it does not say stays as it is here, or where there is no row, as the incoming one has it. */
function writtenRow(
  table: LoadTable,
  { incoming, key }: LoggedConflict,
  row: Readonly<Record<string, unknown>>,
  present: Image | null,
): Image {
  const known = new Map(table.columns.map((column, index) => [column.name.toLowerCase(), { column, index }]));
  const image: Value[] = table.columns.map(({ name }, index) =>
    present !== null ? present[index]! : (said(incoming, name) ?? said(key, name)),
  );
  const named = new Set<number>();
  const missing = new Set(present === null && incoming === null ? table.columns.map(({ name }) => name) : []);
  for (const name of Object.keys(key)) missing.delete(name);
  for (const [name, value] of Object.entries(row)) {
    const found = known.get(name.toLowerCase());
    if (found === undefined)
      throw untaken(
        `${tableName(table.target)} has no column ${name} that travels`,
        `It has ${table.columns.map((column) => column.name).join(', ')}.`,
      );
    if (named.has(found.index)) throw untaken(`column ${found.column.name} is in the row twice`);
    named.add(found.index);
    image[found.index] = literalOf(found.column, value);
    missing.delete(found.column.name);
  }
  const left = table.columns.find(
    ({ name, nullable }, index) => missing.has(name) && !nullable && image[index] === null,
  );
  if (left !== undefined)
    throw untaken(`the row says nothing of column ${left.name}, and there is no other row to ask`);
  return image;
}

/** Null where it is not there, or says nothing of the column; never what plain objects inherit. */
function said(image: NamedImage | null, name: string): Value {
  return image !== null && Object.hasOwn(image, name) ? image[name]! : null;
}

/** Columns that a person gave a value, as indexes into the table's; none where the row is one of the record's. */
export function givenColumns(table: LoadTable, take: Take): readonly number[] {
  if (typeof take === 'string') return [];
  const given = new Set(Object.keys(take.row).map((name) => name.toLowerCase()));
  return table.columns.flatMap(({ name }, index) => (given.has(name.toLowerCase()) ? [index] : []));
}

const NUMBER = /^(tinyint|smallint|mediumint|int|bigint|decimal|float|double|year)\b/;
const BINARY =
  /^(bit|binary|varbinary|(tiny|medium|long)?blob|geometry|(multi)?(point|linestring|polygon)|geometrycollection|geomcollection)\b/;
const NUMERIC = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

function literalOf(column: ColumnShape, value: unknown): Value {
  const { name, type, nullable } = column;
  if (value === null) {
    if (!nullable) throw untaken(`column ${name} cannot be null`);
    return null;
  }
  const text = typeof value === 'boolean' ? String(Number(value)) : (numberText(value) ?? value);
  if (NUMBER.test(type)) {
    if (typeof text === 'string' && NUMERIC.test(text)) return text;
    throw untaken(`column ${name} is ${type} and takes a number`);
  }
  if (BINARY.test(type)) {
    const hex = typeof text === 'string' ? /^0x((?:[\da-f]{2})*)$/i.exec(text)?.[1] : undefined;
    if (hex === undefined) throw untaken(`column ${name} is ${type} and takes a text of hexadecimal digits, "0x1aff"`);
    return `x'${hex.toLowerCase()}'`;
  }
  if (type === 'json' && JSON.stringify(value).isWellFormed()) return quoted(JSON.stringify(value));
  if (typeof text === 'string' && text.isWellFormed()) return quoted(text);
  throw untaken(`column ${name} is ${type} and takes a text, of whole characters, or a number`);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`;
}

/** Names of columns only; the values are the person's. */
export function untaken(message: string, hint?: string): OtterError {
  return new OtterError('OT7011', message, hint === undefined ? {} : { hint });
}
