/**
 * What a site counts of its own work for metrics and history: never in the state store, read in the node's process when somebody asks.
 *
 * Everything counts up from the start of the node, so whoever reads it twice knows what was done in between. Times are in seconds.
 */
import type { NodeRecord, VerifiedRecord } from './records.ts';
import type { Kind } from './topology.ts';

/** What was done to a row: a change of a user's, an existing row that was copied, one sent again, or one in answer to a refused change. */
export const OPERATIONS = ['insert', 'update', 'delete', 'copy', 'resync', 'answer'] as const;
export type Operation = (typeof OPERATIONS)[number];

export type ByOperation = Readonly<Record<Operation, number>>;

/** How many values fell at or below each bound, not counting those below the bound before; the last count is of what is above all. */
export interface Spread {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Of one pipeline, where it is written. */
export interface LoadMeasures {
  /** That were written; of a transaction that had to be written anew both times. */
  readonly rows: ByOperation;
  /** Rough size in memory of those rows. */
  readonly bytes: ByOperation;
  /** Of users. */
  readonly transactions: number;
  /** Of windows with rows. */
  readonly windowRows: Spread;
  readonly windowSeconds: Spread;
  /** Making statements of a window while the one before is written. */
  readonly prepareSeconds: number;
  readonly loadSeconds: number;
  /** With nothing to write. */
  readonly idleSeconds: number;
  /** Waiting before a window is tried again because the server was busy. */
  readonly stallSeconds: number;
  /** By `kind winner`, see `conflict.ts`; `unrecorded unrecorded`: of tables that keep no log. */
  readonly conflicts: Readonly<Record<string, number>>;
  /** When rows were last written, milliseconds since 1970; null: not yet. */
  readonly lastWriteMs: number | null;
}

/** Of one pipeline, where it is read. */
export interface FeedMeasures {
  /** Finding out what of the log is the pipeline's. */
  readonly extractSeconds: number;
  /** Filters, columns and expressions. */
  readonly transformSeconds: number;
  /** From when rows were given out until more were asked for: packing, the line, and a target that is slow. */
  readonly transferSeconds: number;
  /** Given out, before they are packed. */
  readonly bytes: number;
}

/** Of the log of a database. */
export interface ReaderMeasures {
  /** Waiting for the log, and decoding it. */
  readonly selectSeconds: number;
  /** Holding the log back because a pipeline has no room. */
  readonly stallSeconds: number;
  /** With rows of wanted tables, otter's own too. */
  readonly transactions: number;
}

export interface SiteMeasures {
  readonly reader: ReaderMeasures;
  /** Of pipelines into the database, by name. */
  readonly into: Readonly<Record<string, LoadMeasures>>;
  readonly out: Readonly<Record<string, FeedMeasures>>;
}

/** Everything that a node can tell of itself at one moment. */
/** How a channel's tables are compared at a database, by itself (`verify: { every }`). */
export interface VerifyMeasures {
  readonly channel: string;
  readonly database: string;
  /** Null: it was not compared yet. */
  readonly last: VerifiedRecord | null;
  /** Rows that were looked at since it began; null: it does not run. */
  readonly rows: number | null;
}

export interface NodeMeasures {
  readonly topology: string;
  readonly node: string;
  /** As it would be written to the state store, with the names under which things are kept. */
  readonly record: NodeRecord;
  /** By database. */
  readonly sites: Readonly<Record<string, SiteMeasures>>;
  /** Of the databases that it owns, under the names by which things are kept. */
  readonly verify: readonly VerifyMeasures[];
  /** Whether it holds a lease of the state store. */
  readonly registered: boolean;
  /** Whether its port for peers is open. */
  readonly linked: boolean;
  /** Since when the state store does not answer, milliseconds since 1970; null: it does. */
  readonly storeAwaySinceMs: number | null;
  /** It stops. */
  readonly ending: boolean;
  /** What people call something now that is kept under this name. */
  readonly shown: (kind: Kind, kept: string) => string;
}
