/** What `otter deadletter` prints with `--json`. docs/reference/deadletter-json.md is written from it. */
import type { NamedImage } from './conflict.ts';
import type { UnreadJson } from './conflict-json.ts';
import type { RowChange } from './row.ts';

/** `otter deadletter list --json`: the oldest first. */
export interface LettersJson {
  readonly letters: readonly LetterJson[];
  /** Databases that could not be read; the exit code is 1 then. */
  readonly unread: readonly UnreadJson[];
}

/** One letter; `otter deadletter show ID --json` prints it alone, with its row. */
export interface LetterJson {
  /** Database and number, as `otter deadletter show` takes it. */
  readonly id: string;
  readonly database: string;
  readonly channel: string;
  readonly pipeline: string;
  /** By its name at this database. */
  readonly table: string;
  /** Columns of the primary key, by name, as SQL literals; empty where the table has none. */
  readonly key: NamedImage;
  readonly kind: RowChange['kind'];
  /** Transaction in the log of the source, and the place behind it. */
  readonly transaction: string;
  readonly position: string;
  /** What the server said, without values; null: it waits behind others and was not tried. */
  readonly error: string | null;
  /** Ids of the letters that it waits behind. */
  readonly behind: readonly string[];
  /** UTC, ISO 8601. */
  readonly parked: string;
  /** The row before the change and after it, columns to SQL literals; null: no row. Only of `show`. */
  readonly before?: NamedImage | null;
  readonly after?: NamedImage | null;
}

/** `otter deadletter retry --json` and `drop --json`. */
export interface LettersSettledJson {
  /** Letters that are gone, applied or dropped. */
  readonly done: readonly string[];
  /** Letters that the target refuses still, and why; the exit code is 1 then. */
  readonly refused: readonly { readonly id: string; readonly error: string }[];
}
