/**
 * Writes as SQL text. Values are literals already (`model/row.ts`), so building a statement is joining texts.
 *
 * Rule kept: no statement is longer than `statementBytes`, and none hits a row that the write did not name (so never
 * `REPLACE`, and `ON DUPLICATE KEY UPDATE` only where the primary key is the only unique key).
 */
import { UnreachableError } from '../model/error.ts';
import type { LoadTable, Write } from '../model/load.ts';
import type { ColumnShape, Image } from '../model/row.ts';

/** What a statement's result must say for the write to have found the rows that it expected. */
export interface Statement {
  readonly sql: string;
  /** Rows the statement is about. */
  readonly rows: number;
  readonly expects: 'anything' | 'upserted' | 'deleted' | 'updated' | 'loaded';
  /** Error values of ENUMs (member 0) that it writes: each gives a warning, and an error in strict mode. */
  readonly zeros?: number;
  /** For `updated`: run when the update finds no row. */
  readonly otherwise?: () => string;
  /** `zeros` of `otherwise`. */
  readonly otherwiseZeros?: number;
  /** For `loaded`: how many rows the server must count. */
  readonly counts?: number;
  /** A question behind it, which fails where it must not stand. */
  readonly asks?: string;
  /** For `loaded`, in several packets: what is done where it does not come to that. */
  readonly instead?: () => Iterable<Statement>;
  /** For `loaded`: what the server asks for when it comes to the statement. */
  readonly lines?: () => Iterable<Buffer>;
  /** It changes a setting of the session. */
  readonly sets?: true;
  /** The server might cut spaces from the end of a text that it writes. */
  readonly cuts?: boolean;
}

/** Servers list 64 warnings and count more; below that, every one can be looked at. */
const ZEROS_MAX = 30;

export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

export function quoteText(text: string): string {
  // biome-ignore format: one line a character class
  return `'${text.replace(/[\\'\0\n\r\x1a]/g, (c) => (c === '\0' ? '\\0' : c === '\n' ? '\\n' : c === '\r' ? '\\r' : c === '\x1a' ? '\\Z' : `\\${c}`))}'`;
}

/**
 * Names for an IN of information_schema, never none. MariaDB takes a list whose members are all equal to its collation (`item`,
 * `ITEM`) for the first of them alone, and finds one table; a name that no table has keeps it from that.
 */
export function nameList(names: readonly string[]): string {
  return ['', ...names].map(quoteText).join(', ');
}

