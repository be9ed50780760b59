/**
 * One decoder per column, made once per table map, that reads a value of a row event straight into its canonical
 * SQL literal. No intermediate values: exactness and speed both come from going from bytes to text in one step.
 */
import { inflateRawSync, inflateSync } from 'node:zlib';
import { OtterError } from '../model/error.ts';
import type { Cursor } from './cursor.ts';
import { decimalDecoder } from './decode-decimal.ts';
import { jsonLiteral } from './json.ts';
import { readJson } from './json-binary.ts';
import { type BytesLiteral, binaryLiteral, textLiteral } from './literal.ts';
import { datetimeDecoder, readDate, readTime, timestampDecoder } from './temporal.ts';
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
      return datetimeDecoder(column.meta & 255);
    case 'timestamp':
      return timestampDecoder(column.meta & 255);
    case 'time':
      return (c) => readTime(c, column.meta & 255);
    case 'text':
      return sizedDecoder(column, ifCompressed(type.compressed, textLiteral(type.charset)));
    case 'binary':
      return sizedDecoder(column, ifCompressed(type.compressed, binaryLiteral));
    case 'geometry':
    case 'vector':
      return sizedDecoder(column, binaryLiteral);
    case 'json':
      return sizedDecoder(column, (bytes, start, end) => jsonLiteral(readJson(bytes, start, end)));
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

function bitDecoder(bytes: number): Decoder {
  if (bytes <= 6) return (c) => String(c.uintBE(bytes));
  return (c) => {
    const high = c.uintBE(bytes - 6);
    return String(BigInt(high) * 0x1_0000_0000_0000n + BigInt(c.uintBE(6)));
  };
}

/**
 * ENUM: the member's number; SET: one bit per member, up to 64. Both little endian. The 64th member of a SET is a sign, since
 * servers compare a SET with no number above 2^63; they store it as that member.
 */
function numberedDecoder(bytes: number): Decoder {
  if (bytes <= 4) {
    const size = upToFour(bytes);
    return (c) => String(c.uint(size));
  }
  return (c) => {
    const at = c.skip(bytes);
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256n + BigInt(c.bytes[at + i]!);
    return String(BigInt.asIntN(64, value));
  };
}

/** Types that say themselves how many bytes their length takes. */
const SIZED: ReadonlySet<number> = new Set([
  ...[LOG_TYPE.BLOB, LOG_TYPE.BLOB_COMPRESSED, LOG_TYPE.GEOMETRY, LOG_TYPE.JSON, LOG_TYPE.VECTOR],
]);

/** Length bytes before a value: of others one for up to 255 bytes, else two. */
function lengthBytes(column: LogColumn): 1 | 2 | 3 | 4 {
  if (SIZED.has(column.code)) return upToFour(column.meta);
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

/**
 * A column that MariaDB compresses: nothing for an empty value, else a byte that says how, 0 for not at all. Zlib is 8 in
 * its upper half; the lower half has the bytes of the length, which follows, and 8 where zlib's own frame is left out.
 * Source: MariaDB `field_comp.cc`.
 */
function ifCompressed(compressed: boolean, literal: BytesLiteral): BytesLiteral {
  if (!compressed) return literal;
  return (bytes, start, end) => {
    if (start === end) return literal(bytes, start, end);
    const head = bytes[start]!;
    if (head === 0) return literal(bytes, start + 1, end);
    const from = start + 1 + (head & 7);
    if (head >> 4 !== 8 || from > end) throw new OtterError('OT4034', 'a value compressed in a way that is not known');
    let length = 0;
    for (let at = start + 1; at < from; at++) length = length * 256 + bytes[at]!;
    const inflate = (head & 8) === 0 ? inflateSync : inflateRawSync;
    const value = inflate(bytes.subarray(from, end), { maxOutputLength: Math.max(length, 1) });
    if (value.length !== length) throw new OtterError('OT4034', 'a compressed value has not its stated length');
    return literal(value, 0, length);
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
