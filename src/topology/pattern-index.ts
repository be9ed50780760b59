/**
 * Table entries to be found by the tables that they may have in common with another: most entries are single names,
 * so thousands of them are compared without comparing each with each.
 */

import type { TablePattern } from '../model/table-pattern.ts';
import { overlap, parsePattern, singleName } from '../model/table-pattern.ts';

interface Indexed<T> {
  readonly pattern: TablePattern;
  readonly value: T;
}

export class PatternIndex<T> {
  readonly #singles = new Map<string, Indexed<T>[]>();
  readonly #others: Indexed<T>[] = [];

  /** Texts that are no patterns are left out; they were reported. */
  constructor(entries: Iterable<readonly [pattern: string, value: T]>) {
    for (const [text, value] of entries) {
      const parsed = parsePattern(text);
      if (!parsed.ok) continue;
      const indexed = { pattern: parsed.pattern, value };
      const key = keyOf(parsed.pattern);
      if (key === null) this.#others.push(indexed);
      else {
        const known = this.#singles.get(key);
        if (known === undefined) this.#singles.set(key, [indexed]);
        else known.push(indexed);
      }
    }
  }

  /** Values of the entries that may mean a table which `text` means too. */
  meeting(text: string): T[] {
    const parsed = parsePattern(text);
    if (!parsed.ok) return [];
    const key = keyOf(parsed.pattern);
    const candidates = key === null ? [...this.#singles.values()].flat() : (this.#singles.get(key) ?? []);
    return [...candidates, ...this.#others]
      .filter((one) => overlap(one.pattern, parsed.pattern))
      .map((one) => one.value);
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
