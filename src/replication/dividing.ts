/**
 * Rows of a window on their way into lanes (`shares.ts`), and back again: after an interruption lanes stand at different
 * positions, and what comes again is rid of what was written.
 *
 * Rule kept: whatever is divided twice is divided alike, so that every row is written by exactly one lane, once.
 */
import type { Delivery, Image, RowChange, TableShape } from '../model/row.ts';
import { tableName } from '../model/row.ts';
import { type Division, hashKeyPart, laneOf, type Share, seedOf } from './shares.ts';

/** A row that no lane may write, since it cannot be told which others are the same row. */
const NOBODYS = 0;

type Prepared =
  | { readonly lane: number }
  | { readonly seed: number; readonly key: readonly { readonly index: number; readonly text: boolean }[] };

/** Divides rows as one `Division` says. */
export class Divider {
  readonly division: Division;
  readonly #toNow: (table: TableShape) => string;
  readonly #prepared = new Map<TableShape, Prepared>();

  /** @param toNow where rows of a source table go, `schema.table` */
  constructor(division: Division, toNow: (table: TableShape) => string) {
    this.division = division;
    this.#toNow = toNow;
  }

  /** The rows of each lane, by its number less one; null when one of them belongs to none. Whole transactions only. */
  split(deliveries: readonly Delivery[]): readonly (readonly RowChange[])[] | null {
    const lists: RowChange[][] = Array.from({ length: this.division.lanes }, () => []);
    for (const delivery of deliveries) {
      if (delivery.kind !== 'changes') continue;
      for (const change of delivery.changes) {
        const [from, to] = this.lanesOf(change);
        if (from === NOBODYS || to === NOBODYS) return null;
        if (from === to) lists[from - 1]!.push(change);
        else {
          const [gone, come] = halves(change);
          lists[from - 1]!.push(gone);
          lists[to - 1]!.push(come);
        }
      }
    }
    return lists;
  }

  /** The same deliveries without what lanes have written of them. @param has whether a lane has written this transaction */
  without(deliveries: readonly Delivery[], has: (lane: number, gtid: string) => boolean): readonly Delivery[] {
    return deliveries.map((delivery) => {
      if (delivery.kind !== 'changes') return delivery;
      const changes = delivery.changes.flatMap((change) => {
        const [from, to] = this.lanesOf(change);
        // Such a row was never written beside others.
        if (from === NOBODYS || to === NOBODYS) return [change];
        const [gone, come] = [has(from, delivery.gtid), has(to, delivery.gtid)];
        if (gone === come) return gone ? [] : [change];
        const [before, after] = halves(change);
        return gone ? [after] : [before];
      });
      return { ...delivery, changes };
    });
  }

  /** Of the row before the change and of the row after it; both the same where only one is there. */
  lanesOf(change: RowChange): readonly [number, number] {
    let prepared = this.#prepared.get(change.table);
    if (prepared === undefined) {
      prepared = this.#prepare(change.table);
      this.#prepared.set(change.table, prepared);
    }
    if ('lane' in prepared) return [prepared.lane, prepared.lane];
    const { lanes } = this.division;
    if (change.kind === 'update') {
      const from = this.#lane(prepared, change.before, lanes);
      return [from, isSameKey(prepared.key, change) ? from : this.#lane(prepared, change.after, lanes)];
    }
    const lane = this.#lane(prepared, change.kind === 'insert' ? change.after : change.before, lanes);
    return [lane, lane];
  }

  #lane({ seed, key }: Extract<Prepared, { seed: number }>, image: Image, lanes: number): number {
    let sum: number | null = seed;
    for (const { index, text } of key) {
      sum = hashKeyPart(sum, image[index]!, text);
      if (sum === null) return NOBODYS;
    }
    return laneOf(sum, lanes);
  }

  #prepare(table: TableShape): Prepared {
    const share: Share | undefined = this.division.tables[tableName(table)];
    // Of one that goes elsewhere now nothing was written there.
    if (share === undefined || share.to !== this.#toNow(table)) return { lane: NOBODYS };
    if ('lane' in share) return { lane: share.lane };
    const key = share.key.map(({ column, text }) => ({
      index: table.columns.findIndex(({ name }) => name === column),
      text,
    }));
    if (key.some(({ index }) => index < 0)) throw new Error(`${tableName(table)} has lost a column of its key`);
    return { seed: seedOf(share.to), key };
  }
}

function isSameKey(
  key: readonly { readonly index: number }[],
  { before, after }: { readonly before: Image; readonly after: Image },
): boolean {
  return key.every(({ index }) => before[index] === after[index]);
}

/** A row that gets another key goes from one place and comes to another. */
function halves(change: RowChange): readonly [RowChange, RowChange] {
  if (change.kind !== 'update') throw new Error('only an update has two keys');
  const { table, fkChecks, before, after } = change;
  return [
    { kind: 'delete', table, fkChecks, before },
    { kind: 'insert', table, fkChecks, after },
  ];
}
