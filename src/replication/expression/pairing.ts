/**
 * Values of two kinds side by side: how they are compared, and of what kind the result is where one or the other comes out.
 *
 * Rule kept: nothing is turned into another kind where it would have to be guessed what is meant. A constant text beside a date
 * is read as one at once; a condition beside a number is 1 or 0; a date beside a date with time is its midnight.
 */
import type { Big } from 'big.js';
import { ExpressionProblem } from '../../model/expression-words.ts';
import type { Image } from '../../model/row.ts';
import type { Compiled } from './compiled.ts';
import { NULL, nameOf, type Type } from './types.ts';
import { big, microseconds, type Val, wholeDatetime } from './values.ts';

type Evaluate = (row: Image) => Val;

export interface Comparer {
  readonly one: Evaluate;
  readonly other: Evaluate;
  readonly compare: (a: Exclude<Val, null>, b: Exclude<Val, null>) => number;
}

/** @throws ExpressionProblem */
export function comparer(left: Compiled, right: Compiled): Comparer {
  const [a, b] = [asMeant(left, right), asMeant(right, left)];
  if (a.type.kind === 'null' || b.type.kind === 'null') return { one: a.evaluate, other: b.evaluate, compare: () => 0 };
  const type = common(a.type, b.type);
  if (type === null || type.kind === 'opaque' || type.kind === 'null') throw incomparable(a, b);
  return { one: converted(a, type), other: converted(b, type), compare: COMPARE[type.kind] };
}

/** The kind that holds the values of all of them. @throws ExpressionProblem */
export function united(parts: readonly Compiled[]): Type {
  let type: Type = NULL;
  for (const part of parts) {
    const both = common(type, part.type);
    if (both === null)
      throw new ExpressionProblem(`${nameOf(part.type)} stands beside ${nameOf(type)}`, part.at, part.end);
    if (both.kind === 'opaque')
      throw new ExpressionProblem(`nothing can be made of a column ${nameOf(both)}`, part.at, part.end);
    type = both;
  }
  return type;
}

/** Values of the part as values of a type that `common` found. */
export function converted({ type: from, evaluate }: Pick<Compiled, 'type' | 'evaluate'>, to: Type): Evaluate {
  if (from.kind === 'truth' && to.kind === 'number')
    return (row) => {
      const value = evaluate(row);
      return value === null ? null : big(value === true ? 1 : 0);
    };
  if (from.kind === 'date' && to.kind === 'datetime')
    return (row) => {
      const value = evaluate(row);
      return value === null ? null : wholeDatetime(value as string);
    };
  return evaluate;
}

function common(a: Type, b: Type): Type | null {
  if (a.kind === 'null') return b;
  if (b.kind === 'null') return a;
  if (a.kind === 'number' && b.kind === 'number') {
    const [wholes, scale] = [Math.max(a.whole, b.whole), Math.max(a.scale, b.scale)];
    return { kind: 'number', whole: wholes, scale, approximate: a.approximate || b.approximate };
  }
  if (a.kind === 'truth' && b.kind === 'number') return b;
  if (a.kind === 'number' && b.kind === 'truth') return a;
  if (a.kind === 'text' && b.kind === 'text')
    return {
      kind: 'text',
      length: Math.max(a.length, b.length),
      charset: charsetOfBoth(a.charset, b.charset),
      trimmed: a.trimmed && b.trimmed,
    };
  if (a.kind === 'bytes' && b.kind === 'bytes') return { kind: 'bytes', length: Math.max(a.length, b.length) };
  // Where a TIMESTAMP lies among times without a zone depends on who asks.
  if (a.kind === 'datetime' && b.kind === 'datetime')
    return a.utc === b.utc ? { ...a, fraction: Math.max(a.fraction, b.fraction) } : null;
  if (a.kind === 'date' && b.kind === 'datetime') return b.utc ? null : b;
  if (a.kind === 'datetime' && b.kind === 'date') return a.utc ? null : a;
  if (a.kind === 'time' && b.kind === 'time') return { kind: 'time', fraction: Math.max(a.fraction, b.fraction) };
  return a.kind === b.kind && a.kind !== 'opaque' ? a : null;
}

/** The one that takes the characters of both. */
export function charsetOfBoth(a: string, b: string): string {
  if (a === b || b === 'ascii') return a;
  return a === 'ascii' ? b : 'utf8mb4';
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const DATETIME = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?$/;
const TIME = /^-?\d{2,3}:\d\d:\d\d(\.\d{1,6})?$/;

/** A constant text beside a date or a time is one. */
function asMeant(part: Compiled, beside: Compiled): Compiled {
  const { constant } = part;
  if (typeof constant !== 'string' || part.type.kind !== 'text') return part;
  const problem = (wanted: string): ExpressionProblem =>
    new ExpressionProblem(
      `'${constant}' is compared with ${nameOf(beside.type)}: write it as ${wanted}`,
      part.at,
      part.end,
    );
  switch (beside.type.kind) {
    case 'date':
    case 'datetime': {
      if (DATE.test(constant)) {
        const type: Type = beside.type.kind === 'date' ? { kind: 'date' } : beside.type;
        const value = beside.type.kind === 'date' ? constant : wholeDatetime(constant);
        return { ...part, type, evaluate: () => value };
      }
      if (!DATETIME.test(constant)) throw problem("'2024-12-31' or '2024-12-31 23:59:59'");
      const value = wholeDatetime(constant.replace('T', ' '));
      const utc = beside.type.kind === 'datetime' && beside.type.utc;
      return { ...part, type: { kind: 'datetime', fraction: 6, utc }, evaluate: () => value };
    }
    case 'time': {
      if (!TIME.test(constant)) throw problem("'23:59:59'");
      const value = microseconds(constant);
      return { ...part, type: { kind: 'time', fraction: 6 }, evaluate: () => value };
    }
    case 'number':
    case 'text':
    case 'bytes':
    case 'truth':
    case 'null':
    case 'opaque':
      return part;
    default:
      return beside.type satisfies never;
  }
}

function incomparable(a: Compiled, b: Compiled): ExpressionProblem {
  const hint = hintFor(a, b) ?? hintFor(b, a) ?? '';
  return new ExpressionProblem(`${nameOf(a.type)} cannot be compared with ${nameOf(b.type)}${hint}`, a.at, b.end);
}

function hintFor(a: Compiled, b: Compiled): string | null {
  if (a.type.kind === 'opaque') return ', only with IS NULL';
  if (a.type.kind === 'text' && b.type.kind === 'number')
    return typeof a.constant === 'string' ? ': leave out the quotes' : ': put the number in quotes';
  if (a.type.kind === 'datetime' && a.type.utc) return ', whose zone is not known';
  return a.type.kind === 'text' && b.type.kind === 'bytes' ? ": bytes are written x'00ff'" : null;
}

const COMPARE: Readonly<Record<Exclude<Type['kind'], 'null' | 'opaque'>, Comparer['compare']>> = {
  number: (a, b) => (a as Big).cmp(b as Big),
  time: (a, b) => (a as Big).cmp(b as Big),
  text: (a, b) => byCodePoint(a as string, b as string),
  bytes: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
  date: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
  datetime: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
  truth: (a, b) => Number(a) - Number(b),
};

/** JavaScript compares halves of characters, which puts those above U+FFFF before some below. */
export function byCodePoint(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [wideX, wideY] = [(x & 0xf800) === 0xd800, (y & 0xf800) === 0xd800];
    return wideX === wideY ? x - y : wideX ? 1 : -1;
  }
  return a.length - b.length;
}
