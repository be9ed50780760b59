/**
 * Names by which something is called elsewhere, as `columns.rename` has them.
 *
 * Rule kept: such a record is asked for its own keys only. A column may be called `constructor` or `toString`, and every
 * plain object answers to those.
 */

/** The other name, or the same one where it has none. */
export function nameNow(renamed: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(renamed, name) ? renamed[name]! : name;
}
