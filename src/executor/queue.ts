/**
 * Work by key: a key runs once at a time, equal keys wait as one, and a key that fails comes again later and later.
 *
 * The queue carries no facts, only the name of what may have changed; whoever runs a key reads the present state of
 * everything it needs, so it never matters how often or in which order keys were added.
 */
import type { Backoff } from '../model/backoff.ts';
import { backoffMs } from '../model/backoff.ts';
import type { Diagnostic } from '../model/diagnostic.ts';

/** What a run came to. Whatever may pass by itself throws, and the queue tries again. */
export type Outcome =
  | { readonly kind: 'settled' }
  | { readonly kind: 'again'; readonly afterMs: number }
  /** Nothing to be done until the desired state changes. */
  | { readonly kind: 'stuck'; readonly diagnostic: Diagnostic };

export const SETTLED: Outcome = { kind: 'settled' };

export interface QueueOptions {
  readonly run: (key: string) => Promise<Outcome>;
  readonly failed: (key: string, error: unknown, againMs: number) => void;
  readonly stuck: (key: string, diagnostic: Diagnostic) => void;
  readonly backoff?: Backoff | undefined;
  /** In [0, 1). */
  readonly random: () => number;
  /** Resolves to false when `signal` aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<boolean>;
}

interface Work {
  /** Added while it ran: what the run saw may be outdated. */
  dirty: boolean;
  running: boolean;
  failures: number;
  stuckOn: string | null;
  /** Ends the waiting for the next attempt. */
  waiting: AbortController | null;
}

const BACKOFF: Backoff = { baseMs: 100, maxMs: 30_000 };

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #work = new Map<string, Work>();
  readonly #active = new Set<Promise<void>>();
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Runs the key soon: at once, or after its present run; a waiting attempt is brought forward. */
  add(key: string): void {
    if (this.#closed) return;
    const work = this.#work.get(key) ?? { dirty: false, running: false, failures: 0, stuckOn: null, waiting: null };
    this.#work.set(key, work);
    if (work.running) work.dirty = true;
    else this.#start(key, work);
  }

  /** Forgets waiting attempts and adds nothing more; resolves when the last run has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const work of this.#work.values()) work.waiting?.abort();
    while (this.#active.size > 0) await Promise.all(this.#active);
  }

  #start(key: string, work: Work): void {
    work.waiting?.abort();
    work.waiting = null;
    work.running = true;
    this.#track(this.#run(key, work));
  }

  async #run(key: string, work: Work): Promise<void> {
    // A turn of the loop first, so that many adds in a row are one run, of what they all led to.
    await Promise.resolve();
    let againMs: number | null = null;
    do {
      work.dirty = false;
      againMs = await this.#attempt(key, work);
    } while (work.dirty && !this.#closed);
    work.running = false;
    if (againMs !== null && !this.#closed) this.#later(key, work, againMs);
  }

  /** When to run again, if nothing happens before. */
  async #attempt(key: string, work: Work): Promise<number | null> {
    const { run, failed, stuck, random, backoff = BACKOFF } = this.#options;
    try {
      const outcome = await run(key);
      work.failures = 0;
      if (outcome.kind !== 'stuck') work.stuckOn = null;
      switch (outcome.kind) {
        case 'settled':
          return null;
        case 'again':
          return outcome.afterMs;
        case 'stuck': {
          const text = JSON.stringify(outcome.diagnostic);
          if (work.stuckOn !== text) stuck(key, outcome.diagnostic);
          work.stuckOn = text;
          return null;
        }
        default:
          return outcome satisfies never;
      }
    } catch (error) {
      const againMs = backoffMs(work.failures, backoff, random());
      work.failures += 1;
      failed(key, error, againMs);
      return againMs;
    }
  }

  #later(key: string, work: Work, ms: number): void {
    const waiting = new AbortController();
    work.waiting = waiting;
    this.#track(
      this.#options.sleep(ms, waiting.signal).then((slept) => {
        if (slept && work.waiting === waiting && !this.#closed) this.#start(key, work);
      }),
    );
  }

  #track(task: Promise<void>): void {
    this.#active.add(task);
    void task.finally(() => this.#active.delete(task));
  }
}
