/** Locks of the loaders that write at one database: each pipeline's own, held until its transaction ends. */

interface Held {
  /** Rows and index entries: nobody else may have them. */
  readonly rows: ReadonlySet<string>;
  /** Absent keys and values: others may hold the same gap, but insert nothing into it. */
  readonly gaps: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export class Locks {
  readonly #held = new Map<string, Held>();

  hold(holder: string, rows: ReadonlySet<string>, gaps: ReadonlySet<string> = NONE): void {
    this.#held.set(holder, { rows, gaps });
  }

  release(holder: string): void {
    this.#held.delete(holder);
  }

  /** Whether its transaction has begun. */
  has(holder: string): boolean {
    return this.#held.has(holder);
  }

  holds(holder: string, lock: string): boolean {
    const held = this.#held.get(holder);
    return held !== undefined && (held.rows.has(lock) || held.gaps.has(lock));
  }

  /** Whether anybody holds it, as a user's write meets it. */
  heldByAny(lock: string): boolean {
    return [...this.#held.values()].some(({ rows, gaps }) => rows.has(lock) || gaps.has(lock));
  }

  /** Whether somebody other than `holder` holds what a write of it needs. */
  inTheWay(holder: string, lock: string): boolean {
    for (const [other, { rows, gaps }] of this.#held)
      if (other !== holder && (rows.has(lock) || gaps.has(lock))) return true;
    return false;
  }

  /** Whether somebody other than `holder` holds more than the gap. */
  taken(holder: string, lock: string): boolean {
    for (const [other, { rows }] of this.#held) if (other !== holder && rows.has(lock)) return true;
    return false;
  }
}
