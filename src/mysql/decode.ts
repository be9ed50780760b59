/**
 * One decoder per column, made once per table map, that reads a value of a row event straight into its canonical
 * SQL literal. No intermediate values: exactness and speed both come from going from bytes to text in one step.
 */
import { OtterError } from '../model/error.ts';
import type { Cursor } from './cursor.ts';
import { type BytesLiteral, binaryLiteral, textLiteral } from './literal.ts';
import { readDate, readDatetime, readTime, readTimestamp } from './temporal.ts';
import { type ColumnType, LOG_TYPE } from './types.ts';

export type Decoder = (c: Cursor) => string;

/** A column as a table map describes it: the type code with ENUM and SET told apart, and its two metadata bytes. */
export interface LogColumn {
  readonly code: number;
  readonly meta: number;
}

/** @param type has a code of `logCodes(type)` in `column`, which the caller has checked. */
export function decoderFor(type: ColumnType, column: LogColumn): Decoder {
  switch (type.kind) {
    case 'integer':
      return integerDecoder(type.bytes, type.unsigned);
    case 'decimal':
      return decimalDecoder(column.meta & 255, column.meta >> 8);
    case 'float':
      return (c) => doubleLiteral(c.bytes.readFloatLE(c.skip(4)));
    case 'double':
      return (c) => doubleLiteral(c.bytes.readDoubleLE(c.skip(8)));
    case 'bit':
      return bitDecoder(((column.meta & 255) + 7 + (column.meta >> 8) * 8) >> 3);
    case 'year':
      return (c) => yearLiteral(c.uint(1));
    case 'date':
      return readDate;
    case 'datetime':
      return (c) => readDatetime(c, column.meta & 255);
    case 'timestamp':
      return (c) => readTimestamp(c, column.meta & 255);
    case 'time':
      return (c) => readTime(c, column.meta & 255);
    case 'text':
      return sizedDecoder(column, textLiteral(type.charset));
    case 'binary':
    case 'geometry':
      return sizedDecoder(column, binaryLiteral);
    case 'fixed-binary':
    case 'address':
      return fixedBinaryDecoder(column, type.length);
    case 'enum':
    case 'set':
      return numberedDecoder(column.meta >> 8);
    case 'unsupported':
      throw new TypeError('columns of unsupported types are refused before they are decoded');
    default:
      return type satisfies never;
  }
}

/**
 * Exact for FLOAT too: the double that equals it. A shorter text would be the same FLOAT when stored, but not equal
 * to it in a WHERE, where the server compares doubles.
 */
export function doubleLiteral(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0e0' : '0e0';
  const text = String(value);
  return text.includes('e') ? text : `${text}e0`;
}

/** As text, since the number 0 and the text '0' are different years. @param stored years since 1900, 0 for 0000 */
function yearLiteral(stored: number): string {
  return stored === 0 ? "'0000'" : `'${1900 + stored}'`;
}

function integerDecoder(bytes: 1 | 2 | 3 | 4 | 8, unsigned: boolean): Decoder {
  switch (bytes) {
    case 1:
      return unsigned ? (c) => String(c.uint(1)) : (c) => String((c.uint(1) << 24) >> 24);
    case 2:
      return unsigned ? (c) => String(c.uint(2)) : (c) => String((c.uint(2) << 16) >> 16);
    case 3:
      return unsigned ? (c) => String(c.uint(3)) : (c) => String((c.uint(3) << 8) >> 8);
    case 4:
      return unsigned ? (c) => String(c.uint(4)) : (c) => String(c.uint(4) | 0);
    case 8:
      return unsigned ? readUnsigned64 : readSigned64;
    default:
      return bytes satisfies never;
  }
}

function readUnsigned64(c: Cursor): string {
  const at = c.skip(8);
  const high = c.bytes.readUInt32LE(at + 4);
  if (high < 0x20_0000) return String(high * 0x1_0000_0000 + c.bytes.readUInt32LE(at));
  return String(c.bytes.readBigUInt64LE(at));
}

function readSigned64(c: Cursor): string {
  const at = c.skip(8);
  const high = c.bytes.readInt32LE(at + 4);
  if (high >= -0x20_0000 && high < 0x20_0000) return String(high * 0x1_0000_0000 + c.bytes.readUInt32LE(at));
  return String(c.bytes.readBigInt64LE(at));
}

