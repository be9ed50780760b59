/** One connection for short pieces of work, one at a time. */
import { OtterError } from './error.ts';

/** A connection that failed is thrown away, its transaction with it, and made anew at the next call. */
export class Lane<C extends { destroy(): void }> implements AsyncDisposable {
  readonly #connect: () => Promise<C>;
  #connection: Promise<C> | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(connect: () => Promise<C>) {
    this.#connect = connect;
  }

  run<T>(work: (connection: C) => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => {
      if (this.#closed) throw new OtterError('OT4004', 'the connection was closed', { retry: 'backoff' });
      this.#connection ??= this.#connect();
      const connection = this.#connection;
      try {
        return await work(await connection);
      } catch (error) {
        (await connection.catch(() => null))?.destroy();
        if (this.#connection === connection) this.#connection = null;
        throw error;
      }
    };
    const result = this.#tail.then(attempt, attempt);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    (await this.#connection?.catch(() => null))?.destroy();
    this.#connection = null;
  }
}
