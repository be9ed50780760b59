/**
 * The minutes of a node's pipelines, kept for a week for those who have no Prometheus: looked at with every beat, written when a minute is over.
 *
 * Rule: history never holds rows up. What cannot be written is said once, and the node goes on without it.
 */
import { messageOf } from '../model/error.ts';
import type { SiteMeasures } from '../model/measures.ts';
import type { MinuteRecord, MinuteStore, MinutesQuery } from '../model/minutes.ts';
import type { Logger } from '../model/ports.ts';
import type { PipelineFigures } from '../model/records.ts';
import { MINUTE_MS, MinuteBook } from './minute-book.ts';

const PRUNE_EVERY = 60;
/** Between two looks that lie further apart the machine slept, or somebody set its clock. */
const APART_S_MAX = 60;

export interface NodeHistoryOptions {
  readonly store: MinuteStore;
  readonly sites: () => Readonly<Record<string, SiteMeasures>>;
  readonly logger: Logger;
}

export class NodeHistory {
  readonly #options: NodeHistoryOptions;
  readonly #book = new MinuteBook();
  /** When the minute at hand began; null before the first look. */
  #minute: number | null = null;
  #lookedMs: number | null = null;
  #written = 0;
  #failed = false;

  constructor(options: NodeHistoryOptions) {
    this.#options = options;
  }

  look(pipelines: Readonly<Record<string, PipelineFigures>>, nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    if (this.#minute !== null && this.#minute !== minute) this.#turn(this.#minute, nowMs);
    this.#minute = minute;
    // Looks are further apart while the state store does not answer.
    const apart = this.#lookedMs === null ? 1 : (nowMs - this.#lookedMs) / 1000;
    this.#lookedMs = nowMs;
    this.#book.look(pipelines, this.#options.sites(), apart >= 0 && apart <= APART_S_MAX ? apart : 1);
  }

  /** What of the minute at hand there is is written too; nothing is kept after that. */
  close(nowMs: number): void {
    if (this.#minute !== null) this.#turn(this.#minute, nowMs);
    this.#quietly(() => this.#options.store.close());
  }

  /** Minutes that are over. @throws whatever the store throws */
  async read(query: MinutesQuery): Promise<readonly MinuteRecord[]> {
    return this.#options.store.read(query);
  }

  #turn(minute: number, nowMs: number): void {
    const { store, sites } = this.#options;
    const minutes = this.#book.close(minute, sites());
    this.#quietly(() => {
      store.add(minutes);
      if (this.#written % PRUNE_EVERY === 0) store.prune(nowMs - store.keepMs);
    });
    this.#written += 1;
  }

  #quietly(work: () => void): void {
    try {
      work();
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#options.logger.warn('history is not kept at present', { error: messageOf(error) });
      this.#failed = true;
    }
  }
}
