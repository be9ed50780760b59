/**
 * Rows by SELECT, as the same canonical literals that the log gives (`decode.ts`).
 *
 * Text and binary columns are selected as their raw bytes, so that no charset conversion can bend them; numbers as the
 * exact text of the server; ENUM, SET and BIT as numbers. What a session is set to (`database-server.ts`) does the rest.
 */
import type { KeyRange } from '../model/comparing.ts';
import { OtterError } from '../model/error.ts';
import { LARGE_BYTES } from '../model/forget-rows.ts';
import type { LoadTable } from '../model/load.ts';
import { type ColumnShape, type Image, rowBytes, type TableShape, type Value } from '../model/row.ts';
import type { Session } from './connection.ts';
import { doubleLiteral } from './decode.ts';
import { jsonLiteral } from './json.ts';
import { readJsonText, selectedJson } from './json-text.ts';
import { binaryLiteral, textLiteral } from './literal.ts';
import { keyCondition, qualified, quoteName } from './sql.ts';
import { type ColumnType, parseColumnType } from './types.ts';

const LITERALS_AT_ONCE = 500;

/** Of the bytes that the server sends. */
type Reader = (bytes: Buffer) => string;

/** The columns of a SELECT whose rows `toImages` understands. */
export function selectList(columns: readonly ColumnShape[]): string {
  return columns.map((column) => selected(quoteName(column.name), typeOf(column))).join(', ');
}

/** Options for the driver: rows as arrays, values as the bytes the server sent. */
export const RAW_ROWS = {
  rowsAsArray: true,
  typeCast: (field: { buffer(): Buffer | null }): Buffer | null => field.buffer(),
} as const;

/** Rows of a query made with `selectList(columns)` and `RAW_ROWS`. */
export function toImages(columns: readonly ColumnShape[], rows: readonly (readonly unknown[])[]): Image[] {
  return rows.map(imageReader(columns));
}

/** The same of one row. */
export function imageReader(columns: readonly ColumnShape[]): (row: readonly unknown[]) => Image {
  const readers = columns.map((column) => readerOf(typeOf(column)));
  return (row) => toImage(readers, row);
}

/** What stands in the list of `selectList` for one column. */
export function selectedColumn(column: ColumnShape): string {
  return selected(quoteName(column.name), typeOf(column));
}

function toImage(readers: readonly Reader[], row: readonly unknown[]): Image {
  return readers.map((read, i) => toValue(read, row[i]));
}

function toValue(read: Reader, value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return read(value);
  if (typeof value === 'string' || Number.isSafeInteger(value)) return read(Buffer.from(String(value)));
  // Drivers read fractions carelessly and geometries as objects.
  throw new TypeError('rows for toImages are read with RAW_ROWS');
}

/**
 * At most `limit` rows after `after` (values of the primary key, or null for the beginning), in key order; fewer when they reach
 * `bytesMax`, see `rowBytes`, in which case the session is gone. Nothing else may be asked on it meanwhile.
 */
export async function readChunk(
  session: Session,
  table: TableShape,
  after: Image | null,
  limit: number,
  bytesMax: number,
  condition: string | null = null,
): Promise<readonly Image[]> {
  const columns = table.primaryKey.map((i) => table.columns[i]!);
  const key = columns.map((column) => quoteName(column.name));
  const name = `${table.schema}.${table.name}`;
  if (key.length === 0) {
    throw new OtterError('OT4041', `table ${name} has no primary key to read it in order`, { where: { table: name } });
  }
  const both = [
    ...(after === null ? [] : [afterKey(columns, after)]),
    ...(condition === null ? [] : [`(${condition})`]),
  ];
  const where = both.length === 0 ? '' : ` WHERE ${both.join(' AND ')}`;
  const sql =
    `SELECT ${selectList(table.columns)} FROM ${qualified(table)} FORCE INDEX (PRIMARY)` +
    `${where} ORDER BY ${key.join(', ')} LIMIT ${limit}`;
  const readers = table.columns.map((column) => readerOf(typeOf(column)));
  let rows: Image[] = [];
  let bytes = 0;
  await session.each(sql, RAW_ROWS, (row) => {
    const image = toImage(readers, row);
    rows.push(image);
    bytes += rowBytes(image);
    return bytes < bytesMax || rows.length === limit;
  });
  // The driver holds on to whom it gave rows, and to the packet of the last, until it is asked again.
  const read = rows;
  rows = [];
  if (bytes >= LARGE_BYTES && session.alive) await session.query('DO 0');
  return read;
}

