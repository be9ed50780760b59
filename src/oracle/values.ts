/**
 * The room in which the literals that rows travel as (`model/row.ts`) become what is bound to a statement.
 *
 * Rule kept: a number never becomes a JavaScript number, except for a BINARY_FLOAT or BINARY_DOUBLE, which is one; and what
 * Oracle would change without a word (a day that its calendar leaves out, -0, text with bytes that are none) is refused here.
 */
import { carriageOf, type OracleType, type Passage, parseOracleType, parseSourceType } from '../model/oracle-types.ts';
import type { ColumnShape, Value } from '../model/row.ts';
import { decoderOf } from './charsets.ts';
import type { Bind, BindKind } from './connection.ts';

/** A value has no place in its column; says why without saying the value. */
export class Unplaced extends Error {
  constructor(column: string, why: string) {
    super(`${column} ${why}`);
    this.name = 'Unplaced';
  }
}

/** How values of one column get into a statement. */
export interface Passenger {
  readonly kind: BindKind;
  /** The SQL around a bind: `TO_NUMBER(:1)` of `:1`. */
  readonly sql: (bind: string) => string;
  /** @throws Unplaced */
  readonly bind: (value: Value) => Bind;
}

/** @throws Error when the types do not go together: `oracle-fit.ts` has refused that before */
export function passenger(source: ColumnShape, target: ColumnShape): Passenger {
  const [from, to] = [parseSourceType(source.type, source.charset), parseOracleType(target.type)];
  const carriage = carriageOf(from, to);
  if (carriage === null) throw new Error(`${source.type} does not go into ${target.type}`);
  const { name, nullable } = target;
  const refuse = (why: string): never => {
    throw new Unplaced(name, why);
  };
  const read = readers[carriage.by]({ members: from.members, set: from.base === 'set', to, refuse });
  return {
    kind: KINDS[carriage.by],
    sql: conversion(carriage.by, to),
    bind: (value) => {
      if (value === null) return null;
      const bound = read(value);
      // Oracle keeps what is empty as NULL.
      if (typeof bound !== 'number' && bound.length === 0)
        return nullable ? null : refuse('is an empty text, which Oracle keeps as NULL, and takes no NULL');
      return bound;
    },
  };
}

const KINDS: Readonly<Record<Passage, BindKind>> = {
  ...{ number: 'text', date: 'text', time: 'text', text: 'text', json: 'text', members: 'text', print: 'text' },
  ...{ double: 'double', float: 'float', bytes: 'bytes' },
};

const DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS';

function conversion(by: Passage, { base }: OracleType): Passenger['sql'] {
  if (by === 'number') return (bind) => `TO_NUMBER(${bind})`;
  if (by === 'time') return (bind) => `TO_DSINTERVAL(${bind})`;
  if (by !== 'date') return (bind) => bind;
  if (base === 'DATE') return (bind) => `TO_DATE(${bind},'${DATE_FORMAT}')`;
  if (base === 'TIMESTAMP WITH TIME ZONE') return (bind) => `TO_TIMESTAMP_TZ(${bind},'${DATE_FORMAT}.FF TZH:TZM')`;
  // Of a local time zone too: the session is in UTC.
  return (bind) => `TO_TIMESTAMP(${bind},'${DATE_FORMAT}.FF')`;
}

interface Reading {
  readonly members: readonly string[];
  readonly set: boolean;
  readonly to: OracleType;
  readonly refuse: (why: string) => never;
}

type Read = (literal: string) => string | number | Buffer;

