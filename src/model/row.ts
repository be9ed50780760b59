/**
 * Rows on their way from one log to another database.
 *
 * A value travels as the SQL literal that writes it (`42`, `'it\'s'`, `x'00ff'`, `_latin1 x'e9'`), made once from the
 * raw log event and never touched again, or null for NULL. Every adapter makes the *canonical* literal of a value:
 * two equal values of one column type have equal texts, whether they came from the log or from a SELECT.
 */

export type Value = string | null;

/** One row: values in the order of `TableShape.columns`. */
export type Image = readonly Value[];

/** Rough size in memory. */
export function rowBytes(row: Image): number {
  let bytes = 0;
  for (const value of row) bytes += 16 + (value?.length ?? 0);
  return bytes;
}

export interface ColumnShape {
  readonly name: string;
  /** The full column type as the server prints it, lower case: `int(10) unsigned`, `varchar(45)`, `enum('a','b')`. */
  readonly type: string;
  /** Character set of text columns, null for others. */
  readonly charset: string | null;
  readonly collation: string | null;
  readonly nullable: boolean;
  /** Generated columns are read but never written. */
  readonly generated: boolean;
  /** Made on the way by an expression, and named as at the target. Its type is the smallest that takes every result. */
  readonly computed?: true;
}

export interface UniqueKey {
  readonly name: string;
  /** Indexes into `TableShape.columns`. */
  readonly columns: readonly number[];
  /** The key is not the plain values of its columns (a prefix, an expression): equal keys cannot be told from values. */
  readonly partial?: boolean;
}

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly number[];
  readonly parentSchema: string;
  readonly parentTable: string;
  readonly parentColumns: readonly string[];
  readonly onDelete: string;
  readonly onUpdate: string;
}

