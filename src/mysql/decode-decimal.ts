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
