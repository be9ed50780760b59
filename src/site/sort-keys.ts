/**
 * Texts as this site's server compares them, asked once and remembered: two literals of a column are one key exactly
 * when their sort keys are equal.
 */
import type { TargetPort } from '../model/load.ts';
import type { ColumnShape, Image } from '../model/row.ts';

/** Remembered texts; when there are more, those not asked for lately are forgotten. */
const REMEMBERED = 50_000;

export class SortKeys {
  readonly #target: TargetPort;
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  constructor(target: TargetPort) {
    this.#target = target;
  }

  /** What `fold` will be asked for, learnt from the server; null when all is known. */
  learn(columns: readonly ColumnShape[], indexes: readonly number[], images: Iterable<Image>): Promise<void> | null {
    const texts = indexes.filter((index) => columns[index]!.collation !== null);
    if (texts.length === 0) return null;
    const unknown = new Map<string, Set<string>>();
    for (const image of images) {
      for (const index of texts) {
        const value = image[index] ?? null;
        const collation = columns[index]!.collation!;
        if (value === null || this.#known(collation, value) !== undefined) continue;
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
    if (this.#young.size >= REMEMBERED) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, key);
  }

  async #ask(unknown: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    for (const [collation, values] of unknown) {
      const literals = [...values];
      const keys = await this.#target.sortKeys(collation, literals);
      for (const [index, literal] of literals.entries()) this.#remember(`${collation} ${literal}`, keys[index]!);
    }
  }
}
