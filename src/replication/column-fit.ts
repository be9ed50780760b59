/**
 * Whether a column takes every value of another exactly.
 *
 * Rule kept: what a server would change in silence is never written: numbers of ENUM and SET members that mean others
 * there, fractions that are rounded, times of another kind. What it refuses aloud in strict mode (a number out of range,
 * a text that is too long) is told apart, since columns of a running channel are widened on one side first.
 */
import type { ColumnShape } from '../model/row.ts';

interface Parsed {
  readonly base: string;
  /** Lengths, precision and scale. */
  readonly numbers: readonly number[];
  readonly unsigned: boolean;
  /** Of ENUM and SET, as the server prints them. */
  readonly members: readonly string[];
  readonly charset: string;
}

const INTEGER_BYTES: Readonly<Record<string, number>> = { tinyint: 1, smallint: 2, mediumint: 3, int: 4, bigint: 8 };

/** How many bytes fit into the types that are named after their size. */
const LONG_BYTES: Readonly<Record<string, number>> = {
  ...{ tinytext: 255, text: 65_535, mediumtext: 16_777_215, longtext: 4_294_967_295 },
  ...{ tinyblob: 255, blob: 65_535, mediumblob: 16_777_215, longblob: 4_294_967_295 },
};

/** Types of addresses and names whose values travel as their bytes. */
const ADDRESS_BYTES: Readonly<Record<string, number>> = { inet4: 4, inet6: 16, uuid: 16 };

/** As what a JSON travels. */
const JSON_AS_TEXT: Parsed = { base: 'longtext', numbers: [], unsigned: false, members: [], charset: 'utf8mb4' };

/** Several names of one type, on one server or on another. */
const SYNONYMS: Readonly<Record<string, string>> = {
  integer: 'int',
  numeric: 'decimal',
  real: 'double',
  geomcollection: 'geometrycollection',
};

const GEOMETRY = /^((multi)?(point|linestring|polygon)|geometry(collection)?)$/;
const TEXT = /^(char|varchar|(tiny|medium|long)?text)$/;
const BYTES = /^(binary|varbinary|(tiny|medium|long)?blob)$/;
const MEMBER = /'(?:[^']|'')*'/g;

/** What is compared of a column; types as servers print them (COLUMN_TYPE). */
export type FitColumn = Pick<ColumnShape, 'type' | 'charset' | 'collation' | 'nullable'>;

/**
 * - `exact`: every value of the source has its place.
 * - `aloud`: the server refuses the values that have none.
 * - `cuts`: that too, but spaces at the end of a text that is too long are cut with no more than a note.
 * - `silent`: it may change some without an error.
 */
export type Fit = 'exact' | 'aloud' | 'cuts' | 'silent';

export function fitOf(source: FitColumn, target: FitColumn): Fit {
  // Where `explicit_defaults_for_timestamp` is off, NULL is the time of now to such a column; to others it is an error.
  if (source.nullable && !target.nullable && /^timestamp/i.test(target.type)) return 'silent';
  return valuesFit(source, target);
}

function valuesFit(source: FitColumn, target: FitColumn): Fit {
  // The types of the columns of a table with history are not known here; it has been made for this on purpose.
  if (target.type === 'system versioned') return 'exact';
  const [from, to] = [parse(source), parse(target)];
  if (from.base in INTEGER_BYTES) return to.base in INTEGER_BYTES ? exactIf(integerFits(from, to)) : 'silent';
  if (GEOMETRY.test(from.base)) return to.base === from.base || to.base === 'geometry' ? 'exact' : 'silent';
  if (TEXT.test(from.base)) return isJsonText(source, to) ? 'exact' : textFit(from, to);
  if (from.base === 'json' && TEXT.test(to.base)) return textFit(JSON_AS_TEXT, to);
  // Bytes into such a type are an address again, or none.
  const address = ADDRESS_BYTES[to.base];
  if (address !== undefined && from.base === 'binary') return length(from, 1) === address ? 'exact' : 'silent';
  const bytes = asBytes(from);
  if (bytes !== null && BYTES.test(to.base)) return bytesFit(bytes, to);
  // The number of a FLOAT travels as the double that it is.
  if (from.base === 'float' && to.base === 'double' && to.numbers.length === 0) return exactIf(signFits(from, to));
  return from.base === to.base ? fitOfOneKind(from, to, source.type === target.type) : 'silent';
}

function fitOfOneKind(from: Parsed, to: Parsed, same: boolean): Fit {
  switch (from.base) {
    case 'enum':
    case 'set':
      return membersFit(from.members, to.members);
    case 'datetime':
    case 'timestamp':
    case 'time':
      return length(to, 0) >= length(from, 0) ? 'exact' : 'silent';
    case 'bit':
      return exactIf(length(to, 1) >= length(from, 1));
    case 'decimal':
      return (to.numbers[1] ?? 0) >= (from.numbers[1] ?? 0) ? exactIf(digitsFit(from, to)) : 'silent';
    case 'float':
    case 'double':
      // With a precision (FLOAT(7,4)) values are rounded to it.
      return to.numbers.length === 0 || from.numbers.join() === to.numbers.join()
        ? exactIf(signFits(from, to))
        : 'silent';
    case 'year':
      return length(to, 4) === length(from, 4) ? 'exact' : 'silent';
    case 'date':
    case 'inet4':
    case 'inet6':
    case 'uuid':
    case 'json':
      return 'exact';
    case 'vector':
      // MySQL takes shorter ones, MariaDB none of another length.
      return exactIf(length(from, 1) === length(to, 1));
    default:
      return same ? 'exact' : 'silent';
  }
}

