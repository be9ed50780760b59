/**
 * A DOUBLE as MySQL prints it in JSON: the shortest digits that mean it, as JavaScript has them too, but with another
 * border between plain and exponential. Source: MySQL `dtoa.cc` (`my_gcvt`) and `json_dom.cc` (`.0` behind whole numbers).
 */

/** Plain as long as the point is no further than this from the first digit, or stands among the digits. */
const PLAIN_MAX = 15;
const PLAIN_MIN = -14;

export function jsonDouble(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e') as [string, string];
  const digits = mantissa.replace('.', '');
  /** Digits before the point. */
  const point = Number(exponent) + 1;
  const isPlain = point >= PLAIN_MIN && (point <= PLAIN_MAX || point < digits.length);
  return (value < 0 ? '-' : '') + (isPlain ? plain(digits, point) : exponential(digits, point));
}

function exponential(digits: string, point: number): string {
  const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${digits[0]!}${rest}e${point - 1}`;
}

function plain(digits: string, point: number): string {
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return `${digits.padEnd(point, '0')}.0`;
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}
