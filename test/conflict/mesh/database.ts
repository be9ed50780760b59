/** The model's database as a site of a mesh: its log has commit times, and what loaders leave in it. */
import type { AppliedTouches, RowChange } from '../../../src/model/row.ts';
import type { PeerPoint } from '../../../src/replication/conflict/mesh/stability.ts';
import type { Version } from '../../../src/replication/conflict/mesh/version.ts';
import { Database, type LogEntry } from '../simulator/database.ts';
import { type FoldState, LogFold, type LogPoint } from './log-fold.ts';

/** The row of the pipeline from a peer, with the fold of the peer's log at its position. */
export interface MeshCheckpoint extends LogPoint {
  readonly seq: number;
  readonly seen: FoldState['seen'];
  readonly cursor: CopyCursor;
}

/** How far the copy from the peer has come. */
export interface CopyCursor {
  /** Index into `TABLES`; behind the last one when the copy is done, or there is none. */
  readonly table: number;
  readonly after: string | null;
}

/** What an applied transaction leaves in the log. */
export interface Mark extends LogPoint {
  readonly source: string;
  readonly record: readonly AppliedTouches[];
}

/** The truth, which no rule may see. */
export interface Truth {
  readonly version: Version;
  /** How many entries of each site's log this database held before this one. */
  readonly saw: Readonly<Record<string, number>>;
}

export interface MeshEntry {
  readonly sequence: number;
  readonly kind: 'user' | 'applied' | 'beat' | 'low' | 'high';
  /** Commit time by the server, microseconds. */
  readonly time: number;
  readonly changes: readonly RowChange[];
  readonly mark: Mark | null;
  /** Of a high watermark: the chunk. */
  readonly chunk: number;
  readonly truth: Truth;
}

export interface MeshDatabaseOptions {
  readonly site: string;
  readonly server: number;
  readonly start: number;
  /** Commit time of the next entry. */
  readonly now: (kind: MeshEntry['kind']) => number;
}

export class MeshDatabase extends Database {
  readonly site: string;
  readonly entries: MeshEntry[] = [];
  readonly #options: MeshDatabaseOptions;
  #fold: LogFold;
  #saw: Record<string, number> = {};
  readonly #into = new Map<string, MeshCheckpoint>();

  constructor(options: MeshDatabaseOptions) {
    super(options.site, options.server);
    this.site = options.site;
    this.#options = options;
    this.#fold = this.#begin();
  }

  /** Where its log begins. */
  get first(): LogPoint {
    return { position: '0', clock: this.#options.start };
  }

  /** The rows stay, the log begins anew. */
  forget(): void {
    this.entries.length = 0;
    this.#fold = this.#begin();
  }

  /** The checkpoint row of the pipeline from `source`. */
  from(source: string): MeshCheckpoint {
    return this.#into.get(source)!;
  }

  move(source: string, row: MeshCheckpoint): void {
    this.#into.set(source, row);
  }

  get checkpoints(): ReadonlyMap<string, MeshCheckpoint> {
    return this.#into;
  }

  /** What the checkpoint rows say of the peers. */
  peers(): Map<string, PeerPoint> {
    return new Map([...this.#into].map(([source, { clock, seen }]) => [source, { clock, seen: seen[this.site]! }]));
  }

  override append(entry: Partial<LogEntry> & Pick<LogEntry, 'kind'>): LogEntry {
    this.write(entry.kind as MeshEntry['kind'], entry.changes ?? [], null);
    return this.entries.at(-1) as unknown as LogEntry;
  }

  write(kind: MeshEntry['kind'], changes: readonly RowChange[], mark: Mark | null, chunk = 0): MeshEntry {
    const time = this.#options.now(kind);
    const saw = this.#saw;
    if (kind === 'user') this.#fold.user(time);
    else if (kind === 'beat') this.#fold.beat(time);
    else if (mark !== null) {
      this.#fold.applied(mark.source, mark);
      this.#saw = { ...this.#saw, [mark.source]: Number(mark.position) };
    }
    const version = { clock: this.#fold.state.clock, site: this.site };
    const sequence = this.entries.length + 1;
    const entry: MeshEntry = { sequence, kind, time, changes, mark, chunk, truth: { version, saw } };
    this.entries.push(entry);
    return entry;
  }

  #begin(): LogFold {
    return new LogFold({ clock: this.#options.start, seen: {} });
  }
}
