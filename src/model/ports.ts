/**
 * What the inner wings need from the outside, as interfaces that this house owns. Adapters implement them;
 * only `compose.ts` knows which adapter stands behind which port.
 */

import type { OtterError } from './error.ts';
import type { FileLink, RunningFiles } from './file-link.ts';
import type { FileSideSpec } from './files.ts';
import type { SiteMeasures } from './measures.ts';
import type { PipelineSpec } from './pipeline.ts';
import type { LogPoint } from './position.ts';
import type { PipelineFigures } from './records.ts';
import type { Definition, Delivery, Image, KnownTable, RowChange, Seen, TableShape } from './row.ts';
import type { DatabaseSpec } from './topology.ts';

// ---------------------------------------------------------------- logging

export type Fields = Readonly<Record<string, unknown>>;

/** Constant messages, facts as fields; no row values, no secrets. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  child(fields: Fields): Logger;
}

// ---------------------------------------------------------------- state store

export interface Entry {
  readonly key: string;
  readonly value: string;
  /** Store revision of the last write of this key; only ever grows. */
  readonly revision: number;
  /** Store revision at which the key came into being (again). */
  readonly created: number;
}

export interface Snapshot {
  readonly revision: number;
  /** Sorted by key. */
  readonly entries: readonly Entry[];
}

/** `revision: null` demands that the key does not exist. */
export interface Condition {
  readonly key: string;
  readonly revision: number | null;
}

export interface Put {
  readonly key: string;
  readonly value: string;
  /** The key disappears with the lease. */
  readonly lease?: Lease | undefined;
}

export interface Commit {
  readonly conditions: readonly Condition[];
  readonly puts: readonly Put[];
  readonly deletes: readonly string[];
}

export type CommitResult =
  | { readonly ok: true; readonly revision: number }
  /** Nothing was written; `moved` are the keys whose condition did not hold. */
  | { readonly ok: false; readonly moved: readonly string[] };

export type WatchEvent =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'delete'; readonly key: string };

/** `reset`: history was lost (compaction); the events are the whole present state as puts, and what is not among them is gone. */
export interface WatchBatch {
  readonly revision: number;
  readonly reset: boolean;
  readonly events: readonly WatchEvent[];
}

/** Kept alive by its holder object until revoked or lost. */
export interface Lease {
  readonly id: string;
  /** Aborts at the latest when the lease may have run out: last successful renewal + TTL less a margin. */
  readonly lost: AbortSignal;
  revoke(): Promise<void>;
}

