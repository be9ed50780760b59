/**
 * The chunks of a pipeline's copy, at its source: the one that is being read, and those that are on their way.
 *
 * Rule kept: few are on their way, so that what users write waits behind a moment's copying and no more, however slow the
 * target is. They count until the target has applied them.
 */
import { covers, type Position, parsePosition } from '../model/position.ts';
import { type CopyChunk, type Image, type RowChange, type TableShape, tableName } from '../model/row.ts';
import { type Extract, travelling } from '../replication/load-table.ts';
import { chunkBytes, movesChildren, type Parents, type PendingChunk } from './pending-chunk.ts';

export interface ChunksOptions {
  /** How the rows of a table travel; null when it is not in the pipeline. */
  readonly routeOf: (table: TableShape) => Extract | null;
}

/** About what a target writes in a second or two, and enough to keep it at work over a long line or behind a backlog. */
const UNDER_WAY_ROWS = 40_000;
const UNDER_WAY_BYTES = 4 << 20;

export class Chunks {
  readonly #options: ChunksOptions;
  /** The chunk that is being read, if any. */
  pending: PendingChunk | null = null;
  /** Parents of the table that is being copied, whose keys are part of its own; and whether one of them has changed. */
  movers: { readonly parents: Parents; moved: boolean } | null = null;
  #underWay: { readonly position: Position; readonly rows: number; readonly bytes: number }[] = [];
  #wake: (() => void) | null = null;

  constructor(options: ChunksOptions) {
    this.#options = options;
  }

  /** Rows that the log changes are not sent from the chunk that is being read. */
  note(changes: readonly RowChange[]): void {
    const { movers } = this;
    if (movers !== null && !movers.moved)
      movers.moved = changes.some((change) => movesChildren(change, movers.parents));
    if (this.pending !== null) for (const change of changes) this.pending.note(change);
  }

  /** A table has been changed or emptied: what was read of it before does not count. */
  changed(tables: ReadonlySet<string>): void {
    const { pending } = this;
    if (pending === null || !tables.has(tableName(pending.table))) return;
    this.pending = null;
    pending.settle('spoiled');
  }

  /** A watermark has come by in the log; returns what is to be sent there. */
  watermark(id: string, level: 'low' | 'high', position: string): { chunk: CopyChunk; bytes: number } | null {
    const { pending } = this;
    if (pending === null || pending.id !== id) return null;
    if (level === 'low') {
      pending.low();
      return null;
    }
    this.pending = null;
    const left = pending.high();
    // The table may have left the pipeline since its rows were read.
    const route = this.#options.routeOf(pending.table);
    if (left === null || route === null || this.movers?.moved === true) {
      pending.settle('spoiled');
      return null;
    }
    const travel = (): readonly Image[] => left.rows.flatMap((row) => travelling(row, route));
    const rows = route.bounded === null ? travel() : route.bounded(travel);
    const bytes = chunkBytes(left.rows);
    this.#underWay.push({ position: parsePosition(position), rows: rows.length, bytes });
    pending.settle('sent');
    return { chunk: { ...left, table: route.shape, rows }, bytes };
  }

  /** The target has applied everything up to there. */
  applied(position: string): void {
    if (this.#underWay.length === 0) return;
    const reached = parsePosition(position);
    this.#underWay = this.#underWay.filter((chunk) => !covers(reached, chunk.position));
    this.#wake?.();
  }

  /** Settles when another may be read; at once when the signal aborts. */
  async whenRoom(signal: AbortSignal): Promise<void> {
    while (this.#full && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      this.#wake = null;
    }
  }

  get #full(): boolean {
    let rows = 0;
    let bytes = 0;
    for (const chunk of this.#underWay) {
      rows += chunk.rows;
      bytes += chunk.bytes;
    }
    return rows >= UNDER_WAY_ROWS || bytes >= UNDER_WAY_BYTES;
  }
}