const readers: Readonly<Record<Passage, (reading: Reading) => Read>> = {
  number: ({ refuse }) => {
    return (literal) => {
      const text = unquoted(literal);
      return NUMBER.test(text) ? text : refuse('is not a number as it came');
    };
  },
  double: ({ refuse }) => binary(DOUBLE_MIN, refuse),
  float: ({ to, refuse }) => (to.base === 'BINARY_FLOAT' ? single(refuse) : binary(DOUBLE_MIN, refuse)),
  members: ({ members, set, refuse }) => {
    return (literal) => {
      const number = BigInt(literal);
      if (set) return members.filter((_, index) => (number >> BigInt(index)) & 1n).join(',');
      return members[Number(number) - 1] ?? refuse('is none of the members of its ENUM');
    };
  },
  date: ({ to, refuse }) => {
    const tail = to.base === 'TIMESTAMP WITH TIME ZONE' ? ' +00:00' : '';
    const whole = to.base === 'DATE';
    return (literal) => {
      const text = unquoted(literal);
      requireDay(text, refuse);
      const day = text.length === 10 ? `${text} 00:00:00` : text;
      if (whole) return day;
      return `${day.includes('.') ? day : `${day}.0`}${tail}`;
    };
  },
  time: () => (literal) => interval(unquoted(literal)),
  text: ({ refuse }) => textReader(refuse),
  json: ({ refuse }) => {
    const read = textReader(refuse);
    return (literal) => read(PRINTED_JSON.exec(literal)?.[1] ?? literal);
  },
  print: () => (literal) => unquoted(literal),
  bytes: ({ refuse }) => {
    return (literal) =>
      BYTES.test(literal) ? Buffer.from(literal.slice(2, -1), 'hex') : refuse('is not bytes as it came');
  },
};

const NUMBER = /^-?\d+(\.\d+)?$/;
/** A value whose text would be read back as another has, before what makes it in MySQL, its text in a comment. */
const PRINTED_JSON = /^\/\*M!(_utf8mb4 x'[0-9a-f]*')\*\//;
const BYTES = /^x'[0-9a-f]*'$/;

/** The smallest numbers that are not denormal: Oracle names them as the smallest. */
const DOUBLE_MIN = 2.2250738585072014e-308;
const FLOAT_MIN = 1.1754943508222875e-38;

function binary(least: number, refuse: Reading['refuse']): Read {
  return (literal) => {
    const value = Number(literal);
    if (!Number.isFinite(value)) return refuse('is not a number as it came');
    if (Object.is(value, -0)) return refuse('is -0, of which Oracle makes 0');
    return value !== 0 && Math.abs(value) < least ? refuse('is nearer to 0 than Oracle has numbers') : value;
  };
}

function single(refuse: Reading['refuse']): Read {
  const read = binary(FLOAT_MIN, refuse);
  return (literal) => {
    const value = read(literal);
    return value === Math.fround(value as number) ? value : refuse('is finer than a BINARY_FLOAT');
  };
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Oracle has no year, month or day 0, no 30 February, and leaves out the days between two calendars. */
function requireDay(text: string, refuse: Reading['refuse']): void {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))];
  if (!(year > 0 && month > 0 && day > 0)) refuse('is a zero or partly zero date, of which Oracle has none');
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (month > 12 || day > DAYS[month - 1]! || (month === 2 && day === 29 && !leap))
    refuse('is a day that no month has');
  if (year === 1582 && month === 10 && day > 4 && day < 15)
    refuse("is one of the ten days of October 1582 that Oracle's calendar leaves out");
}

/** `-838:59:59.5` as days and the time of a day, which is how TO_DSINTERVAL reads it. */
function interval(text: string): string {
  const [, sign = '', hours = '0', rest = ''] = /^(-?)(\d+)(:.*)$/.exec(text) ?? [];
  const hour = Number(hours);
  return `${sign === '-' ? '-' : '+'}${String(Math.floor(hour / 24)).padStart(2, '0')} ${String(hour % 24).padStart(2, '0')}${rest}`;
}

/** Numbers stand bare; dates and years in quotes, without anything to escape. */
function unquoted(literal: string): string {
  return literal.startsWith("'") ? literal.slice(1, -1) : literal;
}

function textReader(refuse: Reading['refuse']): Read {
  const decoders = new Map<string, ReturnType<typeof decoderOf>>();
  return (literal) => {
    if (literal.startsWith("'")) {
      const inner = literal.slice(1, -1);
      return inner.includes('\\')
        ? inner.replace(/\\([\s\S])/g, (_, sign: string) => (sign === '0' ? '\0' : sign))
        : inner;
    }
    const [, charset, hex] = INTRODUCED.exec(literal) ?? [];
    if (charset === undefined) return refuse('is no text of its character set');
    let decode = decoders.get(charset);
    if (decode === undefined) {
      decode = decoderOf(charset);
      decoders.set(charset, decode);
    }
    const text = decode?.(Buffer.from(hex!, 'hex')) ?? null;
    return text ?? refuse(`is no text of its character set ${charset}`);
  };
}

const INTRODUCED = /^_([a-z0-9]+) x'([0-9a-f]*)'$/;
