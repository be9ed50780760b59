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

/** A key that no row has. */
export interface AbsentKey {
  /** As `keyText` has it of a row of the log; null: it may be spelled otherwise there, so any row that comes may have it. */
  readonly text: string | null;
  /** Values of the primary key as they travel. */
  readonly travels: Image;
}

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
  /** Of rows that are sent again: keys of those that are not there; null: it is a copy. */
  absent: readonly AbsentKey[] | null = null;
  readonly #cascadeParents: Parents;
  /** Keys changed since the low watermark; null before it. */
  #changed: Set<string> | null = null;
  #spoiled = false;
  /** Since then a row has come into the table, or got another key. */
  #came = false;

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
    if (change.kind === 'insert') this.#came = true;
    else this.#changed.add(keyText(change.before, change.table.primaryKey));
    if (change.kind === 'delete') return;
    const key = keyText(change.after, change.table.primaryKey);
    if (change.kind === 'update' && key !== keyText(change.before, change.table.primaryKey)) this.#came = true;
    this.#changed.add(key);
  }

  /** The high watermark passed the reader: what is left of the chunk, or null when it is spoiled. */
  high(): CopyChunk | null {
    const { chunk, table } = this;
    const changed = this.#changed;
    if (this.#spoiled || changed === null || chunk === null) return null;
    if (this.#came && this.absent?.some(({ text }) => text === null) === true) return null;
    return { ...chunk, rows: chunk.rows.filter((row) => !changed.has(keyText(row, table.primaryKey))) };
  }

  /** Behind the high watermark: keys, as they travel, of rows that are still not there. */
  get stillAbsent(): readonly Image[] {
    return (this.absent ?? []).flatMap(({ text, travels }) =>
      text !== null && this.#changed?.has(text) === true ? [] : [travels],
    );
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
