/**
 * Texts as this site's server compares them, asked once and remembered: two literals of a column are one key exactly
 * when their sort keys are equal.
 */
import type { TargetPort } from '../model/load.ts';
import type { ColumnShape } from '../model/row.ts';

/** Characters of remembered texts and keys in each of two generations; what was not asked for in both is forgotten. */
const REMEMBERED_CHARS = 8 << 20;

export interface Texts {
  readonly collation: string;
  readonly values: readonly string[];
}

export class SortKeys {
  readonly #target: TargetPort;
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  #chars = 0;

  constructor(target: TargetPort) {
    this.#target = target;
  }

  /** What `fold` will be asked for, learnt from the server; null when all is known. */
  learn(texts: readonly Texts[]): Promise<void> | null {
    // Only here, so that nothing is forgotten between learning and the use right after it.
    if (this.#chars >= REMEMBERED_CHARS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#chars = 0;
    }
    const unknown = new Map<string, Set<string>>();
    for (const { collation, values } of texts) {
      for (const value of values) {
        if (this.#known(collation, value) !== undefined) continue;
        const asked = unknown.get(collation);
        if (asked === undefined) unknown.set(collation, new Set([value]));
        else asked.add(value);
      }
    }
    return unknown.size === 0 ? null : this.#ask(unknown);
  }

  readonly fold = (column: ColumnShape, value: string): string => {
    const key = this.#known(column.collation!, value);
    if (key === undefined) throw new Error(`a text of column ${column.name} was not learnt before it was compared`);
    return key;
  };

  #known(collation: string, value: string): string | undefined {
    const name = `${collation} ${value}`;
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.#remember(name, old);
    return old;
  }

  #remember(name: string, key: string): void {
    this.#young.set(name, key);
    this.#chars += name.length + key.length + 64;
  }

  async #ask(unknown: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    for (const [collation, values] of unknown) {
      const literals = [...values];
      const keys = await this.#target.sortKeys(collation, literals);
      for (const [index, literal] of literals.entries()) this.#remember(`${collation} ${literal}`, keys[index]!);
    }
  }
}
