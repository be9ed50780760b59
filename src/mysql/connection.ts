/**
 * One connection to a MySQL or MariaDB server, with promises, otter's errors, and an end that comes also on a dead line.
 */
import type { Duplex } from 'node:stream';
import type { Connection, ResultSetHeader } from 'mysql2';
import { OtterError } from '../model/error.ts';
import { databaseError } from './driver-error.ts';

const END_MS_MAX = 1_000;

export interface QueryOptions {
  /** Ends the session when the answer takes longer: how a half-open connection is found. */
  readonly timeoutMs?: number | undefined;
  /** Abort destroys the session, since the server cannot be asked to stop on the same connection. */
  readonly signal?: AbortSignal | undefined;
}

/** One connection with promises and otter's errors. After a lost connection every call fails; open a new one. */
export class Session implements AsyncDisposable {
  /** For what the methods here do not offer; its errors are not classified. */
  readonly driver: Connection;
  readonly where: Readonly<Record<string, string | number>>;
  #alive = true;
  /** Asked, and not answered. */
  #asked = 0;
  #spoke = performance.now();
  #waking: NodeJS.Timeout | null = null;

  constructor(driver: Connection, where: Readonly<Record<string, string | number>>) {
    this.driver = driver;
    this.where = where;
    // One for each question that waits.
    driver.setMaxListeners(0);
    driver.on('error', () => {
      this.#alive = false;
    });
    driver.on('end', () => {
      this.#alive = false;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get threadId(): number {
    return this.driver.threadId;
  }

  /** Lets the server hear of it at least so often, as long as this process runs. */
  keepAwake(everyMs: number): void {
    this.#waking = setInterval(() => {
      if (this.#asked === 0 && performance.now() - this.#spoke >= everyMs) this.driver.ping(() => undefined);
    }, everyMs);
    this.#waking.unref();
  }

  /** Rows of one SELECT or SHOW, as objects; texts for what JavaScript numbers cannot hold. */
  async rows<T extends object>(sql: string, options: QueryOptions = {}): Promise<T[]> {
    return (await this.query(sql, options)) as T[];
  }

  /** Rows of each of several statements; needs `multipleStatements`. */
  async sets<T extends object>(sql: string, options: QueryOptions = {}): Promise<T[][]> {
    return (await this.query(sql, options)) as T[][];
  }

  /** A statement without rows. */
  async run(sql: string, options: QueryOptions = {}): Promise<ResultSetHeader> {
    return (await this.query(sql, options)) as ResultSetHeader;
  }

  /** Whatever the driver answers. @throws OtterError, classified. */
  async query(sql: string, options: QueryOptions & { readonly driver?: object } = {}): Promise<unknown> {
    const { signal } = options;
    signal?.throwIfAborted();
    const abort = (): void => this.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    this.#asked += 1;
    const loads = options.driver !== undefined && 'infileStreamFactory' in options.driver;
    using _tidied = loads ? listenersKept(streamOf(this.driver)) : null;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        const wanted = {
          sql,
          ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
          ...options.driver,
        };
        const close = (): void => reject(lost());
        this.driver.once('end', close);
        this.driver.query(wanted, (error: unknown, result: unknown) => {
          this.driver.off('end', close);
          if (error === null || error === undefined) resolve(result);
          else reject(error);
        });
      });
    } catch (error) {
      signal?.throwIfAborted();
      const known = databaseError(error, this.where);
      if (known.code === 'OT4004' || known.code === 'OT4001') this.destroy();
      throw known;
    } finally {
      this.#asked -= 1;
      this.#spoke = performance.now();
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Rows one by one as they arrive, until `take` says that they are enough: then the session is destroyed when rows are left, since a
   * server cannot be asked on the same connection to stop. Nothing else may be asked on it meanwhile.
   */
  async each(sql: string, driver: object, take: (row: unknown[]) => boolean): Promise<void> {
    let refused: { readonly error: unknown } | null = null;
    try {
      await new Promise<void>((resolve, reject) => {
        const close = (): void => reject(lost());
        this.driver.once('end', close);
        const done = (): void => {
          this.driver.off('end', close);
          resolve();
        };
        const fail = (error: unknown): void => {
          this.driver.off('end', close);
          reject(error);
        };
        let enough = false;
        const query = this.driver.query({ sql, ...driver });
        query.on('error', fail);
        query.on('end', done);
        query.on('result', (row) => {
          if (enough) return;
          try {
            enough = !take(row as unknown as unknown[]);
          } catch (error) {
            enough = true;
            refused = { error };
            fail(error);
          }
          if (!enough) return;
          done();
          this.destroy();
        });
      });
    } catch (error) {
      if (refused !== null) throw error;
      const known = databaseError(error, this.where);
      if (known.code === 'OT4004' || known.code === 'OT4001') this.destroy();
      throw known;
    }
  }

  /** At once, without a word to the server. */
  destroy(): void {
    clearInterval(this.#waking ?? undefined);
    if (this.#alive) {
      this.#alive = false;
      this.driver.emit('end');
    }
    destroyDriver(this.driver);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#waking ?? undefined);
    if (!this.#alive) {
      destroyDriver(this.driver);
      return;
    }
    this.#alive = false;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => {
        // Whoever waits for an answer is told; the driver would not.
        this.driver.emit('end');
        destroyDriver(this.driver);
        resolve();
      }, END_MS_MAX);
      streamOf(this.driver).once('close', () => {
        clearTimeout(late);
        resolve();
      });
      this.driver.end(() => undefined);
    });
  }
}

/** A session that is opened when first asked for and again after it was lost. */
export class KeptSession implements AsyncDisposable {
  readonly #open: () => Promise<Session>;
  #session: Promise<Session> | null = null;
  #closed = false;

  constructor(open: () => Promise<Session>) {
    this.#open = open;
  }

  async get(): Promise<Session> {
    if (this.#closed) throw new OtterError('OT4004', 'the connection was closed here', { retry: 'never' });
    const kept = this.#session;
    if (kept !== null) {
      const session = await kept.catch(() => null);
      if (session?.alive === true) return session;
      if (this.#session !== kept) return this.get();
    }
    this.#session = this.#open();
    return this.#session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const session = await this.#session?.catch(() => null);
    await session?.[Symbol.asyncDispose]();
  }
}

/** The driver's own `destroy` only says goodbye, and on a dead line waits for the answer for ever. */
function destroyDriver(driver: Connection): void {
  driver.destroy();
  streamOf(driver).destroy();
}

function streamOf(driver: Connection): Duplex {
  return (driver as unknown as { readonly stream: Duplex }).stream;
}

/** Of several loads in one query the driver takes only the last one's listeners off the line again (mysql2, `Query._streamLocalInfile`). */
function listenersKept(stream: Duplex): Disposable {
  const kept = (['pause', 'drain'] as const).map((event) => ({ event, before: new Set(stream.listeners(event)) }));
  return {
    [Symbol.dispose]: () => {
      for (const { event, before } of kept)
        for (const listener of stream.listeners(event))
          if (!before.has(listener)) stream.off(event, listener as () => void);
    },
  };
}

export function lost(): Error {
  return Object.assign(new Error('the connection was lost'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true });
}
