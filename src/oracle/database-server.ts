/**
 * Connections to one Oracle database by its endpoints: everything of one site goes to one of them; when it fails, the next
 * connection tries them in their order again. Errors come out as otter's own.
 */
import { readFile } from 'node:fs/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { DatabaseSpec } from '../model/topology.ts';
import type { Bind, BindKind, Connection, Login, OpenConnection } from './connection.ts';
import { openOracle } from './driver.ts';
import { oracleError } from './errors.ts';

const CONNECT_TIMEOUT_MS = 10_000;

export interface ServerOptions {
  /** The database's name in the topology, for messages. */
  readonly name: string;
  readonly spec: Pick<DatabaseSpec, 'endpoints' | 'user' | 'tls'>;
  /** Never shown. A function is asked at every connection, so that a rotated password is taken up. */
  readonly password: string | (() => string);
  readonly open?: OpenConnection | undefined;
}

export class OracleServer {
  readonly name: string;
  readonly #options: ServerOptions;
  readonly #connections = new Set<Connection>();
  #index = 0;
  #abandoned = false;

  constructor(options: ServerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get user(): string {
    return this.#options.spec.user;
  }

  /** That answered last, or that is tried next. */
  get endpoint(): string {
    return this.#options.spec.endpoints[this.#index] ?? '';
  }

  /** @throws OtterError OT4001, OT4003, OT4005, OT4008 of the last endpoint tried */
  async connect(): Promise<Connection> {
    const { spec, open = openOracle } = this.#options;
    let failure: OtterError | null = null;
    const first = this.#index;
    for (const index of [first, ...spec.endpoints.map((_, i) => i).filter((i) => i !== first)]) {
      const endpoint = spec.endpoints[index]!;
      const where = { database: this.name, endpoint };
      try {
        const connection = new Classified(await open(await this.#login(endpoint)), where, (ended) =>
          this.#connections.delete(ended),
        );
        if (this.#abandoned) {
          connection.destroy();
          throw new OtterError('OT4004', 'the connection was lost', { where, retry: 'backoff' });
        }
        this.#connections.add(connection);
        this.#index = index;
        return connection;
      } catch (error) {
        failure = oracleError(error, where);
      }
    }
    throw failure ?? new OtterError('OT4001', 'the database has no endpoints', { where: { database: this.name } });
  }

  /** Every connection is lost from here on, without a word to the server: it may not answer for hours. */
  abandon(): void {
    this.#abandoned = true;
    for (const connection of [...this.#connections]) connection.destroy();
  }

  async #login(endpoint: string): Promise<Login> {
    const { spec, password, name } = this.#options;
    const tls = spec.tls === null ? null : { pem: await readPem(spec.tls, name) };
    const secret = typeof password === 'string' ? password : password();
    return { endpoint, user: spec.user, password: secret, tls, timeoutMs: CONNECT_TIMEOUT_MS };
  }
}

async function readPem(tls: NonNullable<DatabaseSpec['tls']>, database: string): Promise<string> {
  const files = [tls.key, tls.cert, tls.ca].filter((path) => path !== undefined);
  const texts = files.map(async (path) => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new OtterError('OT4008', messageOf(error), { where: { database, file: path }, cause: error });
    }
  });
  return (await Promise.all(texts)).join('\n');
}

/** The same with otter's errors, and an end that comes also for who waits. */
class Classified implements Connection {
  readonly #inner: Connection;
  readonly #where: Readonly<Record<string, string>>;
  readonly #ended: (connection: Connection) => void;
  readonly #lost = Promise.withResolvers<never>();

  constructor(inner: Connection, where: Readonly<Record<string, string>>, ended: (connection: Connection) => void) {
    this.#inner = inner;
    this.#where = where;
    this.#ended = ended;
    this.#lost.promise.catch(() => undefined);
  }

  get alive(): boolean {
    return this.#inner.alive;
  }

  rows(sql: string, binds?: readonly Bind[]): ReturnType<Connection['rows']> {
    return this.#ask(() => this.#inner.rows(sql, binds));
  }

  run(sql: string, binds?: readonly Bind[]): Promise<number> {
    return this.#ask(() => this.#inner.run(sql, binds));
  }

  runMany(sql: string, kinds: readonly BindKind[], rows: readonly (readonly Bind[])[]): Promise<readonly number[]> {
    return this.#ask(() => this.#inner.runMany(sql, kinds, rows));
  }

  commit(): Promise<void> {
    return this.#ask(() => this.#inner.commit());
  }

  rollback(): Promise<void> {
    return this.#ask(() => this.#inner.rollback());
  }

  destroy(): void {
    this.#inner.destroy();
    this.#ended(this);
    this.#lost.reject(new OtterError('OT4004', 'the connection was lost', { where: this.#where, retry: 'backoff' }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await Promise.race([work(), this.#lost.promise]);
    } catch (error) {
      const known = oracleError(error, this.#where);
      if (known.code === 'OT4004' || known.code === 'OT4001') this.destroy();
      throw known;
    }
  }
}
