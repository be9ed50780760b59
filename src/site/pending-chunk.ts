/**
 * The chunk of existing rows that is in flight between its two watermarks.
 *
 * Rule kept: what the log changes between the watermarks is not sent from the chunk, since the log brings it; a chunk
 * whose rows may have changed without the log saying so is spoiled and read again.
 */
import { randomUUID } from 'node:crypto';
import { type CopyChunk, type Image, type RowChange, rowBytes, type TableShape, tableName } from '../model/row.ts';
import { keyText } from '../replication/load-table.ts';

/** Tables whose changes reach others by cascades that the log does not show, with the columns that these refer to, in small letters. */
export type Parents = ReadonlyMap<string, ReadonlySet<string>>;

export class PendingChunk {
  readonly id = randomUUID();
  readonly table: TableShape;
  readonly outcome: Promise<'sent' | 'spoiled'>;
  /** Settles the outcome; the first call counts. */
  readonly settle: (outcome: 'sent' | 'spoiled') => void;
  /** Settles when the low watermark has passed the reader, or never will. */
  readonly begun: Promise<void>;
  readonly #begin: () => void;
  /** Set by the copier before the high watermark is written. */
  chunk: CopyChunk | null = null;
  readonly #cascadeParents: Parents;
  /** Keys changed since the low watermark; null before it. */
  #changed: Set<string> | null = null;
  #spoiled = false;

  /** `cascadeParents`: tables whose deletes reach this one by cascades that the log does not show; see `copy.ts`. */
  constructor(table: TableShape, cascadeParents: Parents) {
    this.table = table;
    this.#cascadeParents = cascadeParents;
    const { promise, resolve } = Promise.withResolvers<'sent' | 'spoiled'>();
    this.outcome = promise;
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.#begin = begun.resolve;
    this.settle = (outcome) => {
      resolve(outcome);
      begun.resolve();
    };
  }

  /** The low watermark passed the reader. */
  low(): void {
    this.#changed = new Set();
    this.#begin();
  }

  note(change: RowChange): void {
    const { table } = this;
    if (this.#changed === null) return;
    const isParent = this.#cascadeParents.has(tableName(change.table));
    if (isParent && (change.kind === 'delete' || movesChildren(change, this.#cascadeParents))) this.#spoiled = true;
    if (change.table.schema !== table.schema || change.table.name !== table.name) return;
    if (change.kind !== 'insert') this.#changed.add(keyText(change.before, change.table.primaryKey));
    if (change.kind !== 'delete') this.#changed.add(keyText(change.after, change.table.primaryKey));
  }

  /** The high watermark passed the reader: what is left of the chunk, or null when it is spoiled. */
  high(): CopyChunk | null {
    const { chunk, table } = this;
    const changed = this.#changed;
    if (this.#spoiled || changed === null || chunk === null) return null;
    return { ...chunk, rows: chunk.rows.filter((row) => !changed.has(keyText(row, table.primaryKey))) };
  }
}

/** Whether a row gets other values where keys of its children refer to it. */
export function movesChildren(change: RowChange, parents: Parents): boolean {
  const { kind, table } = change;
  if (kind !== 'update') return false;
  const columns = parents.get(tableName(table));
  if (columns === undefined) return false;
  const { before, after } = change;
  return table.columns.some(({ name }, index) => columns.has(name.toLowerCase()) && before[index] !== after[index]);
}

/** Roughly what rows take in memory. */
export function chunkBytes(rows: readonly Image[]): number {
  let bytes = 128;
  for (const row of rows) bytes += rowBytes(row);
  return bytes;
}
