/** The copy of existing rows as the first site makes it, for each other site on its own. */
import type { Image, TableShape } from '../../../src/model/row.ts';
import { compareKeys } from '../simulator/database.ts';
import type { Random } from '../simulator/random.ts';
import { TABLES } from '../simulator/schema.ts';
import type { CopyCursor, MeshDatabase } from './database.ts';

/** A chunk between its two watermarks. */
export interface PendingChunk {
  readonly id: number;
  readonly table: TableShape;
  rows: readonly Image[] | null;
  next: CopyCursor;
  /** Row keys changed since the low watermark; null before it was read. */
  changed: Set<string> | null;
}

/** Goes on one step at a time. */
export class MeshCopier {
  readonly #source: MeshDatabase;
  readonly #target: MeshDatabase;
  readonly #random: Random;
  #cursor: CopyCursor;
  #stage: 'low' | 'read' | 'high' | 'wait' = 'low';
  /** The stream takes it away at the high watermark. */
  pending: PendingChunk | null = null;

  constructor(source: MeshDatabase, target: MeshDatabase, random: Random) {
    this.#source = source;
    this.#target = target;
    this.#random = random;
    this.#cursor = target.from(source.site).cursor;
  }

  get done(): boolean {
    return this.#cursor.table === TABLES.length && this.pending === null;
  }

  /** The stream was opened again: go on where the target has come. */
  reset(): void {
    this.#cursor = this.#target.from(this.#source.site).cursor;
    this.#stage = 'low';
    this.pending = null;
  }

  step(): void {
    if (this.done) return;
    const { table: at, after } = this.#cursor;
    switch (this.#stage) {
      case 'low': {
        const id = this.#source.entries.length + 1;
        this.pending = { id, table: TABLES[at]!, rows: null, next: this.#cursor, changed: null };
        this.#source.write('low', [], null);
        this.#stage = 'read';
        return;
      }
      case 'read': {
        const limit = 1 + this.#random.below(3);
        const behind = this.#source.list(TABLES[at]!).filter(([id]) => after === null || compareKeys(id!, after) > 0);
        const rows = behind.slice(0, limit);
        this.pending!.rows = rows;
        this.pending!.next =
          rows.length < limit ? { table: at + 1, after: null } : { table: at, after: rows.at(-1)![0]! };
        this.#stage = 'high';
        return;
      }
      case 'high':
        this.#cursor = this.pending!.next;
        this.#source.write('high', [], null, this.pending!.id);
        this.#stage = 'wait';
        return;
      case 'wait':
        if (this.pending === null) this.#stage = 'low';
    }
  }
}
