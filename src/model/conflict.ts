/**
 * Conflicts as they are kept: what was decided, between which two writes, and by which rule.
 *
 * A record is made where a conflict is decided and stays there, in `otter.conflict` of that database. Nothing of a row
 * stands anywhere else: not in logs, not in plans, not in the state store.
 */
import type { OtterError } from './error.ts';
import type { Value } from './row.ts';

export type RowWrite = 'insert' | 'update' | 'delete';

/**
 * `incoming/local`: what each of the two did to the row; or `unique`, when they did not mean the same row and collided in
 * a unique value. What the local one did is told from what came of it: see `replication/conflict/record.ts`.
 */
export type ConflictKind = `${RowWrite}/${RowWrite}` | 'unique';

/** Whose row stands now: the incoming change's, the one that was here, one made of both, or neither. */
export type Winner = 'incoming' | 'local' | 'merged' | 'none';

/** `decided` for good; `open`: a person must decide; `resolved`: a person has. */
export type ConflictState = 'decided' | 'open' | 'resolved';

/** A row by its column names; one that leaves columns out says nothing of them. */
export type NamedImage = Readonly<Record<string, Value>>;

/** What a table's records hold of its rows: all, keys only, or nothing at all, and then there is no record. */
export type ConflictLogLevel = 'full' | 'keys' | 'none';

/** What is kept; older records, and more of them, are removed. */
export interface ConflictKeep {
  readonly days: number;
  readonly count: number;
}

export interface ConflictLog {
  readonly log: ConflictLogLevel;
  readonly keep: ConflictKeep;
}

export const DEFAULT_CONFLICT_LOG: ConflictLog = { log: 'full', keep: { days: 30, count: 100_000 } };

/** The names of columns are this site's. */
export interface ConflictRecord {
  readonly channel: string;
  /** That brought the incoming change. */
  readonly pipeline: string;
  /** At this site. */
  readonly table: { readonly schema: string; readonly name: string };
  /** Of the row that both wrote; of `unique`, of the incoming one. */
  readonly key: NamedImage;
  readonly kind: ConflictKind;
  readonly winner: Winner;
  /** Policy and reason: `site-priority: recent write`. */
  readonly rule: string;
  /** Whether the rows below are whole, have long values cut, or were not to be kept (then all three are null). */
  readonly images: 'full' | 'cut' | 'none';
  /** What the change wanted; null: no row. */
  readonly incoming: NamedImage | null;
  /** The row here when it was decided; null: there was none. */
  readonly local: NamedImage | null;
  /** What the change started from; null: no row. */
  readonly base: NamedImage | null;
  /** The change's transaction in its own log, and when that was committed, by its clock; null where it is not known. */
  readonly incomingGtid: string | null;
  readonly incomingMs: number | null;
  /** The write here that the change had not seen; null where no write is known. */
  readonly localGtid: string | null;
  /** Versions of the two, in decimal, under policies that have them. */
  readonly incomingClock: string | null;
  readonly localClock: string | null;
  /** Place in this site's log up to which the change's writer had seen it; null: nothing of it. */
  readonly token: string | null;
  readonly decidedMs: number;
}

/** A record as it is read again. */
export interface LoggedConflict extends ConflictRecord {
  /** Not given again as long as the table stands, except by a MySQL 5.7 that restarts when the log is empty. */
  readonly id: number;
  readonly lineage: string;
  readonly state: ConflictState;
  /** When a person decided it, and who, or where; null while nobody has. */
  readonly resolvedMs: number | null;
  readonly resolvedBy: string | null;
}

/** A conflict that waits for a person, by its row. */
export interface OpenConflict {
  readonly id: number;
  readonly table: { readonly schema: string; readonly name: string };
  readonly key: NamedImage;
}

/** Open records that are closed, and what then stands. */
export interface ClosedConflicts {
  readonly ids: readonly number[];
  readonly winner: Winner;
  /** What is kept of their rows from here on. */
  readonly level: ConflictLogLevel;
  /** Whoever decided, or where it was decided. */
  readonly by: string;
  readonly atMs: number;
}

/** Records of one channel that share their bounds. */
export interface ConflictShare {
  readonly channel: string;
  /** At this site; null: all tables of the channel. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[] | null;
  readonly keep: ConflictKeep;
}

export interface ConflictQuery {
  /** `schema.table`, with `*` for any text; null: all. */
  readonly table: string | null;
  readonly channel: string | null;
  readonly pipeline: string | null;
  readonly kind: string | null;
  readonly winner: string | null;
  /** Decided then or later, ms since 1970. */
  readonly sinceMs: number | null;
  /** Only those that wait for a person. */
  readonly open: boolean;
  readonly limit: number;
}

/** The conflict log of a database that was reached. Reading changes nothing there. */
export interface ConflictLogReader extends AsyncDisposable {
  /** Newest first, without rows: `incoming`, `local` and `base` are null. Empty where there is no log yet. @throws OtterError */
  list(query: ConflictQuery): Promise<readonly LoggedConflict[]>;
  /** Null: there is none of that number. @throws OtterError */
  one(id: number): Promise<LoggedConflict | null>;
}

/** A database whose log could not be read, and why. */
export interface UnreadLog {
  readonly database: string;
  readonly error: OtterError;
}