const MEMBER = /'(?:[^']|'')*'/g;
/**
 * The rows with these primary keys. The lock is why: a server sends a transaction to readers of its log a moment before others see it,
 * and holds its rows for so long.
 */
export async function presentRows(
  session: Session,
  table: TableShape,
  rows: readonly Image[],
): Promise<readonly Image[]> {
  const key = table.primaryKey.map((index) => ({ index, name: quoteName(table.columns[index]!.name) }));
  const found: Image[] = [];
  for (let start = 0; start < rows.length; start += LITERALS_AT_ONCE) {
    const some = rows.slice(start, start + LITERALS_AT_ONCE);
    const one = (row: Image): string => key.map(({ index, name }) => `${name} = ${row[index]}`).join(' AND ');
    const where =
      key.length === 1
        ? `${key[0]!.name} IN (${some.map((row) => row[key[0]!.index]).join(', ')})`
        : some.map((row) => `(${one(row)})`).join(' OR ');
    const sql = `SELECT ${selectList(table.columns)} FROM ${qualified(table)} WHERE ${where} LOCK IN SHARE MODE`;
    found.push(...toImages(table.columns, (await session.query(sql, { driver: RAW_ROWS })) as unknown[][]));
  }
  return found;
}

/** The rows with these primary keys, without locks. */
export async function rowsOf(session: Session, table: TableShape, keys: readonly Image[]): Promise<readonly Image[]> {
  const key = { columns: table.primaryKey.map((index) => table.columns[index]!) };
  const all = key.columns.map((_, index) => index);
  const found: Image[] = [];
  for (let start = 0; start < keys.length; start += LITERALS_AT_ONCE) {
    const where = keyCondition(key, all, keys.slice(start, start + LITERALS_AT_ONCE));
    const sql = `SELECT ${selectList(table.columns)} FROM ${qualified(table)} WHERE ${where}`;
    found.push(...toImages(table.columns, (await session.query(sql, { driver: RAW_ROWS })) as unknown[][]));
  }
  return found;
}

/** Rows of another table with the texts of their keys as `selectList` would give them from this one. */
export async function spelledKeys(
  session: Session,
  { source, columns, key }: LoadTable,
  rows: readonly Image[],
): Promise<readonly Image[]> {
  const spelled = rows.map((row) => [...row]);
  for (const index of key) {
    const type = typeOf(columns[index]!);
    if (type.kind !== 'text' || type.charset === source.columns[index]!.charset) continue;
    const { charset } = type;
    const literal = textLiteral(charset);
    for (let start = 0; start < rows.length; start += LITERALS_AT_ONCE) {
      const some = spelled.slice(start, start + LITERALS_AT_ONCE);
      const texts = some.map((row) => `SELECT HEX(CONVERT(${row[index] ?? 'NULL'} USING ${charset}))`);
      const found = await session.query(texts.join(' UNION ALL '), { driver: { rowsAsArray: true } });
      for (const [at, [hex]] of (found as [string | null][]).entries()) {
        // NULL: the server says what it thinks of that in a key.
        if (hex === null) continue;
        const bytes = Buffer.from(hex, 'hex');
        some[at]![index] = literal(bytes, 0, bytes.length);
      }
    }
  }
  return spelled;
}

/**
 * `(a, b, c) > (x, y, z)` in a form that servers answer by a range of the index: the first column bounds the range.
 * @param after literals of the key columns
 */
function afterKey(columns: readonly ColumnShape[], cursor: Image): string {
  return besideKey(columns, cursor, '>', '>');
}