/** A type for people, with its character set and whether it takes NULL where that is what differs. */
export function printTypes(source: FitColumn, target: FitColumn): { readonly from: string; readonly to: string } {
  const differ = charsetOf(source) !== charsetOf(target);
  const print = ({ type, charset }: FitColumn): string =>
    differ && charset !== null && !/^(enum|set)\(/.test(type) ? `${type} ${charset}` : type;
  const [from, to] = [print(source), print(target)];
  return source.nullable && !target.nullable ? { from: `${from} NULL`, to: `${to} NOT NULL` } : { from, to };
}

function parse(column: FitColumn): Parsed {
  const { type } = column;
  const name = /^[a-z0-9_]+/i.exec(type)?.[0].toLowerCase() ?? '';
  const base = SYNONYMS[name] ?? name;
  const charset = charsetOf(column);
  if (base === 'enum' || base === 'set')
    return { base, numbers: [], unsigned: false, members: type.match(MEMBER) ?? [], charset };
  const numbers = /^[a-z0-9_]+\s*\(([\d,\s]+)\)/i.exec(type)?.[1]?.split(',').map(Number) ?? [];
  return { base, numbers, unsigned: /\b(unsigned|zerofill)\b/i.test(type), members: [], charset };
}

/** `utf8` is how older servers call `utf8mb3`. */
function charsetOf({ charset }: FitColumn): string {
  return charset === 'utf8' ? 'utf8mb3' : (charset ?? '');
}

function exactIf(exact: boolean): Fit {
  return exact ? 'exact' : 'aloud';
}

/** Members travel as numbers; a number that is none there is refused. */
function membersFit(from: readonly string[], to: readonly string[]): Fit {
  const both = Math.min(from.length, to.length);
  for (let index = 0; index < both; index += 1) if (from[index] !== to[index]) return 'silent';
  return exactIf(to.length >= from.length);
}

function length(type: Parsed, usual: number): number {
  return type.numbers[0] ?? usual;
}

function signFits(from: Parsed, to: Parsed): boolean {
  return from.unsigned || !to.unsigned;
}

/** The number in brackets is for display only. */
function integerFits(from: Parsed, to: Parsed): boolean {
  const [had, has] = [INTEGER_BYTES[from.base]!, INTEGER_BYTES[to.base]!];
  return from.unsigned && !to.unsigned ? has > had : has >= had && signFits(from, to);
}

function digitsFit(from: Parsed, to: Parsed): boolean {
  const whole = ({ numbers: [precision = 10, scale = 0] }: Parsed): number => precision - scale;
  return whole(to) >= whole(from) && signFits(from, to);
}

function textFit(from: Parsed, to: Parsed): Fit {
  // A CHAR forgets the spaces at the end, which the others keep.
  if (!TEXT.test(to.base) || (to.base === 'char' && from.base !== 'char')) return 'silent';
  if (!charsetFits(from.charset, to.charset)) return 'aloud';
  const [had, has] = [LONG_BYTES[from.base], LONG_BYTES[to.base]];
  // Among the long ones too, texts may grow by another character set; too long by that is an error, and rare.
  const room = has ?? length(to, 1);
  const needed = had ?? length(from, 1) * (has === undefined ? 1 : mostBytes(to.charset));
  if (room >= needed) return 'exact';
  // A CHAR has no spaces at its end.
  return from.base === 'char' ? 'aloud' : 'cuts';
}

/** JSON is a text with a check in MariaDB, and a type that keeps its meaning, not its spelling, in MySQL. */
function isJsonText(source: FitColumn, to: Parsed): boolean {
  return to.base === 'json' && source.type.toLowerCase() === 'longtext' && source.collation === 'utf8mb4_bin';
}

/** Whether every text of one character set can be written in another. */
function charsetFits(from: string, to: string): boolean {
  if (from === to || from === '' || to === '') return true;
  const whole = ['utf8mb4', 'utf16', 'utf16le', 'utf32'];
  if (whole.includes(to) || from === 'ascii') return to !== 'swe7';
  return ['utf8mb3', 'ucs2'].includes(to) && !whole.includes(from) && from !== 'gb18030';
}

/** Bytes of the longest character. */
function mostBytes(charset: string): number {
  if (/^(utf8mb4|utf16|utf16le|utf32|gb18030)$/.test(charset)) return 4;
  if (/^(utf8mb3|ujis|eucjpms)$/.test(charset)) return 3;
  return /^(ucs2|gbk|gb2312|big5|euckr|sjis|cp932)$/.test(charset) ? 2 : 1;
}

/** The bytes as which a value travels; null for other types. */
function asBytes(type: Parsed): Parsed | null {
  if (BYTES.test(type.base)) return type;
  const address = ADDRESS_BYTES[type.base];
  if (address !== undefined) return { ...type, base: 'binary', numbers: [address] };
  return type.base === 'vector' ? { ...type, base: 'varbinary', numbers: [4 * length(type, 1)] } : null;
}

function bytesFit(from: Parsed, to: Parsed): Fit {
  if (!BYTES.test(to.base)) return 'silent';
  // A BINARY fills up with zeros, so only its own length keeps a value.
  if (to.base === 'binary') return from.base === 'binary' && length(from, 1) === length(to, 1) ? 'exact' : 'silent';
  return exactIf((LONG_BYTES[to.base] ?? length(to, 1)) >= (LONG_BYTES[from.base] ?? length(from, 1)));
}
