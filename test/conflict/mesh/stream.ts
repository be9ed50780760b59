/** The reader of a site's log for one peer, and the link that carries what it reads. */
import type { Image, RowChange, TableShape } from '../../../src/model/row.ts';
import { KEYS } from '../simulator/schema.ts';
import type { MeshCopier } from './copier.ts';
import type { CopyCursor, MeshDatabase, MeshEntry } from './database.ts';
import type { Fault } from './faults.ts';
import { type FoldState, LogFold, type LogPoint } from './log-fold.ts';

export interface MeshDelivery {
  readonly sequence: number;
  /** The fold's at the entry: for changes the clock of their version. */
  readonly clock: number;
  /** What was seen before it. */
  readonly seen: FoldState['seen'];
  /** Empty for a heartbeat and for a chunk. */
  readonly changes: readonly RowChange[];
  /** Existing rows, and where the copy goes on behind them. */
  readonly chunk: { readonly table: TableShape; readonly rows: readonly Image[]; readonly next: CopyCursor } | null;
}

export interface MeshStreamOptions {
  readonly source: MeshDatabase;
  readonly target: MeshDatabase;
  readonly copier: MeshCopier;
  readonly has: (fault: Fault) => boolean;
}

export class MeshStream {
  readonly #source: MeshDatabase;
  readonly #target: MeshDatabase;
  readonly #has: (fault: Fault) => boolean;
  readonly copier: MeshCopier;
  readonly queue: MeshDelivery[] = [];
  #at = 0;
  #fold: LogFold;

  constructor({ source, target, copier, has }: MeshStreamOptions) {
    this.#source = source;
    this.#target = target;
    this.copier = copier;
    this.#has = has;
    this.#fold = this.#opened();
  }

  get atEnd(): boolean {
    return this.#at === this.#source.entries.length;
  }

  /** Starts again where the target's checkpoint says; what was on its way is lost. */
  reset(): void {
    this.queue.length = 0;
    this.copier.reset();
    this.#fold = this.#opened();
  }

  read(): void {
    const entry = this.#source.entries[this.#at];
    if (entry === undefined) return;
    this.#at += 1;
    const { sequence, kind, time, changes, mark } = entry;
    for (const change of changes) this.#noteForChunk(change);
    if (mark !== null) {
      this.#fold.applied(mark.source, mark);
      if (this.#has('sent on') && changes.length > 0) this.#send(sequence, changes);
      return;
    }
    if (kind === 'user') this.#fold.user(time);
    else if (kind === 'beat') this.#fold.beat(time);
    else {
      this.#watermark(entry);
      return;
    }
    this.#send(sequence, changes);
  }

  #send(sequence: number, changes: readonly RowChange[], chunk: MeshDelivery['chunk'] = null): void {
    this.queue.push({ sequence, changes, chunk, ...this.#fold.state });
  }

  #noteForChunk(change: RowChange): void {
    const changed = this.copier.pending?.changed;
    if (changed == null) return;
    if (change.kind !== 'insert') changed.add(KEYS.row(change.table, change.before));
    if (change.kind !== 'delete') changed.add(KEYS.row(change.table, change.after));
  }

  #watermark({ kind, sequence, chunk }: MeshEntry): void {
    const { pending } = this.copier;
    if (pending === null) return;
    if (kind === 'low' && pending.id === sequence) pending.changed = new Set();
    if (kind !== 'high' || pending.id !== chunk) return;
    this.copier.pending = null;
    const { table, rows, next, changed } = pending;
    const kept = this.#has('chunk as it was read') ? rows! : rows!.filter((row) => !changed!.has(KEYS.row(table, row)));
    this.#send(sequence, [], { table, rows: kept, next });
  }

  #opened(): LogFold {
    const { position, clock, seen } = this.#target.from(this.#source.site);
    this.#at = Number(position);
    const present = this.#has('present clock after restart');
    return makeFold(
      {
        clock: present ? (this.#source.entries.at(-1)?.truth.version.clock ?? clock) : clock,
        seen: this.#has('present seen after restart') ? Object.fromEntries(this.#source.checkpoints) : seen,
      },
      this.#has,
    );
  }
}

/** The fold of a site's log; under `wall clock` one that nothing applied raises. */
export function makeFold(state: FoldState, has: (fault: Fault) => boolean): LogFold {
  return has('wall clock') ? new WallClock(state) : new LogFold(state);
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
