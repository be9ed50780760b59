/**
 * A token bucket: so much a second, and no more at once than a tenth of that. Pure; times are milliseconds of any clock that only goes forward.
 *
 * Rule: what is whole goes as a whole: it may be larger than the bucket, which then owes, and the next waits until that is paid.
 */

const AT_ONCE_SECONDS = 0.1;

export class Bucket {
  readonly #perSecond: number;
  #held: number;
  #lookedMs: number | null = null;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#held = perSecond * AT_ONCE_SECONDS;
  }

  /** How long until something may go; 0: now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#held > 0 ? 0 : Math.max(1, Math.ceil((-this.#held / this.#perSecond) * 1000));
  }

  take(amount: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#held -= amount;
  }

  #fill(nowMs: number): void {
    const since = this.#lookedMs === null ? 0 : Math.max(0, nowMs - this.#lookedMs);
    this.#lookedMs = Math.max(nowMs, this.#lookedMs ?? nowMs);
    this.#held = Math.min(this.#perSecond * AT_ONCE_SECONDS, this.#held + (since * this.#perSecond) / 1000);
  }
}
