/**
 * The clock of a site, and what the site has seen, folded from its log.
 *
 * Rules kept: the fold depends on the log alone, so a log that is read twice gives the same versions twice. It goes on
 * only from a state that belongs to the position where reading goes on, never from the present one. What was applied
 * raises the clock in log order, so that what follows it in the log is later, whatever the wall clocks say.
 */

/** A place in a site's log, and the fold's clock there. */
export interface LogPoint {
  readonly position: string;
  /** Microseconds since 1970. */
  readonly clock: number;
}

export interface FoldState {
  /** Microseconds since 1970. */
  readonly clock: number;
  /** Of each other site, how much of its log had been applied. A new object whenever it changes. */
  readonly seen: Readonly<Record<string, LogPoint>>;
}

/** How far ahead of everything before it a transaction of users may say it is, where they can say so. Microseconds. */
const FARTHEST = 3_600_000_000;

export interface LogFoldOptions {
  readonly state: FoldState;
  /** Users can set the commit time that the log has (MariaDB: `SET timestamp`), so it is taken with a limit. */
  readonly bounded: boolean;
}

export class LogFold {
  readonly #bounded: boolean;
  #clock: number;
  #seen: FoldState['seen'];

  constructor({ state, bounded }: LogFoldOptions) {
    this.#bounded = bounded;
    this.#clock = state.clock;
    this.#seen = state.seen;
  }

  /** At the position read last: what a checkpoint there must hold. */
  get state(): FoldState {
    return { clock: this.#clock, seen: this.#seen };
  }

  /** A transaction of users; `committed` in microseconds since 1970. Returns the clock of its version. */
  user(committed: number): number {
    const wanted = Math.max(this.#clock + 1, committed);
    this.#clock = this.#bounded ? Math.min(wanted, this.#clock + FARTHEST) : wanted;
    return this.#clock;
  }

  /** A window that was applied from `site`: how much of that one's log is applied now, by its checkpoint row. */
  applied(site: string, point: LogPoint): void {
    this.#clock = Math.max(this.#clock, point.clock);
    this.#seen = { ...this.#seen, [site]: point };
  }

  /** A heartbeat of the site's own owner. Its time is the server's, which no user sets, so it has no limit. */
  beat(committed: number): void {
    this.#clock = Math.max(this.#clock, committed);
  }
}
