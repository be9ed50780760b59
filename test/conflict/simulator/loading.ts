/** What both loaders have in common: how deliveries become windows. */
import type { Delivery } from '../../../src/model/row.ts';
import { type Database, sequenceOf } from './database.ts';
import type { Fault } from './faults.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';

export interface LoaderOptions {
  readonly database: Database;
  readonly other: Database;
  readonly random: Random;
  readonly oracle: Oracle;
  readonly has: (fault: Fault) => boolean;
}

export interface Window {
  readonly deliveries: readonly Delivery[];
  readonly fromSeq: number;
}

/** The next deliveries as one window: those behind the checkpoint only, since a link may send again what was applied. */
export function takeWindow(queue: Delivery[], { database, random, has }: LoaderOptions): Window | null {
  const deliveries: Delivery[] = [];
  const most = 1 + random.below(5);
  while (queue.length > 0 && deliveries.length < most) {
    const delivery = queue.shift()!;
    if (sequenceOf(delivery.position) > sequenceOf(database.checkpoint.position) || has('window applied twice'))
      deliveries.push(delivery);
  }
  return deliveries.length === 0 ? null : { deliveries, fromSeq: database.checkpoint.seq };
}
