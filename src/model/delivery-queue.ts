/**
 * A queue of deliveries between who reads and who carries or loads, bounded by bytes.
 *
 * The producer asks `full` and waits for room; the consumer takes all that is there at once. A failure is seen by the
 * consumer after everything that was queued before it; a consumer that leaves ends the producer's wait.
 */
import type { Delivery } from './row.ts';

export class DeliveryQueue implements AsyncIterable<readonly Delivery[]> {
  readonly #bytesMax: number;
  #items: Delivery[] = [];
  #bytes = 0;
  #ended: { readonly error: unknown } | null = null;
  #abandoned = false;
  #room: PromiseWithResolvers<void> | null = null;
  #news: PromiseWithResolvers<void> | null = null;

  constructor(options: { readonly bytesMax: number }) {
    this.#bytesMax = options.bytesMax;
  }

  get full(): boolean {
    return this.#bytes >= this.#bytesMax && !this.#abandoned && this.#ended === null;
  }

  /** Takes the batch whatever its size; ask `full` before. Dropped when the consumer has left or the queue is closed. */
  push(batch: readonly Delivery[], bytes: number): void {
    if (this.#abandoned || this.#ended !== null) return;
    for (const delivery of batch) this.#items.push(delivery);
    this.#bytes += bytes;
    this.#news?.resolve();
  }

  /** Settles when the queue is not full, when nobody takes from it any more, or when aborted. */
  async whenRoom(signal: AbortSignal): Promise<void> {
    while (this.full && !signal.aborted) {
      this.#room ??= Promise.withResolvers<void>();
      const { promise, resolve } = this.#room;
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
  }

  /** What was pushed is still delivered, then the error is thrown, or without one the iteration ends. */
  close(error?: unknown): void {
    if (this.#ended !== null) return;
    this.#ended = { error };
    this.#news?.resolve();
    this.#release();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Delivery[], void, void> {
    try {
      for (;;) {
        if (this.#items.length > 0) {
          const batch = this.#items;
          this.#items = [];
          this.#bytes = 0;
          this.#release();
          yield batch;
        } else if (this.#ended !== null) {
          if (this.#ended.error !== undefined) throw this.#ended.error;
          return;
        } else {
          this.#news = Promise.withResolvers<void>();
          await this.#news.promise;
          this.#news = null;
        }
      }
    } finally {
      this.#abandoned = true;
      this.#items = [];
      this.#bytes = 0;
      this.#release();
    }
  }

  #release(): void {
    const room = this.#room;
    this.#room = null;
    room?.resolve();
  }
}
