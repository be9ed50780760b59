/**
 * The definitions that stand in the log before a reader: what it must know of to tell whether the present structure of a
 * table is that of the rows it has come to.
 *
 * The log is read by a second stream, without its rows, up to where it ended when somebody asked; each stretch once.
 */
import type { LogBatch, LogEnd, Statement } from '../model/ports.ts';
import { comparePoints, covers, coversGtid, type LogPoint, parsePosition } from '../model/position.ts';

/** The log from a position on. */
export interface LogReading extends AsyncDisposable {
  /** Behind the last whole transaction that was read. */
  readonly position: string;
  next(signal: AbortSignal): Promise<LogBatch>;
}

export interface LookAheadOptions {
  readonly logEnd: () => Promise<LogEnd>;
  /** No table is wanted. */
  readonly open: (from: string) => Promise<LogReading>;
  readonly signal: AbortSignal;
}

export class LookAhead {
  readonly #options: LookAheadOptions;
  #definitions: Statement[] = [];
  /** Everything before this was looked at. */
  #reached: LogEnd | null = null;

  constructor(options: LookAheadOptions) {
    this.#options = options;
  }

  /** Every definition between a place, by its position, and the end that the log has after this is called. */
  async from(place: { readonly position: string; readonly point: LogPoint | null }): Promise<readonly Statement[]> {
    const end = await this.#options.logEnd();
    const passed = parsePosition(place.position);
    this.#definitions = this.#definitions.filter(({ gtid }) => !coversGtid(passed, gtid));
    if (covers(passed, parsePosition(end.position))) return this.#definitions;
    const reached = this.#reached;
    const further = reached !== null && (place.point === null || comparePoints(reached.point, place.point) >= 0);
    const begin = further ? reached : place;
    if (begin.point === null || comparePoints(begin.point, end.point) < 0) await this.#look(begin.position, end.point);
    return this.#definitions;
  }

  async #look(from: string, end: LogPoint): Promise<void> {
    const { open, signal } = this.#options;
    await using stream = await open(from);
    const known = new Set(this.#definitions.map(({ gtid }) => gtid));
    for (;;) {
      const { items, point } = await stream.next(signal);
      for (const item of items) if (item.kind === 'statement' && !known.has(item.gtid)) this.#definitions.push(item);
      this.#reached = { position: stream.position, point };
      if (comparePoints(point, end) >= 0) return;
    }
  }
}
