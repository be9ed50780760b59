/** DECIMAL as servers store and log it, and MySQL keeps it in JSON. Source: MySQL `decimal.cc` (`decimal2bin`). */
import type { Cursor } from './cursor.ts';

/** Bytes that hold a group of 0 to 9 decimal digits. */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

/** Groups of nine digits, big endian; the top bit is the inverted sign, negative numbers have all bits inverted. */
export function decimalDecoder(precision: number, scale: number): (c: Cursor) => string {
  const whole = precision - scale;
  const wholeGroups = Math.floor(whole / 9);
  const fractionGroups = Math.floor(scale / 9);
  const wholeRest = whole - wholeGroups * 9;
  const fractionRest = scale - fractionGroups * 9;
  // In the order of the bytes: how many each takes, and how many digits it has.
  const groups = [
    ...(wholeRest > 0 ? [wholeRest] : []),
    ...Array.from({ length: wholeGroups + fractionGroups }, () => 9),
    ...(fractionRest > 0 ? [fractionRest] : []),
  ].map((digits) => ({ digits, bytes: DIGIT_BYTES[digits]! }));
  const size = groups.reduce((sum, { bytes }) => sum + bytes, 0);
  const point = (wholeRest > 0 ? 1 : 0) + wholeGroups;
  return (c) => {
    const b = c.bytes;
    let at = c.skip(size);
    const negative = (b[at]! & 0x80) === 0;
    let text = '';
    let nonZero = false;
    for (let i = 0; i < groups.length; i++) {
      const { digits, bytes } = groups[i]!;
      let value = readGroup(b, at, bytes, negative ? 0xff : 0);
      // The sign, which is set now whatever it was.
      if (i === 0) value -= TOP_BIT[bytes]!;
      at += bytes;
      nonZero ||= value !== 0;
      if (i >= point) text = `${i === point ? `${text === '' ? '0' : text}.` : text}${padded(value, digits)}`;
      else if (text !== '') text += padded(value, digits);
      else if (value !== 0) text = String(value);
    }
    if (text === '') text = '0';
    return negative && nonZero ? `-${text}` : text;
  };
}

/** By the number of bytes. */
const TOP_BIT = [0, 0x80, 0x8000, 0x80_0000, 0x8000_0000] as const;

function readGroup(b: Buffer, from: number, length: number, mask: number): number {
  let value = 0;
  for (let at = from; at < from + length; at++) value = value * 256 + (b[at]! ^ mask);
  return value;
}

function padded(value: number, digits: number): string {
  const text = String(value);
  return text.length < digits ? text.padStart(digits, '0') : text;
}