/** One small interface, three keepings (etcd, SQLite file, memory), one contract suite. */
export interface StateStore extends AsyncDisposable {
  /** All keys that begin with `prefix`, at one revision. */
  list(prefix: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<Snapshot>;
  /** All or nothing. */
  commit(commit: Commit): Promise<CommitResult>;
  /** Every change after `fromRevision`, in order, none missed, none twice, also across outages. Ends only by `signal`. */
  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch>;
  lease(ttlMs: number): Promise<Lease>;
  /** How it is shown to people, without credentials. */
  readonly url: string;
}

// ---------------------------------------------------------------- databases

interface Logged {
  /** Commit time by the server's clock, microseconds since 1970; some servers tell whole seconds only. */
  readonly commitUs: number;
  /** The same of the transactions since the last item, in order, that none was delivered of. */
  readonly passed: readonly number[];
}

/** A definition (DDL, or whatever else commits by itself). */
export interface Statement extends Logged {
  readonly kind: 'statement';
  readonly gtid: string;
  readonly position: string;
  /** Default schema of the session. */
  readonly schema: string;
  /** As it was written. */
  readonly sql: string;
  /** The same as its server read it: without comments, names in backticks or bare, texts empty. */
  readonly plain: string;
  /** What it did to tables whose history is kept; absent where none of them is named. */
  readonly history?: StatementHistory;
}

export interface StatementHistory {
  readonly tables: readonly StatementTable[];
  /** Columns of an ALTER TABLE by their names before to those after, and those it drops, as they are written there. */
  readonly renamed: Readonly<Record<string, string>>;
  readonly dropped: readonly string[];
  /** What it says, with all digits, of columns that it adds and whose default is printed with six. */
  readonly floats?: Readonly<Record<string, number>>;
  /** Whether its session read CHAR columns with the spaces at their end (`PAD_CHAR_TO_FULL_LENGTH`). */
  readonly pads?: boolean;
}

/** A table as its server had it at one place of its log. */
export interface PastTable {
  readonly shape: TableShape;
  /** As the server prints it, without the number that the next row gets. */
  readonly create: string;
}

export interface PastTables {
  readonly tables: ReadonlyMap<string, PastTable>;
  /** Of those that something is recorded of: touched since, and it cannot be told what they were like. */
  readonly unknown: readonly string[];
  /** Of those too: they joined further on in the log, of which nothing has been applied yet. */
  readonly later: ReadonlyMap<string, Definition>;
}

/** What a change of a table means to rows of before it that are still on their way to it, as far as its definitions say. */
export interface DefinitionStep {
  /** Why such a row could not be put beside those that were there, or null. Of types and keys nothing is said. */
  readonly obstacle: string | null;
  /** Columns that are new, with the literal that the rows that were there have in them. */
  readonly added: Readonly<Record<string, string>>;
}

/** What a statement made of a table, or of no table one; null: there was, or is, none. */
export interface StatementTable {
  readonly schema: string;
  readonly name: string;
  readonly before: PastTable | null;
  readonly after: PastTable | null;
  /** What lies between the two, where both are known. */
  readonly between?: DefinitionStep;
  /** Why `after` is not known, and null. */
  readonly doubt: OtterError | null;
}

/** Tables whose definitions are followed from statement to statement. */
export interface TableHistory {
  keeps(schema: string, name: string): boolean;
  /**
   * By `schema.table`, as they were where reading begins. Completed by the source when it begins, as far as the server can
   * tell; moved on by whoever reads, at every statement that is handed on.
   */
  readonly past: Map<string, PastTable>;
  /** Definitions that were taken down further on in the log than reading begins: they tell what the last statement before made. */
  readonly later: ReadonlyMap<string, Definition>;
}

/**
 * A part of a transaction as the log has it, only rows of wanted tables. Transactions without any are not delivered, but for
 * some that say that many were passed.
 */
export type LogItem =
  | (Logged & {
      readonly kind: 'rows';
      readonly gtid: string;
      /** The log up to and including this transaction. */
      readonly position: string;
      readonly first: boolean;
      readonly last: boolean;
      readonly changes: readonly RowChange[];
      readonly bytes: number;
    })
  | Statement
  | {
      /** Changes that the log does not tell, or not in a way that can be read exactly. */
      readonly kind: 'unreadable';
      readonly gtid: string;
      /** Wanted tables that were changed; null when it cannot be told which. */
      readonly tables: readonly { readonly schema: string; readonly name: string }[] | null;
      /** The table is not there any more. */
      readonly gone: boolean;
      readonly error: OtterError;
    };

export interface LogBatch {
  readonly items: readonly LogItem[];
  /** End of the last event header seen, of whatever event: the reader has passed everything before it. */
  readonly point: LogPoint;
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** A statement by its words, and the default schema of its session. */
export type PlainStatement = Pick<Statement, 'schema' | 'plain'>;

/** What a statement does to tables: which it makes, and which it changes or takes away without a row in the log. */
export type TableStatement =
  | { readonly kind: 'creates'; readonly tables: readonly Named[] }
  /** `made`: names under which a table appears that was there before under another. */
  | { readonly kind: 'alters'; readonly tables: readonly Named[]; readonly made: readonly Named[] }
  | { readonly kind: 'drops-schema'; readonly schema: string };

/** What the text of a definition says. */
export interface DefinitionReading {
  /** Null when the statement changes no table. */
  effect(statement: PlainStatement): TableStatement | null;
  /** Whether the table may have other columns behind it. */
  changes(statement: PlainStatement, table: Named): boolean;
  /** Tables that were there before and may have other columns behind it. */
  tables(statement: PlainStatement): readonly Named[];
}

export interface ReadLogOptions {
  /** Position to go on from, or a byte offset in a file. */
  readonly from: string;
  /** Asked once per table and shape; false: rows of the table are skipped without being decoded. */
  readonly wants: (schema: string, table: string) => boolean;
  readonly definitions: DefinitionReading;
  readonly history?: TableHistory;
  /** Whether a table as it is now surely was like this at `from`, for all columns; absent: nobody knows. */
  readonly sure?: (table: TableShape) => boolean;
  /** A transaction larger than this comes in parts. */
  readonly partBytes: number;
  readonly signal: AbortSignal;
}

/** A place in a log, as a position and in bytes. */
export interface LogEnd {
  readonly position: string;
  readonly point: LogPoint;
}

/** Facts about a server that decide how it is read and written. */
export interface ServerFacts {
  readonly family: 'mariadb' | 'mysql';
  readonly version: string;
  /** Identity of the data directory: `server_uuid`, or what stands for it. */
  readonly identity: string;
  /** Child rows that a foreign key changes appear in the log (MySQL 9.7 and later). */
  readonly logsCascades: boolean;
  /** Names of schemas and tables are kept in small letters, however they are written. */
  readonly folds?: boolean;
}

export interface LogNeeds {
  /** Positions must be GTIDs: files and offsets will do one-way only. */
  readonly gtids: boolean;
}

/** The source side of a database server. */
export interface SourcePort {
  facts(): Promise<ServerFacts>;
  /** Refuses servers whose log cannot be followed exactly. @throws OtterError OT4xxx naming the setting and its remedy. */
  preflight(needs?: LogNeeds): Promise<void>;
  logEnd(): Promise<LogEnd>;
  /** Ends with an error when the log can no longer be followed; pausing the iteration pauses the socket. */
  readLog(options: ReadLogOptions): AsyncIterable<LogBatch>;
  /** Base tables outside the server's own schemas. */
  tables(): Promise<readonly { readonly schema: string; readonly name: string }[]>;
  /**
   * The table as it is now, or null when there is none; `referencedBy` is left empty.
   * @throws OT4xxx naming columns whose type is not exact yet.
   */
  shape(schema: string, table: string): Promise<TableShape | null>;
  /** The same for who writes it: with the tables that refer to it, which some servers look at every table for. */
  shapeWithChildren(schema: string, table: string): Promise<TableShape | null>;
  /** Statements that create the table elsewhere, without triggers and without foreign keys to tables that `keeps` denies. */
  createStatements(table: TableShape, keeps: (schema: string, table: string) => boolean): Promise<string>;
  /** The same of a table as it was; not all of it need be there any more. */
  createStatementOf(table: PastTable, keeps: (schema: string, table: string) => boolean): string;
  /**
   * Tables of the server as they were at a position, by `schema.table`: those that no statement has touched since, and of the
   * others those of which a definition was kept from which it can be told.
   * @param kept what is recorded of tables; null: nothing of how one was made
   */
  past(
    position: string,
    kept: Readonly<Record<string, Definition | null>>,
    keeps: (schema: string, table: string) => boolean,
    read: Pick<ReadLogOptions, 'definitions' | 'signal'>,
  ): Promise<PastTables>;
  /** Row count by the server's statistics. */
  estimateRows(schema: string, table: string): Promise<number>;
  /**
   * Waits until whatever the log has before a mark that was written to it is seen by whoever reads rows after.
   * @param passed settles when a reader of this log is behind the mark
   */
  seen(passed: Promise<void>, signal: AbortSignal): Promise<void>;
  /**
   * Rows after `after` in primary key order, as canonical literals: at most `limit`, and no more once they are `bytesMax`
   * (`rowBytes`). They are the last when they are neither. `where`: only rows for which this SQL holds.
   */
  readChunk(
    table: TableShape,
    after: Image | null,
    limit: number,
    bytesMax: number,
    where?: string | null,
  ): Promise<readonly Image[]>;
  /** The rows that have these primary keys, as far as they are there; waits for nobody. */
  rowsOf(table: TableShape, keys: readonly Image[]): Promise<readonly Image[]>;
  /**
   * The rows that have the primary keys of these now, as far as they are there. Waits for whoever writes them: what the log has
   * shown of a row is in it.
   */
  presentRows(table: TableShape, rows: readonly Image[]): Promise<readonly Image[]>;
}

// ---------------------------------------------------------------- links

/** What the owner of a target asks of the owner of a source. */
export interface PipelineRequest {
  readonly pipeline: string;
  /** Generation of the channel spec that the asking side runs; the answering side waits until it runs it too. */
  readonly generation: number;
  /** Resume here; null for a first start: the source answers with its log's end. */
  readonly from: { readonly position: string; readonly clock: number; readonly seen: Seen } | null;
  /** Copy cursors by source table name, for tables whose copy has begun; `null` cursor: finished. */
  readonly copied: Readonly<
    Record<string, { readonly cursor: Image | null; readonly done: boolean; readonly rows: number }>
  >;
  /** The source tables that the target was told of up to that position. */
  readonly known: Readonly<Record<string, KnownTable>>;
  /** Source tables that it may have made, and recorded nothing else of: how. */
  readonly making: Readonly<Record<string, Definition>>;
}

export interface PipelineOpening {
  /** Position the deliveries start after, and the clock of the log there. */
  readonly position: string;
  readonly clock: number;
  readonly seen: Seen;
  /** Whether the source logs the child rows that foreign keys change; if not, the target's own keys must do it. */
  readonly logsCascades: boolean;
}

/** A running pipeline as its target sees it. Deliveries come in log order; reading slowly slows the source. */
export interface PipelineStream extends AsyncDisposable {
  readonly opening: PipelineOpening;
  readonly deliveries: AsyncIterable<readonly Delivery[]>;
  /** Of its channel, where it shares a line with others: more goes first, absent: 0. It may change. */
  readonly priority?: number;
  /** Tells the source what is durable at the target; may be called often, costs little. */
  acknowledge(position: string): void;
}

/** Target side: opens pipelines at whichever node owns the source database. */
export interface LinkClient {
  open(database: string, request: PipelineRequest, signal: AbortSignal): Promise<PipelineStream>;
}

/** Source side: what a link server, or the same process, asks of the owner of a source database. */
export interface PipelineService {
  open(request: PipelineRequest, signal: AbortSignal): Promise<PipelineStream>;
}

// ---------------------------------------------------------------- sites

/** Everything one owned database has to do, as desired state; compared and converged by level. */
export interface DesiredPipeline {
  readonly spec: PipelineSpec;
  /** Of its channel. */
  readonly generation: number;
  /** Tells this stay of it in the topology from earlier ones: one that left and came back begins anew. */
  readonly born: number;
}

export interface SiteSpec {
  readonly lineage: string;
  readonly topology: string;
  readonly name: string;
  readonly database: DatabaseSpec;
  /** Pipelines that read or write this database. */
  readonly pipelines: readonly DesiredPipeline[];
}

/** A database that this node owns, alive. */
export interface RunningSite {
  /** Converges to the desired state; pipelines that did not change are not disturbed. Returns at once. */
  update(spec: SiteSpec): void;
  /** Live figures of the pipelines that write this database. */
  figures(): Readonly<Record<string, PipelineFigures>>;
  /** What is counted besides, since the site began. */
  measures(): SiteMeasures;
  /** host:port of the server in use, where it may be one of several; else null. */
  readonly endpoint: string | null;
  /** Answers the owners of targets; `open` waits or fails with OT6xxx while the pipeline is not known here. */
  readonly service: PipelineService;
  /** Stops reading, finishes the window at hand, closes. */
  stop(): Promise<void>;
  /** The database left the topology: as `stop`, and otter's own rows (and tables, when nobody else uses them) are removed. */
  retire(): Promise<void>;
}

export interface SiteFactory {
  /** `ownerRevision`: store revision at which this node became owner; part of the epoch that fences earlier owners. */
  start(spec: SiteSpec, ownerRevision: number, link: LinkClient, logger: Logger, files: FileLink): RunningSite;
}

export interface FilesFactory {
  start(spec: FileSideSpec, link: FileLink, logger: Logger): RunningFiles;
}
