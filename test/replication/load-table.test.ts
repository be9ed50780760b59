/** How columns of a source fall into a target, and which keys stop two tables from being two-way. */
import { expect, test } from 'vitest';
import { SITE_PRIORITY, type TableRule } from '../../src/model/pipeline.ts';
import { extract, keyText, loadTable, pick } from '../../src/replication/load-table.ts';
import { type TwoWayFacts, twoWayObstacle } from '../../src/replication/two-way.ts';
import { column, load, shape } from './model.ts';

const rule = (more: Partial<TableRule> = {}): TableRule => ({
  from: 'shop.t',
  to: null,
  omit: [],
  only: null,
  rename: {},
  conflict: SITE_PRIORITY,
  ...more,
});
const FREE: TwoWayFacts = { logsCascades: false, unguardedTriggers: [] };
const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

test('what is left out and what is generated stays; keys over it are no keys there', () => {
  const table = shape({
    columns: [column('g', 'int', { generated: true }), column('id'), column('u'), column('v')],
    primaryKey: [1],
    uniques: [
      { name: 'u', columns: [2] },
      { name: 'v', columns: [3] },
    ],
  });
  const cut = extract(rule({ omit: ['u'] }), table);
  expect(cut.shape.columns.map(({ name }) => name)).toEqual(['id', 'v']);
  expect(cut.shape).toMatchObject({ primaryKey: [0], uniques: [{ name: 'v', columns: [1] }] });
  expect(pick(['9', '1', '2', '3'], cut.picks)).toEqual(['1', '3']);
  expect(extract(rule({ only: ['id', 'u'] }), table).shape.columns.map(({ name }) => name)).toEqual(['id', 'u']);
  expect(code(() => extract(rule({ omit: ['id'] }), table))).toBe('OT5010');
  expect(extract(rule(), shape()).picks).toBeNull();
});

test('a foreign key whose columns stay behind is there still where it would take rows along that travel', () => {
  const key = { name: 'k', columns: [1], parentSchema: 'shop', parentTable: 'p', parentColumns: ['id'] };
  const keysOf = (onDelete: string, more: Partial<TableRule>): unknown =>
    extract(rule(more), {
      ...shape({ columns: [column('id'), column('p'), column('q')] }),
      foreignKeys: [{ ...key, onDelete, onUpdate: 'RESTRICT' }],
    }).shape.foreignKeys.map(({ columns }) => columns);
  expect(keysOf('CASCADE', { omit: ['p'] })).toEqual([[]]);
  expect(keysOf('RESTRICT', { omit: ['p'] })).toEqual([]);
  expect(keysOf('SET NULL', { omit: ['p'] })).toEqual([]);
  expect(keysOf('CASCADE', { omit: ['q'] })).toEqual([[1]]);
  // What is made in its place is no key, and the target must show one all the same.
  expect(keysOf('CASCADE', { rows: { set: { p: '1' } } })).toEqual([[1]]);
});

test('columns are found by name, renamed, in any order; extras are known', () => {
  const target = shape({ columns: [column('note'), column('name'), column('ID')], primaryKey: [2] });
  const source = shape({ columns: [column('id'), column('full_name')] });
  const table = loadTable(source, target, { full_name: 'name' });
  expect(table.columns.map(({ name }) => name)).toEqual(['ID', 'name']);
  expect(table.key).toEqual([0]);
  expect(table.extras.map(({ name }) => name)).toEqual(['note']);
  expect(code(() => loadTable(source, target, {}))).toBe('OT5011');
  expect(code(() => loadTable(shape({ columns: [column('name')], primaryKey: [] }), target, {}))).toBe('OT5012');
});

test('columns are called as the servers call them, in whatever capitals', () => {
  const table = shape({ columns: [column('Id'), column('SSN'), column('v')] });
  const sent = (more: Partial<TableRule>): string[] => extract(rule(more), table).shape.columns.map(({ name }) => name);
  expect(sent({ omit: ['ssn'] })).toEqual(['Id', 'v']);
  expect(sent({ only: ['ID', 'ssn'] })).toEqual(['Id', 'SSN']);
  const there = shape({ columns: [column('id'), column('number'), column('v')] });
  expect(loadTable(table, there, { ssn: 'Number' }).columns.map(({ name }) => name)).toEqual(['id', 'number', 'v']);
});

test('a row without an answer is named by its key, less what of that is masked', () => {
  const mail = column('mail', 'varchar(64)', { charset: 'utf8mb4' });
  const table = shape({ columns: [column('id'), mail, column('x', 'double')], primaryKey: [0, 1] });
  const asked = (rows: TableRule['rows']) => (): unknown =>
    extract(rule({ rows: { ...rows!, where: 'x * 2 > 1' } }), table).keeps!(['7', "'a@b'", '1.7e308']);
  expect(asked({})).toThrow("the row id=7, mail='a@b': it holds a result");
  expect(asked({ mask: { MAIL: 'hash' } })).toThrow('the row id=7, mail=(masked): it holds a result');
});

test('two columns never go into one', () => {
  const source = shape({ columns: [column('id'), column('x'), column('XX')] });
  const target = shape({ columns: [column('id'), column('xx'), column('x')] });
  expect(() => loadTable(source, target, { x: 'xx' })).toThrow(
    'columns x and XX of shop.t would both go into shop.t.xx',
  );
  expect(code(() => loadTable(source, target, { x: 'xx' }, true))).toBe('OT5011');
  expect(code(() => loadTable(source, target, { x: 'xx', XX: 'x' }))).toBe('none');
});

