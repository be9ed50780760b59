/**
 * TABLE_MAP events: which table the row events of a number belong to, and how its columns are written in them.
 * The structure they describe is compared with the present one, since decoding by the wrong one bends values silently.
 */
import { OtterError } from '../model/error.ts';
import type { TableShape } from '../model/row.ts';
import type { Cursor } from './cursor.ts';
import { type Decoder, decoderFor, type LogColumn } from './decode.ts';
import { hiddenColumns } from './schema.ts';
import { type ColumnType, LOG_TYPE, logCodes, parseColumnType } from './types.ts';

export interface TableMap {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly LogColumn[];
  /** Signedness of the numeric columns in order, where the server logs it (MySQL 8). */
  readonly unsigned: readonly boolean[] | null;
  /** Names of the columns, where the server logs them (`binlog_row_metadata = FULL`). */
  readonly names: readonly string[] | null;
  /** Members of the ENUM columns, and of the SET columns, in order, as bytes of their charset; where they are logged. */
  readonly enums: readonly (readonly string[])[] | null;
  readonly sets: readonly (readonly string[])[] | null;
}

/** How to read the rows of one table map. */
export interface RowPlan {
  readonly shape: TableShape;
  /** One per column of the log, which may have hidden ones after those of the shape. */
  readonly decoders: readonly Decoder[];
}

/** Reads the event's body after the table number and flags. */
export function readTableMap(c: Cursor): TableMap {
  const schema = c.text(c.uint(1));
  c.skip(1);
  const table = c.text(c.uint(1));
  c.skip(1);
  const count = c.packed();
  const typesAt = c.skip(count);
  const metaEnd = c.packed() + c.at;
  const columns: LogColumn[] = [];
  for (let i = 0; i < count; i++) columns.push(readColumn(c, c.bytes[typesAt + i]!));
  c.skip(metaEnd - c.at);
  c.skip((count + 7) >> 3);
  return { schema, table, columns, ...readMetadata(c, columns) };
}

function readColumn(c: Cursor, code: number): LogColumn {
  switch (code) {
    case LOG_TYPE.FLOAT:
    case LOG_TYPE.DOUBLE:
    case LOG_TYPE.BLOB:
    case LOG_TYPE.JSON:
    case LOG_TYPE.GEOMETRY:
    case LOG_TYPE.VECTOR:
    case LOG_TYPE.TIMESTAMP2:
    case LOG_TYPE.DATETIME2:
    case LOG_TYPE.TIME2:
    case LOG_TYPE.BLOB_COMPRESSED:
      return { code, meta: c.uint(1) };
    case LOG_TYPE.STRING: {
      const meta = c.uint(2);
      const real = meta & 255;
      if (real === LOG_TYPE.ENUM || real === LOG_TYPE.SET) return { code: real, meta };
      return { code, meta };
    }
    case LOG_TYPE.VARCHAR:
    case LOG_TYPE.VAR_STRING:
    case LOG_TYPE.VARCHAR_COMPRESSED:
    case LOG_TYPE.BIT:
    case LOG_TYPE.NEWDECIMAL:
    case LOG_TYPE.ENUM:
    case LOG_TYPE.SET:
      return { code, meta: c.uint(2) };
    default:
      return { code, meta: 0 };
  }
}

/** Types of the fields of the optional metadata. */
const SIGNEDNESS = 1;
const COLUMN_NAME = 4;
const SET_MEMBERS = 5;
const ENUM_MEMBERS = 6;
const NUMERIC = new Set<number>([
  ...[LOG_TYPE.TINY, LOG_TYPE.SHORT, LOG_TYPE.INT24, LOG_TYPE.LONG, LOG_TYPE.LONGLONG],
  ...[LOG_TYPE.FLOAT, LOG_TYPE.DOUBLE, LOG_TYPE.NEWDECIMAL, LOG_TYPE.YEAR],
]);

/** Optional metadata: type, length, value. What else it may hold is not needed. */
function readMetadata(
  c: Cursor,
  columns: readonly LogColumn[],
): Pick<TableMap, 'unsigned' | 'names' | 'enums' | 'sets'> {
  const found: { -readonly [K in 'unsigned' | 'names' | 'enums' | 'sets']: TableMap[K] } = {
    unsigned: null,
    names: null,
    enums: null,
    sets: null,
  };
  while (c.at < c.end) {
    const field = c.uint(1);
    const length = c.packed();
    const end = c.at + length;
    if (field === SIGNEDNESS) found.unsigned = readSigns(c, columns);
    else if (field === COLUMN_NAME) found.names = readTexts(c, end);
    else if (field === ENUM_MEMBERS) found.enums = readLists(c, end);
    else if (field === SET_MEMBERS) found.sets = readLists(c, end);
    c.skip(end - c.at);
  }
  return found;
}

/** A bit per numeric column, highest bit first. */
function readSigns(c: Cursor, columns: readonly LogColumn[]): readonly boolean[] {
  return columns
    .filter((column) => NUMERIC.has(column.code))
    .map((_, i) => (c.bytes[c.at + (i >> 3)]! & (0x80 >> (i & 7))) !== 0);
}

