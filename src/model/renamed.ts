/**
 * Names by which something is called elsewhere, as `columns.rename` has them.
 *
 * Rule kept: such a record is asked for its own keys only. A column may be called `constructor` or `toString`, and every
 * plain object answers to those.
 */
import { isAmong } from './column-names.ts';

/** The other name, or the same one where it has none. Capitals do not matter, as they do not to servers. */
export function nameNow(renamed: Readonly<Record<string, string>>, name: string): string {
  if (Object.hasOwn(renamed, name)) return renamed[name]!;
  const written = Object.keys(renamed).find((one) => isAmong([one], name));
  return written === undefined ? name : renamed[written]!;
}
