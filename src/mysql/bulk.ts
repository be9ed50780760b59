/**
 * Many rows as the lines of a LOAD DATA LOCAL, which a server takes at about half the cost of an INSERT of the same rows: new ones,
 * or with REPLACE whole rows that are there already.
 *
 * A line is the row's literals with commas between, since LOAD DATA reads quotes, backslashes and an unquoted NULL as SQL does
 * (https://mariadb.com/kb/en/load-data-infile/). It reads everything else as text, so only tables take part all of whose
 * columns store a text like the literal; binary values go as the bytes they are.
 *
 * Rule kept: with LOCAL a server makes warnings of errors and passes over duplicates, so a load counts only when it stored
 * every row without a warning (`loaded`); else nothing of it is kept, and the rows are inserted. REPLACE is used only where a row can
 * meet none but the one of its key, and has no column that does not travel; it counts only when every row was there, and another
 * than the one that comes: of those a server counts two. People may change a table while it is written: what it has by then is asked
 * behind the load, when nobody can change it before the transaction ends, and rows that refer to it stay, though a server may
 * delete what it replaces.
 */
import type { LoadTable } from '../model/load.ts';
import type { ColumnShape, Image } from '../model/row.ts';
import { ASCII_BELOW, UTF8 } from './literal.ts';
import { nameList, qualified, quoteName, quoteText, type Statement } from './sql.ts';

/** Below this an INSERT needs one round trip less. */
const BULK_CHARS_MIN = 32 << 10;
/** The same of rows that replace others: what the table has by then takes a server a millisecond or two to tell. */
const REPLACE_CHARS_MIN = 256 << 10;
const ROWS_MIN = 8;
/** What is put together before it is written to the socket. */
const CHUNK_BYTES = 64 << 10;
/** `max_allowed_packet` that a server must have for it: what is written at once is never more. */
export const LINES_PACKET_MIN = 256 << 10;

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

/** Fails (ER_SUBQUERY_NO_1_ROW) unless the load before counted so many rows and had nothing to say. */
export function loaded(counted: number): string {
  return `SELECT IF(@@warning_count=0 AND ROW_COUNT()=${counted},1,(SELECT 1 UNION SELECT 2)) AS loaded`;
}

/** Around a load that replaces: nothing is done to rows of other tables. */
export const CHECKS_OFF = 'SET @otter_checks=@@foreign_key_checks, foreign_key_checks=0';
export const CHECKS_BACK = 'SET foreign_key_checks=@otter_checks';

/** How values of a column are read: as they are, as a text that must be quoted, or as the bytes of a hexadecimal literal. */
type Reading = 'plain' | 'quoted' | 'bytes';

interface Plan {
  readonly insert: string;
  /** Null where a row might meet others than the one of its key, or would lose what does not travel. */
  readonly replace: Pick<Statement, 'sql' | 'asks'> | null;
  readonly quoted: readonly number[];
  readonly bytes: readonly number[];
}

const plans = new WeakMap<LoadTable, Plan | null>();

/** New rows as one statement; null where they must be inserted. */
export function bulkInsert(table: LoadTable, rows: readonly Image[]): Statement | null {
  const plan = planFor(table, rows, BULK_CHARS_MIN);
  return plan === null ? null : load(plan, { sql: plan.insert }, rows, rows.length);
}

/** Rows that are there, as they are from here on. */
export function bulkReplace(table: LoadTable, rows: readonly Image[]): Statement | null {
  const plan = planFor(table, rows, REPLACE_CHARS_MIN);
  return plan?.replace == null ? null : load(plan, plan.replace, rows, 2 * rows.length);
}

function planFor(table: LoadTable, rows: readonly Image[], charsMin: number): Plan | null {
  if (rows.length < ROWS_MIN) return null;
  let plan = plans.get(table);
  if (plan === undefined) {
    plan = planOf(table);
    plans.set(table, plan);
  }
  const few = charsOf(rows[0]!) * rows.length < charsMin;
  return plan === null || few || !fits(plan, rows) ? null : plan;
}

function load(
  { bytes }: Plan,
  statement: Pick<Statement, 'sql' | 'asks'>,
  rows: readonly Image[],
  counts: number,
): Statement {
  return {
    ...statement,
    rows: rows.length,
    counts,
    expects: 'loaded',
    lines: () => (bytes.length === 0 ? textLines(rows) : byteLines(rows, new Set(bytes))),
  };
}

function planOf(table: LoadTable): Plan | null {
  const { source, columns, fills, cuts, target } = table;
  if (cuts || fills !== undefined || source.columns.length !== columns.length) return null;
  const readings = columns.map((column, at) => readingOf(source.columns[at]!, column));
  if (readings.includes(null)) return null;
  const which = (reading: Reading): number[] => readings.flatMap((each, at) => (each === reading ? [at] : []));
  const names = columns.map(({ name }) => quoteName(name)).join(',');
  const sql = (how: string): string =>
    `LOAD DATA LOCAL INFILE 'rows'${how} INTO TABLE ${qualified(target)} CHARACTER SET binary FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\\'' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' (${names})`;
  return {
    insert: sql(''),
    replace: replaces(table) ? { sql: sql(' REPLACE'), asks: asKnown(target) } : null,
    quoted: which('quoted'),
    bytes: which('bytes'),
  };
}

function replaces({ key, extras, target }: LoadTable): boolean {
  const { uniques, foreignKeys, referencedBy, triggers } = target;
  return key.length > 0 && [extras, uniques, foreignKeys, referencedBy, triggers].every(({ length }) => length === 0);
}

