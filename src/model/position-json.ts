/** What `otter position show --json` prints. docs/reference/position-json.md is written from it. */
import type { UnreadJson } from './conflict-json.ts';

export interface PositionsJson {
  readonly pipelines: readonly PositionJson[];
  /** Databases that could not be asked; the exit code is 1 then. */
  readonly unread: readonly UnreadJson[];
}

export interface PositionJson {
  readonly pipeline: string;
  readonly source: string;
  readonly target: string;
  /** The log of the source up to which all is applied; null: the pipeline has not begun, or its target could not be asked. */
  readonly at: PlaceJson | null;
  /** Where the log of the source ends; null: it could not be asked. */
  readonly end: PlaceJson | null;
  /** What lies between the two; null where positions alone do not tell it. Of a MariaDB it counts gaps, too. */
  readonly behind: { readonly count: number; readonly of: 'transactions' | 'bytes' } | null;
  /** As nodes report it: see the status; null where nobody does. */
  readonly lag_ms: number | null;
}

export interface PlaceJson {
  /** As checkpoints and `otter status` spell it. */
  readonly position: string;
  /** GTIDs as the server spells them; null on a server without. */
  readonly gtid: string | null;
  /** `file:offset`, where it is known: of the log's end always, of a pipeline only where it has no GTIDs. */
  readonly file: string | null;
  /** UTC, ISO 8601: when the last transaction before it was committed, not earlier; of a log's end the time by its server's clock. */
  readonly time: string | null;
}
