/** The reader of a site's log for one peer, and the link that carries what it reads. */
import type { RowChange } from '../../../src/model/row.ts';
import { LogFold } from '../../../src/replication/conflict/mesh/log-fold.ts';
import type { SeenClocks } from '../../../src/replication/conflict/mesh/version.ts';
import type { MeshDatabase } from './database.ts';
import type { Fault } from './faults.ts';

export interface MeshDelivery {
  readonly sequence: number;
  /** The fold's state at the entry: for changes the clock of their version, and what was seen before them. */
  readonly clock: number;
  readonly seen: SeenClocks;
  /** Empty for a heartbeat. */
  readonly changes: readonly RowChange[];
}

export class MeshStream {
  readonly #source: MeshDatabase;
  readonly #target: MeshDatabase;
  readonly #has: (fault: Fault) => boolean;
  readonly queue: MeshDelivery[] = [];
  #at = 0;
  #fold: LogFold;

  constructor(source: MeshDatabase, target: MeshDatabase, has: (fault: Fault) => boolean) {
    this.#source = source;
    this.#target = target;
    this.#has = has;
    this.#fold = this.#opened();
  }

  get atEnd(): boolean {
    return this.#at === this.#source.entries.length;
  }

  /** Starts again where the target's checkpoint says; what was on its way is lost. */
  reset(): void {
    this.queue.length = 0;
    this.#fold = this.#opened();
  }

  read(): void {
    const entry = this.#source.entries[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    const { sequence, kind, time, changes, mark } = entry;
    if (mark !== null) {
      this.#fold.applied(mark.source, mark.clock);
      if (this.#has('sent on') && changes.length > 0) this.queue.push({ sequence, changes, ...this.#fold.state });
      return;
    }
    if (kind === 'user') this.#fold.user(time);
    else this.#fold.beat(time);
    this.queue.push({ sequence, changes, ...this.#fold.state });
  }

  #opened(): LogFold {
    const { sequence, clock, seen } = this.#target.from(this.#source.site);
    this.#at = sequence;
    const state = { clock, seen };
    if (this.#has('present seen after restart')) {
      const present = [...this.#source.seenBy().keys()].map((site) => [site, this.#source.from(site).clock] as const);
      state.seen = Object.fromEntries(present);
    }
    if (this.#has('present clock after restart')) state.clock = this.#source.entries.at(-1)?.truth.version.clock ?? clock;
    return makeFold(this.#source, state, this.#has);
  }
}

/** The fold of a site's log; under `wall clock` one that nothing applied raises. */
export function makeFold(
  database: MeshDatabase,
  state: { clock: number; seen: SeenClocks },
  has: (fault: Fault) => boolean,
): LogFold {
  const { bounded } = database;
  return has('wall clock') ? new WallClock({ state, bounded }) : new LogFold({ state, bounded });
}

class WallClock extends LogFold {
  #seen: SeenClocks | null = null;

  override get state(): { clock: number; seen: SeenClocks } {
    const { clock, seen } = super.state;
    return { clock, seen: this.#seen ?? seen };
  }

  override applied(site: string, clock: number): void {
    this.#seen = { ...this.state.seen, [site]: clock };
  }
}
