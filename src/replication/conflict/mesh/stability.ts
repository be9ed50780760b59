/**
 * What every peer is known to have seen; and how far back in this site's log its registers reach.
 *
 * Rules kept: a write of site O is stable here when every peer but O has seen it, as the checkpoint rows *committed here*
 * say; of two sites everything applied is stable at once. Nothing before the floor is in the registers, so they can be
 * had again from the floor on. That peers have seen this site's log is not enough for it: what was applied here from O
 * stands in this log, and a peer hears of it from O alone, when it does.
 */
import type { FoldState } from './log-fold.ts';
import type { SeenClocks } from './version.ts';

/**
 * `seenBy`: for each peer what it had seen, by the checkpoint row here of the pipeline from it. Clocks are infinite where
 * no peer is left to ask.
 */
export function stableClocks(own: string, seenBy: ReadonlyMap<string, SeenClocks>): SeenClocks {
  const stable: Record<string, number> = {};
  for (const site of [own, ...seenBy.keys()]) {
    let least = Number.POSITIVE_INFINITY;
    for (const [peer, seen] of seenBy) if (peer !== site) least = Math.min(least, seen[site] ?? 0);
    stable[site] = least;
  }
  return stable;
}

/** A place in this site's log from which it can be read, with the fold's state there. */
export interface Floor extends FoldState {
  readonly position: string;
}

/**
 * The places to which registers may go back: one at each heartbeat of the own log. The floor is kept in the database, by
 * the heartbeat, and read there after a restart.
 */
export class Floors {
  readonly #own: string;
  readonly #floors: Floor[];

  constructor(own: string, first: Floor) {
    this.#own = own;
    this.#floors = [first];
  }

  /** A heartbeat was read, after all that stands before it was noted. */
  add(floor: Floor): void {
    this.#floors.push(floor);
  }

  /** The latest place before which everything is stable. */
  at(stable: SeenClocks): Floor {
    while (this.#floors.length > 1 && this.#covered(this.#floors[1]!, stable)) this.#floors.shift();
    return this.#floors[0]!;
  }

  #covered({ clock, seen }: Floor, stable: SeenClocks): boolean {
    if ((stable[this.#own] ?? 0) < clock) return false;
    return Object.entries(seen).every(([site, until]) => (stable[site] ?? 0) >= until);
  }
}
