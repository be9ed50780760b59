/**
 * What a loader asks a target to write: tables as one pipeline sees them, writes in their order, and the checkpoint
 * that commits with them.
 */
import type { ClosedConflicts, ConflictRecord, ConflictShare, OpenConflict } from './conflict.ts';
import type { DeadLetter, LoggedLetter } from './dead-letter.ts';
import type { LogPoint } from './position.ts';
import type { ResyncProgress, ResyncRequest } from './resync.ts';
import type {
  AnnouncedTable,
  AppliedTouches,
  ColumnShape,
  Definition,
  Image,
  KnownTable,
  LoggedAnswer,
  Seen,
  TableShape,
  UniqueKey,
  Version,
} from './row.ts';
import type { ThrottleSpec } from './topology.ts';

/** A table at the target as one pipeline writes it. */
export interface LoadTable {
  readonly source: TableShape;
  readonly target: TableShape;
  /** Target columns that are written, in the order of the source's. */
  readonly columns: readonly ColumnShape[];
  /** The target's primary key, as indexes into `columns`; empty when it has none. */
  readonly key: readonly number[];
  /** Unique keys besides the primary key whose columns are all written, as indexes into `columns`. */
  readonly uniques: readonly UniqueKey[];
  /** Target columns that this pipeline does not write and that are not generated. */
  readonly extras: readonly ColumnShape[];
  /** Whether a text may be too long for its column here, where servers cut spaces at the end with only a note. */
  readonly cuts: boolean;
  /** Within a window it is written after tables that weigh less, where no foreign key says otherwise; absent: 0. */
  readonly weight?: number;
  /** Its source leaves out rows that may be here from before it did: one that comes in again meets itself. */
  readonly filtered?: true;
  /** Extra columns that a new row gets these literals in, which is not what the server would put there. */
  readonly fills?: Readonly<Record<string, string>>;
  /** How many changes of the target table were known of when it was looked at; absent: nobody counts. */
  readonly changesKnown?: number;
}

export type Write =
  /** Rows that are not there yet; a duplicate is an error. */
  | { readonly kind: 'insert'; readonly table: LoadTable; readonly rows: readonly Image[] }
  /** Rows of a table with no unique key but the primary key, there or not; the missing are counted. */
  | { readonly kind: 'upsert'; readonly table: LoadTable; readonly rows: readonly Image[] }
  /** The same, and nobody counts. */
  | { readonly kind: 'put'; readonly table: LoadTable; readonly rows: readonly Image[] }
  /** Rows by primary key, or by all columns where there is none (then one row per image). */
  | { readonly kind: 'delete'; readonly table: LoadTable; readonly rows: readonly Image[] }
  /** One row, key changes included; a missing row is inserted and counted. */
  | { readonly kind: 'update'; readonly table: LoadTable; readonly before: Image; readonly after: Image }
  /** Rows that may be there already and are then left alone. */
  | { readonly kind: 'ensure'; readonly table: LoadTable; readonly rows: readonly Image[] }
  /** Whatever rows hold these values of a unique key. */
  | { readonly kind: 'evict'; readonly table: LoadTable; readonly unique: UniqueKey; readonly rows: readonly Image[] }
  /** All rows of the table. */
  | { readonly kind: 'clear'; readonly table: LoadTable }
  /** From here on the server checks foreign keys, or does not. */
  | { readonly kind: 'fk-checks'; readonly on: boolean };

/** The row of `otter.checkpoint` of one pipeline. */
export interface Checkpoint {
  /** Raised by one with every window; what a window compares before it changes anything. */
  readonly seq: number;
  readonly epoch: number;
  readonly position: string;
  /** Of the source's log at the position, see `LogClock`; 0: not known. */
  readonly clock: number;
  readonly seen: Seen;
}

/** How the lanes of a pipeline stand, each of which writes its share of the rows and has a checkpoint row of its own. */
export interface LanesRecord {
  /** How rows were divided between them when they began (`replication/shares.ts`), as JSON. */
  readonly division: string;
  /** Of the first lane and so on: up to where in the log of the source it has written its share; behind the checkpoint: no further than that. */
  readonly positions: readonly string[];
}

/** Where a table goes, and since when: what is recorded of it counts only there, and for this stay in its channel. */
export interface Place {
  /** Target table, `schema.table`. */
  readonly target: string;
  readonly stay: number;
}

export function samePlace(one: Place, other: Place): boolean {
  return one.target === other.target && one.stay === other.stay;
}

