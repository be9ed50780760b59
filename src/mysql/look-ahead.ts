/**
 * The definitions that stand in the log before a reader: what it must know of to tell whether the present structure of a
 * table is that of the rows it has come to.
 *
 * The log is read by a second stream, without its rows, up to where it ended when somebody asked. A stretch is looked at
 * once, however often a reader begins anew in it: one that stands still at a statement for hours tries again and again.
 */
import type { LogBatch, LogEnd, Statement } from '../model/ports.ts';
import { comparePoints, covers, coversGtid, type Position, parsePosition } from '../model/position.ts';

/** The log from a position on. */
export interface LogReading extends AsyncDisposable {
  /** Behind the last whole transaction that was read. */
  readonly position: string;
  next(signal: AbortSignal): Promise<LogBatch>;
}

export interface LookAheadOptions {
  readonly logEnd: () => Promise<LogEnd>;
  /** How many definitions are remembered [20,000]. */
  readonly definitionsMax?: number | undefined;
}

/** Reads the log from a position on, no table wanted. */
export type OpenLog = (from: string) => Promise<LogReading>;

const DEFINITIONS_MAX = 20_000;

export class LookAhead {
  readonly #options: LookAheadOptions;
  /** In the order of the log, from `#begin` to `#reached`. */
  #definitions: Statement[] = [];
  #begin: Position | null = null;
  #reached: string | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LookAheadOptions) {
    this.#options = options;
  }

  /** Every definition between the position and the end that the log has after this is called. */
  from(position: string, open: OpenLog, signal: AbortSignal): Promise<readonly Statement[]> {
    const found = this.#turn.then(async () => this.#from(position, open, signal));
    this.#turn = found.catch(() => undefined);
    return found;
  }

  async #from(position: string, open: OpenLog, signal: AbortSignal): Promise<readonly Statement[]> {
    const end = await this.#options.logEnd();
    const passed = parsePosition(position);
    if (covers(passed, parsePosition(end.position))) return [];
    // Further back than was looked at, or further on: then what lies between need not be.
    if (this.#begin === null || !covers(passed, this.#begin) || covers(passed, parsePosition(this.#reached!))) {
      this.#begin = passed;
      this.#reached = position;
      this.#definitions = [];
    }
    if (!covers(parsePosition(this.#reached!), parsePosition(end.position))) await this.#look(end, open, signal);
    const ahead = this.#definitions.filter(({ gtid }) => !coversGtid(passed, gtid));
    this.#forget();
    return ahead;
  }

  async #look(end: LogEnd, open: OpenLog, signal: AbortSignal): Promise<void> {
    const from = this.#reached!;
    const reached = parsePosition(from);
    const known = new Set(this.#definitions.map(({ gtid }) => gtid));
    await using stream = await open(from);
    for (;;) {
      const { items, point } = await stream.next(signal);
      for (const item of items)
        if (item.kind === 'statement' && !coversGtid(reached, item.gtid) && !known.has(item.gtid)) {
          known.add(item.gtid);
          this.#definitions.push(item);
        }
      if (comparePoints(point, end.point) < 0) continue;
      // The stream itself may be further on, by statements that it has not given out.
      const alike = parsePosition(end.position).family === reached.family;
      this.#reached = alike ? end.position : stream.position;
      return;
    }
  }

  /** The oldest, which hardly anybody will ask for again. */
  #forget(): void {
    const { definitionsMax = DEFINITIONS_MAX } = this.#options;
    if (this.#definitions.length <= definitionsMax) return;
    const gone = this.#definitions.splice(0, this.#definitions.length - Math.floor(definitionsMax / 2));
    this.#begin = parsePosition(gone.at(-1)!.position);
  }
}
