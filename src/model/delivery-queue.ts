/**
 * A queue of deliveries between the reader of a log and whoever carries them on, bounded by bytes.
 *
 * Rule: it never holds more than `bytesMax` plus the one batch that was pushed when there was still room. The producer
 * looks at `full` (or waits in `whenRoom`) before it pushes; the consumer takes everything that is there at once, so
 * batches grow by themselves under backlog and stay single when idle. Rows of many megabytes count until the consumer is
 * done with them, which is when it asks for the next: so one is there, and not one that is sent and one that waits.
 */
import { LARGE_BYTES } from './forget-rows.ts';
import type { Delivery } from './row.ts';

export interface DeliveryQueueOptions {
  /** Held bytes at which the queue counts as full. */
  readonly bytesMax: number;
}

export class DeliveryQueue implements AsyncIterable<readonly Delivery[]> {
  readonly #bytesMax: number;
  #held: Delivery[] = [];
  #bytes = 0;
  /** Of what the consumer has at hand, if that is much. */
  #underWay = 0;
  #end: { readonly error: unknown } | 'end' | null = null;
  #taken = false;
  #wakeConsumer: (() => void) | null = null;
  readonly #wakeProducers = new Set<() => void>();

  constructor(options: DeliveryQueueOptions) {
    this.#bytesMax = options.bytesMax;
  }

  /** Adds a batch whatever its size; `bytes` is what it counts for. Dropped once the queue is closed. */
  push(batch: readonly Delivery[], bytes: number): void {
    if (this.#end !== null || batch.length === 0) return;
    for (const delivery of batch) this.#held.push(delivery);
    this.#bytes += bytes;
    this.#wakeConsumer?.();
  }

  /** The same of one, by its own size. */
  add(delivery: Delivery): void {
    if (this.#end !== null) return;
    this.#held.push(delivery);
    this.#bytes += delivery.bytes;
    this.#wakeConsumer?.();
  }

  get full(): boolean {
    return this.#bytes + this.#underWay >= this.#bytesMax;
  }

  /** Bytes that nobody has taken yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Closed by the producer, or by the consumer that stopped reading: pushing is in vain. */
  get closed(): boolean {
    return this.#end !== null;
  }

  /** Waits until the queue is not full; also returns when it is closed. @throws the reason of `signal` */
  async whenRoom(signal: AbortSignal): Promise<void> {
    while (this.full && this.#end === null) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#wakeProducers.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#wakeProducers.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
    signal.throwIfAborted();
  }

  /**
   * No more comes. The consumer still gets what is held (it lies before the fault in the log), then the error, or the
   * end. The first call counts.
   */
  close(error?: unknown): void {
    if (this.#end !== null) return;
    this.#end = error === undefined ? 'end' : { error };
    this.#wakeConsumer?.();
    this.#wakeAllProducers();
  }

  /** For one consumer. Returning early closes the queue and ends the wait of the producer. */
  [Symbol.asyncIterator](): AsyncIterator<readonly Delivery[], undefined> {
    if (this.#taken) throw new Error('a delivery queue has one consumer');
    this.#taken = true;
    return {
      next: async () => {
        if (this.#underWay > 0) {
          this.#underWay = 0;
          this.#wakeAllProducers();
        }
        while (this.#held.length === 0 && this.#end === null) await this.#pushedOrClosed();
        if (this.#held.length > 0) return { done: false, value: this.#takeAll() };
        const end = this.#end;
        if (end === null || end === 'end') return { done: true, value: undefined };
        this.#end = 'end';
        throw end.error;
      },
      return: async () => {
        this.#end = 'end';
        this.#drop();
        this.#wakeConsumer?.();
        this.#wakeAllProducers();
        return { done: true, value: undefined };
      },
    };
  }

  #takeAll(): readonly Delivery[] {
    const batch = this.#held;
    if (this.#bytes >= LARGE_BYTES) this.#underWay = this.#bytes;
    this.#drop();
    this.#wakeAllProducers();
    return batch;
  }

  #drop(): void {
    this.#held = [];
    this.#bytes = 0;
  }

  #pushedOrClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeConsumer = () => {
        this.#wakeConsumer = null;
        resolve();
      };
    });
  }

  #wakeAllProducers(): void {
    for (const wake of [...this.#wakeProducers]) wake();
  }
}
