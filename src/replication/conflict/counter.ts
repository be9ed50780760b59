/**
 * Changes of a number that add up: what a write added, added to another number.
 *
 * Integers and decimals are exact, of whatever length; FLOAT and DOUBLE add as their servers do, to the nearest.
 */
import type { ColumnShape } from '../../model/row.ts';

/** `present + (after - before)` as a literal with as many decimals as `after` has; null where one of them is NULL. */
export function added(present: string | null, before: string | null, after: string | null): string | null {
  if (present === null || before === null || after === null) return null;
  if ([present, before, after].every((value) => DECIMAL.test(value))) {
    const places = Math.max(...[present, before, after].map(decimals));
    const sum = scaled(present, places) + scaled(after, places) - scaled(before, places);
    return literal(sum, places);
  }
  const sum = `${Number(present) + (Number(after) - Number(before))}`;
  return sum.includes('e') ? sum : `${sum}e0`;
}

const DECIMAL = /^-?\d+(?:\.\d+)?$/;

const INTEGERS: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
};

/** Whether a column takes the number. @param type as `ColumnShape.type` */
export function holds({ type }: Pick<ColumnShape, 'type'>, sum: string): boolean {
  const [, name = '', digits = '', places = '0'] = /^(\w+)(?:\((\d+)(?:,(\d+))?\))?/.exec(type) ?? [];
  const unsigned = type.includes('unsigned');
  if (unsigned && Number(sum) < 0) return false;
  const bits = INTEGERS[name];
  if (bits !== undefined) {
    const value = BigInt(sum);
    const half = 1n << (bits - 1n);
    return unsigned ? value < half * 2n : value >= -half && value < half;
  }
  if (name === 'decimal') {
    const most = 10n ** BigInt(digits);
    const value = scaled(sum, Number(places));
    return value < most && value > -most;
  }
  // 3.4e38 is the largest FLOAT.
  return name === 'float' ? Number.isFinite(Math.fround(Number(sum))) : Number.isFinite(Number(sum));
}

function decimals(value: string): number {
  const point = value.indexOf('.');
  return point < 0 ? 0 : value.length - point - 1;
}

/** The value times ten to the power of `places`. */
function scaled(value: string, places: number): bigint {
  const missing = places - decimals(value);
  return BigInt(value.replace('.', '')) * 10n ** BigInt(missing);
}

function literal(sum: bigint, places: number): string {
  if (places === 0) return `${sum}`;
  const digits = `${sum < 0n ? -sum : sum}`.padStart(places + 1, '0');
  return `${sum < 0n ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
