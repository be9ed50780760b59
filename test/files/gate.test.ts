/** What a row names, by template: pure. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TableShape } from '../../src/model/row.ts';
import { FileFault, fileTemplate, pathsOf } from '../../src/replication/file-paths.ts';

const column = { collation: 'utf8mb4_general_ci', nullable: true, generated: false };
const table: TableShape = {
  schema: 'shop',
  name: 'product',
  columns: [
    { ...column, name: 'id', type: 'bigint', charset: null },
    { ...column, name: 'image', type: 'varchar(40)', charset: 'utf8mb4' },
    { ...column, name: 'more', type: 'longtext', charset: 'utf8mb4' },
    { ...column, name: 'thumb', type: 'blob', charset: null },
  ],
  primaryKey: [0],
  uniques: [],
  foreignKeys: [],
  referencedBy: [],
  triggers: [],
  engine: 'InnoDB',
};
const told = (templates: string[], row: (string | null)[]): readonly string[] =>
  pathsOf(templates.map(fileTemplate), table)(row);

test('a template is filled with the values of the row', () => {
  expect(told(['p/{id}/{image}'], ['7', "'a b.jpg'", null, null])).toEqual(['p/7/a b.jpg']);
  expect(told(['{image}', 't/{IMAGE}'], ['7', "'it\\'s'", null, null])).toEqual(["it's", "t/it's"]);
  expect(told(['{id}/{more[]}'], ['7', null, `'["x.jpg", "y.jpg", 3, null, ""]'`, null])).toEqual([
    '7/x.jpg',
    '7/y.jpg',
    '7/3',
  ]);
  expect(told(['{more[]}'], ['7', null, "' x.jpg, y.jpg,,'", null])).toEqual(['x.jpg', 'y.jpg']);
});

test('NULL and empty texts name no file', () => {
  expect(told(['p/{image}', '{more[]}'], ['7', null, null, null])).toEqual([]);
  expect(told(['p/{image}', '{more[]}'], ['7', "''", "''", null])).toEqual([]);
});

test('what cannot be told is said by the name of the column, without a value', () => {
  expect(() => told(['{nothing}'], [])).toThrow(new FileFault('shop.product has no column `nothing`'));
  expect(() => told(['{thumb}'], ['7', null, null, "x'00ff'"])).toThrow(/values of `thumb`/);
  expect(() => told(['{more[]}'], ['7', null, "'[1, '", null])).toThrow(/value of `more`/);
  expect(() => fileTemplate('a/{image')).toThrow(/brace/);
});

test('lists that multiply without measure are a fault', () => {
  const many = `'${'a,'.repeat(200)}'`;
  expect(told(['{more[]}'], ['7', null, many, null])).toHaveLength(200);
  expect(() => told(['{more[]}/{more[]}'], ['7', null, many, null])).toThrow(/more than 10000 files/);
});

test('a text without braces is itself, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => text !== '' && !/[{}]/.test(text)),
      (text) => {
        expect(told([text], ['7', null, null, null])).toEqual([text]);
      },
    ),
  );
});
