/**
 * The source side of a MySQL or MariaDB server: `SourcePort` over a few kept sessions and any number of log readers, all
 * on the endpoint that `DatabaseServer` is on.
 */
import type {
  LogBatch,
  LogEnd,
  LogNeeds,
  PastTable,
  PastTables,
  ReadLogOptions,
  ServerFacts,
  SourcePort,
  Statement,
} from '../model/ports.ts';
import { formatPosition, type LogPoint, parsePosition } from '../model/position.ts';
import { type Image, type TableShape, tableName } from '../model/row.ts';
import { KeptSession, type Session } from './connection.ts';
import { createStatement, rewriteCreate } from './create-table.ts';
import type { DatabaseServer } from './database-server.ts';
import { History } from './history.ts';
import { LateCommits } from './late-commits.ts';
import { type LogStart, logNames, logStart, whyEnded } from './log-start.ts';
import type { XaOptions } from './logged-xa.ts';
import { LookAhead, type OpenLog } from './look-ahead.ts';
import { checkServer } from './preflight.ts';
import { lookUpPrepared } from './prepared-lookup.ts';
import { type NamedTable, reachOf } from './reach.ts';
import { Catalog, estimateRows, listTables } from './schema.ts';
import { presentRows, readChunk, rowsOf } from './select.ts';
import { readFacts, readLogEnd, type ServerKind } from './server-facts.ts';
import { settled } from './settled.ts';
import { LogStream, type StreamOptions } from './stream.ts';
import { requireExactTypes } from './table-map.ts';

export interface SourceOptions {
  readonly server: DatabaseServer;
  /** Schema of otter's own tables, which nobody alters: they are looked up once for each reader of the log. */
  readonly ownSchema?: string | undefined;
  /** Log items that may wait in memory for a reader, in rough bytes [16 MiB]. */
  readonly queueBytesMax?: number | undefined;
  /** Rows of XA transactions that may wait in memory for their commit, for a reader, in rough bytes [32 MiB]. */
  readonly heldBytesMax?: number | undefined;
  /** How often an idle server tells that it is there [500 ms]. */
  readonly heartbeatMs?: number | undefined;
  /** Silence after which a log connection is given up [15 s]. */
  readonly silenceMsMax?: number | undefined;
}

/** Tables of a schema that a log reader asks for one by one before it asks for all; of a large schema one in so many. */
const SINGLE_TABLES_MIN = 4;
const SINGLE_TABLES_SHARE = 50;

interface Asked {
  readonly tables: Set<string>;
  readonly answer: Promise<ReadonlyMap<string, TableShape>>;
}

/** For streams that know what becomes of what was prepared, or to which it does not matter. */
const NOT_LOOKED_UP: StreamOptions['lookUp'] = async function* () {};
const PASSED: XaOptions = {
  mode: 'pass',
  heldBytesMax: 0,
  prepared: () => undefined,
  committed: () => undefined,
};
/** Silence after which a log connection is given up. */
const SILENCE_MS = 15_000;
/** A stream that looks ahead has no rows. */
const LOOK_BYTES = 4 << 20;

/** For a stream of which only the definitions are wanted. */
const NO_TABLE = {
  wants: () => false,
  known: { shapes: [], ahead: [] },
  shapes: async () => new Map<string, TableShape>(),
  ahead: async () => [],
  reach: async () => [],
  lookUp: NOT_LOOKED_UP,
  xa: PASSED,
};

export function mysqlSource(options: SourceOptions): SourcePort & AsyncDisposable {
  return new MysqlSource(options);
}

class MysqlSource implements SourcePort, AsyncDisposable {
  readonly #options: SourceOptions;
  /** For short questions: where the log ends must not wait behind a chunk of rows. */
  readonly #control: KeptSession;
  readonly #catalogSession: KeptSession;
  readonly #rows: KeptSession;
  /** Whoever reads rows has that session to himself. */
  #reading: Promise<void> = Promise.resolve();
  readonly #catalog = new Catalog({ children: false });
  readonly #parents = new Catalog({ children: true });
  readonly #look = new LookAhead({ logEnd: () => this.logEnd() });
  readonly #late = new LateCommits();
  readonly #asked = new Map<Catalog, Map<string, Asked>>([
    [this.#catalog, new Map()],
    [this.#parents, new Map()],
  ]);
  readonly #history: History;
  #loading: Promise<unknown> = Promise.resolve();
  /** A failover may bring another server; what the last one was does not hold for a new session. */
  #known: { readonly session: Session; readonly kind: ServerKind } | null = null;

