/**
 * How many bytes may be under way on a line: as many as it carries while they wait for no longer than `QUEUE_MS`. Pure.
 *
 * The buffers of sockets and routers take megabytes; on a slow line a row would stand behind seconds of a copy that was sent before it. So a sender
 * measures by round trips what stands in them. The shortest of several counts, since a busy event loop delays single ones and a full line all.
 * Rule: above what has been measured to be empty, bytes under way are in proportion to what is wanted to stand there; while nothing stands, they double.
 */

/** What may stand on the line. */
const QUEUE_MS = 100;
/** Less than this is nothing. */
const NOTHING_MS = QUEUE_MS / 2;
const BYTES_FIRST = 1 << 20;
export const BYTES_MIN = 192 << 10;
const BYTES_MAX = 64 << 20;
/** A way that has become longer is believed after two of these. */
const EPOCH_MS = 10_000;
const SAMPLES_MIN = 3;
const ROUND_MS_MIN = 20;

export class Window {
  #bytes = BYTES_FIRST;
  #samples = 0;
  #shortest = Number.POSITIVE_INFINITY;
  /** Bytes of before this say nothing of the window of now. */
  #since = Number.NEGATIVE_INFINITY;
  #pressed = false;
  #epoch = Number.NEGATIVE_INFINITY;
  #emptyBefore = Number.POSITIVE_INFINITY;
  #emptyNow = Number.POSITIVE_INFINITY;

  /** That may be under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Somebody had to wait for it. */
  pressed(): void {
    this.#pressed = true;
  }

  /** A round trip that began and ended at these times, behind bytes that were under way. */
  sample(beganMs: number, nowMs: number): void {
    const ms = nowMs - beganMs;
    if (nowMs - this.#epoch > EPOCH_MS) {
      this.#emptyBefore = this.#emptyNow;
      this.#emptyNow = Number.POSITIVE_INFINITY;
      this.#epoch = nowMs;
    }
    this.#emptyNow = Math.min(this.#emptyNow, ms);
    if (beganMs < this.#since) return;
    this.#samples += 1;
    this.#shortest = Math.min(this.#shortest, ms);
    const empty = Math.min(this.#emptyNow, this.#emptyBefore);
    if (this.#samples < SAMPLES_MIN || nowMs - this.#since < Math.max(empty, ROUND_MS_MIN)) return;
    if (this.#pressed) this.#adjust(this.#shortest, empty);
    this.#since = nowMs;
    this.#samples = 0;
    this.#shortest = Number.POSITIVE_INFINITY;
    this.#pressed = false;
  }

  #adjust(ms: number, empty: number): void {
    const factor = ms - empty < NOTHING_MS ? 2 : Math.max(0.5, (empty + QUEUE_MS) / ms);
    this.#bytes = Math.min(BYTES_MAX, Math.max(BYTES_MIN, Math.round(this.#bytes * factor)));
  }
}
