/** One connection for short pieces of work, one at a time. */
import { OtterError } from '../model/error.ts';
import type { Session } from './connection.ts';

/** A connection that failed is thrown away and made anew at the next call. */
export class Lane implements AsyncDisposable {
  readonly #connect: () => Promise<Session>;
  #session: Promise<Session> | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(connect: () => Promise<Session>) {
    this.#connect = connect;
  }

  run<T>(work: (connection: Session) => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => {
      if (this.#closed) throw new OtterError('OT4004', 'the connection was closed', { retry: 'backoff' });
      this.#session ??= this.#connect();
      const session = this.#session;
      try {
        return await work(await session);
      } catch (error) {
        (await session.catch(() => null))?.destroy();
        if (this.#session === session) this.#session = null;
        throw error;
      }
    };
    const result = this.#tail.then(attempt, attempt);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    (await this.#session?.catch(() => null))?.destroy();
    this.#session = null;
  }
}
