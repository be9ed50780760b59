/**
 * Values of a row read from the literals that they travel as (`model/row.ts`), and written as such again.
 *
 * Numbers are exact (`Big`), a FLOAT or DOUBLE is the number that its shortest text says. Texts are Unicode. Bytes are small
 * hexadecimal digits. Dates are texts that sort as they do, `2024-05-01` or `2024-05-01 10:00:00.000000`; times are microseconds.
 * Rule kept: what cannot be read exactly is a `ValueProblem`, never something near it.
 */
import makeBig, { type Big } from 'big.js';
import { UnreachableError } from '../../model/error.ts';
import type { ColumnShape } from '../../model/row.ts';
import { membersOf, type Type, typeOfColumn } from './types.ts';

export type Val = Big | string | boolean | null;
export type Reader = (literal: string) => Val;

/** A value of one row of which nothing exact can be said; the message has no value in it. */
export class ValueProblem extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'ValueProblem';
  }
}

export function big(value: string | number): Big {
  return new makeBig(value);
}

/**
 * Labels by the Encoding Standard of the character sets that mean there what they mean to the servers. Others of the same names do
 * not: sjis, cp932, big5, euckr, ujis, eucjpms and cp866 each have characters that are others there.
 */
const DECODERS: Readonly<Record<string, string>> = {
  latin1: 'windows-1252',
  ucs2: 'utf-16be',
  utf16: 'utf-16be',
  utf16le: 'utf-16le',
  cp1250: 'windows-1250',
  cp1251: 'windows-1251',
  cp1257: 'windows-1257',
  latin2: 'iso-8859-2',
  koi8r: 'koi8-r',
  gbk: 'gbk',
  gb2312: 'gbk',
};

const UTF8 = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'ascii']);

/** Character sets whose texts can be read, each proven against the servers. */
export const READABLE: readonly string[] = [...UTF8, ...Object.keys(DECODERS), 'utf32'];

export function readable(charset: string): boolean {
  return READABLE.includes(charset);
}

/** How the values of a column are read; of `opaque` ones there is only the literal. */
export function readerOf(column: Pick<ColumnShape, 'type' | 'charset' | 'collation'>): Reader {
  const type = typeOfColumn(column);
  const base = /^[a-z]+/i.exec(column.type)?.[0].toLowerCase();
  if (base === 'enum') return memberReader(['', ...membersOf(column.type)]);
  if (base === 'set') return setReader(membersOf(column.type));
  if (base === 'float') return (literal) => big(singleText(Number(literal)));
  switch (type.kind) {
    case 'number':
      // Years are quoted.
      return (literal) => big(literal.charCodeAt(0) === QUOTE ? literal.slice(1, -1) : literal);
    case 'text':
      return readText;
    case 'bytes':
      return readBytes;
    case 'date':
      return (literal) => literal.slice(1, -1);
    case 'datetime':
      return (literal) => wholeDatetime(literal.slice(1, -1));
    case 'time':
      return (literal) => microseconds(literal.slice(1, -1));
    case 'opaque':
    case 'null':
    case 'truth':
      return (literal) => literal;
    default:
      throw new UnreachableError(type satisfies never);
  }
}

const QUOTE = 0x27;

/** No more digits are needed to tell two FLOATs apart. */
const SINGLE_DIGITS = 9;

/** The shortest number that is stored as this FLOAT, which travels as the DOUBLE that equals it. */
export function singleText(value: number): string {
  for (let digits = 1; digits < SINGLE_DIGITS; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toPrecision(SINGLE_DIGITS);
}

function memberReader(members: readonly string[]): Reader {
  return (literal) => {
    const member = members[Number(literal)];
    if (member === undefined) throw new ValueProblem('a number that is no member of its ENUM');
    return member;
  };
}

function setReader(members: readonly string[]): Reader {
  return (literal) => {
    const bits = BigInt(literal);
    return members.filter((_, index) => ((bits >> BigInt(index)) & 1n) === 1n).join();
  };
}

function readText(literal: string): string {
  if (literal.charCodeAt(0) === QUOTE) {
    const inner = literal.slice(1, -1);
    if (!inner.includes('\\')) return inner;
    return inner.replace(/\\([\s\S])/g, (_, escaped: string) => (escaped === '0' ? '\0' : escaped));
  }
  const [, charset, hex] = /^(?:_([a-z0-9]+) )?x'([0-9a-f]*)'$/.exec(literal) ?? [];
  if (hex === undefined || charset === undefined) throw new ValueProblem('a text with bytes that are no characters');
  return decode(hexBytes(hex), charset);
}

function decode(bytes: Uint8Array, charset: string): string {
  if (charset === 'utf32') return decodeUtf32(bytes);
  const label = UTF8.has(charset) ? 'utf-8' : DECODERS[charset];
  if (label === undefined) throw new ValueProblem(`a text in the character set ${charset}`);
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ValueProblem(`a text with bytes that are no characters of ${charset}`);
  }
}

