/** Of which tables the server is asked again when a definition is passed. */
import { beforeEach, expect, test } from 'vitest';
import type { Statement } from '../../src/model/ports.ts';
import type { TableShape } from '../../src/model/row.ts';
import { Structures } from '../../src/mysql/structures.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { plain } from './plain.ts';

function shape(name: string, more: Partial<TableShape> = {}): TableShape {
  const keys = { primaryKey: [], uniques: [], foreignKeys: [], referencedBy: [], triggers: [] };
  return { schema: 'shop', name, columns: [], engine: 'InnoDB', ...keys, ...more };
}

function statement(sql: string, schema = 'shop'): Statement {
  return { kind: 'statement', gtid: '0-1-1', position: 'mariadb:0-1-1', commitUs: 0, schema, sql, plain: plain(sql) };
}

const toOrders = { parentSchema: 'shop', parentTable: 'orders', parentColumns: [], columns: [] };
const TABLES = [
  shape('orders'),
  shape('line', { foreignKeys: [{ name: 'f', onDelete: 'RESTRICT', onUpdate: 'RESTRICT', ...toOrders }] }),
  shape('Client'),
  shape('odd`name'),
];

let structures: Structures;

beforeEach(() => {
  structures = new Structures({ definitions, wants: () => true });
  for (const table of TABLES) structures.provide('shop', table.name, table, []);
});

function asked(): string[] {
  return TABLES.map(({ name }) => name).filter((name) => structures.get('shop', name) === undefined);
}

test.each([
  ['CREATE TABLE other (id INT PRIMARY KEY)', ['odd`name']],
  ['CREATE VIEW other AS SELECT 1', ['odd`name']],
  ['ALTER TABLE `CLIENT` ADD INDEX (a)', ['Client', 'odd`name']],
  ['TRUNCATE shop . line', ['line', 'odd`name']],
  ['RENAME TABLE orders TO old_ones', ['orders', 'line', 'odd`name']],
  ['ALTER TABLE `odd``name` ADD c INT', ['odd`name']],
  ['DROP DATABASE IF EXISTS `Shop`', ['orders', 'line', 'Client', 'odd`name']],
  ['DROP SCHEMA other', ['odd`name']],
])('%s', (sql, names) => {
  structures.pass(statement(sql));
  expect(asked()).toEqual(names);
});

test('what was right before a statement that does not name the table is right behind it, whatever comes then', () => {
  structures.pass(statement('CREATE TABLE other (id INT PRIMARY KEY)'));
  const later = [statement('ALTER TABLE orders ADD c INT FIRST')];
  structures.provide('shop', 'orders', shape('orders', { engine: 'Aria' }), later);
  expect(structures.get('shop', 'orders')).toMatchObject({ shape: TABLES[0], doubt: null });
});

test('a doubt goes when the statement is passed that it was about, not before', () => {
  const change = statement('ALTER TABLE news ADD c INT FIRST');
  const now = shape('news');
  structures.provide('shop', 'news', now, [statement('CREATE TABLE more (id INT)'), change]);
  structures.pass(statement('CREATE TABLE more (id INT)'));
  expect(structures.get('shop', 'news')).toMatchObject({ shape: now, doubt: { code: 'OT4030' } });
  structures.pass(change);
  expect(structures.urgent).toMatchObject({ schema: 'shop', name: 'news' });
  structures.provide('shop', 'news', now, []);
  expect(structures.get('shop', 'news')).toMatchObject({ shape: now, doubt: null });
});
