/**
 * Values as a processor sees them (`model/processor.ts`), read from the literals of a column and written as such again.
 *
 * Rule kept: what is written is what the processor gave, to the last digit; whatever the column would round, cut or change is a
 * `ValueProblem`. What a server refuses aloud is left to it.
 */
import type { Kept, ProcessorValue } from '../model/processor.ts';
import type { ColumnShape } from '../model/row.ts';
import { membersOf, type Type, typeOfColumn } from './expression/types.ts';
import {
  big,
  cutFraction,
  exactText,
  microseconds,
  quoted,
  readable,
  readerOf,
  singleText,
  timeText,
  ValueProblem,
  wholeDatetime,
} from './expression/values.ts';

export interface PlainColumn {
  readonly read: (literal: string) => ProcessorValue;
  /** Of anything but null. @throws ValueProblem; the message has no value in it */
  readonly write: (value: unknown) => string;
}

class KeptValue implements Kept {
  readonly kept: string;
  readonly #literal: string;

  constructor(kept: string, literal: string) {
    this.kept = kept;
    this.#literal = literal;
  }

  static literalOf(value: KeptValue): string {
    return value.#literal;
  }
}

export function plainColumn(column: ColumnShape): PlainColumn {
  const base = /^[a-z0-9_]+/i.exec(column.type)?.[0].toLowerCase() ?? '';
  const type = typeOfColumn(column);
  const read = readerOf(column);
  const text = read as (literal: string) => string;
  if (base === 'enum') return { read: text, write: enumWriter(membersOf(column.type)) };
  if (base === 'set') return { read: text, write: setWriter(membersOf(column.type)) };
  switch (type.kind) {
    case 'number':
      return numberColumn(base, column.type, type, read as (literal: string) => ReturnType<typeof big>);
    case 'text':
      return readable(type.charset) ? { read: text, write: textWriter(base, type) } : kept(column.type);
    case 'bytes':
      return {
        read: (literal) => Uint8Array.from(Buffer.from(text(literal), 'hex')),
        write: bytesWriter(base === 'binary' ? type.length : 0),
      };
    case 'date':
      return { read: text, write: dateWriter };
    case 'datetime':
      return { read: (literal) => literal.slice(1, -1), write: datetimeWriter(type.fraction) };
    case 'time':
      return { read: (literal) => literal.slice(1, -1), write: timeWriter(type.fraction) };
    case 'opaque':
    case 'null':
    case 'truth':
      return kept(column.type);
    default:
      return type satisfies never;
  }
}

function kept(type: string): PlainColumn {
  return {
    read: (literal) => new KeptValue(type, literal),
    write: (value) => {
      if (value instanceof KeptValue && value.kept === type) return KeptValue.literalOf(value);
      throw new ValueProblem(`a value for a column of type ${type} that is not one of such a column`);
    },
  };
}

function numberColumn(
  base: string,
  spec: string,
  type: Extract<Type, { kind: 'number' }>,
  read: (literal: string) => ReturnType<typeof big>,
): PlainColumn {
  if (type.approximate) return floatingColumn(base === 'float', spec);
  if (base === 'decimal' || base === 'numeric')
    return { read: (literal) => exactText(read(literal), type.scale), write: exactWriter(type.scale) };
  const exact = exactWriter(0);
  if (base === 'year')
    return {
      read: (literal) => Number(read(literal).toString()),
      // Without quotes 1 would be 2001.
      write: (value) => `'${exact(value).padStart(4, '0')}'`,
    };
  if (base === 'bigint' || base === 'bit') return { read: (literal) => BigInt(read(literal).toFixed(0)), write: exact };
  return { read: (literal) => Number(read(literal).toString()), write: exact };
}

