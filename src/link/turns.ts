/**
 * Whose bytes go next where several pipelines share a line. Pure.
 *
 * Rule: of those that wait, the highest priority has seven bytes of eight, and the others share the rest in the same way, so that nobody starves;
 * within a priority everyone has as much as the others. Who has waited for nothing has saved nothing up.
 */

/** One who takes turns. */
export interface Share {
  /** More goes first; looked at for every turn. */
  readonly priority: number;
  /** Bytes it has had, counted from when it last came to wait among others of its priority. */
  had: number;
}

/** Of eight bytes, those of the priorities below. */
const BELOW = 1 / 8;
/** More than so many pieces are not owed: who comes back does not have the line for itself. */
const OWED_PIECES_MAX = 2;

export class Turns {
  /** Bytes that a priority has had on account of those below it. */
  readonly #owed = new Map<number, number>();
  /** What the last of a priority had had when its turn came. */
  readonly #level = new Map<number, number>();

  /** It begins to wait. */
  comes(share: Share): void {
    share.had = Math.max(share.had, this.#level.get(share.priority) ?? 0);
  }

  /** @param bytes of the next piece; @param waiting at least one */
  next<S extends Share>(waiting: readonly S[], bytes: number): S {
    if (waiting.length === 1) return waiting[0]!;
    const priorities = [...new Set(waiting.map(({ priority }) => priority))].sort((a, b) => b - a);
    const chosen = priorities.find((priority, i) => i === priorities.length - 1 || this.#owes(priority) < bytes);
    let least: S | null = null;
    for (const share of waiting)
      if (share.priority === chosen && (least === null || share.had < least.had)) least = share;
    return least!;
  }

  /** It has had its turn, while these (it may be among them) waited. */
  had(share: Share, bytes: number, waiting: readonly Share[]): void {
    const { priority } = share;
    this.#level.set(priority, share.had);
    share.had += bytes;
    let below = false;
    for (const other of waiting) {
      if (other.priority < priority) below = true;
    }
    if (below) {
      const owed = this.#owes(priority) + (bytes * BELOW) / (1 - BELOW);
      this.#owed.set(priority, Math.min(owed, bytes * OWED_PIECES_MAX));
    }
    for (const above of new Set(waiting.map((other) => other.priority))) {
      if (above > priority) this.#owed.set(above, Math.max(0, this.#owes(above) - bytes));
    }
  }

  #owes(priority: number): number {
    return this.#owed.get(priority) ?? 0;
  }
}