/** Fails (ER_SUBQUERY_NO_1_ROW) where the table has got columns, keys or triggers since by which something would be lost. */
function asKnown({ schema, name, columns }: LoadTable['target']): string {
  const found = (what: string, of: string, also: string): string =>
    `EXISTS (SELECT 1 FROM information_schema.${what} WHERE ${of}_SCHEMA=${quoteText(schema)} AND ${of}_${of === 'TABLE' ? 'NAME' : 'TABLE'}=${quoteText(name)}${also})`;
  const known = nameList(columns.map((column) => column.name));
  const news = [
    found('COLUMNS', 'TABLE', ` AND COLUMN_NAME NOT IN (${known})`),
    found('TABLE_CONSTRAINTS', 'TABLE', " AND CONSTRAINT_TYPE IN ('UNIQUE','FOREIGN KEY')"),
    found('TRIGGERS', 'EVENT_OBJECT', ''),
  ];
  return `SELECT IF(${news.join(' OR ')},(SELECT 1 UNION SELECT 2),1) AS known`;
}

/** Numbers and times, which a text stores like their literal. Not YEAR, to which 0 and '0' differ, nor ENUM, SET and BIT. */
const PLAIN: readonly RegExp[] = [
  /^(tiny|small|medium|big)?int(\(\d+\))?( unsigned)?( zerofill)?$/,
  /^decimal(\(\d+(,\d+)?\))?( unsigned)?( zerofill)?$/,
  /^(float|double)( unsigned)?$/,
  /^(datetime|timestamp)(\(\d\))?$/,
  /^date$/,
  /^time(\(\d\))?$/,
];
const TEXT = /^((var)?char\(\d+\)|(tiny|medium|long)?text)$/;
const BYTES = /^((var)?binary\(\d+\)|(tiny|medium|long)?blob)$/;

/** Null: not surely like the literal. A value is written by the source's column. */
function readingOf(source: ColumnShape, target: ColumnShape): Reading | null {
  const types = [source.type.toLowerCase(), target.type.toLowerCase()];
  const both = (pattern: RegExp): boolean => types.every((type) => pattern.test(type));
  if (source.computed === true) return null;
  if (PLAIN.some(both)) return 'plain';
  if (both(BYTES)) return 'bytes';
  if (!both(TEXT) || target.charset === null) return null;
  // In these what is quoted is ASCII, of which every byte is the same there.
  const ascii = source.charset === target.charset && ASCII_BELOW.has(target.charset);
  return UTF8.has(target.charset) || ascii ? 'quoted' : null;
}

function charsOf(row: Image): number {
  let chars = 0;
  for (const value of row) chars += (value?.length ?? 4) + 1;
  return chars;
}

/** Texts that are no UTF-8, or whose charset is written with an introducer, are not quoted. */
function fits({ quoted, bytes }: Plan, rows: readonly Image[]): boolean {
  const areAll = (columns: readonly number[], first: number): boolean => {
    for (const column of columns)
      for (const row of rows) {
        const value = row[column]!;
        if (value !== null && value.charCodeAt(0) !== first) return false;
      }
    return true;
  };
  return areAll(quoted, QUOTE) && areAll(bytes, 'x'.charCodeAt(0));
}

function* textLines(rows: readonly Image[]): Generator<Buffer, void> {
  let text = '';
  for (const row of rows) {
    text += `${(row.includes(null) ? row.map((value) => value ?? 'NULL') : row).join()}\n`;
    if (text.length < CHUNK_BYTES) continue;
    yield* inChunks(Buffer.from(text));
    text = '';
  }
  if (text !== '') yield* inChunks(Buffer.from(text));
}

/** Each goes in a packet, which a server takes only so large. */
function* inChunks(bytes: Buffer): Generator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += 2 * CHUNK_BYTES) yield bytes.subarray(at, at + 2 * CHUNK_BYTES);
}

function* byteLines(rows: readonly Image[], bytes: ReadonlySet<number>): Generator<Buffer, void> {
  let held: Buffer[] = [];
  let size = 0;
  for (const part of byteParts(rows, bytes)) {
    held.push(part);
    size += part.length;
    if (size < CHUNK_BYTES) continue;
    yield Buffer.concat(held);
    held = [];
    size = 0;
  }
  if (held.length > 0) yield Buffer.concat(held);
}

/** However long a value is, no part is longer than a chunk. */
function* byteParts(rows: readonly Image[], bytes: ReadonlySet<number>): Generator<Buffer, void> {
  for (const row of rows) {
    let text = '';
    for (const [at, value] of row.entries()) {
      if (at > 0) text += ',';
      if (value === null || !bytes.has(at)) {
        text += value ?? 'NULL';
        continue;
      }
      yield Buffer.from(`${text}'`);
      // Of `x'…'`, two digits a byte.
      for (let from = 2; from < value.length - 1; from += CHUNK_BYTES)
        yield escaped(Buffer.from(value.slice(from, Math.min(from + CHUNK_BYTES, value.length - 1)), 'hex'));
      text = "'";
    }
    yield Buffer.from(`${text}\n`);
  }
}

function escaped(plain: Buffer): Buffer {
  const made = Buffer.allocUnsafe(plain.length * 2);
  let end = 0;
  for (let at = 0; at < plain.length; at += 1) {
    const byte = plain[at]!;
    if (byte === QUOTE || byte === BACKSLASH || byte === 0) {
      made[end++] = BACKSLASH;
      made[end++] = byte === 0 ? ZERO : byte;
    } else made[end++] = byte;
  }
  return made.subarray(0, end);
}
