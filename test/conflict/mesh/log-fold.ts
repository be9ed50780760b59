/** What a reader folds from a site's log: its clock, and what the site has seen. */
import type { SeenPlace } from '../../../src/model/seen.ts';
import { LogClock } from '../../../src/replication/conflict/log-clock.ts';

export type LogPoint = SeenPlace;

export interface FoldState {
  readonly clock: number;
  /** Of each other site, how much of its log had been applied. */
  readonly seen: Readonly<Record<string, LogPoint>>;
}

export class LogFold {
  readonly #clock: LogClock;
  #seen: FoldState['seen'];

  constructor({ clock, seen }: FoldState) {
    this.#clock = new LogClock(clock);
    this.#seen = seen;
  }

  get state(): FoldState {
    return { clock: this.#clock.now, seen: this.#seen };
  }

  /** Returns the clock of its version. */
  user(committed: number): number {
    this.#clock.user(committed);
    return this.#clock.now;
  }

  applied(site: string, point: LogPoint): void {
    this.#clock.applied(point.clock);
    this.#seen = { ...this.#seen, [site]: point };
  }

  beat(committed: number): void {
    this.#clock.beat(committed);
  }
}
