/** Above this many different sets a further one counts as the whole row: more is refused then, nothing is missed. */
const SETS_MAX = 1 << 16;

/** Sets of column names as small numbers. Few sets are ever written together, however many rows are. */
export class ColumnSets {
  readonly #ids = new Map<string, number>();
  readonly #sets: (ReadonlySet<string> | null)[] = [null];

  /** Null, the whole row, is 0. */
  idOf(columns: ReadonlySet<string> | null): number {
    if (columns === null) return 0;
    // A name has no NUL in it.
    const text = [...columns].sort().join('\0');
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    if (this.#sets.length === SETS_MAX) return 0;
    const id = this.#sets.push(columns) - 1;
    this.#ids.set(text, id);
    return id;
  }

  of(id: number): ReadonlySet<string> | null {
    return this.#sets[id]!;
  }
}
