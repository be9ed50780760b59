/** The tables of the model: one with two unique keys besides its primary key, one with none and a text for a key, one of numbers. */

import type { LoadTable } from '../../../src/model/load.ts';
import type { ColumnShape, TableShape } from '../../../src/model/row.ts';
import { LockKeys } from '../../../src/replication/conflict/keys.ts';

function column(name: string, text: boolean): ColumnShape {
  return {
    name,
    type: text ? 'varchar(20)' : 'int(11)',
    charset: text ? 'utf8mb4' : null,
    collation: text ? 'utf8mb4_general_ci' : null,
    nullable: true,
    generated: false,
  };
}

function shape(name: string, columns: readonly ColumnShape[], uniques: TableShape['uniques']): TableShape {
  return {
    schema: 'shop',
    name,
    columns,
    primaryKey: [0],
    uniques,
    foreignKeys: [],
    referencedBy: [],
    triggers: [],
    engine: 'InnoDB',
  };
}

export const ITEM = shape(
  'item',
  [column('id', false), column('code', true), column('shelf', false), column('slot', false), column('amount', false)],
  [
    { name: 'code', columns: [1] },
    { name: 'place', columns: [2, 3] },
  ],
);
export const NOTE = shape('note', [column('id', true), column('amount', false)], []);
/** Rows that are there from the beginning, and whose amounts users only raise and lower. */
export const TALLY = shape('tally', [column('id', false), column('amount', false)], []);
export const TABLES: readonly TableShape[] = [ITEM, NOTE, TALLY];
export const TALLIES = ['1', '2'] as const;

const loads = new Map<TableShape, LoadTable>(
  TABLES.map((table) => [
    table,
    {
      source: table,
      target: table,
      columns: table.columns,
      key: table.primaryKey,
      uniques: table.uniques,
      extras: [],
      cuts: false,
    },
  ]),
);

export function loadOf(table: TableShape): LoadTable {
  return loads.get(table)!;
}

/** The model's server compares texts without regard to case and to spaces at the end. */
export const KEYS = new LockKeys((_column, value) => value.toLowerCase().replace(/ +'$/, "'"));

/** Rows from here on are written once, by nobody else, and take no value that another row could take. */
export const FRESH_FROM = 1000;