function readTexts(c: Cursor, end: number, count = Number.POSITIVE_INFINITY): readonly string[] {
  const texts: string[] = [];
  while (c.at < end && texts.length < count) texts.push(c.text(c.packed()));
  return texts;
}

function readLists(c: Cursor, end: number): readonly (readonly string[])[] {
  const lists: (readonly string[])[] = [];
  while (c.at < end) lists.push(readTexts(c, end, c.packed()));
  return lists;
}

/** @throws OtterError OT4030 when the log's structure is not that of `shape`, OT4040 for types that are not exact. */
export function planRows(map: TableMap, shape: TableShape): RowPlan {
  const types = shape.columns.map((column) => parseColumnType(column.type, column.charset));
  // All of them at once, so that nobody has to change one to learn of the next.
  const wrong = types.flatMap((type, i) => {
    const { name } = shape.columns[i]!;
    if (type.kind === 'unsupported') return [`${name} (${type.why})`];
    return isOldTemporal(map.columns[i]?.code) ? [`${name} (a date or time in the format of MySQL 5.5)`] : [];
  });
  if (wrong.length > 0) throw inexact(shape, wrong);
  const hidden = hiddenColumns.get(shape) ?? 0;
  if (map.columns.length !== types.length + hidden) {
    throw differs(map, `${map.columns.length - hidden} columns in the log, ${types.length} now`);
  }
  checkNames(map, shape);
  const decoders = map.columns.map((column, i) => {
    if (i >= types.length) return decoderFor(HASH, column);
    const type = types[i]!;
    const { name } = shape.columns[i]!;
    if (!logCodes(type).includes(column.code)) {
      throw differs(map, `column ${name} is type ${column.code} in the log and ${shape.columns[i]!.type} now`);
    }
    return decoderFor(type, column);
  });
  checkSigns(map, shape, types);
  return { shape, decoders };
}

/** What a hidden column holds. */
const HASH: ColumnType = { kind: 'integer', bytes: 8, unsigned: true };

function checkSigns(map: TableMap, shape: TableShape, types: readonly ColumnType[]): void {
  if (map.unsigned === null) return;
  let numeric = 0;
  for (const [i, column] of map.columns.entries()) {
    if (!NUMERIC.has(column.code)) continue;
    const logged = map.unsigned[numeric++];
    const type = types[i];
    if (type?.kind === 'integer' && type.unsigned !== logged) {
      throw differs(map, `column ${shape.columns[i]!.name} was ${logged ? 'unsigned' : 'signed'}`);
    }
  }
}

/** Columns of the same types may have changed places, or names, and members of ENUM and SET their numbers. */
function checkNames(map: TableMap, shape: TableShape): void {
  const moved = shape.columns.findIndex((column, i) => map.names !== null && map.names[i] !== column.name);
  if (moved >= 0) throw differs(map, `column ${map.names![moved]} in the log is ${shape.columns[moved]!.name} now`);
  for (const [kind, logged] of [
    ['enum', map.enums],
    ['set', map.sets],
  ] as const) {
    if (logged === null) continue;
    const columns = shape.columns.filter(({ type }) => type.startsWith(`${kind}(`));
    for (const [i, { name, type, charset }] of columns.entries()) {
      // Members are logged in the charset of their column.
      if (WIDE.test(charset ?? '')) continue;
      const now = [...type.matchAll(/'((?:[^']|'')*)'/g)].map(([, member]) => member!.replaceAll("''", "'"));
      const then = logged[i] ?? [];
      const same = now.length === then.length && now.every((member, at) => member === then[at] || !ASCII.test(member));
      if (!same) throw differs(map, `the members of ${name} are others now`);
    }
  }
}

/** Charsets in which ASCII is written in other bytes. */
const WIDE = /^(ucs2|utf16|utf16le|utf32)$/;
const ASCII = /^[\x20-\x7e]*$/;

function isOldTemporal(code: number | undefined): boolean {
  return code === LOG_TYPE.TIMESTAMP || code === LOG_TYPE.DATETIME || code === LOG_TYPE.TIME;
}

/** Names every column whose type is not exact yet. @throws OtterError OT4040 */
export function requireExactTypes(shape: TableShape): void {
  const wrong = shape.columns.flatMap((column) => {
    const type = parseColumnType(column.type, column.charset);
    return type.kind === 'unsupported' ? [`${column.name} (${type.why})`] : [];
  });
  if (wrong.length > 0) throw inexact(shape, wrong);
}

function inexact(shape: TableShape, columns: readonly string[]): OtterError {
  const table = `${shape.schema}.${shape.name}`;
  return new OtterError('OT4040', `table ${table}: cannot be carried exactly yet: ${columns.join(', ')}`, {
    where: { table },
    hint: 'leave the table out of the channel',
  });
}

function differs(map: TableMap, what: string): OtterError {
  const table = `${map.schema}.${map.table}`;
  return new OtterError('OT4030', `structure of ${table} in the log differs from the present one: ${what}`, {
    where: { table },
    hint: 'copy the table again (`otter explain OT4030` says how)',
  });
}