export function qualified(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`;
}

export function statements(write: Write, statementBytes: number): Statement[] {
  const made = plainStatements(write, statementBytes);
  return 'table' in write && write.table.cuts ? made.map((statement) => ({ ...statement, cuts: true })) : made;
}

function plainStatements(write: Write, statementBytes: number): Statement[] {
  switch (write.kind) {
    case 'fk-checks':
      return [{ sql: `SET foreign_key_checks=${write.on ? 1 : 0}`, rows: 0, expects: 'anything', sets: true }];
    case 'insert':
      return inserts(write.table, write.rows, '', statementBytes, 'anything');
    case 'clear':
      return [{ sql: `DELETE FROM ${qualified(write.table.target)}`, rows: 0, expects: 'anything' }];
    case 'ensure':
      // Not INSERT IGNORE, which would swallow every other error too.
      return inserts(write.table, write.rows, untouched(write.table), statementBytes, 'anything');
    case 'upsert':
      if (write.rows.length === 1) return [updateOrInsert(write.table, write.rows[0]!)];
      return inserts(write.table, write.rows, upsertTail(write.table), statementBytes, 'upserted');
    case 'put':
      return inserts(write.table, write.rows, upsertTail(write.table), statementBytes, 'anything');
    case 'delete':
      return deletes(write.table, write.rows, statementBytes);
    case 'update':
      return [update(write.table, write.before, write.after)];
    case 'evict':
      return deletesBy(write.table, write.unique.columns, write.rows, statementBytes, 'anything');
    default:
      throw new UnreachableError(write satisfies never);
  }
}

/** The writes one row each, for finding the row that a server refuses, and its key. */
export function rowByRow(write: Write): { readonly write: Write; readonly key: string | null }[] {
  switch (write.kind) {
    case 'insert':
    case 'ensure':
    case 'upsert':
    case 'put':
    case 'delete':
    case 'evict':
      return write.rows.map((row) => ({ write: { ...write, rows: [row] }, key: keyOf(write.table, row) }));
    case 'update':
      return [{ write, key: keyOf(write.table, write.before) }];
    case 'clear':
    case 'fk-checks':
      return [{ write, key: null }];
    default:
      throw new UnreachableError(write satisfies never);
  }
}

/** `id=5`, for messages; null for tables without a key, since other values never enter a message. */
function keyOf(table: LoadTable, row: Image): string | null {
  if (table.key.length === 0) return null;
  return table.key.map((index) => `${table.columns[index]!.name}=${row[index] ?? 'NULL'}`).join(', ');
}

type Columns = Pick<LoadTable, 'columns'>;

/** `SELECT … FOR UPDATE` of the rows whose `columns` have one of the values; rows come as the table's loaded columns. */
export function keyCondition(table: Columns, columns: readonly number[], rows: readonly Image[]): string {
  if (columns.length > 1 && !comparesAsRows(table, columns))
    return rows.map((row) => `(${equalities(table, columns, row)})`).join(' OR ');
  return `${columnList(table, columns)} IN (${rows.map((row) => keyTuple(row, columns)).join(',')})`;
}

/** One row: an UPDATE tells whether it was there, which an upsert of one row does not. */
function updateOrInsert(table: LoadTable, row: Image): Statement {
  let sql = updating(table).head;
  // Put together as it goes, which copies nothing: a row may be of many megabytes.
  for (const [index, set] of settingsOf(table.columns).entries())
    sql += `${index === 0 ? '' : ','}${set}${row[index] ?? 'NULL'}`;
  const zeros = zerosOf(table, row);
  return {
    sql: `${sql} WHERE ${rowCondition(table, row)}`,
    rows: 1,
    expects: 'updated',
    zeros,
    otherwise: () => `${insertHead(table)} VALUES ${tuple(row, fillsOf(table))}`,
    otherwiseZeros: zeros,
  };
}

function update(table: LoadTable, before: Image, after: Image): Statement {
  return {
    sql: `${updating(table).head}${assignments(table, before, after)} WHERE ${rowCondition(table, before)}${limitOne(table)}`,
    rows: 1,
    expects: 'updated',
    zeros: zerosOf(table, after, before),
    otherwise: () => `${insertHead(table)} VALUES ${tuple(after, fillsOf(table))}`,
    otherwiseZeros: zerosOf(table, after),
  };
}

const enumsOf = new WeakMap<LoadTable, readonly number[]>();

function enums(table: LoadTable): readonly number[] {
  let known = enumsOf.get(table);
  if (known === undefined) {
    known = table.columns.flatMap(({ type }, index) => (/^enum\(/i.test(type) ? [index] : []));
    enumsOf.set(table, known);
  }
  return known;
}

/** How many ENUMs of a row are set to their error value; those that were so `before` are not set again. */
function zerosOf(table: LoadTable, row: Image, before: Image | null = null): number {
  let zeros = 0;
  for (const index of enums(table)) if (row[index] === '0' && before?.[index] !== '0') zeros += 1;
  return zeros;
}

/**
 * Whether `(a,b) IN ((…),(…))` finds what `a=… AND b=… OR …` finds. MySQL 9.7 finds no row by several tuples with the
 * numbers of an ENUM or SET in them; of other types than these nobody promises better.
 */
function comparesAsRows(table: Columns, columns: readonly number[]): boolean {
  return columns.every((index) => PLAIN.test(table.columns[index]!.type));
}

const PLAIN = /^((tiny|small|medium|big)?int|(var)?char|(var)?binary)\b/;

function inserts(
  table: LoadTable,
  rows: readonly Image[],
  tail: string,
  statementBytes: number,
  expects: Statement['expects'],
): Statement[] {
  const head = `${insertHead(table)} VALUES `;
  const zeros = enums(table).length === 0 ? null : rows.map((row) => zerosOf(table, row));
  const filled = fillsOf(table);
  const tuples = rows.map((row) => tuple(row, filled));
  return pieces(head, tuples, tail, statementBytes, expects, zeros);
}

function insertHead(table: LoadTable): string {
  const names = [...table.columns.map(({ name }) => name), ...Object.keys(table.fills ?? {})];
  return `INSERT INTO ${qualified(table.target)} (${names.map(quoteName).join(',')})`;
}

const tails = new WeakMap<LoadTable, string>();

/** What stands behind a row's own values. */
function fillsOf(table: LoadTable): string {
  let tail = tails.get(table);
  if (tail === undefined) {
    tail = Object.values(table.fills ?? {})
      .map((literal) => `,${literal}`)
      .join('');
    tails.set(table, tail);
  }
  return tail;
}

function untouched(table: LoadTable): string {
  const name = quoteName(table.columns[0]!.name);
  return ` ON DUPLICATE KEY UPDATE ${name}=${qualified(table.target)}.${name}`;
}

function upsertTail(table: LoadTable): string {
  const key = new Set(table.key);
  const set = table.columns.flatMap(({ name }, index) =>
    key.has(index) ? [] : [`${quoteName(name)}=VALUES(${quoteName(name)})`],
  );
  // Key columns too: the server may hold the same key in another spelling (case, padding).
  const spelled = table.key
    .filter((index) => table.columns[index]!.collation !== null)
    .map((index) => table.columns[index]!.name);
  const all = [...set, ...spelled.map((name) => `${quoteName(name)}=VALUES(${quoteName(name)})`)];
  if (all.length === 0) all.push(`${quoteName(table.columns[0]!.name)}=VALUES(${quoteName(table.columns[0]!.name)})`);
  return ` ON DUPLICATE KEY UPDATE ${all.join(',')}`;
}

function deletes(table: LoadTable, rows: readonly Image[], statementBytes: number): Statement[] {
  if (table.key.length > 0) return deletesBy(table, table.key, rows, statementBytes, 'deleted');
  return rows.map((row) => ({
    sql: `DELETE FROM ${qualified(table.target)} WHERE ${rowCondition(table, row)} LIMIT 1`,
    rows: 1,
    expects: 'deleted' as const,
  }));
}

function deletesBy(
  table: LoadTable,
  columns: readonly number[],
  rows: readonly Image[],
  statementBytes: number,
  expects: Statement['expects'],
): Statement[] {
  const head = `DELETE FROM ${qualified(table.target)} WHERE`;
  if (columns.length > 1 && !comparesAsRows(table, columns)) {
    const conditions = rows.map((row) => `(${equalities(table, columns, row)})`);
    return pieces(`${head} `, conditions, '', statementBytes, expects, null, ' OR ');
  }
  const tuples = rows.map((row) => keyTuple(row, columns));
  return pieces(`${head} ${columnList(table, columns)} IN (`, tuples, ')', statementBytes, expects);
}

function pieces(
  head: string,
  tuples: readonly string[],
  tail: string,
  statementBytes: number,
  expects: Statement['expects'],
  zerosOfEach: readonly number[] | null = null,
  separator = ',',
): Statement[] {
  const made: Statement[] = [];
  let start = 0;
  let bytes = 0;
  let zeros = 0;
  for (let index = 0; index <= tuples.length; index += 1) {
    // Three bytes a character is the most that UTF-8 takes for what JavaScript counts as one.
    const size = index < tuples.length ? tuples[index]!.length * 3 + separator.length : 0;
    const more = zerosOfEach?.[index] ?? 0;
    if (index > start && (index === tuples.length || bytes + size > statementBytes || zeros + more > ZEROS_MAX)) {
      made.push({
        sql: `${head}${tuples.slice(start, index).join(separator)}${tail}`,
        rows: index - start,
        expects,
        zeros,
      });
      start = index;
      bytes = 0;
      zeros = 0;
    }
    bytes += size;
    zeros += more;
  }
  return made;
}

function tuple(row: Image, filled: string): string {
  return `(${(row.includes(null) ? row.map((value) => value ?? 'NULL') : row).join()}${filled})`;
}

function columnList(table: Columns, columns: readonly number[]): string {
  const names = columns.map((index) => quoteName(table.columns[index]!.name));
  return names.length === 1 ? names[0]! : `(${names.join(',')})`;
}

function keyTuple(row: Image, columns: readonly number[]): string {
  if (columns.length === 1) return row[columns[0]!] ?? 'NULL';
  return `(${columns.map((index) => row[index] ?? 'NULL').join(',')})`;
}

/** The row itself: by primary key where there is one, else by all columns. */
function rowCondition(table: LoadTable, row: Image): string {
  if (table.key.length > 0) return equalities(table, table.key, row);
  return table.columns.map((column, index) => identity(column, row[index] ?? 'NULL')).join(' AND ');
}

function equalities({ columns: all }: Columns, columns: readonly number[], row: Image): string {
  const sets = settingsOf(all);
  if (columns.length === 1) return `${sets[columns[0]!]}${row[columns[0]!] ?? 'NULL'}`;
  return columns.map((index) => `${sets[index]}${row[index] ?? 'NULL'}`).join(' AND ');
}

const settings = new WeakMap<readonly ColumnShape[], readonly string[]>();

/** `name=` for each column: the same in every statement about a table. */
function settingsOf(columns: readonly ColumnShape[]): readonly string[] {
  let known = settings.get(columns);
  if (known === undefined) {
    known = columns.map(({ name }) => `${quoteName(name)}=`);
    settings.set(columns, known);
  }
  return known;
}

/** Without a key only the very value tells a row from another: collations take `a` for `A`, and for `a` with a space. */
function identity({ name, type, charset }: ColumnShape, literal: string): string {
  const equal = `${quoteName(name)}<=>${literal}`;
  // A JSON is no text to the server, to which 1 and 1.0 are equal too; vectors it does not compare.
  if (type === 'json')
    return `CAST(CAST(${quoteName(name)} AS CHAR) AS BINARY)<=>CAST(CAST(CAST(${literal} AS JSON) AS CHAR) AS BINARY)`;
  // Two zeros to tell apart. MariaDB stores one, and reads no comment of this version.
  if (ZERO.test(literal) && FLOATING.test(type))
    return `${equal} /*!80000 AND LOCATE('-',${quoteName(name)})${literal.startsWith('-') ? '>' : '='}0 */`;
  if (VECTOR.test(type)) return `HEX(${quoteName(name)})<=>HEX(${literal})`;
  if (charset === null || literal === 'NULL' || !TEXT.test(type)) return equal;
  const same = `CAST(${quoteName(name)} AS BINARY)<=>CAST(CONVERT(${literal} USING ${charset}) AS BINARY)`;
  // For an index, which a long text does not have. It might come in a variable, of which no collation can be told.
  return literal.length < INDEXED_CHARS ? `${equal} AND ${same}` : same;
}

const FLOATING = /^(float|double|real)\b/;
const ZERO = /^-?0e0$/;
const VECTOR = /^vector\b/;
const TEXT = /^((var)?char|(tiny|medium|long)?text)\b/;
const INDEXED_CHARS = 10_000;

function limitOne(table: LoadTable): string {
  return table.key.length > 0 ? '' : ' LIMIT 1';
}

/** What changed, and times always: a column with `ON UPDATE CURRENT_TIMESTAMP` would move if it were not named. */
/** What is the same in every UPDATE of a table: `UPDATE … SET `, and which columns the server might set by itself. */
interface Updating {
  readonly head: string;
  readonly isTime: readonly boolean[];
}

const updatings = new WeakMap<LoadTable, Updating>();

function updating(table: LoadTable): Updating {
  let known = updatings.get(table);
  if (known === undefined) {
    known = {
      head: `UPDATE ${qualified(table.target)} SET `,
      isTime: table.columns.map(({ type }) => /^(timestamp|datetime)/.test(type)),
    };
    updatings.set(table, known);
  }
  return known;
}

function assignments(table: LoadTable, before: Image, after: Image): string {
  const { isTime } = updating(table);
  const sets = settingsOf(table.columns);
  let changed = '';
  for (let index = 0; index < sets.length; index += 1) {
    if (before[index] === after[index] && !isTime[index]) continue;
    changed += `${changed === '' ? '' : ','}${sets[index]}${after[index] ?? 'NULL'}`;
  }
  const name = quoteName(table.columns[0]!.name);
  return changed === '' ? `${name}=${name}` : changed;
}
