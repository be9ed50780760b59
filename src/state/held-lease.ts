/**
 * A lease as its holder sees it, whichever store keeps it: renewed every third of its time to live, and lost, as far
 * as the holder is concerned, a margin before the store could think so.
 *
 * Rule: `lost` never aborts later than the last successful renewal began + TTL - margin, whatever the network or the
 * process did in between; a timer of our own says so, not the store's client.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { Lease } from '../model/ports.ts';

export interface LeaseKeeper {
  readonly id: string;
  readonly ttlMs: number;
  /** When the request that created the lease was sent, by `performance.now()`. */
  readonly sinceMs: number;
  /** Asks the store for another `ttlMs`. `gone`: the store no longer knows the lease. Throws when the store is away. */
  readonly renew: (signal: AbortSignal) => Promise<'renewed' | 'gone'>;
  readonly revoke: () => Promise<void>;
}

export interface HeldLease extends Lease {
  /** Stops renewing without revoking, as if the process had gone. */
  abandon(): void;
}

const RENEWALS_PER_TTL = 3;
const RETRY_MS_MAX = 500;

export function holdLease(keeper: LeaseKeeper): HeldLease {
  return new Holder(keeper);
}

class Holder implements HeldLease {
  readonly id: string;
  readonly lost: AbortSignal;
  readonly #keeper: LeaseKeeper;
  readonly #over = new AbortController();
  readonly #renewals: Promise<void>;
  #deadline: NodeJS.Timeout | undefined;

  constructor(keeper: LeaseKeeper) {
    this.id = keeper.id;
    this.lost = this.#over.signal;
    this.#keeper = keeper;
    this.#goodSince(keeper.sinceMs);
    this.#renewals = this.#renew();
  }

  async revoke(): Promise<void> {
    this.abandon();
    await this.#renewals;
    await this.#keeper.revoke();
  }

  abandon(): void {
    this.#end('the lease was given back');
  }

  #end(why: string): void {
    clearTimeout(this.#deadline);
    this.#over.abort(new OtterError('OT3004', why, { where: { lease: this.id } }));
  }

  #goodSince(sentMs: number): void {
    clearTimeout(this.#deadline);
    const { ttlMs } = this.#keeper;
    const leftMs = sentMs + ttlMs - marginMs(ttlMs) - performance.now();
    this.#deadline = setTimeout(() => this.#end('the lease could not be renewed in time'), Math.max(0, leftMs));
  }

  async #renew(): Promise<void> {
    const everyMs = this.#keeper.ttlMs / RENEWALS_PER_TTL;
    let waitMs = everyMs;
    while (await this.#slept(waitMs)) {
      const sentMs = performance.now();
      try {
        if ((await this.#keeper.renew(this.lost)) === 'gone') {
          this.#end('the state store no longer knows the lease');
        } else if (!this.lost.aborted) {
          this.#goodSince(sentMs);
        }
        waitMs = everyMs;
      } catch {
        // The store is away: try again soon; the deadline above speaks if that takes too long.
        waitMs = Math.min(everyMs, RETRY_MS_MAX);
      }
    }
  }

  /** False when the lease is over. */
  async #slept(ms: number): Promise<boolean> {
    try {
      await sleep(ms, undefined, { signal: this.lost });
      return true;
    } catch {
      return false;
    }
  }
}

/** Room for clocks that run at slightly different speeds and for a timer that fires late. */
function marginMs(ttlMs: number): number {
  return Math.min(1000, ttlMs / 5);
}
