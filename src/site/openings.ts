/**
 * Those who wait for a stream: told at once when the database cannot be read, and when it falls silent meanwhile; and let go
 * when they give up, whatever the database still owes them.
 */
import type { OtterError } from '../model/error.ts';

export class Openings {
  readonly #waiting = new Set<(error: OtterError) => void>();
  #silence: OtterError | null = null;

  /** The database does not answer. */
  silent(error: OtterError): void {
    this.#silence = error;
    for (const refuse of this.#waiting) refuse(error);
  }

  heard(): void {
    this.#silence = null;
  }

  /**
   * Settles with what `open` gives; its signal aborts when that is not waited for any more.
   * @throws OtterError what was said when the database fell silent; the reason of `wanted` when that aborts
   */
  async run<T>(wanted: AbortSignal, open: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#silence !== null) throw this.#silence;
    wanted.throwIfAborted();
    const refused = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    this.#waiting.add(reject);
    const givenUp = (): void => reject(wanted.reason);
    wanted.addEventListener('abort', givenUp, { once: true });
    try {
      return await Promise.race([open(AbortSignal.any([wanted, refused.signal])), promise]);
    } catch (error) {
      refused.abort();
      throw error;
    } finally {
      wanted.removeEventListener('abort', givenUp);
      this.#waiting.delete(reject);
    }
  }
}
