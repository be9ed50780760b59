/** What `otter conflicts --json` and `otter conflicts show --json` print. docs/reference/conflicts-json.md is written from it. */
import type { ConflictKind, ConflictState, NamedImage, Winner } from './conflict.ts';

/** `otter conflicts --json`: the newest first. */
export interface ConflictsJson {
  readonly conflicts: readonly ConflictJson[];
  /** Databases whose log could not be read; the exit code is 1 then. */
  readonly unread: readonly UnreadJson[];
}

export interface UnreadJson {
  readonly database: string;
  /** See `otter explain`. */
  readonly code: string;
  readonly message: string;
}

/** One conflict; `otter conflicts show ID --json` prints it alone, with its rows. */
export interface ConflictJson {
  /** Database and number, as `otter conflicts show` takes it. */
  readonly id: string;
  /** Where it was decided, or waits. */
  readonly database: string;
  readonly channel: string;
  /** By which the incoming change came. */
  readonly pipeline: string;
  /** By its name at this database. */
  readonly table: string;
  /** Columns of the primary key, by name, as SQL literals. */
  readonly key: NamedImage;
  /** What the incoming change is and what was written here, `update/delete`; or `unique`. */
  readonly kind: ConflictKind;
  /** `incoming`, `local`, `merged`; `none` while it waits for a person. */
  readonly winner: Winner;
  readonly rule: string;
  /** `decided`, `open` or `resolved`. */
  readonly state: ConflictState;
  /** UTC, ISO 8601. */
  readonly decided: string;
  /** UTC, ISO 8601; only of those that a person has decided. */
  readonly resolved?: string;
  readonly resolved_by?: string | null;
  /** GTID at the source; null where it is not known. */
  readonly incoming_transaction: string | null;
  /** UTC, ISO 8601. */
  readonly incoming_committed: string | null;
  /** Microseconds since 1970, by which the later one was found; null where that was not asked. */
  readonly incoming_clock: string | null;
  /** GTID at this database. */
  readonly local_transaction: string | null;
  readonly local_clock: string | null;
  /** Whether the rows are whole, have long values cut, or were not to be kept. */
  readonly images: 'full' | 'cut' | 'none';
  /** What the source had seen of this database: a position in its log; only with `show`, as are the rows. */
  readonly token?: string | null;
  /** Columns by name, as SQL literals; null where there was no row, or it is not held. */
  readonly incoming?: NamedImage | null;
  readonly local?: NamedImage | null;
  /** The row before the incoming change, as the source had it. */
  readonly base?: NamedImage | null;
}
