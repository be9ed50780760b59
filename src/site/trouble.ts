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
}

export class Trouble {
  readonly #options: TroubleOptions;
  /** What was said when the database fell silent. */
  #silence: ErrorRecord | null = null;

  constructor(options: TroubleOptions) {
    this.#options = options;
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
    figures.error = null;
    this.#silence = null;
  }

  failed(error: unknown): void {
    const { figures, generation, logger } = this.#options;
    const known = error instanceof OtterError ? error : new OtterError('OT9001', messageOf(error), { cause: error });
    const before = figures.error;
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
