/** The reader of a site's log for one peer, and the link that carries what it reads. */
import type { RowChange } from '../../../src/model/row.ts';
import { type FoldState, LogFold, type LogPoint } from '../../../src/replication/conflict/mesh/log-fold.ts';
import type { MeshDatabase } from './database.ts';
import type { Fault } from './faults.ts';

export interface MeshDelivery {
  readonly sequence: number;
  /** The fold's at the entry: for changes the clock of their version. */
  readonly clock: number;
  /** What was seen of the target's log before it. */
  readonly seen: LogPoint;
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
      this.#fold.applied(mark.source, mark);
      if (this.#has('sent on') && changes.length > 0) this.#send(sequence, changes);
      return;
    }
    if (kind === 'user') this.#fold.user(time);
    else this.#fold.beat(time);
    this.#send(sequence, changes);
  }

  #send(sequence: number, changes: readonly RowChange[]): void {
    const { clock, seen } = this.#fold.state;
    this.queue.push({ sequence, changes, clock, seen: seen[this.#target.site]! });
  }

  #opened(): LogFold {
    const { position, clock, seen } = this.#target.from(this.#source.site);
    this.#at = Number(position);
    const present = this.#has('present clock after restart');
    return makeFold(
      this.#source,
      {
        clock: present ? (this.#source.entries.at(-1)?.truth.version.clock ?? clock) : clock,
        seen: {
          [this.#target.site]: this.#has('present seen after restart') ? this.#source.from(this.#target.site) : seen,
        },
      },
      this.#has,
    );
  }
}

/** The fold of a site's log; under `wall clock` one that nothing applied raises. */
export function makeFold(database: MeshDatabase, state: FoldState, has: (fault: Fault) => boolean): LogFold {
  const { bounded } = database;
  return has('wall clock') ? new WallClock({ state, bounded }) : new LogFold({ state, bounded });
}

class WallClock extends LogFold {
  #seen: FoldState['seen'] | null = null;

  override get state(): FoldState {
    const { clock, seen } = super.state;
    return { clock, seen: this.#seen ?? seen };
  }

  override applied(site: string, point: LogPoint): void {
    this.#seen = { ...this.state.seen, [site]: point };
  }
}
