/** What `otter validate --live` learns of a database: facts, read once, that change nothing there. */
import type { ConflictLogReader } from './conflict.ts';
import type { LetterDesk, LetterReader } from './dead-letter.ts';
import type { OtterError } from './error.ts';
import type { ServerFacts } from './ports.ts';
import type { Account } from './privileges.ts';
import type { SessionSetting, TableShape } from './row.ts';
import type { PlaceReader } from './standing-places.ts';
import type { DatabaseSpec } from './topology.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** A setting with which the log cannot be followed exactly, by all channels or by two-way ones. */
export interface UnfitSetting {
  readonly for: 'all' | 'two-way';
  /** What it is and must be. */
  readonly message: string;
  /** What to type. */
  readonly hint: string;
}

export interface ServerReport {
  /** host:port that answered. */
  readonly endpoint: string;
  /** An Oracle is no source, which is what these are facts of otherwise. */
  readonly facts: Omit<ServerFacts, 'family'> & { readonly family: ServerFacts['family'] | 'oracle' };
  readonly unfit: readonly UnfitSetting[];
  readonly account: Account;
  /** Tables that the account may see. */
  readonly tables: readonly TableName[];
  /** How long the log is kept; null: until somebody purges it. */
  readonly logSeconds: number | null;
  /** `FULL`, `MINIMAL`, ...; null where the server does not know it. */
  readonly rowMetadata: string | null;
  readonly packetBytes: number;
  readonly autoIncrement: { readonly increment: number; readonly offset: number };
  readonly readOnly: boolean;
  /** The server's clock less this machine's, and how far off that may be. */
  readonly clock: { readonly aheadMs: number; readonly offMs: number };
  /** Tables by source name that pipelines into this database have begun with, of any topology. */
  readonly begun: readonly { readonly pipeline: string; readonly table: string }[];
}

export interface LiveTable {
  readonly shape: TableShape;
  /** Columns that cannot be carried exactly. */
  readonly inexact: OtterError | null;
  readonly autoIncrement: boolean;
  /** Triggers that do not ask `@otter_apply`. */
  readonly unguardedTriggers: readonly string[];
  /** Checks that may refuse here what sessions of other settings wrote. */
  readonly swayingChecks?: readonly { readonly name: string; readonly settings: readonly SessionSetting[] }[];
  /** Null: the account may not look. */
  readonly hasRows: boolean | null;
}

/** Estimates of the server. */
export interface SizedTable extends TableName {
  readonly rows: number;
  readonly bytes: number;
}

/** A database that was reached. */
export interface LiveDatabase extends AsyncDisposable {
  /** @throws OtterError */
  report(): Promise<ServerReport>;
  /** Those that are there, by `tableName`. @throws OtterError */
  tables(names: readonly TableName[]): Promise<ReadonlyMap<string, LiveTable>>;
  /** How large tables are, by the server's statistics; none where the database is no source. @throws OtterError */
  sizes(): Promise<readonly SizedTable[]>;
}

/** The dead letters of a database. @throws OtterError as `ReachDatabase` does */
export type ReachLetters = (name: string, spec: DatabaseSpec, signal: AbortSignal) => Promise<LetterReader>;

/** Where pipelines into a database stand, and where its log ends. @throws OtterError as `ReachDatabase` does */
export type ReachPlaces = (name: string, spec: DatabaseSpec, signal: AbortSignal) => Promise<PlaceReader>;

/** The same to settle them. @param lineage of the topology whose they are */
export type ReachLetterDesk = (
  name: string,
  spec: DatabaseSpec,
  lineage: string,
  signal: AbortSignal,
) => Promise<LetterDesk>;

/** The conflict log of a database, as `ReachDatabase` reaches it. @throws OtterError as that does, and OT4004 */
export type ReachConflictLog = (name: string, spec: DatabaseSpec, signal: AbortSignal) => Promise<ConflictLogReader>;

/** Tries the endpoints as a node does. @throws OtterError OT3020, OT4001, OT4003, OT4005, OT4008 */
export type ReachDatabase = (name: string, spec: DatabaseSpec, signal: AbortSignal) => Promise<LiveDatabase>;
