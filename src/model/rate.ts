/** Limits as a topology writes them: `5MB/s`, `2.5 kB/s`, `5000 rows/s`. */

export interface Rate {
  readonly perSecond: number;
  readonly of: 'bytes' | 'rows';
}

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** Null for what is none, and for none at all. */
export function rateOf(text: string): Rate | null {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?) ?(rows|B|kB|KB|MB|GB)\/s$/.exec(text) ?? [];
  if (number === undefined || unit === undefined) return null;
  const perSecond = Number(number) * (unit === 'rows' ? 1 : UNITS[unit.toLowerCase()]!);
  return perSecond > 0 ? { perSecond, of: unit === 'rows' ? 'rows' : 'bytes' } : null;
}