/** What is recorded of a source's table at its target. */
export interface RecordedTable extends KnownTable {
  readonly place: Place;
}

/** A table that is being made at a target. */
export interface BegunTable {
  /** Position in the target's log before it was made, when it had none of that name. */
  readonly since: string;
  readonly place: Place;
}

/** How far the copy of one table has come, as `otter.copy` has it. */
export interface CopyState {
  /** Source table, `schema.table`. */
  readonly table: string;
  readonly place: Place;
  readonly cursor: Image | null;
  readonly done: boolean;
  readonly rowsDone: number;
  readonly rowsEstimate: number;
}

export interface WriteCounts {
  /** Rows that should have been there and were not; they are there now. */
  readonly missing: number;
  /** Rows that should have been deleted and were not there. */
  readonly absent: number;
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** A change of tables here, as it was carried. */
export type TableStep =
  | {
      readonly kind: 'alter';
      readonly from: Named;
      /** Its name afterwards. */
      readonly to: Named;
      /** `CREATE TABLE` at the source, before and after. */
      readonly before: string;
      readonly after: string;
      /** See `TableChange`. */
      readonly renamed: Readonly<Record<string, string>>;
      readonly dropped: readonly string[];
      readonly floats: Readonly<Record<string, number>>;
      /** Generated columns of the source's table after, whose stored values hang on the session that makes them. */
      readonly swaying: readonly string[];
      /** The name here of a column of the source; null: it does not travel. */
      readonly columnAt: (column: string) => string | null;
      /** The name here of a parent of a foreign key, both as `` `schema`.`table` ``. */
      readonly parentAt: (parent: string) => string;
    }
  /** All at once. */
  | { readonly kind: 'rename'; readonly moves: readonly { readonly from: Named; readonly to: Named }[] }
  | { readonly kind: 'drop'; readonly table: Named }
  | { readonly kind: 'empty'; readonly table: Named };

/** A change of tables that is being made here, and what they were before it: by `schema.table`; null: there was none. */
export interface PendingChange {
  readonly gtid: string;
  readonly before: Readonly<Record<string, string | null>>;
}

export type Isolation = 'read committed' | 'repeatable read';

/** An update found no row, and later statements have run already: the window is rolled back and written one by one. */
export class NeedsCare extends Error {
  constructor() {
    super('an update found no row; the window is written again statement by statement');
    this.name = 'NeedsCare';
  }
}

/** A change of tables that is not carried, with the reason. */
export class NotCarriedError extends Error {}

/** Which row a server refused, where the session wrote row by row. */
export interface RefusedRow {
  readonly table: string;
  /** Primary key, `id=5`; null where there is none. */
  readonly key: string | null;
}

/** A key or unique value is taken already. */
export class DuplicateKey extends Error {
  row: RefusedRow | null = null;

  constructor(cause: unknown) {
    super('a key or unique value is taken already', { cause });
    this.name = 'DuplicateKey';
  }
}

/** The server refused a row aloud, or would have changed a value of it in silence. */
export class RowRefused extends Error {
  readonly row: RefusedRow | null;
  /** Surely for what the row holds: not for what the table, the session or the server is like. */
  readonly ofRow: boolean;

