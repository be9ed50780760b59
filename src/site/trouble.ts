/** What is wrong with a pipeline, as its figures have it and the log tells it: the same once. */
import { messageOf, OtterError } from '../model/error.ts';
import type { Logger } from '../model/ports.ts';
import type { ErrorRecord } from '../model/records.ts';
import type { Figures } from './figures.ts';

export interface TroubleOptions {
  readonly figures: Figures;
  /** Of the attempt under way, or the next. */
  readonly generation: () => number;
  readonly logger: Logger;
  /** Milliseconds of a clock that nobody sets; by default the process's. */
  readonly elapsed?: (() => number) | undefined;
}

/** What is over sooner is not said to be over: it was said that it will go on. */
const SAID_MS = 5_000;

export class Trouble {
  readonly #options: TroubleOptions;
  readonly #elapsed: () => number;
  /** Since when it has stood, while there is an error. */
  #sinceMs = 0;
  /** What was said when the database fell silent. */
  #silence: ErrorRecord | null = null;

  constructor(options: TroubleOptions) {
    this.#options = options;
    this.#elapsed = options.elapsed ?? (() => performance.now());
  }

  /** The database here does not answer; the attempt under way goes on when it does. */
  silent(error: OtterError): void {
    const { figures } = this.#options;
    if (figures.error !== null && figures.error === this.#silence) return;
    this.failed(error);
    this.#silence = figures.error;
  }

  heard(): void {
    const { figures } = this.#options;
    if (figures.error !== this.#silence) return;
    this.over();
    this.#silence = null;
  }

  /** Rows go on. One that had failed enters another phase, which says it. */
  over(): void {
    const { figures, logger } = this.#options;
    const { error } = figures;
    if (error === null) return;
    figures.error = null;
    const stoodMs = this.#elapsed() - this.#sinceMs;
    if (figures.phase === 'failed' || stoodMs < SAID_MS) return;
    logger.info('pipeline goes on', {
      ...{ after: error.code, stood_seconds: Math.round(stoodMs / 1000), position: figures.position },
    });
  }

  failed(error: unknown): void {
    const { figures, generation, logger } = this.#options;
    const known = error instanceof OtterError ? error : new OtterError('OT9001', messageOf(error), { cause: error });
    const before = figures.error;
    if (before === null) this.#sinceMs = this.#elapsed();
    const { transaction, database } = known.where;
    figures.error = {
      ...{ code: known.code, message: known.message, hint: known.hint ?? null },
      ...(typeof database === 'string' ? { database } : {}),
      ...(known.code === 'OT5016' && typeof transaction === 'string' ? { transaction } : {}),
    };
    if (known.retry === 'never') {
      figures.phase = 'failed';
      // It was taken up and came to nothing: who waits for this generation need not wait on.
      figures.observedGeneration = generation();
    }
    // Every attempt fails the same way; once is enough for the log.
    if (before?.code === known.code && before.message === known.message) return;
    const facts = { code: known.code, error: known.message, position: figures.position, ...known.where };
    if (known.retry === 'never') logger.error('pipeline failed', facts);
    else logger.warn('pipeline interrupted; it will go on', facts);
  }
}
