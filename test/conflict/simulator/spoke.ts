/** The spoke's owner: what comes from the hub is placed, always. */
import type { Write } from '../../../src/model/load.ts';
import type { Delivery } from '../../../src/model/row.ts';
import { inTurn, type LoadChange, placingWrites } from '../../../src/replication/window.ts';
import { sequenceOf } from './database.ts';
import { type LoaderOptions, Owner, takeWindow, type Window } from './loading.ts';
import { loadOf } from './schema.ts';
import { Blocked, Duplicate, Transaction } from './transaction.ts';

export class Spoke {
  readonly #options: LoaderOptions;
  readonly #owner: Owner;
  #stage: 'idle' | 'begin' | 'cleared' = 'idle';
  #window: Window | null = null;
  #transaction: Transaction | null = null;
  #rest: readonly Write[] = [];

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#owner = new Owner(options);
  }

  get idle(): boolean {
    return this.#stage === 'idle';
  }

  /** Whether another owner has to wait with its claim. */
  get busy(): boolean {
    return this.#owner.busy;
  }

  restart(): void {
    this.#rollback();
    this.#window = null;
    this.#stage = 'idle';
  }

  step(queue: Delivery[]): void {
    try {
      this.#step(queue);
    } catch (error) {
      // Two write as one pipeline: who finds the other's locks waits for them.
      if (!(error instanceof Blocked && this.#options.has('stale owner not fenced'))) throw error;
      this.#rollback();
      this.#stage = 'begin';
    }
  }

  #step(queue: Delivery[]): void {
    const { database, pipeline, has } = this.#options;
    switch (this.#stage) {
      case 'idle':
        this.#window = takeWindow(queue, this.#options);
        if (this.#window !== null) this.#stage = 'begin';
        return;
      case 'begin': {
        if (this.#owner.fenced) {
          this.restart();
          return;
        }
        if (this.#window!.fromSeq !== database.checkpoint(pipeline).seq && !has('window applied twice')) {
          this.restart();
          return;
        }
        const skips = has('spoke skips a colliding row');
        const runs = has('answers merged with rows') ? [this.#window!.deliveries] : inTurn(this.#window!.deliveries);
        const [first = [], ...others] = runs.map((run) =>
          placingWrites(run.flatMap(placed), true).filter(({ kind }) => kind !== 'evict' || !skips),
        );
        const clears = ({ kind }: Write): boolean => kind === 'delete' || kind === 'evict';
        this.#transaction = new Transaction(database, this.#owner.holder);
        this.#transaction.run(first.filter(clears));
        this.#rest = [...first.filter((write) => !clears(write)), ...others.flat()];
        database.locks.hold(this.#owner.holder, this.#transaction.locks);
        this.#stage = 'cleared';
        return;
      }
      case 'cleared':
        // A user may have taken a key or a value in between, which nobody could lock: then it is done again.
        if (this.#insert()) this.#commit();
        else {
          this.#rollback();
          this.#stage = 'begin';
        }
    }
  }

  #insert(): boolean {
    const skips = this.#options.has('spoke skips a colliding row');
    for (const write of this.#rest) {
      if (write.kind !== 'insert' && write.kind !== 'upsert') {
        this.#transaction!.run([write]);
        continue;
      }
      for (const row of write.rows) {
        try {
          this.#transaction!.run([{ ...write, rows: [row] }]);
        } catch (error) {
          if (!(error instanceof Duplicate)) throw error;
          if (!skips) return false;
        }
      }
    }
    return true;
  }

  #commit(): void {
    const { database, channel, pipeline, random } = this.#options;
    const last = this.#window!.deliveries.at(-1)!;
    this.#transaction!.commit();
    const checkpoint = database.checkpoint(pipeline);
    let { cursor } = checkpoint;
    for (const delivery of this.#window!.deliveries) {
      if (delivery.kind !== 'chunk') continue;
      const table = channel.tables.indexOf(delivery.chunk.table);
      cursor =
        delivery.chunk.cursor === null
          ? { table: table + 1, after: null }
          : { table, after: delivery.chunk.cursor[0]! };
    }
    database.store(pipeline, { ...checkpoint, seq: checkpoint.seq + 1, position: last.position, cursor });
    database.append({ kind: 'applied', pipeline, mark: last.position, changes: this.#transaction!.changes });
    database.truth = { ...database.truth, [pipeline]: sequenceOf(last.position) };
    this.#rollback();
    if (random.chance(0.04)) this.#stage = 'begin';
    else this.restart();
  }

  #rollback(): void {
    this.#transaction = null;
    this.#options.database.locks.release(this.#owner.holder);
  }
}

/** A delivery in the terms of `placingWrites`, as the site's loader makes them. */
function placed(delivery: Delivery): LoadChange[] {
  switch (delivery.kind) {
    case 'changes':
      return delivery.changes.map((change) => ({
        kind: change.kind,
        table: loadOf(change.table),
        before: change.kind === 'insert' ? null : change.before,
        after: change.kind === 'delete' ? null : change.after,
        fkChecks: true,
      }));
    case 'chunk':
      return delivery.chunk.rows.map((after) => ({
        kind: 'insert',
        table: loadOf(delivery.chunk.table),
        before: null,
        after,
        fkChecks: false,
      }));
    case 'answers':
      return delivery.answers.map(({ table, key, image }) =>
        image === null
          ? {
              kind: 'delete',
              table: loadOf(table),
              before: [...key, ...table.columns.slice(1).map(() => null)],
              after: null,
              fkChecks: false,
            }
          : { kind: 'insert', table: loadOf(table), before: null, after: image, fkChecks: false },
      );
    case 'beat':
    case 'resync':
    case 'table':
    case 'definition':
    case 'kept':
      return [];
    default:
      throw new Error(delivery satisfies never);
  }
}
