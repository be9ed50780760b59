/**
 * What kinds of values expressions work on, what kind a column has, and of what type a column is that takes a computed value.
 *
 * Rule kept: the kind of every part of an expression is known before the first row, so that what cannot be compared or added is
 * told then, and a target's column can be looked at for whether it takes every result.
 */
import type { ColumnShape } from '../../model/row.ts';

export type Type =
  /** Digits before the point and after it, at most; `approximate`: a DOUBLE. */
  | { readonly kind: 'number'; readonly whole: number; readonly scale: number; readonly approximate: boolean }
  /** At most so many characters, `Infinity` for the long types; `trimmed`: never with a space at the end, which a CHAR forgets. */
  | { readonly kind: 'text'; readonly length: number; readonly charset: string; readonly trimmed: boolean }
  | { readonly kind: 'bytes'; readonly length: number }
  | { readonly kind: 'date' }
  /** `utc`: a TIMESTAMP, which travels in UTC; a DATETIME has no zone. */
  | { readonly kind: 'datetime'; readonly fraction: number; readonly utc: boolean }
  | { readonly kind: 'time'; readonly fraction: number }
  | { readonly kind: 'truth' }
  | { readonly kind: 'null' }
  /** Nothing is known of its values but whether they are NULL. */
  | { readonly kind: 'opaque'; readonly what: string };

export type TypeOf<K extends Type['kind']> = Extract<Type, { kind: K }>;

/** No DECIMAL of these servers has more. */
export const SCALE_MAX = 30;
const DIGITS_MAX = 65;

export const TRUTH: Type = { kind: 'truth' };
export const NULL: Type = { kind: 'null' };

export function whole(digits: number): TypeOf<'number'> {
  return { kind: 'number', whole: Math.min(digits, DIGITS_MAX), scale: 0, approximate: false };
}

const INTEGER_DIGITS: Readonly<Record<string, number>> = {
  tinyint: 3,
  smallint: 5,
  mediumint: 8,
  int: 10,
  integer: 10,
  bigint: 20,
};

const LONG_TEXT = new Set(['tinytext', 'text', 'mediumtext', 'longtext']);
const LONG_BYTES = new Set(['tinyblob', 'blob', 'mediumblob', 'longblob']);

export function typeOfColumn(column: Pick<ColumnShape, 'type' | 'charset' | 'collation'>): Type {
  const base = /^[a-z0-9_]+/i.exec(column.type)?.[0].toLowerCase() ?? '';
  if (base === 'enum' || base === 'set') {
    const members = membersOf(column.type);
    const longest = Math.max(0, ...members.map((member) => [...member].length));
    const all = members.reduce((sum, member) => sum + [...member].length + 1, 0);
    return { kind: 'text', length: base === 'enum' ? longest : all, charset: charsetOf(column), trimmed: false };
  }
  const [first, second] = /\(([\d, ]+)\)/.exec(column.type)?.[1]?.split(',').map(Number) ?? [];
  if (base in INTEGER_DIGITS) return whole(INTEGER_DIGITS[base]!);
  if (LONG_TEXT.has(base)) return textual(column, Number.POSITIVE_INFINITY);
  if (LONG_BYTES.has(base)) return { kind: 'bytes', length: Number.POSITIVE_INFINITY };
  switch (base) {
    case 'decimal':
    case 'numeric':
      return { kind: 'number', whole: (first ?? 10) - (second ?? 0), scale: second ?? 0, approximate: false };
    case 'float':
    case 'double':
    case 'real':
      return { kind: 'number', whole: DIGITS_MAX, scale: 0, approximate: true };
    case 'bit':
      return whole(Math.ceil((first ?? 1) * Math.log10(2)) + 1);
    case 'year':
      return whole(4);
    case 'date':
      return { kind: 'date' };
    case 'datetime':
    case 'timestamp':
      return { kind: 'datetime', fraction: first ?? 0, utc: base === 'timestamp' };
    case 'time':
      return { kind: 'time', fraction: first ?? 0 };
    case 'char':
    case 'varchar':
      return textual(column, first ?? 1, base === 'char');
    case 'binary':
    case 'varbinary':
      return { kind: 'bytes', length: first ?? 1 };
    default:
      return { kind: 'opaque', what: base === '' ? column.type : base };
  }
}