function decodeUtf32(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = view.getUint32(at);
    if (point > 0x10_ffff) throw new ValueProblem('a text with bytes that are no characters of utf32');
    text += String.fromCodePoint(point);
  }
  return text;
}

function hexBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

function readBytes(literal: string): string {
  const hex = /^(?:_binary )?x'([0-9a-f]*)'$/.exec(literal)?.[1];
  if (hex !== undefined) return hex;
  const text = readText(literal);
  let digits = '';
  for (const byte of new TextEncoder().encode(text)) digits += byte.toString(16).padStart(2, '0');
  return digits;
}

/** With six digits of the second. */
export function wholeDatetime(text: string): string {
  if (text.length === 10) return `${text} 00:00:00.000000`;
  return text.length === 19 ? `${text}.000000` : text.padEnd(26, '0');
}

/** Of `-838:59:59.000001`. */
export function microseconds(text: string): Big {
  const negative = text.startsWith('-');
  const [clock = '', fraction = ''] = (negative ? text.slice(1) : text).split('.');
  const [hours = '0', minutes = '0', seconds = '0'] = clock.split(':');
  const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1e6 + Number(fraction.padEnd(6, '0'));
  return big(negative ? -size : size);
}

/** How values of a type are written, canonical for the column that `columnFor` makes of it. */
export function writerOf(type: Type): (value: Exclude<Val, null>) => string {
  switch (type.kind) {
    case 'number':
      return type.approximate
        ? (value) => doubleText(Number((value as Big).valueOf()))
        : (value) => exactText(value as Big, type.scale);
    case 'text':
      return (value) => quoted(value as string);
    case 'bytes':
      return (value) => `x'${value as string}'`;
    case 'date':
      return (value) => `'${value as string}'`;
    case 'datetime':
      return (value) => `'${cutFraction(value as string, 19, type.fraction)}'`;
    case 'time':
      return (value) => `'${timeText(value as Big, type.fraction)}'`;
    case 'truth':
      return (value) => (value === true ? '1' : '0');
    case 'null':
    case 'opaque':
      throw new TypeError('no value of such a type is written');
    default:
      throw new UnreachableError(type satisfies never);
  }
}

/** With all its digits and never a minus before zero. */
export function exactText(value: Big, scale: number): string {
  return value.eq(0) ? big(0).toFixed(scale) : value.toFixed(scale);
}

function doubleText(value: number): string {
  if (!Number.isFinite(value)) throw new ValueProblem('a number that is too large for a DOUBLE');
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('e') ? text : `${text}e0`;
}

/** As `mysql/literal.ts` writes texts in UTF-8. */
export function quoted(text: string): string {
  return `'${text.replace(/['\\\0]/g, (c) => (c === '\0' ? '\\0' : `\\${c}`))}'`;
}

export function cutFraction(text: string, seconds: number, digits: number): string {
  return digits === 0 ? text.slice(0, seconds) : text.slice(0, seconds + 1 + digits);
}

export function timeText(value: Big, digits: number): string {
  const size = Number(value.abs().toString());
  const [seconds, micros] = [Math.floor(size / 1e6), size % 1e6];
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const fraction = digits === 0 ? '' : `.${String(micros).padStart(6, '0').slice(0, digits)}`;
  return `${value.lt(0) ? '-' : ''}${clock}${fraction}`;
}