/** Rows of a table by their primary key; null: all of them. */
export function keyRange(table: TableShape, { after, upTo }: KeyRange): string | null {
  const columns = table.primaryKey.map((index) => table.columns[index]!);
  const both = [
    ...(after === null ? [] : [besideKey(columns, after, '>', '>')]),
    ...(upTo === null ? [] : [besideKey(columns, upTo, '<', '<=')]),
  ];
  return both.length === 0 ? null : both.join(' AND ');
}

/** @param last how the last column of the key is compared where the others are equal */
function besideKey(columns: readonly ColumnShape[], cursor: Image, beyond: '>' | '<', last: string): string {
  if (cursor.length !== columns.length) throw new TypeError('a cursor has one value per key column');
  // A SET is in the order of its bits, and compared as if the last of 64 were a sign: without an index, then.
  const unsigned = columns.map(({ type }) => type.startsWith('set(') && (type.match(MEMBER)?.length ?? 0) === 64);
  const key = columns.map(({ name }, i) => (unsigned[i]! ? `CAST(${quoteName(name)} AS UNSIGNED)` : quoteName(name)));
  const after = cursor.map((value, i) => (unsigned[i]! ? `CAST(${value} AS UNSIGNED)` : value));
  const tail = (i: number): string => {
    if (i === key.length - 1) return `${key[i]} ${last} ${after[i]}`;
    return `(${key[i]} ${beyond} ${after[i]} OR (${key[i]} = ${after[i]} AND ${tail(i + 1)}))`;
  };
  return key.length === 1 ? tail(0) : `${key[0]} ${beyond}= ${after[0]} AND ${tail(0)}`;
}

function typeOf(column: ColumnShape): ColumnType {
  return parseColumnType(column.type, column.charset);
}

function selected(name: string, type: ColumnType): string {
  switch (type.kind) {
    case 'text':
      return `CONVERT(${name} USING binary)`;
    case 'enum':
    case 'bit':
      return `CAST(${name} AS UNSIGNED)`;
    case 'set':
      // The 64th member is a sign, as in the log (`decode.ts`).
      return `CAST(${name} AS SIGNED)`;
    case 'float':
    case 'double':
      // As a double, since a FLOAT prints only six digits.
      return `${name}*1e0`;
    case 'address':
      return `CAST(${name} AS BINARY(${type.length}))`;
    case 'json':
      return selectedJson(name);
    case 'integer':
    case 'decimal':
    case 'year':
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'time':
    case 'fixed-binary':
    case 'binary':
    case 'geometry':
    case 'vector':
    case 'unsupported':
      return name;
    default:
      return type satisfies never;
  }
}

/** From the bytes that the server sends for `selected(…)` to the literal. */
function readerOf(type: ColumnType): (bytes: Buffer) => string {
  switch (type.kind) {
    case 'integer':
      return (bytes) => withoutZeros(bytes.latin1Slice());
    case 'decimal':
      return (bytes) => withoutZeros(bytes.latin1Slice());
    case 'enum':
    case 'set':
    case 'bit':
      return (bytes) => bytes.latin1Slice();
    case 'float':
    case 'double':
      return (bytes) => doubleLiteral(Number(bytes.latin1Slice()));
    case 'year':
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'time':
      return (bytes) => `'${bytes.latin1Slice()}'`;
    case 'text': {
      const literal = textLiteral(type.charset);
      return (bytes) => literal(bytes, 0, bytes.length);
    }
    case 'fixed-binary':
    case 'address':
    case 'binary':
    case 'geometry':
    case 'vector':
      return (bytes) => binaryLiteral(bytes, 0, bytes.length);
    case 'json':
      return (bytes) => jsonLiteral(readJsonText(bytes));
    case 'unsupported':
      throw new OtterError('OT4040', `a column cannot be carried exactly yet: ${type.why}`);
    default:
      return type satisfies never;
  }
}

/** ZEROFILL columns come with zeros in front. */
function withoutZeros(text: string): string {
  return text.charCodeAt(0) === 48 && text.length > 1 ? text.replace(/^0+(?=\d)/, '') : text;
}