  constructor(cause: unknown, row: RefusedRow | null, ofRow = false) {
    super('the server refused a row', { cause });
    this.name = 'RowRefused';
    this.row = row;
    this.ofRow = ofRow;
  }
}

export interface WrittenAhead extends WriteCounts {
  /** Settles when it is durable. Whoever does not wait for it must look at how it ends all the same. */
  readonly committed: Promise<void>;
}

/**
 * One connection that writes one pipeline, one transaction at a time. Its session sets `@otter_apply`, so that triggers
 * can tell. After any error the transaction is rolled back and the session can begin anew.
 */
export interface LoadSession extends AsyncDisposable {
  /** One statement a round trip, each settled before the next; else @throws NeedsCare where that matters. */
  careful: boolean;
  /** Careful, and one row a statement, so that what the server refuses is named: `DuplicateKey.row`, `RowRefused`. */
  rowByRow: boolean;
  /**
   * Begins a transaction whose first write moves the checkpoint from `from` to `to`, then does the writes.
   * @throws OtterError OT5001 when the row is not at `from` any more: somebody else owns it.
   */
  begin(
    isolation: Isolation,
    fkChecks: boolean,
    from: Checkpoint,
    to: Checkpoint,
    writes: readonly Write[],
  ): Promise<WriteCounts>;
  /** Makes of writes what the server will be told, ahead of an `apply` of the same array; it is told nothing yet. */
  prepare(writes: readonly Write[]): void;
  /** The whole of a transaction: as `begin`, and then `commit`; in one round trip where nothing in it has to be looked at. */
  apply(...window: Parameters<LoadSession['begin']>): Promise<WriteCounts>;
  /**
   * The same, but it returns when all is written and is being committed. `behind`: the window before may be so still, in another
   * session; then the checkpoint is moved last, which waits for that. Null, with nothing told to the server: not in this way.
   */
  applyAhead(behind: boolean, ...window: Parameters<LoadSession['begin']>): Promise<WrittenAhead | null>;
  /** More writes in the same transaction. @throws DuplicateKey */
  write(writes: readonly Write[]): Promise<WriteCounts>;
  /** Locks and returns the rows, loaded columns first, extras after; absent keys are locked by gap under repeatable read. */
  lock(table: LoadTable, columns: readonly number[], rows: readonly Image[]): Promise<readonly Image[]>;
  /** The same rows, with the texts of their keys as literals of the character sets that these have in the table. */
  spelled(table: LoadTable, rows: readonly Image[]): Promise<readonly Image[]>;
  /** Of these columns the ones in which the stored row of this key holds something else than `row` says. */
  differing(table: LoadTable, row: Image, columns: readonly number[]): Promise<readonly number[]>;
  /** Leaves answers in the log for this site's reader, and nothing in any table. */
  answer(pipeline: string, answers: readonly LoggedAnswer[]): Promise<void>;
  /** The same with versions of rows that are written after this. */
  tellVersions(pipeline: string, versions: readonly Version[]): Promise<void>;
  /** The same with what transactions touch that are applied with this one. */
  tellTouches(pipeline: string, touches: readonly AppliedTouches[]): Promise<void>;
  /** Keeps what was decided, in `otter.conflict`; there exactly if the transaction is. */
  recordConflicts(records: readonly ConflictRecord[]): Promise<void>;
  /** Keeps a change that waits for a person, in `otter.conflict`, `open`; returns the number of the record. */
  parkConflict(record: ConflictRecord): Promise<number>;
  /** Which of these records are open still; they stay so until the transaction ends. */
  stillOpen(ids: readonly number[]): Promise<readonly number[]>;
  closeConflicts(closed: ClosedConflicts): Promise<void>;
  /** What is written from here on in the transaction can be undone by itself, also after a row was refused. */
  mark(): Promise<void>;
  /** Undoes what was written since `mark`. */
  undo(): Promise<void>;
  /** Keeps a change that was set aside, in `otter.dead_letter`; returns its number, which is greater than all before. */
  park(letter: DeadLetter): Promise<number>;
  /** Which of these letters are there still. */
  lettersLeft(ids: readonly number[]): Promise<readonly number[]>;
  removeLetters(ids: readonly number[]): Promise<void>;
  recordCopies(pipeline: string, states: readonly CopyState[]): Promise<void>;
  /** What columns the rows of source tables have from here on; since when one counts is kept when it was recorded before. */
  recordTables(pipeline: string, known: Readonly<Record<string, RecordedTable>>): Promise<void>;
  /** Strikes what was taken down of these source tables by `TargetPort.beginTable`. */
  tablesMade(pipeline: string, tables: readonly string[]): Promise<void>;
  /** Writes down what tables were before a change, or that it is made. */
  recordChange(pipeline: string, change: PendingChange | null): Promise<void>;
  /** Takes down what the other side of a two-way pipeline has of how tables here were made; null: forgets it. */
  keepDefinitions(pipeline: string, definitions: Readonly<Record<string, Definition | null>>): Promise<void>;
  /** So many lanes begin at the checkpoint, as the transaction leaves it, whatever others there were; null: none is left. */
  recordLanes(pipeline: string, lanes: { readonly count: number; readonly division: string } | null): Promise<void>;
  /** Nothing is recorded of these source tables any more. */
  forgetTables(pipeline: string, tables: readonly string[]): Promise<void>;
  /** Locks all of a table against writes until the transaction ends, when it is empty; returns whether it has rows. */
  lockWhole(table: LoadTable): Promise<boolean>;
  /** Where the log of this database ends. */
  logPosition(): Promise<string>;
  logEnd(): Promise<LogPoint>;
  /** When the outcome is unknown it is found out before this returns. */
  commit(): Promise<void>;
  /**
   * Begins a transaction that moves no checkpoint: a write of this database's own, under repeatable read, between two windows
   * of a pipeline into it and never beside one.
   */
  beginOwn(between: string): Promise<void>;
  /** Leaves a word in the log ahead of the rows that the transaction is what a person has decided. */
  tellResolution(pipeline: string): Promise<void>;
  rollback(): Promise<void>;
}

/** A place in this database's log, with its clock and what this database had seen there. */
export interface LogOrigin {
  readonly position: string;
  readonly clock: number;
  readonly seen: Seen;
}

/** How busy a database's server is. */
export interface ServerLoad {
  /** Statements that run at this moment; null: that was not asked. */
  readonly threadsRunning: number | null;
  /** Those that replicate from it and could be asked. */
  readonly replicas: readonly { readonly endpoint: string; readonly behindMs: number }[];
  /** Why others could not. */
  readonly unasked: readonly string[];
}

export interface LoadPort extends AsyncDisposable {
  /** Only what has a limit is asked. */
  ask(limits: ThrottleSpec): Promise<ServerLoad>;
}

/** The target side of a database server, and otter's own tables in it. */
export interface TargetPort {
  /** Creates otter's schema and tables where missing. */
  prepare(): Promise<void>;
  /** Settles when the server has answered, on a line of its own, what asks nothing of its tables. */
  answers(): Promise<void>;
  /**
   * Fences every earlier owner, in every lane, then reads the row; null when the pipeline never ran to here. A row of an earlier channel
   * of the same name, `born` at another time, is forgotten.
   */
  claim(pipeline: string, ownerRevision: number, born: number): Promise<Checkpoint | null>;
  /** First start; returns the row as it is, also when it was there. */
  createCheckpoint(pipeline: string, checkpoint: Checkpoint, born: number): Promise<void>;
  /** After a claim; null where there are no lanes. */
  lanes(pipeline: string): Promise<LanesRecord | null>;
  copies(pipeline: string): Promise<readonly CopyState[]>;
  shape(schema: string, table: string): Promise<TableShape | null>;
  /**
   * Creates the announced table under another name with columns left out and renamed; no error when it is there.
   * `twoWay`: its keys must compare texts as they do at the source. Returns what of it the server has no word for and was
   * left out, for people.
   */
  createTable(
    announced: AnnouncedTable,
    as: { schema: string; name: string },
    rename: Readonly<Record<string, string>>,
    twoWay: boolean,
  ): Promise<readonly string[]>;
  family(): Promise<'mariadb' | 'mysql'>;
  /** Whether it keeps names of schemas and tables in small letters; `shape` finds them in whatever letters. */
  folds(): Promise<boolean>;
  /** Tables that are made here, and not recorded: what was taken down of them by `keepDefinition`. */
  making(pipeline: string): Promise<Readonly<Record<string, Definition>>>;
  /** Takes down what a table is made by here, before it is. */
  keepDefinition(pipeline: string, table: string, definition: Definition): Promise<void>;
  /** Whether rows of the source table are copied here, be it none, or it is being made here. */
  cameHere(pipeline: string, table: string): Promise<boolean>;
  /** Takes down that a two-way pipeline makes a table here, before it does. */
  beginTable(pipeline: string, table: string, begun: BegunTable): Promise<void>;
  /** Tables of which that was taken down and that were not recorded since. */
  begunTables(pipeline: string): Promise<Readonly<Record<string, BegunTable>>>;
  /** A change of tables whose end was not recorded. */
  pendingChange(pipeline: string): Promise<PendingChange | null>;
  /** What the tables of these steps are now. @throws NotCarriedError when one of them cannot be made */
  lookAhead(steps: readonly TableStep[]): Promise<PendingChange['before']>;
  /**
   * Makes those of the steps that have not been made since their tables were `before`; by the owner with this epoch only.
   * When the signal aborts it is left to the server, and whoever comes next waits for it.
   * @throws NotCarriedError; OtterError OT5001, OT5017
   */
  changeTables(
    pipeline: string,
    change: {
      readonly epoch: number;
      readonly gtid: string;
      readonly steps: readonly TableStep[];
      readonly before: PendingChange['before'];
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Whether what another source or table is called goes into the same table, through whatever pipeline. */
  sharesTable(pipeline: string, table: string, target: string): Promise<boolean>;
  hasRows(schema: string, table: string): Promise<boolean>;
  /** Triggers of the table that do not ask `@otter_apply`, and so would run on replicated rows too. */
  unguardedTriggers(schema: string, table: string): Promise<readonly string[]>;
  /**
   * Positions of this server's log and what it had seen there, exactly: taken under locks on the checkpoint rows. A beat
   * of the site comes first, so that the position tells a transaction of this log and of this time.
   */
  firstPosition(site: string): Promise<LogOrigin>;
  /** Where pipelines of a mesh out of this database may begin; the first time that is the log's end. */
  origin(site: string): Promise<LogOrigin>;
  /** What is written down under the name, or null. */
  recordedOrigin(name: string): Promise<LogOrigin | null>;
  /** From there on they begin. */
  moveOrigin(name: string, origin: LogOrigin): Promise<void>;
  /** @param lane whose checkpoint row it moves, see `LanesRecord`; absent: the pipeline's @param turn which of two that write in turn */
  session(pipeline: string, lane?: number, turn?: 1 | 2): Promise<LoadSession>;
  beat(site: string): Promise<void>;
  /**
   * Writes a watermark into the log; `keys` are listed in the high one. `between`: a pipeline into this database between
   * whose transactions it must fall, never into the midst of one that was checked already and not yet committed.
   */
  watermark(
    pipeline: string,
    mark: { chunk: string; level: 'low' | 'high'; keys: readonly string[]; between: string | null },
  ): Promise<void>;
  /** What was asked for in `otter.resync` and the pipeline out of this database has not finished, oldest first. */
  openResyncs(pipeline: string): Promise<readonly ResyncRequest[]>;
  resyncProgress(pipeline: string, request: number, progress: ResyncProgress): Promise<void>;
  /** The server's sort keys of texts, for comparing keys as it does. */
  sortKeys(collation: string, literals: readonly string[]): Promise<readonly string[]>;
  /** The source tables that were announced up to the checkpoint. */
  known(pipeline: string): Promise<Readonly<Record<string, RecordedTable>>>;
  /** Whether the copy of another source table of this topology into this one has begun, through whatever pipeline. */
  shared(pipeline: string, table: string, place: Place): Promise<boolean>;
  /** Forgets how the copies of source tables stood, and what columns they had. */
  forgetTables(pipeline: string, tables: readonly string[]): Promise<void>;
  /** Tables of channels of this topology, as they are called here, that have records in the conflict log. */
  recordedConflicts(): Promise<readonly { readonly channel: string; readonly schema: string; readonly name: string }[]>;
  /** What waits for a person of what a pipeline into this database brought. */
  openConflicts(pipeline: string): Promise<readonly OpenConflict[]>;
  /** Which of these records are open still, when whatever closes them is done. */
  stillOpen(ids: readonly number[]): Promise<readonly number[]>;
  /** Letters of a pipeline into this database, in order: at most so many behind a number. */
  letters(pipeline: string, behind: number, limit: number): Promise<readonly LoggedLetter[]>;
  /** Removes some of the records that are older or more than is to be kept; false: nothing more was to be removed. */
  pruneConflicts(share: ConflictShare): Promise<boolean>;
  /** Removes a batch of what users put into `otter.skip`, and of old requests in `otter.resync`; whether there was something. */
  pruneSkips(): Promise<boolean>;
  /** Pipelines of this topology that have a checkpoint here. */
  pipelines(): Promise<readonly string[]>;
  /** Forgets a pipeline: its checkpoint and what goes with it. */
  forget(pipeline: string): Promise<void>;
  /** Removes all rows of this topology, and the schema when it was the last. */
  removeAll(): Promise<void>;
}

/** How statements begin that otter itself runs at a target (creating tables); readers of its log leave them alone. */
export const OWN_STATEMENT = '/* otter */ ';

/**
 * How a change of tables begins that otter makes at a target: whose it is, and which transaction of the source it repeats.
 * Servers keep it in their logs with the statement.
 */
export function carriedMark(lineage: string, pipeline: string, gtid: string): string {
  return `/* otter ${pipeline} ${gtid} ${lineageWord(lineage)} */ `;
}

/** The pipeline and the transaction that a statement names so; null: it bears no such mark of this topology. */
export function readCarriedMark(
  lineage: string,
  sql: string,
): { readonly pipeline: string; readonly gtid: string } | null {
  const [, pipeline, gtid, whose] = /^\/\* otter (\S+) (\S+) (\S+) \*\/ /.exec(sql) ?? [];
  return pipeline === undefined || whose !== lineageWord(lineage) ? null : { pipeline, gtid: gtid! };
}

function lineageWord(lineage: string): string {
  return lineage.replaceAll(/[\s*/]/g, '_');
}

/** How the names of tables begin that otter is still making at a target; nobody replicates them. */
export const DRAFT_PREFIX = '_otter_';