function textual(column: Pick<ColumnShape, 'charset' | 'collation'>, length: number, trimmed = false): Type {
  const charset = charsetOf(column);
  return charset === 'binary' ? { kind: 'bytes', length } : { kind: 'text', length, charset, trimmed };
}

function charsetOf({ charset }: Pick<ColumnShape, 'charset'>): string {
  return charset === 'utf8' ? 'utf8mb3' : (charset ?? 'utf8mb4');
}

/** Members of an ENUM or SET in their order, as the server prints its type. */
export function membersOf(type: string): readonly string[] {
  const members = type.match(/'(?:[^'\\]|''|\\[\s\S])*'/g) ?? [];
  return members.map((member) =>
    member.slice(1, -1).replace(/''|\\([\s\S])/g, (all, escaped: string | undefined) => {
      if (all === "''") return "'";
      return { n: '\n', r: '\r', '0': '\0', Z: '\x1a' }[escaped!] ?? escaped!;
    }),
  );
}

/** For people. */
export function nameOf(type: Type): string {
  switch (type.kind) {
    case 'number':
      return 'a number';
    case 'text':
      return 'a text';
    case 'bytes':
      return 'bytes';
    case 'date':
      return 'a date';
    case 'datetime':
      return type.utc ? 'a TIMESTAMP' : 'a date with time';
    case 'time':
      return 'a time';
    case 'truth':
      return 'a condition';
    case 'null':
      return 'NULL';
    case 'opaque':
      return `of type ${type.what}`;
    default:
      return type satisfies never;
  }
}

/** How the type of a computed column is called that fits every column which takes NULL. */
export const NULL_TYPE = 'null';

/** The same of a condition. */
export const TRUTH_TYPE = 'tinyint(1)';

/** The smallest column that takes every value of the type. */
export function columnFor(type: Type, name: string, nullable: boolean): ColumnShape {
  const plain = { name, charset: null, collation: null, nullable, generated: false, computed: true } as const;
  switch (type.kind) {
    case 'number':
      return { ...plain, type: numberType(type) };
    case 'text': {
      const short = type.trimmed && type.length <= 255 ? 'char' : 'varchar';
      const long = type.length * 4 > 65_000;
      return { ...plain, type: long ? 'longtext' : `${short}(${type.length})`, charset: type.charset };
    }
    case 'bytes':
      return { ...plain, type: type.length > 65_000 ? 'longblob' : `varbinary(${type.length})` };
    case 'date':
      return { ...plain, type: 'date' };
    case 'datetime':
      return { ...plain, type: `${type.utc ? 'timestamp' : 'datetime'}(${type.fraction})` };
    case 'time':
      return { ...plain, type: `time(${type.fraction})` };
    case 'truth':
      return { ...plain, type: TRUTH_TYPE };
    case 'null':
      return { ...plain, type: NULL_TYPE };
    case 'opaque':
      throw new TypeError('only a column itself has such a type');
    default:
      return type satisfies never;
  }
}

function numberType({ whole: digits, scale, approximate }: TypeOf<'number'>): string {
  if (approximate) return 'double';
  if (scale > 0) return `decimal(${Math.min(DIGITS_MAX, digits + scale)},${scale})`;
  const fitting = [
    [2, 'tinyint'],
    [4, 'smallint'],
    [6, 'mediumint'],
    [9, 'int'],
    [18, 'bigint'],
  ] as const;
  return fitting.find(([most]) => digits <= most)?.[1] ?? `decimal(${digits},0)`;
}
