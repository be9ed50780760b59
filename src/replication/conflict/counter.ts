/**
 * Changes of a number that add up: what a write added, added to another number.
 *
 * Integers and decimals are exact, of whatever length; FLOAT and DOUBLE add as their servers do, to the nearest.
 */

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