/** A table as its server has it at one moment. Compared by identity on hot paths: adapters cache shapes. */
export interface TableShape {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  /** Column indexes of the primary key, in key order; empty when there is none. */
  readonly primaryKey: readonly number[];
  /** Unique keys other than the primary key. */
  readonly uniques: readonly UniqueKey[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Foreign keys of other tables that point here: their `schema.table` names. */
  readonly referencedBy: readonly string[];
  readonly triggers: readonly string[];
  readonly engine: string;
  /** Generated columns that may come to other values in other sessions; absent where there are none. */
  readonly sways?: readonly Sway[];
}

/** Settings of a session on which the value of an expression may hang. */
export type SessionSetting =
  | 'time_zone'
  | 'lc_time_names'
  | 'default_week_format'
  | 'div_precision_increment'
  | 'sql_mode';

/** A generated column whose values hang on the session that writes, or reads where they are not stored. */
export interface Sway {
  readonly column: string;
  readonly stored: boolean;
  readonly settings: readonly SessionSetting[];
}

/** `TableShape.engine` of a table of an Oracle database; its column types are Oracle's (`oracle-types.ts`). */
export const ORACLE_ENGINE = 'oracle';

/** Whether two tables are alike in all that is known of them; those of one server mostly are one object then. */
export function sameShape(one: TableShape, other: TableShape): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Full names are compared and shown as `schema.table`. */
export function tableName(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`;
}

interface ChangeCommon {
  readonly table: TableShape;
  /** False when the source session had foreign key checks off for this statement. */
  readonly fkChecks: boolean;
}

export type RowChange =
  | (ChangeCommon & { readonly kind: 'insert'; readonly after: Image })
  | (ChangeCommon & { readonly kind: 'update'; readonly before: Image; readonly after: Image })
  | (ChangeCommon & { readonly kind: 'delete'; readonly before: Image });

/**
 * What a site had seen of others: for each pipeline *into* it, the position (in that pipeline's source log) up to
 * which its log contains that pipeline's changes, as `seen.ts` spells it. A new object whenever it changes, so identity tells whether it did.
 */
export type Seen = Readonly<Record<string, string>>;

/** A row of the serialiser as one of its transactions left it, sent because it refused somebody's change. */
export interface Answer {
  /** Pipeline whose change was refused. */
  readonly pipeline: string;
  readonly table: TableShape;
  /** Primary key values. */
  readonly key: Image;
  /** The row, or null when there is none. */
  readonly image: Image | null;
}

/** An answer as it stands in the log of who gave it. */
export interface LoggedAnswer extends Answer {
  /** Keys and unique values that are settled by it. */
  readonly locks: readonly string[];
  /** Names of the columns in which the refused changes lost, and in which they won; null: in all. */
  readonly lost: ReadonlySet<string> | null;
  readonly won: ReadonlySet<string> | null;
}

/** When a write was made, see `replication/conflict/stamp.ts`. */
export interface Stamp {
  /** The commit time, or the value of the column that stands in for it. */
  readonly order: number;
  /** Commit time at the origin, microseconds since 1970: decides where `order` is equal. */
  readonly clock: number;
}

/** A write with the keys and unique values that it touched. */
export interface Version {
  readonly locks: readonly string[];
  readonly stamp: Stamp;
  /** Names of the columns that it wrote; null: the row as a whole. */
  readonly columns: readonly string[] | null;
}

/** What a transaction that was applied in a mesh does to a key, or to a unique value, in the end: see `mesh/touches.ts`. */
export type TouchKind = 'delete' | 'put' | 'claim';

/** All that one applied transaction touched, by the digests of the keys and unique values, and the clock of its version. */
export interface AppliedTouches {
  readonly clock: number;
  readonly touched: ReadonlyMap<string, TouchKind>;
}

interface DeliveryCommon {
  /** Id of the transaction in the source's log. */
  readonly gtid: string;
  /** The source's log up to and including this transaction: what the checkpoint holds after it is applied. */
  readonly position: string;
  /** What the source had seen just before this transaction. */
  readonly seen: Seen;
  /** Of the source's log there, microseconds since 1970: see `LogClock`. */
  readonly clock: number;
  /** Rough size in memory, for limits. */
  readonly bytes: number;
}

/** How a source's server prints a table, and where in its log it did so: as `PastTable.create`. */
export interface Definition {
  readonly create: string;
  readonly position: string;
}

/** What a statement of the source did to a table of the pipeline, by its two definitions. */
export interface TableChange {
  /** Its name at the source before and after; `to` null: it is gone. */
  readonly from: { readonly schema: string; readonly name: string };
  readonly to: { readonly schema: string; readonly name: string } | null;
  /** `CREATE TABLE` before, as `AnnouncedTable.create`, and its columns; null where neither counts. */
  readonly before: { readonly create: string; readonly table: TableShape } | null;
  /** As it is afterwards; null: it is gone. */
  readonly after: AnnouncedTable | null;
  /** Columns by their names before to those after, where the statement gives them others. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Columns that it drops, also where it makes one of the same name anew. */
  readonly dropped: readonly string[];
  /** Defaults of columns that it adds, with all digits, where its server prints fewer. */
  readonly floats: Readonly<Record<string, number>>;
  /** All its rows are gone. */
  readonly empties: boolean;
}

/**
 * What a pipeline carries, in log order. Everything has a position, and applying it moves the checkpoint there.
 * - `changes`: rows of one user transaction. Large ones come in parts; all parts bear the position of the whole, and
 *   only the last has `last`.
 * - `answers`: full rows in answer to refused changes.
 * - `chunk`: existing rows, read between two watermarks; `position` is the high one's.
 * - `resync`: rows that are sent again, read like a chunk; and keys of rows that are not there, values of `table.primaryKey`.
 * - `table`: a table joins the pipeline; comes before its first row and moves no position.
 * - `definition`: a statement changed tables of the pipeline; `said` is its first words, for messages. `returned`: the change
 *   came from the target, where it was made before; there is nothing to make.
 * - `kept`: what the source has taken down of how tables of the target were made, as far as it has come with their changes.
 * - `beat`: nothing but the position and `seen`, and which generation of the channel the source has carried out: tables that
 *   joined with it are told, of those that left nothing is to come.
 */
export type Delivery =
  | (DeliveryCommon & {
      readonly kind: 'changes';
      readonly first: boolean;
      readonly last: boolean;
      readonly changes: readonly RowChange[];
    })
  | (DeliveryCommon & { readonly kind: 'answers'; readonly answers: readonly Answer[] })
  | (DeliveryCommon & { readonly kind: 'chunk'; readonly chunk: CopyChunk })
  | (DeliveryCommon & {
      readonly kind: 'resync';
      readonly table: TableShape;
      readonly rows: readonly Image[];
      readonly absent: readonly Image[];
    })
  | (DeliveryCommon & { readonly kind: 'table'; readonly announced: AnnouncedTable })
  | (DeliveryCommon & {
      readonly kind: 'definition';
      readonly said: string;
      readonly family: 'mariadb' | 'mysql';
      readonly changes: readonly TableChange[];
      readonly returned: boolean;
    })
  /** By `schema.table` at the target; null: nothing any more. */
  | (DeliveryCommon & { readonly kind: 'kept'; readonly definitions: Readonly<Record<string, Definition | null>> })
  | (DeliveryCommon & { readonly kind: 'beat'; readonly sentMs: number; readonly settled: number });

export interface AnnouncedTable {
  readonly table: TableShape;
  /** `CREATE TABLE` as the source has it, without triggers and without foreign keys that leave the channel. */
  readonly create: string;
  /** Whether existing rows will be copied. */
  readonly copies: boolean;
  readonly rowsEstimate: number;
  /** The columns that rows have from here on, as `site/recorded-structure.ts` says it; null while other rows may come. */
  readonly structure: string | null;
  /** In which stay of the table in its channel it is told: see `stays.ts`. */
  readonly stay: number;
  /** Of the channel, as the source knew it then: who knows a later one and not the table knows that it has left. */
  readonly generation: number;
  /** Only a word that it will be told when its copy begins: nothing of it comes before. */
  readonly later: boolean;
  /** Every table of this generation has been told, this one included; 0: that is not said. */
  readonly complete: number;
  /** To be kept, so that what the table was like is known where the log is read again; absent: nothing is. */
  readonly definition?: Definition;
}

/** What a target has recorded of a source's table. */
export interface KnownTable {
  /** See `AnnouncedTable`. */
  readonly structure: string;
  /**
   * Position in the target's log at which the copy of the table began, or, two-way without copies, at which it joined: of what
   * was written there before, nothing is to be carried back. Null where all counts. Of a table that had just been made at the
   * source as `bornSince` writes it.
   */
  readonly since: string | null;
  /** See `AnnouncedTable`. */
  readonly definition?: Definition;
}

const BORN = 'made ';

/** `KnownTable.since` of a table that had just been made at the source. @param position null: all counts */
export function bornSince(position: string | null): string {
  return position === null ? '' : BORN + position;
}

export function isBorn(since: string | null): boolean {
  return since === '' || since?.startsWith(BORN) === true;
}

/** From where on it counts; null: all does. */
export function countsSince(since: string | null): string | null {
  if (since === null || since === '') return null;
  return since.startsWith(BORN) ? since.slice(BORN.length) : since;
}

export interface CopyChunk {
  readonly table: TableShape;
  readonly rows: readonly Image[];
  /** Where the next chunk starts: the last key read, or null when the table is finished. */
  readonly cursor: Image | null;
  readonly rowsDone: number;
  readonly rowsEstimate: number;
}
