/** Tests of which a condition is made, and the numbers in them: durations, sizes, counts and rates. */
import { ConditionProblem, type Word } from './words.ts';

export type Comparison = '>' | '>=' | '<' | '<=' | '=' | '!=';

/** One test of one fact. Durations are milliseconds, sizes bytes. */
export type Test =
  | { readonly kind: 'is'; readonly fact: string }
  | { readonly kind: 'number'; readonly fact: string; readonly sign: Comparison; readonly than: number }
  | {
      readonly kind: 'rate';
      readonly fact: string;
      readonly sign: Comparison;
      readonly than: number;
      /** In which so many are meant. */
      readonly perMs: number;
    }
  | { readonly kind: 'word'; readonly fact: string; readonly sign: '=' | '!='; readonly word: string }
  | { readonly kind: 'text'; readonly fact: string; readonly sign: '~' | '!~'; readonly pattern: Pattern };

export interface Pattern {
  /** As written. */
  readonly source: string;
  /** Somewhere in the text, in upper or lower case. */
  found(text: string): boolean;
}

export type NumberType = 'duration' | 'size' | 'count' | 'rate';

const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3_600e3, d: 86_400e3 };
const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

export const MEASURES: Readonly<Record<NumberType, { readonly is: string; readonly example: string }>> = {
  duration: { is: 'a duration', example: '30s' },
  size: { is: 'a size', example: '400MB' },
  count: { is: 'a number', example: '0' },
  rate: { is: 'a rate', example: '10/min' },
};

/** @throws ConditionProblem */
export function measured(
  { text, at, end }: Word,
  type: NumberType,
  test: { readonly fact: string; readonly sign: Comparison },
): Test {
  const [, digits = '', unit = '', per] = /^([\d.]+)([A-Za-z%]*)(?:\s*\/\s*([A-Za-z]+))?$/.exec(text) ?? [];
  const number = Number(digits);
  const { is, example } = MEASURES[type];
  const wrong = (instead: string | null): ConditionProblem =>
    new ConditionProblem(`\`${text}\` is not ${is} like \`${example}\``, at, end, instead);
  if (!Number.isFinite(number)) throw wrong(null);
  if (type === 'rate') {
    const perMs = per !== undefined && Object.hasOwn(DURATIONS, per) ? DURATIONS[per]! : null;
    if (unit !== '' || perMs === null || perMs < 1000)
      throw wrong(per === undefined && unit === '' ? `${digits}/min` : null);
    return { kind: 'rate', ...test, than: number, perMs };
  }
  if (per !== undefined) throw wrong(null);
  if (type === 'count') {
    if (unit !== '') throw wrong(digits);
    return { kind: 'number', ...test, than: number };
  }
  const units = type === 'duration' ? DURATIONS : SIZES;
  if (unit === '') throw wrong(`${digits}${type === 'duration' ? 's' : 'MB'}`);
  if (!Object.hasOwn(units, unit)) {
    const near = Object.keys(units).find((known) => known.toLowerCase() === unit.toLowerCase());
    throw wrong(near === undefined ? null : `${digits}${near}`);
  }
  return { kind: 'number', ...test, than: number * units[unit]! };
}
