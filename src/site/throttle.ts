/**
 * A database's `throttle`: its server is asked once a second how busy it is, and while it is busier than it may be all pipelines into the
 * database rest between windows (`replication/easing.ts` says how long), never inside one, whose rows are locked.
 *
 * Rule kept: a server or replica that cannot be asked slows nobody down; that is said in the log.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../model/error.ts';
import type { LoadPort } from '../model/load.ts';
import type { Logger } from '../model/ports.ts';
import type { ThrottleSpec } from '../model/topology.ts';
import { excesses, nextShare, restMs } from '../replication/easing.ts';

export interface ThrottleOptions {
  /** As the topology has it now; undefined: none. */
  readonly limits: () => ThrottleSpec | undefined;
  /** Absent: its server cannot be asked. */
  readonly load?: LoadPort | undefined;
  readonly logger: Logger;
  /** Between two looks [a second]. */
  readonly everyMs?: number | undefined;
}

const EVERY_MS = 1_000;
/** Who rests sees so soon that there is less to rest for. */
const STEP_MS = 100;

export class Throttle {
  readonly #options: ThrottleOptions;
  #share = 1;
  /** What is over its limit, or was. */
  #why: readonly string[] = [];
  /** What could not be asked at the last look. */
  #unasked = '';

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** What windows wait for, for people; null: nothing. */
  get words(): string | null {
    if (this.#share === 1) return null;
    return `the database, which is written ${Math.ceil(this.#share * 100)} % of the time: ${this.#why.join(', ')}`;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await sleep(this.#options.everyMs ?? EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /**
   * Settles when the next window may be written after one that took so long; returns how long that was, in milliseconds.
   * @throws what the signal says when it aborts
   */
  async rest(tookMs: number, signal: AbortSignal): Promise<number> {
    const began = performance.now();
    for (;;) {
      const rested = performance.now() - began;
      const leftMs = restMs(tookMs, this.#share) - rested;
      if (leftMs <= 0) return rested;
      await sleep(Math.min(leftMs, STEP_MS), undefined, { signal });
    }
  }

  async #look(): Promise<void> {
    const { limits, load, logger } = this.#options;
    const wanted = limits();
    if (wanted === undefined || load === undefined) {
      this.#share = 1;
      return;
    }
    const before = this.#share;
    const over = await load.ask(wanted).then(
      (found) => {
        this.#couldNotAsk(found.unasked);
        return excesses(wanted, found);
      },
      (error: unknown) => {
        this.#couldNotAsk([messageOf(error)]);
        return [];
      },
    );
    this.#share = nextShare(before, over.length > 0);
    if (over.length > 0) this.#why = over;
    if (before === 1 && this.#share < 1)
      logger.info('the database is busy and written more slowly', { why: over.join(', ') });
    if (before < 1 && this.#share === 1) logger.info('the database is written as fast as it can be again');
  }

  #couldNotAsk(said: readonly string[]): void {
    const text = said.join('; ');
    if (text !== '' && text !== this.#unasked)
      this.#options.logger.warn('how busy the database is could not be asked', { error: text });
    this.#unasked = text;
  }
}
