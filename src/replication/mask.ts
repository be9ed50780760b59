/**
 * Personal data made unreadable on its way. Deterministic: the same value always becomes the same, so that rows are found again by
 * a key that is hashed, and two hashed columns can still be joined.
 */

import type { ColumnShape } from '../model/row.ts';
import type { MaskKind } from '../model/topology.ts';
import { NULL_TYPE, typeOfColumn } from './expression/types.ts';
import { quoted, readable, readerOf } from './expression/values.ts';

/** HMAC-SHA-256 of a text under the key of the channel, as 64 small hexadecimal digits. */
export type Hash = (text: string) => string;

/** Finds the key. @throws OtterError OT3020 when it is not there. */
export type FindHash = () => Hash;

export type Mask =
  | { readonly problem: string; readonly shape: null; readonly make: null }
  | { readonly problem: null; readonly shape: ColumnShape; readonly make: (literal: string) => string | null };

/** Of shorter ones two values could become one. */
const DIGITS_MIN = 32;
const DIGITS = 64;
const REDACTED = '***';

export function maskOf(column: ColumnShape, kind: MaskKind, find: FindHash | null): Mask {
  switch (kind) {
    case 'null':
      return column.nullable
        ? masked({ ...column, type: NULL_TYPE, charset: null, collation: null, generated: false }, () => null)
        : cannot('it takes no NULL: use redact or hash');
    case 'redact':
      return redacted(column);
    case 'hash':
      return hashed(column, find);
    default:
      return kind satisfies never;
  }
}

function redacted(column: ColumnShape): Mask {
  const type = typeOfColumn(column);
  if (type.kind !== 'text' || /^(enum|set)\(/i.test(column.type)) return cannot('only texts are redacted: use null');
  const text = quoted(REDACTED.slice(0, Math.min(REDACTED.length, type.length)));
  return masked({ ...column, generated: false }, () => text);
}

function hashed(column: ColumnShape, find: FindHash | null): Mask {
  const type = typeOfColumn(column);
  if (type.kind === 'text' && (/^(enum|set)\(/i.test(column.type) || !readable(type.charset)))
    return cannot('its values cannot be hashed: use null');
  if (type.kind !== 'text' && type.kind !== 'bytes')
    return cannot('a hash is a text, and finds no place in a column that is none: use null, or set');
  const read = readerOf(column);
  const hash = find?.() ?? null;
  const spell = (literal: string): string => {
    if (hash === null) throw new TypeError('a mask that hashes is used without its key');
    return hash(read(literal) as string);
  };
  if (type.kind === 'bytes') {
    const bytes = Math.min(type.length, DIGITS / 2);
    if (bytes * 2 < DIGITS_MIN) return cannot(`a hash needs ${DIGITS_MIN / 2} bytes`);
    const shape = {
      ...column,
      type: /^binary/i.test(column.type) ? column.type : `varbinary(${bytes})`,
      generated: false,
    };
    const full = /^binary/i.test(column.type) ? type.length : bytes;
    return masked(
      shape,
      (literal) =>
        `x'${spell(literal)
          .slice(0, bytes * 2)
          .padEnd(full * 2, '0')}'`,
    );
  }
  const digits = Math.min(type.length, DIGITS);
  if (digits < DIGITS_MIN) return cannot(`a hash needs ${DIGITS_MIN} characters`);
  const shape = {
    ...column,
    type: `${/^char/i.test(column.type) ? 'char' : 'varchar'}(${digits})`,
    charset: 'ascii',
    collation: null,
    generated: false,
  };
  return masked(shape, (literal) => quoted(spell(literal).slice(0, digits)));
}

function masked(shape: ColumnShape, make: (literal: string) => string | null): Mask {
  return { problem: null, shape, make };
}

function cannot(problem: string): Mask {
  return { problem, shape: null, make: null };
}
