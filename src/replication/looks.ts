/**
 * When a row that was found to differ is said to differ.
 *
 * Between a look at two databases and the next one every pipeline that may bring the row passes the place where the logs were at
 * the look. So what was on its way then has arrived: rows that are equal now were late, and nothing is wrong. A row that differs in
 * the same way at `STEADY_LOOKS` looks in a row, both sides being to the letter what they were, is different. One that is seen to
 * move needs more of them, since two values that take turns may happen to be met alike a few times; and of one that is other at
 * each look nothing is said but that.
 */
import type { DifferenceKind } from '../model/comparing.ts';

/** Looks in a row that find the same. */
export const STEADY_LOOKS = 4;
/** The same of a row that was seen to change. */
export const MOVING_LOOKS = 8;
/** After so many nothing is said. */
export const LOOKS_MAX = 24;

/** What one look found; null: the row is the same on both sides. */
export interface Look {
  readonly kind: DifferenceKind;
  /** Of all that both sides have. */
  readonly print: string;
}

export type Verdict = 'again' | 'same' | 'busy' | DifferenceKind;

export class Looked {
  #last: Look | null = null;
  #alike = 0;
  #moved = false;
  #count = 0;

  /** @param samples what was found at one look, which may have been several quick ones; any that is null says that the row is the same */
  note(samples: readonly (Look | null)[]): Verdict {
    this.#count += 1;
    for (const look of samples) {
      if (look === null) return 'same';
      if (this.#last !== null && look.print !== this.#last.print) {
        this.#moved = true;
        this.#alike = 0;
      }
      this.#last = look;
    }
    this.#alike += 1;
    const last = this.#last;
    if (last !== null && this.#alike >= (this.#moved ? MOVING_LOOKS : STEADY_LOOKS)) return last.kind;
    return this.#count >= LOOKS_MAX ? 'busy' : 'again';
  }
}
