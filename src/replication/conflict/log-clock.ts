/**
 * The clock of a site, folded from its log: a hybrid logical clock (Kulkarni et al., 2014) in microseconds since 1970.
 *
 * Rules kept: it depends on the log alone, so a log that is read twice from one place gives the same clocks twice; and it
 * goes on only from the clock that belongs to where reading goes on, never from the present one. What was applied
 * raises it in log order, so that what follows it in the log is later, whatever the wall clocks say.
 */

/**
 * How far ahead of all before it a transaction may say it is, where any session can say so: the commit time in MariaDB's log
 * is what `SET timestamp` has set. A log that was quiet for longer, with nobody to write a heartbeat, catches up, so much
 * with each transaction.
 */
const FARTHEST_US = 86_400_000_000;

export class LogClock {
  #now: number;
  /** Whether it was begun with the clock that the log has there. */
  readonly exact: boolean;

  /** Whether sessions can set the time of their commits. */
  settable = true;

  /** @param clock where reading begins; null: not known, and then near it only */
  constructor(clock: number | null) {
    this.#now = clock ?? 0;
    this.exact = clock !== null;
  }

  get now(): number {
    return this.#now;
  }

  /** Reading goes on at a place that was read before. */
  back(clock: number): void {
    this.#now = clock;
  }

  /** A transaction. Its version, if users wrote it, is what the clock says then. */
  user(committedUs: number): void {
    const wanted = Math.max(this.#now + 1, committedUs);
    const farthest = this.settable && this.#now > 0 ? this.#now + FARTHEST_US : Number.POSITIVE_INFINITY;
    this.#now = Math.min(wanted, farthest);
  }

  /** It brings what was applied: the clock of its source's log where that ends. */
  applied(clock: number): void {
    this.#now = Math.max(this.#now, clock);
  }

  /** A heartbeat of the site's own owner. No user sets its time, so it has no limit. */
  beat(committedUs: number): void {
    this.#now = Math.max(this.#now + 1, committedUs);
  }
}
