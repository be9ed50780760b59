/** Where pipelines stand, and where the logs of their sources end, as the databases themselves say it. */
import { type LogPoint, type Position, parsePosition } from './position.ts';

/** The checkpoint of a pipeline, as its target has it. */
export interface Standing {
  readonly lineage: string;
  readonly pipeline: string;
  readonly position: string;
  /** Of the source's log there, microseconds since 1970; 0: not known. */
  readonly clock: number;
}

/** A heartbeat in a log: the log up to and including it, and when it was committed, ms since 1970. */
export interface BeatPlace {
  readonly position: string;
  readonly ms: number;
}

/** A database that was reached. Reading changes nothing there. */
export interface PlaceReader extends AsyncDisposable {
  /** Where its log ends, and the time by its clock, ms since 1970. @throws OtterError */
  end(): Promise<{ readonly position: string; readonly point: LogPoint; readonly nowMs: number }>;
  /** Which GTIDs stand before a place in its log, as a position; null where the log has none there. @throws OtterError OT4020 */
  gtidsBefore(point: LogPoint): Promise<string | null>;
  /** Behind the newest heartbeat of otter in its log that is not later, ms since 1970; null where there is none. @throws OtterError */
  beatBefore(timeMs: number): Promise<BeatPlace | null>;
  /** Whether its log can be followed from there. @throws OtterError OT4002, OT4020, OT4023, OT4080: it cannot */
  followable(position: string): Promise<void>;
  /** Of all topologies; empty where no node has owned it yet. @throws OtterError */
  standing(): Promise<readonly Standing[]>;
}

/**
 * How many transactions lie between two positions of one log; of positions by file, bytes, where it is one file. Null: it cannot be
 * told from the positions alone.
 */
export function between(
  behind: string,
  end: string,
): { readonly count: number; readonly of: 'transactions' | 'bytes' } | null {
  const [from, to] = [parsePosition(behind), parsePosition(end)];
  if (from.family === 'file' || to.family === 'file') return bytesBetween(from, to);
  const [had, has] = [numbersOf(from), numbersOf(to)];
  if (from.family !== to.family) return null;
  let count = 0;
  for (const [source, upTo] of has) count += Math.max(0, upTo - (had.get(source) ?? 0));
  return { count, of: 'transactions' };
}

function bytesBetween(from: Position, to: Position): { readonly count: number; readonly of: 'bytes' } | null {
  if (from.family !== 'file' || to.family !== 'file' || from.file !== to.file) return null;
  return to.offset < from.offset ? null : { count: to.offset - from.offset, of: 'bytes' };
}

/** Transactions of each source that a position has; of a MariaDB domain the number of its last, which may have gaps before it. */
function numbersOf(position: Exclude<Position, { family: 'file' }>): Map<string, number> {
  if (position.family === 'mariadb')
    return new Map([...position.domains].map(([domain, { sequence }]) => [String(domain), sequence]));
  return new Map(
    [...position.sources].map(([source, intervals]) => [
      source,
      intervals.reduce((sum, [from, to]) => sum + to - from + 1, 0),
    ]),
  );
}
