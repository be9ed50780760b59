/**
 * Sessions on a MySQL or MariaDB server.
 *
 * Everything that one site does, reading and writing, goes to one endpoint. When that is gone, silent or read-only another takes
 * over (`taking-over.ts` says which may), and all sessions leave the former one together. A session is set so that values arrive as they left: UTC, utf8mb4, dates and
 * large numbers as text, matched rows counted instead of changed ones, errors instead of bent values.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type ConnectionOptions } from 'mysql2';
import { messageOf, OtterError } from '../model/error.ts';
import type { DatabaseSpec } from '../model/topology.ts';
import { lost, Session } from './connection.ts';
import { databaseError } from './driver-error.ts';
import { EndpointInUse, type Following, movedTo } from './endpoint-in-use.ts';
import { sight } from './sighting.ts';
import type { Sighting } from './taking-over.ts';

/**
 * Strict, so that a value that does not fit is an error and never cut; but zero and impossible dates are values that
 * a source may hold, and 0 in an AUTO_INCREMENT column is one too.
 */
export const SQL_MODE = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';

/**
 * For statements that write the error value of an ENUM (its member 0), which no literal writes in strict mode. What would
 * be an error is a warning then, and `MysqlSession` counts those.
 */
export const LENIENT_SQL_MODE = SQL_MODE.replace('STRICT_ALL_TABLES,', '');

/** What a server may set for all sessions, and would change what otter's own read or do. */
const OWN_SETTINGS: readonly string[] = [
  // Said in the handshake too, but `init_connect` comes after that.
  'NAMES utf8mb4',
  "time_zone = '+00:00'",
  `sql_mode = '${SQL_MODE}'`,
  'autocommit = 1',
  'sql_select_limit = 18446744073709551615',
  'sql_safe_updates = 0',
  'sql_big_selects = 1',
  'sql_auto_is_null = 0',
  'sql_quote_show_create = 1',
  'completion_type = 0',
  'sql_notes = 1',
  "lc_messages = 'en_US'",
  'unique_checks = 1',
  'wait_timeout = 28800',
  // What generated columns come to may hang on these (`session-words.ts`); as servers are set when nobody sets them.
  'div_precision_increment = 4',
  "lc_time_names = 'en_US'",
  'default_week_format = 0',
];

/**
 * What only one family knows, in comments that only it reads: how long a statement, or a transaction at rest, may take; and
 * that primary keys which the server made are columns like others, as they are in the log.
 */
const OF_ONE_FAMILY =
  '/*M!100300 , max_error_count = 1024, max_statement_time = 0, idle_transaction_timeout = 0 */ /*!80000 , max_execution_time = 0 */ /*!80030 , show_gipk_in_create_table_and_information_schema = 1 */';

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;
/** How long an endpoint may take to say how it is; silence for longer is as good as absence. */
const SIGHT_MS = 5_000;
/** How long the old lines may still say something after a new one was answered. */
const RENEW_MS = 2_000;

export interface ServerOptions {
  /** The database's name in the topology, for messages. */
  readonly name: string;
  readonly spec: Pick<DatabaseSpec, 'endpoints' | 'user' | 'tls'>;
  /** Never shown. A function is asked at every connection, so that a rotated password is taken up. */
  readonly password: string | (() => string);
  readonly connectTimeoutMs?: number | undefined;
}

export interface ConnectOptions {
  /** Several statements in one round trip; only for texts made entirely by otter. */
  readonly multipleStatements?: boolean | undefined;
  /** More `SET` assignments, as SQL text. */
  readonly set?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One database server by its endpoints. Shared by everything of one site, so that all sessions are on one server. */
export class DatabaseServer {
  readonly name: string;
  readonly #options: ServerOptions;
  readonly #sessions = new Set<Session>();
  readonly #inUse: EndpointInUse;
  #abandoned = false;

  constructor(options: ServerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#inUse = new EndpointInUse({
      name: options.name,
      endpoints: options.spec.endpoints,
      sight: (endpoint) => this.#sight(endpoint),
      moved: (endpoint) => {
        for (const session of [...this.#sessions]) if (session.where['endpoint'] !== endpoint) session.destroy();
      },
    });
  }

  /** host:port that is in use, or that is tried first. */
  get endpoint(): string {
    return this.#inUse.endpoint;
  }