/** Bytes that hold a group of 0 to 9 decimal digits. */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

/** Groups of nine digits, big endian; the top bit is the inverted sign, negative numbers have all bits inverted. */
function decimalDecoder(precision: number, scale: number): Decoder {
  const whole = precision - scale;
  const wholeGroups = Math.floor(whole / 9);
  const fractionGroups = Math.floor(scale / 9);
  const wholeRest = whole - wholeGroups * 9;
  const fractionRest = scale - fractionGroups * 9;
  const size = DIGIT_BYTES[wholeRest]! + wholeGroups * 4 + fractionGroups * 4 + DIGIT_BYTES[fractionRest]!;
  return (c) => {
    const start = c.skip(size);
    const b = c.bytes;
    const negative = (b[start]! & 0x80) === 0;
    let at = start;
    const group = (length: number): number => {
      let value = 0;
      for (const end = at + length; at < end; at++) {
        const byte = at === start ? b[at]! ^ 0x80 : b[at]!;
        value = value * 256 + (negative ? byte ^ 0xff : byte);
      }
      return value;
    };
    let text = '';
    if (wholeRest > 0) {
      const value = group(DIGIT_BYTES[wholeRest]!);
      if (value !== 0) text = String(value);
    }
    for (let i = 0; i < wholeGroups; i++) {
      const value = group(4);
      if (text !== '') text += nine(value);
      else if (value !== 0) text = String(value);
    }
    if (text === '') text = '0';
    let nonZero = text !== '0';
    if (scale > 0) {
      text += '.';
      for (let i = 0; i < fractionGroups; i++) {
        const value = group(4);
        nonZero ||= value !== 0;
        text += nine(value);
      }
      if (fractionRest > 0) {
        const value = group(DIGIT_BYTES[fractionRest]!);
        nonZero ||= value !== 0;
        text += String(value).padStart(fractionRest, '0');
      }
    }
    return negative && nonZero ? `-${text}` : text;
  };
}

function nine(value: number): string {
  return String(value).padStart(9, '0');
}

function bitDecoder(bytes: number): Decoder {
  if (bytes <= 6) return (c) => String(c.uintBE(bytes));
  return (c) => {
    const high = c.uintBE(bytes - 6);
    return String(BigInt(high) * 0x1_0000_0000_0000n + BigInt(c.uintBE(6)));
  };
}

/** ENUM: the member's number; SET: one bit per member, up to 64. Both little endian. */
function numberedDecoder(bytes: number): Decoder {
  if (bytes <= 4) {
    const size = upToFour(bytes);
    return (c) => String(c.uint(size));
  }
  return (c) => {
    const at = c.skip(bytes);
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256n + BigInt(c.bytes[at + i]!);
    return String(value);
  };
}

/** Length bytes before a value: up to 255 bytes 1, else 2; BLOB, TEXT and GEOMETRY say it themselves. */
function lengthBytes(column: LogColumn): 1 | 2 | 3 | 4 {
  if (column.code === LOG_TYPE.BLOB || column.code === LOG_TYPE.GEOMETRY) return upToFour(column.meta);
  const longest = column.code === LOG_TYPE.STRING ? stringLength(column.meta) : column.meta;
  return longest > 255 ? 2 : 1;
}

function upToFour(bytes: number): 1 | 2 | 3 | 4 {
  if (bytes === 1 || bytes === 2 || bytes === 3 || bytes === 4) return bytes;
  throw new OtterError('OT4034', 'a table map in the log with a length of lengths that cannot be');
}

/** CHAR lengths above 255 bytes borrow two inverted bits from the type byte. */
export function stringLength(meta: number): number {
  return (meta >> 8) | (((meta & 0x30) ^ 0x30) << 4);
}

function sizedDecoder(column: LogColumn, literal: BytesLiteral): Decoder {
  const prefix = lengthBytes(column);
  return (c) => {
    const length = c.uint(prefix);
    const at = c.skip(length);
    return literal(c.bytes, at, at + length);
  };
}

/** The log leaves out the zeros at the end of a BINARY; the value has them. */
function fixedBinaryDecoder(column: LogColumn, size: number): Decoder {
  const prefix = lengthBytes(column);
  return (c) => {
    const length = c.uint(prefix);
    const at = c.skip(length);
    return `x'${c.bytes.hexSlice(at, at + length).padEnd(size * 2, '0')}'`;
  };
}
