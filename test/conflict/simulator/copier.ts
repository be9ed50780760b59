/** The copy of existing rows as the hub makes it, for each spoke on its own. */
import type { Channel } from './channels.ts';
import { compareKeys, type Database } from './database.ts';
import type { Random } from './random.ts';
import { KEYS } from './schema.ts';
import type { HubStream } from './streams.ts';

/** Copies the hub's rows to one spoke in chunks between watermarks, one step at a time. */
export class Copier {
  readonly #database: Database;
  readonly #channel: Channel;
  readonly #pipeline: string;
  readonly #stream: HubStream;
  readonly #random: Random;
  #table: number;
  #after: string | null;
  #chunks = 0;
  #stage: 'low' | 'read' | 'high' | 'wait' = 'low';

  constructor(database: Database, channel: Channel, pipeline: string, stream: HubStream, random: Random) {
    this.#database = database;
    this.#channel = channel;
    this.#pipeline = pipeline;
    this.#stream = stream;
    this.#random = random;
    this.#table = 0;
    this.#after = null;
  }

  get done(): boolean {
    return this.#table === this.#channel.tables.length;
  }

  /** The stream was opened again: go on where the spoke has come. */
  reset(cursor: { readonly table: number; readonly after: string | null }): void {
    this.#table = cursor.table;
    this.#after = cursor.after;
    this.#stage = 'low';
  }

  /** `mayWatermark`: no window from this spoke stands between its check and its commit. */
  step(mayWatermark: boolean): void {
    if (this.done) return;
    const { log } = this.#database;
    switch (this.#stage) {
      case 'low':
        this.#chunks = log.length + 1;
        this.#stream.pending = { id: this.#chunks, table: this.#table, rows: null, last: false, changed: null };
        this.#database.append({ kind: 'low', pipeline: this.#pipeline, chunk: this.#chunks });
        this.#stage = 'read';
        return;
      case 'read': {
        const limit = 1 + this.#random.below(3);
        const rows = this.#database
          .list(this.#channel.tables[this.#table]!)
          .filter(([id]) => this.#after === null || compareKeys(id!, this.#after) > 0);
        const { pending } = this.#stream;
        pending!.rows = rows.slice(0, limit);
        pending!.last = rows.length < limit;
        this.#stage = 'high';
        return;
      }
      case 'high': {
        if (!mayWatermark) return;
        const table = this.#channel.tables[this.#table]!;
        const locks = this.#stream.pending!.rows!.flatMap((row) => KEYS.touched(table, null, row));
        this.#database.append({ kind: 'high', pipeline: this.#pipeline, chunk: this.#chunks, locks });
        const { rows, last } = this.#stream.pending!;
        this.#after = last ? null : rows!.at(-1)![0]!;
        if (last) this.#table += 1;
        this.#stage = 'wait';
        return;
      }
      case 'wait':
        if (this.#stream.pending === null) this.#stage = 'low';
    }
  }
}
