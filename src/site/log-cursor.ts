/**
 * Where a pipeline stands in its source's log, and what the source had seen there.
 *
 * A reader may hand on what a pipeline has had already: it begins where another of its listeners stands, and a listener may
 * move to a reader that is a little behind. Rule kept: nothing up to the cursor is taken twice.
 */
import type { LogEnd, PipelineOpening } from '../model/ports.ts';
import { coversGtid, type Position, parsePosition } from '../model/position.ts';
import type { Seen } from '../model/row.ts';

export class LogCursor {
  #position: Position;
  /** What was seen at the position. */
  #base: Seen;
  /** Everything that is handed on lies behind the position. */
  #behind = false;
  #last: { readonly folded: Seen; readonly base: Seen; readonly whole: Seen } | null = null;

  constructor({ position, seen }: Pick<PipelineOpening, 'position' | 'seen'>) {
    this.#position = parsePosition(position);
    this.#base = seen;
  }

  /** Whether the transaction was taken before; the first that was not is followed by none that was. */
  passed(gtid: string): boolean {
    if (this.#behind) return false;
    if (coversGtid(this.#position, gtid)) return true;
    this.#behind = true;
    return false;
  }

  /** Fold of the reader over what was stored with the cursor: the reader may have begun after the last mark. */
  seen(folded: Seen): Seen {
    if (this.#last?.folded !== folded || this.#last.base !== this.#base)
      this.#last = { folded, base: this.#base, whole: { ...this.#base, ...folded } };
    return this.#last.whole;
  }

  /** Another reader goes on from about here; nothing up to `position` is new. */
  move(position: string, seen: Seen): void {
    if (!this.#behind) return;
    this.#base = this.seen(seen);
    this.#position = parsePosition(position);
    this.#behind = false;
  }

  /** A pipeline that began by file and offset goes on so, whatever the server has now. */
  placeOf({ position, point }: LogEnd): Position {
    return this.#position.family === 'file' ? { ...this.#position, ...point } : parsePosition(position);
  }
}
