/**
 * The source side of a MySQL or MariaDB server: `SourcePort` over a few kept sessions and any number of log readers, all
 * on the endpoint that `DatabaseServer` is on.
 */
import type { LogBatch, LogEnd, LogNeeds, ReadLogOptions, ServerFacts, SourcePort } from '../model/ports.ts';
import type { Image, TableShape } from '../model/row.ts';
import { type DatabaseServer, KeptSession, type Session } from './connection.ts';
import { createStatement } from './create-table.ts';
import { type LogStart, logStart, whyEnded } from './log-start.ts';
import { checkServer } from './preflight.ts';
import { reachOf } from './reach.ts';
import { Catalog, estimateRows, listTables } from './schema.ts';
import { readChunk } from './select.ts';
import { readFacts, readLogEnd, type ServerKind } from './server-facts.ts';
import { LogStream } from './stream.ts';
import { requireExactTypes } from './table-map.ts';

export interface SourceOptions {
  readonly server: DatabaseServer;
  /** Log items that may wait in memory for a reader, in rough bytes [16 MiB]. */
  readonly queueBytesMax?: number | undefined;
  /** How often an idle server tells that it is there [500 ms]. */
  readonly heartbeatMs?: number | undefined;
  /** Silence after which a log connection is given up [15 s]. */
  readonly silenceMsMax?: number | undefined;
}

/** Tables of a schema that a log reader asks for one by one. */
const SINGLE_TABLES_MAX = 4;

export function mysqlSource(options: SourceOptions): SourcePort & AsyncDisposable {
  return new MysqlSource(options);
}

class MysqlSource implements SourcePort, AsyncDisposable {
  readonly #options: SourceOptions;
  /** For short questions: where the log ends must not wait behind a chunk of rows. */
  readonly #control: KeptSession;
  readonly #catalogSession: KeptSession;
  readonly #rows: KeptSession;
  readonly #catalog = new Catalog();
  readonly #asked = new Map<
    string,
    { readonly tables: Set<string>; readonly answer: Promise<ReadonlyMap<string, TableShape>> }
  >();
  /** A failover may bring another server; what the last one was does not hold for a new session. */
  #known: { readonly session: Session; readonly kind: ServerKind } | null = null;

  constructor(options: SourceOptions) {
    this.#options = options;
    const { server } = options;
    this.#control = new KeptSession(() => server.connect({ multipleStatements: true }));
    this.#catalogSession = new KeptSession(() => server.connect({ multipleStatements: true }));
    this.#rows = new KeptSession(() => server.connect());
  }

  async facts(): Promise<ServerFacts> {
    return this.#facts(await this.#control.get());
  }

  async preflight(needs: LogNeeds = { gtids: false }): Promise<void> {
    const session = await this.#control.get();
    await checkServer(session, await this.#facts(session), needs);
  }

  async logEnd(): Promise<LogEnd> {
    const session = await this.#control.get();
    return readLogEnd(session, await this.#facts(session));
  }

  async *readLog(options: ReadLogOptions): AsyncGenerator<LogBatch, void, void> {
    const { server, queueBytesMax = 16 << 20, heartbeatMs = 500, silenceMsMax = 15_000 } = this.#options;
    const start = await this.#start(options.from);
    await using stream = new LogStream({
      dsn: await server.driverOptions(),
      where: { database: server.name, endpoint: server.endpoint },
      ...start,
      wants: options.wants,
      shapes: this.#shapesForLog(),
      reach: async (names) => reachOf(await this.#catalogSession.get(), names),
      partBytes: options.partBytes,
      queueBytesMax: Math.max(queueBytesMax, options.partBytes),
      heartbeatMs,
      silenceMsMax,
    });
    while (!options.signal.aborted) {
      let batch: LogBatch;
      try {
        batch = await stream.next(options.signal);
      } catch (error) {
        if (options.signal.aborted) return;
        throw await this.#whyEnded(start, error);
      }
      yield batch;
    }
  }

  async tables(): Promise<readonly { readonly schema: string; readonly name: string }[]> {
    return listTables(await this.#catalogSession.get());
  }

  /** Questions asked in the same moment are answered by one round trip per schema. */
  async shape(schema: string, table: string): Promise<TableShape | null> {
    let asked = this.#asked.get(schema);
    if (asked === undefined) {
      const tables = new Set<string>();
      asked = { tables, answer: this.#loadSoon(schema, tables) };
      this.#asked.set(schema, asked);
    }
    asked.tables.add(table);
    const shape = (await asked.answer).get(table) ?? null;
    if (shape !== null) requireExactTypes(shape);
    return shape;
  }

  /** One table at first; a log that touches many of a schema gets all of them at once. */
  #shapesForLog(): (schema: string, table: string) => Promise<ReadonlyMap<string, TableShape>> {
    const asked = new Map<string, number>();
    return async (schema, table) => {
      const times = (asked.get(schema) ?? 0) + 1;
      asked.set(schema, times);
      const session = await this.#catalogSession.get();
      return this.#catalog.load(session, schema, times > SINGLE_TABLES_MAX ? null : [table]);
    };
  }

  async #loadSoon(schema: string, tables: ReadonlySet<string>): Promise<ReadonlyMap<string, TableShape>> {
    try {
      const session = await this.#catalogSession.get();
      // Whoever asks from here on wants to know what is true from here on.
      this.#asked.delete(schema);
      return await this.#catalog.load(session, schema, [...tables]);
    } catch (error) {
      this.#asked.delete(schema);
      throw error;
    }
  }

  async createStatements(table: TableShape, keeps: (schema: string, table: string) => boolean): Promise<string> {
    return createStatement(await this.#catalogSession.get(), table, keeps);
  }

  async estimateRows(schema: string, table: string): Promise<number> {
    return estimateRows(await this.#catalogSession.get(), schema, table);
  }

  async readChunk(table: TableShape, after: Image | null, limit: number): Promise<readonly Image[]> {
    return readChunk(await this.#rows.get(), table, after, limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#control, this.#catalogSession, this.#rows].map((kept) => kept[Symbol.asyncDispose]()));
  }

  async #facts(session: Session): Promise<ServerKind> {
    if (this.#known?.session !== session) this.#known = { session, kind: await readFacts(session) };
    return this.#known.kind;
  }

  async #whyEnded(start: LogStart, error: unknown): Promise<unknown> {
    try {
      const session = await this.#control.get();
      return await whyEnded(session, await this.#facts(session), start, error);
    } catch {
      return error;
    }
  }

  async #start(from: string): Promise<LogStart> {
    const session = await this.#control.get();
    return logStart(session, await this.#facts(session), from);
  }
}
