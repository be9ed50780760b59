/** What `otter verify` asks of a database, and what it finds. */
import type { LoadTable } from './load.ts';
import type { ServerFacts } from './ports.ts';
import type { ResyncProgress, ResyncRequest } from './resync.ts';
import type { Image, TableShape, Value } from './row.ts';
import type { DatabaseSpec } from './topology.ts';

/** Rows of a table by its primary key, as literals of its columns: behind `after` (null: from the first on) up to and with `upTo` (null: to the last). */
export interface KeyRange {
  readonly after: Image | null;
  readonly upTo: Image | null;
}

export interface Checksum {
  readonly rows: number;
  /** Equal of equal rows, whatever server made it; null: it cannot be told of these rows. */
  readonly sum: string | null;
  /** Rough size of what was looked at; 0 where nobody asked. */
  readonly bytes: number;
}

/** A row, and the columns of it, as indexes into `LoadTable.columns`, that the server is asked about. */
export interface Doubt {
  readonly row: Image;
  readonly columns: readonly number[];
}

/** A database as it is compared: read without locks, by sessions of its own. */
export interface ComparedDatabase extends AsyncDisposable {
  facts(): Promise<ServerFacts>;
  /** Base tables outside the server's own schemas. */
  tables(): Promise<readonly { readonly schema: string; readonly name: string }[]>;
  /** @throws OtterError OT4040 naming columns whose type is not exact yet. */
  shape(schema: string, name: string): Promise<TableShape | null>;
  /** These columns of at most `limit` rows, in key order; no more once they are `bytesMax` (`rowBytes`), and at least one. */
  rows(
    table: TableShape,
    columns: readonly number[],
    range: KeyRange,
    limit: number,
    bytesMax: number,
  ): Promise<readonly Image[]>;
  /** These columns of the rows that have one of the `values` in the columns `by`. */
  find(
    table: TableShape,
    columns: readonly number[],
    by: readonly number[],
    values: readonly Image[],
  ): Promise<readonly Image[]>;
  /** Primary key of the row that has `rows - 1` others between itself and `after`; null: there are not so many. */
  bound(table: TableShape, range: KeyRange, rows: number): Promise<Image | null>;
  /** @param columns in the order in which they are compared; `sized`: whether `bytes` is wanted */
  checksum(table: TableShape, columns: readonly number[], range: KeyRange, sized: boolean): Promise<Checksum>;
  /** For each row whether the one stored under its key holds something else in the columns of the doubt; true as well where there is none. */
  unequal(table: LoadTable, doubts: readonly Doubt[]): Promise<readonly boolean[]>;
  /** Where the log ends, as a position. */
  logEnd(): Promise<string>;
  /** Positions of the pipelines of this topology into this database. */
  checkpoints(lineage: string): Promise<ReadonlyMap<string, string>>;
  /** Has rows of this database sent again; returns the number of the request. */
  askResync(lineage: string, request: Omit<ResyncRequest, 'id'>): Promise<number>;
  /** How far a pipeline has come with it; null: it has not begun. */
  resynced(lineage: string, pipeline: string, request: number): Promise<ResyncProgress | null>;
  /** Source tables of a pipeline whose existing rows are not all here yet. */
  copying(lineage: string, pipeline: string): Promise<ReadonlySet<string>>;
}

/** @throws OtterError OT4001, OT4003 when it cannot be reached */
export type ReachCompared = (name: string, spec: DatabaseSpec, signal: AbortSignal) => Promise<ComparedDatabase>;

/** How a row differs: not at the target, there alone, or other there. */
export type DifferenceKind = 'missing' | 'extra' | 'different';

/** A difference by the primary key of the target, columns to SQL literals. */
export interface Difference {
  readonly kind: DifferenceKind;
  readonly key: Readonly<Record<string, Value>>;
}

export interface ComparedFrom {
  readonly pipeline: string;
  /** `schema.table` at the source. */
  readonly table: string;
}

/** What was found of one table of a target. */
export interface TableResult {
  readonly channel: string;
  readonly target: string;
  /** `schema.table` at the target. */
  readonly table: string;
  readonly sources: readonly ComparedFrom[];
  /** Rows of the sources that were compared. */
  readonly rows: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Rows that were other at every look, so that nothing can be said of them. */
  readonly busy: number;
  /** Of the rows that differed those that were the same when they had been sent again. */
  readonly repaired: number;
  /** Why some were not sent again; null: all were, or none was to be. */
  readonly unrepaired: string | null;
  /** The first of the differences. */
  readonly differences: readonly Difference[];
  /** Why it was not compared, or not to its end; null: it was. */
  readonly skipped: string | null;
  /** Why rows that only the target has were not looked for; null: they were. */
  readonly unlooked: string | null;
}

/** Rows that differ, and were not repaired. */
export function leftOf({ missing, extra, different, repaired }: TableResult): number {
  return missing + extra + different - repaired;
}
