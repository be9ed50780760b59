/**
 * A pipeline that does everything but the writes: it reads, filters, matches tables and counts, and its checkpoint moves.
 *
 * Rule kept: no table of users is made, written or emptied, and nothing is recorded by which another pipeline, or this one when it
 * writes, would take rows for its own.
 */

import type { Checkpoint, LoadSession, TargetPort } from '../model/load.ts';
import type { DryCounts } from '../model/records.ts';
import { nameNow } from '../model/renamed.ts';
import { type Delivery, type TableShape, tableName } from '../model/row.ts';
import { type Applied, loadChanges, type Strategy } from './load.ts';
import type { TargetTables } from './tables.ts';

/** What is asked of a target about users' tables. */
export type TablesPort = Pick<
  TargetPort,
  | 'shape'
  | 'folds'
  | 'unguardedTriggers'
  | 'createTable'
  | 'hasRows'
  | 'shared'
  | 'keepDefinition'
  | 'known'
  | 'beginTable'
  | 'begunTables'
>;

/** Tables that would be made are there in name only. */
export function dryTables(target: TablesPort): TablesPort {
  const imagined = new Map<string, TableShape>();
  return {
    shape: async (schema, name) =>
      (await target.shape(schema, name)) ?? imagined.get(tableName({ schema, name })) ?? null,
    folds: () => target.folds(),
    keepDefinition: async () => undefined,
    beginTable: async () => undefined,
    begunTables: (pipeline) => target.begunTables(pipeline),
    unguardedTriggers: (schema, name) => target.unguardedTriggers(schema, name),
    createTable: async ({ table }, { schema, name }, rename) => {
      const columns = table.columns.map(({ computed, ...column }) => ({
        ...column,
        name: computed === true ? column.name : nameNow(rename, column.name),
      }));
      const alone = { foreignKeys: [], referencedBy: [], triggers: [] };
      imagined.set(tableName({ schema, name }), { ...table, ...alone, schema, name, columns });
      return [];
    },
    hasRows: async (schema, name) =>
      (await target.shape(schema, name)) !== null && (await target.hasRows(schema, name)),
    shared: (pipeline, table, place) => target.shared(pipeline, table, place),
    known: (pipeline) => target.known(pipeline),
  };
}

export class DryStrategy implements Strategy {
  readonly #tables: TargetTables;

  constructor(tables: TargetTables) {
    this.#tables = tables;
  }

  async begin(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
  ): Promise<Applied> {
    await session.begin('read committed', false, from, to, []);
    return this.#counted(deliveries);
  }

  async more(_: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    return this.#counted(deliveries);
  }

  async end(): Promise<void> {}

  committed(): void {}

  ended(): void {}

  #counted(deliveries: readonly Delivery[]): Applied {
    const dry = new Map<string, DryCounts>();
    let rows = 0;
    for (const delivery of deliveries) {
      for (const { kind, table } of loadChanges(delivery, this.#tables)) {
        const name = tableName(table.target);
        const { insert, update, delete: gone } = dry.get(name) ?? { insert: 0, update: 0, delete: 0 };
        dry.set(name, {
          insert: insert + (kind === 'insert' ? 1 : 0),
          update: update + (kind === 'update' ? 1 : 0),
          delete: gone + (kind === 'delete' ? 1 : 0),
        });
        rows += 1;
      }
    }
    return { rows, conflicts: 0, drift: 0, dry };
  }
}