  constructor(options: SourceOptions) {
    this.#options = options;
    const { server } = options;
    this.#control = new KeptSession(() => server.connect({ multipleStatements: true }));
    this.#catalogSession = new KeptSession(() => server.connect({ multipleStatements: true }));
    this.#rows = new KeptSession(() => server.connect());
    this.#history = new History({
      session: () => this.#catalogSession.get(),
      catalog: this.#catalog,
      ownSchema: options.ownSchema ?? 'otter',
    });
  }

  async facts(): Promise<ServerFacts> {
    return this.#facts(await this.#control.get());
  }

  async preflight(needs: LogNeeds = { gtids: false }): Promise<void> {
    const session = await this.#control.get();
    await checkServer(session, await this.#facts(session), needs);
  }

  async logEnd(): Promise<LogEnd> {
    this.#options.server.requireAllHere();
    const session = await this.#control.get();
    return readLogEnd(session, await this.#facts(session));
  }

  async *readLog(options: ReadLogOptions): AsyncGenerator<LogBatch, void, void> {
    const start = await this.#start(options.from);
    try {
      yield* this.#follow(start, options);
    } catch (error) {
      if (options.signal.aborted) return;
      throw await this.#whyEnded(start, error);
    }
  }

  async *#follow(start: LogStart, options: ReadLogOptions): AsyncGenerator<LogBatch, void, void> {
    const { server, queueBytesMax = 1 << 20, heartbeatMs = 500, silenceMsMax = SILENCE_MS } = this.#options;
    using following = server.follow();
    const signal = AbortSignal.any([options.signal, following.left]);
    const kind = await this.#facts(await this.#control.get());
    const common = {
      dsn: await server.driverOptions(),
      where: { database: server.name, endpoint: server.endpoint },
      folds: kind.folds,
      definitions: options.definitions,
      partBytes: options.partBytes,
      queueBytesMax: Math.max(queueBytesMax, options.partBytes),
      heartbeatMs,
      silenceMsMax,
    };
    const ahead = async (position: string) => this.#ahead(position, options.definitions, options.signal);
    const shapes = await this.#wantedShapes(options.wants);
    const { history } = options;
    if (history !== undefined) await this.#complete(history, start.from, options);
    const wanted = {
      ...common,
      wants: options.wants,
      shapes: this.#shapesForLog(),
      reach: async (names: readonly NamedTable[]) => reachOf(await this.#catalogSession.get(), names),
    };
    // A place says where to begin: of what lies before it nothing need be known.
    const begin = ({ file, offset }: LogPoint): LogStart => {
      const { family } = parsePosition(start.from);
      const from = family === 'file' ? ({ family, file, offset, server: kind.identity, made: null } as const) : null;
      return { from: from === null ? `${family}:` : formatPosition(from), place: { file, offset } };
    };
    const lookUp: StreamOptions['lookUp'] = (xid, before, position, signal) =>
      lookUpPrepared(
        { xid, before },
        {
          files: async () => logNames(await this.#control.get()),
          look: (place, prepared) =>
            new LogStream({ ...common, ...NO_TABLE, ...begin(place), xa: { ...PASSED, prepared } }),
          read: (place, between) =>
            new LogStream({
              ...wanted,
              ...begin(place),
              xa: { ...PASSED, mode: 'deliver' },
              lookUp: NOT_LOOKED_UP,
              known: { shapes: [], ahead: [] },
              ahead: async () => [...between, ...(await ahead(position))],
            }),
        },
        signal,
      );
    await using stream = new LogStream({
      ...wanted,
      ...start,
      xa: {
        mode: 'hold',
        heldBytesMax: this.#options.heldBytesMax ?? 32 << 20,
        prepared: ({ xid }) => this.#late.prepared(xid),
        committed: (xid) => this.#late.committed(xid),
      },
      known: { shapes, ahead: this.#isSure(shapes, options) ? [] : await ahead(start.from) },
      ahead,
      lookUp,
      ...(history === undefined ? {} : { history, behind: this.#behind(options) }),
    });
    while (!options.signal.aborted) {
      const batch = await stream.next(signal);
      const last = batch.items.at(-1);
      if (last !== undefined && 'position' in last) following.read(last.position);
      yield batch;
    }
  }

  /** Whether all tables are now what they surely were where reading begins. Its own nobody alters. */
  #isSure(shapes: readonly TableShape[], { sure, history }: ReadLogOptions): boolean {
    if (sure === undefined || history !== undefined) return false;
    const { ownSchema = 'otter' } = this.#options;
    return shapes.every((shape) => shape.schema === ownSchema || sure(shape));
  }

  async #ahead(
    position: string,
    definitions: ReadLogOptions['definitions'],
    signal: AbortSignal,
  ): Promise<readonly Statement[]> {
    const { server, silenceMsMax = SILENCE_MS } = this.#options;
    using following = server.follow();
    const common = {
      dsn: await server.driverOptions(),
      where: { database: server.name, endpoint: server.endpoint },
      folds: (await this.#facts(await this.#control.get())).folds,
      definitions,
      partBytes: LOOK_BYTES,
      queueBytesMax: LOOK_BYTES,
      heartbeatMs: 500,
      silenceMsMax,
    };
    const open: OpenLog = async (from) => new LogStream({ ...common, ...NO_TABLE, ...(await this.#start(from)) });
    return await this.#look.from(position, open, AbortSignal.any([signal, following.left]));
  }

  /** What of the tables is not known yet, and can be told, as it was where reading begins. */
  async #complete(
    { past, keeps }: NonNullable<ReadLogOptions['history']>,
    from: string,
    { definitions, signal }: ReadLogOptions,
  ): Promise<void> {
    const session = await this.#catalogSession.get();
    const missing = (await listTables(session)).filter(
      (table) => keeps(table.schema, table.name) && !past.has(tableName(table)),
    );
    const present = await this.#history.present(missing);
    const ahead = await this.#ahead(from, definitions, signal);
    const found = await this.#history.at(present, {}, ahead, definitions.effect);
    for (const [name, table] of found.tables) past.set(name, table);
  }

  #behind({ definitions, history, signal }: ReadLogOptions): NonNullable<StreamOptions['behind']> {
    const later = history?.later ?? new Map();
    return async (statement, tables, past, position) => {
      const present = await this.#history.present(tables);
      const charsets = await this.#history.charsets(tables);
      const ahead = (await this.#ahead(position, definitions, signal)).filter(({ gtid }) => gtid !== statement.gtid);
      const { effect } = definitions;
      return this.#history.behind(statement, tables, past, { present, charsets, ahead, effect, later });
    };
  }

  async past(...[position, kept, keeps, { definitions, signal }]: Parameters<SourcePort['past']>): Promise<PastTables> {
    const { from } = await this.#start(position);
    const tables = (await this.tables()).filter(({ schema, name }) => keeps(schema, name));
    const present = await this.#history.present(tables);
    const ahead = await this.#ahead(from, definitions, signal);
    return this.#history.at(present, kept, ahead, definitions.effect);
  }

  createStatementOf({ shape, create }: PastTable, keeps: (schema: string, table: string) => boolean): string {
    requireExactTypes(shape);
    return rewriteCreate(create, shape, keeps);
  }

  async tables(): Promise<readonly { readonly schema: string; readonly name: string }[]> {
    return listTables(await this.#catalogSession.get());
  }

  async shape(schema: string, table: string): Promise<TableShape | null> {
    return this.#shape(this.#catalog, schema, table);
  }

  async shapeWithChildren(schema: string, table: string): Promise<TableShape | null> {
    return this.#shape(this.#parents, schema, table);
  }

  /** Questions that are asked while others are being answered are answered together, in one round trip per schema. */
  async #shape(catalog: Catalog, schema: string, table: string): Promise<TableShape | null> {
    const open = this.#asked.get(catalog)!;
    let asked = open.get(schema);
    if (asked === undefined) {
      const tables = new Set<string>();
      const begun = (): void => void open.delete(schema);
      asked = { tables, answer: this.#loadNext(catalog, schema, tables, begun) };
      open.set(schema, asked);
    }
    asked.tables.add(table);
    const shape = (await asked.answer).get(table) ?? null;
    if (shape !== null) requireExactTypes(shape);
    return shape;
  }

  /** The sooner they are asked for, the less of the log must be doubted. */
  async #wantedShapes(wants: ReadLogOptions['wants']): Promise<readonly TableShape[]> {
    const session = await this.#catalogSession.get();
    const wanted = (await listTables(session)).filter(({ schema, name }) => wants(schema, name));
    const shapes: TableShape[] = [];
    for (const [schema, tables] of Map.groupBy(wanted, (table) => table.schema)) {
      const names = tables.map(({ name }) => name);
      shapes.push(...(await this.#catalog.load(session, schema, names)).values());
    }
    return shapes;
  }

  /** The table that is asked for; a log that makes many of a schema gets all of them at once, whenever that costs less. */
  #shapesForLog(): (schema: string, table: string, alone: boolean) => Promise<ReadonlyMap<string, TableShape>> {
    const { ownSchema } = this.#options;
    const asked = new Map<string, { readonly names: Set<string>; readonly most: number }>();
    let own: ReadonlyMap<string, TableShape> = new Map();
    return async (schema, table, alone) => {
      // Asked after every definition in the log, which is what the making of many tables consists of.
      if (schema === ownSchema && own.has(table)) return own;
      const session = await this.#catalogSession.get();
      if (schema === ownSchema) {
        own = await this.#catalog.load(session, schema, null);
        return own;
      }
      await settled(session, { schema, name: table });
      const { names, most } = asked.get(schema) ?? { names: new Set(), most: SINGLE_TABLES_MIN };
      if (!alone) names.add(table);
      if (names.size <= most) {
        asked.set(schema, { names, most });
        return this.#catalog.load(session, schema, [table]);
      }
      const shapes = await this.#catalog.load(session, schema, null);
      asked.set(schema, { names: new Set(), most: Math.max(SINGLE_TABLES_MIN, shapes.size / SINGLE_TABLES_SHARE) });
      return shapes;
    };
  }

  /** After the load under way: many questions cost hardly more than one, since most servers look at every table for one. */
  #loadNext(
    catalog: Catalog,
    schema: string,
    tables: ReadonlySet<string>,
    begun: () => void,
  ): Promise<ReadonlyMap<string, TableShape>> {
    const answer = this.#loading.then(async () => {
      const session = this.#catalogSession.get();
      await session.catch(() => undefined);
      // Whoever asks from here on wants to know what is true from here on.
      begun();
      return catalog.load(await session, schema, [...tables]);
    });
    this.#loading = answer.catch(() => undefined);
    return answer;
  }

  async createStatements(table: TableShape, keeps: (schema: string, table: string) => boolean): Promise<string> {
    return createStatement(await this.#catalogSession.get(), table, keeps);
  }

  async estimateRows(schema: string, table: string): Promise<number> {
    return estimateRows(await this.#catalogSession.get(), schema, table);
  }

  async seen(passed: Promise<void>, signal: AbortSignal): Promise<void> {
    const session = await this.#control.get();
    if ((await this.#facts(session)).family === 'mariadb') await this.#late.over(session, passed, signal);
  }

  async readChunk(
    table: TableShape,
    after: Image | null,
    limit: number,
    bytesMax: number,
    where: string | null = null,
  ): Promise<readonly Image[]> {
    return this.#reader((session) => readChunk(session, table, after, limit, bytesMax, where));
  }

  async rowsOf(table: TableShape, keys: readonly Image[]): Promise<readonly Image[]> {
    return this.#reader((session) => rowsOf(session, table, keys));
  }

  async #reader<T>(read: (session: Session) => Promise<T>): Promise<T> {
    const before = this.#reading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    await before;
    try {
      return await read(await this.#rows.get());
    } finally {
      resolve();
    }
  }

  async presentRows(table: TableShape, rows: readonly Image[]): Promise<readonly Image[]> {
    return this.#reader((session) => presentRows(session, table, rows));
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
