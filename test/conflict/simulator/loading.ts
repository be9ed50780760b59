/** What both loaders have in common: how deliveries become windows. */
import type { Delivery } from '../../../src/model/row.ts';
import type { Channel } from './channels.ts';
import { type Database, sequenceOf } from './database.ts';
import type { Fault } from './faults.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';

export interface LoaderOptions {
  readonly database: Database;
  readonly channel: Channel;
  readonly other: Database;
  /** The pipeline that ends here. */
  readonly pipeline: string;
  readonly reverse: string;
  readonly random: Random;
  readonly oracle: Oracle;
  readonly has: (fault: Fault) => boolean;
}

/** Who owns a pipeline at its target: a later one fences all before it. */
export class Owner {
  /** As whom its transactions hold locks. */
  readonly holder: string;
  readonly #options: LoaderOptions;
  readonly #epoch: number;

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#epoch = options.database.claim(options.pipeline);
    this.holder = `${options.pipeline}#${this.#epoch}`;
  }

  /** Whether a transaction of its is open: until it ends, nobody can claim the pipeline. */
  get busy(): boolean {
    return this.#options.database.locks.has(this.holder);
  }

  /** A transaction begins with the checkpoint row, which another epoch has claimed. */
  get fenced(): boolean {
    const { database, pipeline, has } = this.#options;
    return !has('stale owner not fenced') && !database.owns(pipeline, this.#epoch);
  }
}

export interface Window {
  readonly deliveries: readonly Delivery[];
  readonly fromSeq: number;
}

/** The next deliveries as one window: those behind the checkpoint only, since a link may send again what was applied. */
export function takeWindow(queue: Delivery[], { database, pipeline, random, has }: LoaderOptions): Window | null {
  const { position, seq } = database.checkpoint(pipeline);
  const deliveries: Delivery[] = [];
  const most = 1 + random.below(5);
  while (queue.length > 0 && deliveries.length < most) {
    const delivery = queue.shift()!;
    if (sequenceOf(delivery.position) > sequenceOf(position) || has('window applied twice')) deliveries.push(delivery);
  }
  return deliveries.length === 0 ? null : { deliveries, fromSeq: seq };
}
