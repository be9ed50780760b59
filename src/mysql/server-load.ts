/**
 * How busy a database's server is, for `throttle`: statements that run, and how far the other endpoints are behind that replicate from it.
 *
 * A beat in otter's own table is held against the same row at a replica: that needs no privileges, and says truly how old is what can be
 * read there, wherever on the way it is held up. It is one beat more in the log each time.
 */

import { messageOf } from '../model/error.ts';
import { Lane } from '../model/lane.ts';
import type { LoadPort, ServerLoad } from '../model/load.ts';
import type { ThrottleSpec } from '../model/topology.ts';
import type { Session } from './connection.ts';
import type { DatabaseServer } from './database-server.ts';
import { quoteName, quoteText } from './sql.ts';

export interface ServerLoadOptions {
  readonly server: Pick<DatabaseServer, 'connect' | 'connectTo' | 'others'>;
  /** Writes the beat. */
  readonly beat: () => Promise<void>;
  /** Schema of otter's own tables. */
  readonly schema: string;
  readonly lineage: string;
  /** The database, as its beats name it. */
  readonly site: string;
}

/** A replica that answers later than that is not waited for. */
const ANSWER_MS = 3_000;

export class MysqlServerLoad implements LoadPort {
  readonly #options: ServerLoadOptions;
  readonly #lane: Lane<Session>;
  readonly #replicas = new Map<string, Lane<Session>>();
  /** When the beat was sent that was written at the last look; null: none was. */
  #sentMs: number | null = null;

  constructor(options: ServerLoadOptions) {
    this.#options = options;
    this.#lane = new Lane(() => options.server.connect());
  }

  async ask({ threads_running, replica_lag }: ThrottleSpec): Promise<ServerLoad> {
    const threadsRunning = threads_running === undefined ? null : await this.#threadsRunning();
    if (replica_lag === undefined) {
      this.#sentMs = null;
      return { threadsRunning, replicas: [], unasked: [] };
    }
    const asked = await Promise.all(this.#options.server.others.map((endpoint) => this.#replica(endpoint)));
    await this.#options.beat();
    this.#sentMs = await this.#lane.run((session) => this.#sent(session));
    return {
      threadsRunning,
      replicas: asked.filter((each) => typeof each !== 'string'),
      unasked: asked.filter((each) => typeof each === 'string'),
    };
  }

  async #threadsRunning(): Promise<number> {
    const [row] = await this.#lane.run((session) =>
      session.rows<{ Value: string }>("SHOW GLOBAL STATUS WHERE Variable_name = 'Threads_running'"),
    );
    return Number(row!.Value);
  }

  /** Or why it cannot be told. */
  async #replica(endpoint: string): Promise<ServerLoad['replicas'][number] | string> {
    const { server } = this.#options;
    const lane = this.#replicas.get(endpoint) ?? new Lane(() => server.connectTo(endpoint, { signal: inTime() }));
    this.#replicas.set(endpoint, lane);
    try {
      const sentMs = await lane.run((session) => this.#sent(session, inTime()));
      if (sentMs === null || this.#sentMs === null) return { endpoint, behindMs: 0 };
      return { endpoint, behindMs: Math.max(0, this.#sentMs - sentMs) };
    } catch (error) {
      return `${endpoint}: ${messageOf(error)}`;
    }
  }

  /** Null: no beat is there yet. */
  async #sent(session: Session, signal?: AbortSignal): Promise<number | null> {
    const { schema, lineage, site } = this.#options;
    const [row] = await session.rows<{ sent_ms: string }>(
      `SELECT sent_ms FROM ${quoteName(schema)}.heartbeat WHERE lineage=${quoteText(lineage)} AND site=${quoteText(site)}`,
      { signal },
    );
    return row === undefined ? null : Number(row.sent_ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#lane, ...this.#replicas.values()].map((lane) => lane[Symbol.asyncDispose]()));
  }
}

function inTime(): AbortSignal {
  return AbortSignal.timeout(ANSWER_MS);
}
