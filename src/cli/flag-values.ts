/** What flags take: times, ages, counts, and what may be repeated. Understood before anything is done, so that a slip writes nothing. */
import { InvalidArgumentError } from 'commander';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** How long to wait, in milliseconds: `120s`, `500ms`, `2m`; a number alone is seconds. */
export function timeOf(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('Write for example 120s, 500ms or 2m.');
  return Number(count) * UNITS_MS[unit ?? 's']!;
}

/** How far back, in milliseconds: `90s`, `30m`, `24h`, `7d`. */
export function ageOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('Write for example 90s, 30m, 24h or 7d.');
  return Number(count) * UNITS_MS[unit!]!;
}

/** How long something is to last, in milliseconds: as `ageOf`, and not nothing. */
export function spanOf(text: string): number {
  const ms = ageOf(text);
  if (ms === 0) throw new InvalidArgumentError('Write for example 90s, 30m, 24h or 7d.');
  return ms;
}

export function countOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1 on.');
  return Number(text);
}

export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
