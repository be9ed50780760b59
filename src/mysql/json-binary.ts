/**
 * JSON as MySQL stores and logs it. Containers begin with a table of their elements; what is small stands in it, the
 * rest at offsets from the container's beginning. Source: MySQL `json_binary.h`, which describes the format.
 */
import { OtterError } from '../model/error.ts';
import { Cursor } from './cursor.ts';
import { decimalDecoder } from './decode-decimal.ts';
import { type JsonPart, jsonArray, jsonBytes, jsonDecimal, jsonObject, jsonString, jsonTime } from './json.ts';
import { jsonDouble } from './json-double.ts';
import { datetimeText, timeText } from './temporal.ts';

const TYPE = {
  SMALL_OBJECT: 0,
  LARGE_OBJECT: 1,
  SMALL_ARRAY: 2,
  LARGE_ARRAY: 3,
  LITERAL: 4,
  INT16: 5,
  UINT16: 6,
  INT32: 7,
  UINT32: 8,
  INT64: 9,
  UINT64: 10,
  DOUBLE: 11,
  STRING: 12,
  CUSTOM: 15,
} as const;

const LITERALS = ['null', 'true', 'false'] as const;

/** Numbers of column types under which other scalars are kept. */
const CUSTOM = { TIMESTAMP: 7, DATE: 10, TIME: 11, DATETIME: 12, DECIMAL: 246 } as const;

/** Servers take no deeper ones. */
const DEPTH_MAX = 100;

/** The value in the bytes `start..end`. @throws OtterError OT4034 for bytes that are none, OT4040 */
export function readJson(bytes: Buffer, start: number, end: number): JsonPart {
  // What the server makes of a column that was never written, as by `ALTER IGNORE`.
  if (start === end) return 'null';
  return readValue(bytes, bytes[start]!, start + 1, end, 0);
}

function readValue(bytes: Buffer, type: number, start: number, end: number, depth: number): JsonPart {
  if (start > end || depth > DEPTH_MAX) throw wrong();
  const c = new Cursor();
  c.reset(bytes, start, end);
  switch (type) {
    case TYPE.SMALL_OBJECT:
    case TYPE.LARGE_OBJECT:
    case TYPE.SMALL_ARRAY:
    case TYPE.LARGE_ARRAY:
      return readContainer(c, type, depth);
    case TYPE.LITERAL:
      return LITERALS[c.uint(1)] ?? fail();
    case TYPE.INT16:
      return String((c.uint(2) << 16) >> 16);
    case TYPE.UINT16:
      return String(c.uint(2));
    case TYPE.INT32:
      return String(c.uint(4) | 0);
    case TYPE.UINT32:
      return String(c.uint(4));
    case TYPE.INT64:
      return String(bytes.readBigInt64LE(c.skip(8)));
    case TYPE.UINT64:
      return String(bytes.readBigUInt64LE(c.skip(8)));
    case TYPE.DOUBLE:
      return jsonDouble(bytes.readDoubleLE(c.skip(8)));
    case TYPE.STRING:
      return jsonString(c.text(readLength(c)));
    case TYPE.CUSTOM:
      return readCustom(c);
    default:
      throw wrong();
  }
}

function readContainer(c: Cursor, type: number, depth: number): JsonPart {
  const { bytes, at: start } = c;
  const isObject = type === TYPE.SMALL_OBJECT || type === TYPE.LARGE_OBJECT;
  const wide = type === TYPE.LARGE_OBJECT || type === TYPE.LARGE_ARRAY;
  const size = wide ? 4 : 2;
  const count = c.uint(size);
  const end = start + c.uint(size);
  if (end > c.end) throw wrong();
  const keys: string[] = [];
  if (isObject) {
    for (let i = 0; i < count; i++) {
      const at = start + c.uint(size);
      const length = c.uint(2);
      if (at + length > end) throw wrong();
      keys.push(jsonString(bytes.utf8Slice(at, at + length)));
    }
  }
  const values: JsonPart[] = [];
  for (let i = 0; i < count; i++) {
    const kind = c.uint(1);
    const inlined = c.at;
    const offset = c.uint(size);
    const at = isInlined(kind, wide) ? inlined : start + offset;
    values.push(readValue(bytes, kind, at, at === inlined ? inlined + size : end, depth + 1));
  }
  return isObject ? jsonObject(keys, values) : jsonArray(values);
}

function isInlined(type: number, wide: boolean): boolean {
  if (type === TYPE.LITERAL || type === TYPE.INT16 || type === TYPE.UINT16) return true;
  return wide && (type === TYPE.INT32 || type === TYPE.UINT32);
}

/** Seven bits a byte, lowest first; the top bit says that more follow. */
function readLength(c: Cursor): number {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = c.uint(1);
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  throw wrong();
}

function readCustom(c: Cursor): JsonPart {
  const type = c.uint(1);
  const length = readLength(c);
  const at = c.skip(length);
  const { bytes } = c;
  switch (type) {
    case CUSTOM.DECIMAL: {
      const digits = new Cursor();
      digits.reset(bytes, at + 2, at + length);
      return jsonDecimal(decimalDecoder(bytes[at]!, bytes[at + 1]!)(digits));
    }
    case CUSTOM.DATE:
      return jsonTime('DATE', packedDatetime(bytes, at).slice(0, 10));
    case CUSTOM.DATETIME:
      return jsonTime('DATETIME', packedDatetime(bytes, at));
    case CUSTOM.TIMESTAMP:
      return jsonTime('TIMESTAMP', packedDatetime(bytes, at));
    case CUSTOM.TIME:
      return jsonTime('TIME', packedTime(bytes, at));
    default:
      return jsonBytes(type, bytes.subarray(at, at + length));
  }
}

/** 24 bits of microseconds below the rest. */
const FRACTION = 0x100_0000n;

function packedDatetime(bytes: Buffer, at: number): string {
  const packed = bytes.readBigInt64LE(at);
  const whole = Number(packed / FRACTION);
  return datetimeText(Math.floor(whole / 0x40_0000), whole % 0x40_0000, Number(packed % FRACTION), 6);
}

function packedTime(bytes: Buffer, at: number): string {
  const packed = bytes.readBigInt64LE(at);
  const size = packed < 0n ? -packed : packed;
  return timeText(packed < 0n, Number(size / FRACTION), Number(size % FRACTION), 6);
}

function fail(): never {
  throw wrong();
}

function wrong(): OtterError {
  return new OtterError('OT4034', 'a JSON value in the log is not one');
}
