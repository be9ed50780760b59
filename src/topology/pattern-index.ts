/**
 * Table entries to be found by the tables that they may have in common with another: most entries are single names,
 * so thousands of them are compared without comparing each with each.
 */

import type { TablePattern } from '../model/table-pattern.ts';
import { overlap, parsePattern, singleName } from '../model/table-pattern.ts';

interface Indexed<T> {
  readonly pattern: TablePattern;
  readonly values: T[];
}

export class PatternIndex<T> {
  /** By the name that they mean; entries of the same pattern are one. */
  readonly #singles = new Map<string, Indexed<T>>();
  readonly #others = new Map<TablePattern, Indexed<T>>();

  /** Texts that are no patterns are left out; they were reported. */
  constructor(entries: Iterable<readonly [pattern: string, value: T]>) {
    for (const [text, value] of entries) {
      const parsed = parsePattern(text);
      if (!parsed.ok) continue;
      const { pattern } = parsed;
      const key = keyOf(pattern);
      const known = key === null ? this.#others.get(pattern) : this.#singles.get(key);
      if (known !== undefined) known.values.push(value);
      else if (key === null) this.#others.set(pattern, { pattern, values: [value] });
      else this.#singles.set(key, { pattern, values: [value] });
    }
  }

  /** Values of the entries that may mean a table which `text` means too. */
  meeting(text: string): T[] {
    const parsed = parsePattern(text);
    if (!parsed.ok) return [];
    const key = keyOf(parsed.pattern);
    const single = key === null ? undefined : this.#singles.get(key);
    const candidates = key === null ? this.#singles.values() : single === undefined ? [] : [single];
    return [...candidates, ...this.#others.values()]
      .filter((one) => overlap(one.pattern, parsed.pattern))
      .flatMap((one) => one.values);
  }
}

const keys = new WeakMap<TablePattern, string | null>();

/** The same text gives the same pattern, which is asked for again and again. */
function keyOf(pattern: TablePattern): string | null {
  let key = keys.get(pattern);
  if (key === undefined) {
    const single = singleName(pattern);
    key = single === null ? null : JSON.stringify([single.schema, single.table]);
    keys.set(pattern, key);
  }
  return key;
}
