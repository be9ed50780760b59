import { expect, test } from 'vitest';
import type { ForeignKey, TableShape } from '../../src/model/row.ts';
import { parentsFirst } from '../../src/replication/cascades.ts';
import { shape } from './model.ts';

const key = (parentTable: string): ForeignKey => ({
  name: `to_${parentTable}`,
  columns: [0],
  parentSchema: 'shop',
  parentTable,
  parentColumns: ['id'],
  onDelete: 'CASCADE',
  onUpdate: 'RESTRICT',
});
const table = (name: string, ...parents: string[]): TableShape => shape({ name, foreignKeys: parents.map(key) });

test('parents come before their children, also where tables refer to each other or to others', () => {
  const tables = [table('a', 'c', 'x'), table('b', 'a', 'b'), table('c'), table('d', 'e'), table('e', 'd')];
  expect(parentsFirst(tables).map(({ name }) => name)).toEqual(['c', 'a', 'b', 'e', 'd']);
  expect(parentsFirst([])).toEqual([]);
});
