/** Channels of a history: all tables in one, or divided between two, each with its own pipelines, in one log per database. */
import type { TableShape } from '../../../src/model/row.ts';
import { Random } from './random.ts';
import { ITEM, NOTE, TABLES, TALLY } from './schema.ts';

export interface Channel {
  readonly name: string;
  /** In the order in which they are copied. */
  readonly tables: readonly TableShape[];
}

const ONE: readonly Channel[] = [{ name: 'shop', tables: TABLES }];
const TWO: readonly Channel[] = [
  { name: 'shop', tables: [ITEM] },
  { name: 'more', tables: [NOTE, TALLY] },
];

/** Three of ten histories have two. */
export function channelsOf(seed: number, count = new Random(seed + 6_000_000).chance(0.3) ? 2 : 1): readonly Channel[] {
  return count === 1 ? ONE : TWO;
}

/** Pipelines of the channel between the hub `s` and a spoke: `out` runs to the spoke, `back` from it. */
export function pipelinesOf({ name }: Channel, spoke: string): { readonly out: string; readonly back: string } {
  return { out: `${name}/s>${spoke}`, back: `${name}/${spoke}>s` };
}

/** What of these changes the channel carries. */
export function routed<T extends { readonly table: TableShape }>(
  { tables }: Channel,
  changes: readonly T[],
): readonly T[] {
  if (tables.length === TABLES.length || changes.every(({ table }) => tables.includes(table))) return changes;
  return changes.filter(({ table }) => tables.includes(table));
}