/** @param spec a precision (`FLOAT(7,4)`) is one to which the server rounds */
function floatingColumn(single: boolean, spec: string): PlainColumn {
  const decimals = /\(\d+, *(\d+)\)/.exec(spec)?.[1];
  const kept = (value: number): number => {
    if (decimals !== undefined && Number(value.toFixed(Number(decimals))) !== value)
      throw new ValueProblem(`a number with more than ${decimals} decimals`);
    if (!single) return value;
    const near = Math.fround(value);
    if (near !== value && (!Number.isFinite(near) || Number(singleText(near)) !== value))
      throw new ValueProblem('a number that a FLOAT does not hold exactly: give Math.fround() of it');
    return near;
  };
  return {
    read: (literal) => {
      const value = Number(literal);
      return single && value !== 0 ? Number(singleText(value)) : value;
    },
    write: (value) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong('a number', value);
      const stored = kept(value);
      const digits = Object.is(stored, -0) ? '-0' : String(stored);
      return digits.includes('e') ? digits : `${digits}e0`;
    },
  };
}

const DIGITS = /^-?\d+(\.\d+)?$/;

function exactWriter(scale: number): (value: unknown) => string {
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
      throw new ValueProblem('a number that JavaScript does not hold exactly: give a bigint or a text');
    const given = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string';
    const digits = given ? String(value) : '';
    // Small fractions come as 1e-7.
    const spelled = typeof value === 'number' && /e-/.test(digits) ? big(digits).toFixed() : digits;
    if (!DIGITS.test(spelled)) throw wrong('a number', value);
    const number = big(spelled);
    if (!number.round(scale, 0).eq(number))
      throw new ValueProblem(scale === 0 ? 'a number that is not whole' : `a number with more than ${scale} decimals`);
    return exactText(number, scale);
  };
}

const BYTES_MAX: Readonly<Record<string, number>> = { tinytext: 255, text: 65_535, mediumtext: 16_777_215 };

function textWriter(base: string, { length, trimmed }: Extract<Type, { kind: 'text' }>): (value: unknown) => string {
  const bytesMax = BYTES_MAX[base] ?? Number.POSITIVE_INFINITY;
  return (value) => {
    if (typeof value !== 'string') throw wrong('a text', value);
    if (!value.isWellFormed()) throw new ValueProblem('a text with half of a surrogate pair');
    // Servers cut spaces at the end with no more than a note.
    const text = trimmed ? value.replace(/ +$/, '') : value;
    if (text.length > length && [...text].length > length) throw new ValueProblem('a text that is too long');
    if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax)
      throw new ValueProblem('a text that is too long');
    return quoted(text);
  };
}

function bytesWriter(padded: number): (value: unknown) => string {
  return (value) => {
    if (!(value instanceof Uint8Array)) throw wrong('a Uint8Array', value);
    return `x'${Buffer.from(value)
      .toString('hex')
      .padEnd(padded * 2, '0')}'`;
  };
}

function enumWriter(members: readonly string[]): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'string') throw wrong('a text', value);
    const index = members.indexOf(value);
    // The error value of an ENUM is read as an empty text.
    if (index < 0 && value !== '') throw new ValueProblem('a text that is no member of the ENUM');
    return String(index + 1);
  };
}

function setWriter(members: readonly string[]): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'string') throw wrong('a text', value);
    let bits = 0n;
    for (const member of value === '' ? [] : value.split(',')) {
      const index = members.indexOf(member);
      if (index < 0) throw new ValueProblem('a text that is no member of the SET');
      bits |= 1n << BigInt(index);
    }
    return String(bits);
  };
}

function dateWriter(value: unknown): string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value)) throw wrong('a date, 2024-05-01', value);
  return `'${value}'`;
}

function datetimeWriter(fraction: number): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?$/.test(value))
      throw wrong('a date with time, 2024-05-01 10:00:00', value);
    const whole = wholeDatetime(value);
    const cut = cutFraction(whole, 19, fraction);
    if (wholeDatetime(cut) !== whole) throw new ValueProblem(`a time with more than ${fraction} decimals`);
    return `'${cut}'`;
  };
}

function timeWriter(fraction: number): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'string' || !/^-?\d{2,3}:\d\d:\d\d(\.\d{1,6})?$/.test(value))
      throw wrong('a time, 10:00:00', value);
    const size = microseconds(value);
    const cut = timeText(size, fraction);
    if (!microseconds(cut).eq(size)) throw new ValueProblem(`a time with more than ${fraction} decimals`);
    return `'${cut}'`;
  };
}

function wrong(wanted: string, value: unknown): ValueProblem {
  const what = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  return new ValueProblem(`${what} where ${wanted} is expected`);
}