  /** @throws OtterError OT4001, OT4003, OT4005 of the endpoint in use; OT4080, OT4081 */
  async connect(options: ConnectOptions = {}): Promise<Session> {
    const endpoint = await this.#inUse.current();
    options.signal?.throwIfAborted();
    try {
      return await this.#connectToUsed(endpoint, options);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      const failure = databaseError(error, this.#where(endpoint));
      if (!isGone(failure) || !this.#inUse.hasOthers || this.#abandoned) throw failure;
      return this.#connectToUsed(await this.#inUse.look(), options);
    }
  }

  /**
   * Where there are several endpoints: looks how the one in use is. Returns the one that took over, or null.
   * @throws OtterError when none can be used
   */
  async look(): Promise<string | null> {
    if (!this.#inUse.hasOthers || this.#abandoned) return null;
    const before = await this.#inUse.current();
    const now = await this.#inUse.look();
    return now === before ? null : now;
  }

  /** host:port of those that are not in use. */
  get others(): readonly string[] {
    const { endpoint } = this;
    return this.#options.spec.endpoints.filter((other) => other !== endpoint);
  }

  /** For who follows the log of the endpoint in use. */
  follow(): Following {
    return this.#inUse.follow();
  }

  /** @throws OtterError OT4004 while somebody still follows the log of the endpoint that was in use before */
  requireAllHere(): void {
    this.#inUse.requireAllHere();
  }

  /**
   * Ends all sessions, here and at the server, where it answers on a new line and `isSilent` holds all the same, a while after. What
   * they held is let go by that: a server that has heard nothing of their end would keep their locks for hours.
   * @throws OtterError where it does not answer
   */
  async renew(isSilent: () => boolean): Promise<void> {
    const { endpoint } = this;
    await using session = await this.connectTo(endpoint, { signal: AbortSignal.timeout(SIGHT_MS) });
    const dead = [...this.#sessions].filter((each) => each !== session);
    // One that was only slow has answered by then on both.
    await sleep(RENEW_MS);
    await session.run('DO 1', { timeoutMs: SIGHT_MS });
    if (!isSilent() || this.endpoint !== endpoint) return;
    for (const each of dead) {
      const { threadId } = each;
      each.destroy();
      // It may be gone there too, or not have come about.
      if (Number.isInteger(threadId) && threadId !== session.threadId)
        await session.run(`KILL ${threadId}`, { timeoutMs: SIGHT_MS }).catch(() => undefined);
    }
  }

  /** Every session is lost from here on, without a word to the server: it may not answer for hours. */
  abandon(): void {
    this.#abandoned = true;
    for (const session of [...this.#sessions]) session.destroy();
  }

  /** Options for a driver that opens its own connections, to the endpoint in use. */
  async driverOptions(endpoint: string = this.endpoint): Promise<ConnectionOptions> {
    const { spec, password, connectTimeoutMs } = this.#options;
    const { host, port } = splitEndpoint(endpoint);
    return {
      host,
      port,
      user: spec.user,
      password: typeof password === 'string' ? password : password(),
      ...(spec.tls === null ? {} : { ssl: await readTls(spec.tls, this.name) }),
      connectTimeout: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      enableKeepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    };
  }

  async #sight(endpoint: string): Promise<Sighting> {
    const signal = AbortSignal.timeout(SIGHT_MS);
    try {
      await using session = await this.connectTo(endpoint, { signal });
      signal.addEventListener('abort', () => session.destroy(), { once: true });
      return await sight(session);
    } catch (error) {
      const late = new OtterError('OT4001', `no answer within ${SIGHT_MS / 1000} s`);
      const known = signal.aborted ? late : databaseError(error, this.#where(endpoint));
      return { kind: isGone(known) ? 'gone' : 'refuses', error: known };
    }
  }

  async #connectToUsed(endpoint: string, options: ConnectOptions): Promise<Session> {
    const session = await this.connectTo(endpoint, options);
    if (this.endpoint === endpoint) return session;
    // Another has taken over meanwhile.
    session.destroy();
    throw movedTo(this.name, this.endpoint);
  }

  /** To an endpoint whether it is in use or not: for looking, never for writing. */
  async connectTo(endpoint: string, options: ConnectOptions): Promise<Session> {
    const driverOptions = await this.driverOptions(endpoint);
    if (this.#abandoned) throw lost();
    const connection = mysql.createConnection({
      ...driverOptions,
      charset: 'utf8mb4',
      timezone: 'Z',
      flags: ['+FOUND_ROWS'],
      multipleStatements: options.multipleStatements ?? false,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      jsonStrings: true,
      // Statements are whole. The driver would look through each, however long, for a place to fill in.
      queryFormat: (sql) => sql,
    });
    const session = new Session(connection, this.#where(endpoint));
    this.#sessions.add(session);
    connection.once('end', () => this.#sessions.delete(session));
    connection.once('error', () => this.#sessions.delete(session));
    const assignments = [...OWN_SETTINGS, ...(options.set ?? [])];
    try {
      await session.run(`SET ${assignments.join(', ')} ${OF_ONE_FAMILY}`, { signal: options.signal });
      // Has no name that all servers know. A server may let its sessions read what is not committed, or write nothing.
      await session.run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE', {
        signal: options.signal,
      });
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  #where(endpoint: string): Record<string, string> {
    return { database: this.name, endpoint };
  }
}

function isGone({ code }: OtterError): boolean {
  return code === 'OT4001' || code === 'OT4004';
}

/** `host:port`, `[::1]:3306`, or a host alone (port 3306). */
export function splitEndpoint(endpoint: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(endpoint);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new OtterError('OT4001', `not an endpoint: ${endpoint}`, { hint: 'write host:port' });
  return { host, port: Number(match?.[3] ?? 3306) };
}

async function readTls(
  tls: NonNullable<DatabaseSpec['tls']>,
  database: string,
): Promise<NonNullable<ConnectionOptions['ssl']>> {
  const read = async (path: string): Promise<string> => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new OtterError('OT4008', messageOf(error), { where: { database, file: path }, cause: error });
    }
  };
  return {
    rejectUnauthorized: true,
    ...(tls.ca === undefined ? {} : { ca: await read(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: await read(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: await read(tls.key) }),
  };
}