test('a column may be called like what every object has', () => {
  const names = ['id', 'constructor', 'toString', '__proto__', 'hasOwnProperty'];
  const table = shape({ columns: names.map((name) => column(name)) });
  expect(loadTable(table, table, {}).columns.map(({ name }) => name)).toEqual(names);
  const rename = JSON.parse('{"__proto__": "proto", "constructor": "builder"}') as Record<string, string>;
  const target = shape({
    columns: ['id', 'builder', 'toString', 'proto', 'hasOwnProperty'].map((name) => column(name)),
  });
  expect(loadTable(table, target, rename).columns.map(({ name }) => name)).toEqual(
    target.columns.map(({ name }) => name),
  );
  const made = extract(rule({ rename, rows: { set: { valueOf: 'constructor + toString' } } }), table);
  expect(
    loadTable(made.shape, shape({ columns: [...target.columns, column('valueOf', 'bigint')] }), rename).columns,
  ).toHaveLength(6);
});

test('all columns that do not fit are named at once; while running, only those that change values in silence', () => {
  const source = shape({ columns: [column('id'), column('u', 'varchar(9)'), column('v', 'datetime(6)')] });
  const target = shape({ columns: [column('id'), column('u', 'varchar(8)'), column('v', 'datetime')] });
  const misfits = 'u is varchar(8) and should take varchar(9); v is datetime and should take datetime(6)';
  expect(() => loadTable(source, target, {})).toThrow(`shop.t does not take every value of shop.t: ${misfits}`);
  expect(code(() => loadTable(source, target, {}))).toBe('OT5028');
  expect(() => loadTable(source, target, {}, true)).toThrow(/: v is datetime/);
  const shorter = { ...target, columns: [...target.columns.slice(0, 2), column('v', 'datetime(6)')] };
  expect(code(() => loadTable(source, shorter, {}))).toBe('OT5028');
  expect(loadTable(source, shorter, {}, true).cuts).toBe(true);
  expect(loadTable(source, source, {}).cuts).toBe(false);
});

test.each([
  ['v = 1', ['decimal(1,0)', 'decimal(65,20)', 'float', 'double', 'bit(1)', 'tinyint unsigned', 'bigint'], ['year']],
  ['v = 1', [], ["enum('a')", 'varchar(9)', 'date']],
  ['v', ['decimal(9,0)', 'double', 'int', 'tinyint'], ['float', 'bit(64)', 'year']],
  ['flag', ['tinyint', 'decimal(3,0)', 'float'], ['bit(64)']],
  ['v * v', ['decimal(30,2)', 'bigint', 'int unsigned'], ['float', 'double', 'bit(64)', 'varchar(30)']],
  ['2 + 3', ['tinyint', 'float', 'double(9,2)', 'decimal(2,1)'], ['bit(8)']],
])('%s goes into %j and not into %j', (text, fits, misfits) => {
  const source = shape({ columns: [column('id'), column('v'), column('flag', 'tinyint(1)')] });
  const { shape: sent } = extract(rule({ only: ['id'], rows: { set: { e: text } } }), source);
  const into = (type: string) => (): unknown =>
    loadTable(sent, shape({ columns: [column('id'), column('e', type)] }), {});
  for (const type of fits) expect(into(type)).not.toThrow();
  for (const type of misfits) expect(into(type)).toThrow(/e is .* and `columns.set` makes (?!tinyint\(1\))/);
});

test('key texts tell NULL from the text and do not run together', () => {
  expect(keyText([null], [0])).not.toBe(keyText(["'NULL'"], [0]));
  expect(keyText(["'a'", "'b'"], [0, 1])).not.toBe(keyText(["'a'\u0000'b'", ''], [0, 1]));
});

test('two-way: what stops a table', () => {
  const ci = column('u', 'varchar(9)', { collation: 'utf8mb4_general_ci' });
  const bin = column('u', 'varchar(9)', { collation: 'utf8mb4_bin' });
  const keyed = (u = ci) => shape({ columns: [column('id'), u], uniques: [{ name: 'u', columns: [1] }] });
  const why = (table: Parameters<typeof twoWayObstacle>[0], facts = FREE): string | undefined =>
    twoWayObstacle(table, facts)?.message;
  expect(why(load(keyed()))).toBeUndefined();
  expect(why(load(shape({ primaryKey: [] })))).toMatch(/no primary key/);
  expect(why(load(shape({ uniques: [{ name: 'p', columns: [1], partial: true }] })))).toMatch(
    /prefix or an expression/,
  );
  expect(why(load(shape()), { ...FREE, unguardedTriggers: ['tr'] })).toMatch(/trigger tr/);
  expect(why(load(keyed(), keyed(bin)))).toMatch(/compares texts differently/);
  expect(why(load(keyed(), { ...keyed(), uniques: [] }))).toMatch(/\(u\) is not one at this site/);
  expect(why(load({ ...keyed(), uniques: [] }, keyed()))).toMatch(/\(u\) is not one at the other site/);
  const older = { ...ci, collation: 'utf8_general_ci' };
  const newer = { ...ci, collation: 'utf8mb3_general_ci' };
  expect(why(load(keyed(older), keyed(newer)))).toBeUndefined();
  const cascades = shape({
    foreignKeys: [
      {
        name: 'fk',
        columns: [1],
        parentSchema: 'shop',
        parentTable: 'p',
        parentColumns: ['id'],
        onDelete: 'CASCADE',
        onUpdate: 'RESTRICT',
      },
    ],
  });
  expect(why(load(cascades))).toMatch(/fk cascades/);
  expect(why(load(cascades), { ...FREE, logsCascades: true })).toBeUndefined();
});
