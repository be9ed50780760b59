import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoadTable } from '../../src/model/load.ts';
import type { TableShape } from '../../src/model/row.ts';
import { LockKeys } from '../../src/replication/conflict/keys.ts';
import { ITEM, loadOf, NOTE } from './simulator/schema.ts';

const PAIR: TableShape = { ...ITEM, name: 'pair', primaryKey: [1, 2], uniques: [] };

test('two rows have one key exactly when their key values are equal, whatever the texts', () => {
  const value = fc.constantFrom("''", "'1:'", "'a'", "'aa'", '1', '11', "'3:1'", '2:11', "'\0'", "'a2:'");
  const keys = new LockKeys();
  fc.assert(
    fc.property(value, value, value, value, (a, b, c, d) => {
      const same = keys.row(PAIR, ['0', a, b]) === keys.row(PAIR, ['0', c, d]);
      expect(same).toBe(a === c && b === d);
    }),
  );
});

test('names of tables and keys cannot run into values', () => {
  const keys = new LockKeys();
  const named = (schema: string, name: string): TableShape => ({ ...NOTE, schema, name });
  const texts = [named('a', 'bc'), named('ab', 'c'), named('a.b', 'c'), named('a', 'b.c')].map((table) =>
    keys.row(table, ["'x'", '0']),
  );
  expect(new Set(texts).size).toBe(texts.length);
});

test('a primary key and a unique key of the same value are different things', () => {
  const keys = new LockKeys();
  const image = ["'7'", "'7'", "'7'", "'7'", '0'];
  expect(new Set(keys.touched(ITEM, null, image)).size).toBe(3);
});

test('a unique key with a NULL in it is no key', () => {
  const keys = new LockKeys();
  expect(keys.uniques(ITEM, ['1', null, '2', null, '0'])).toEqual([]);
  expect(keys.uniques(ITEM, ['1', null, '2', '3', '0'])).toHaveLength(1);
});

test('a change touches old and new, each once', () => {
  const keys = new LockKeys();
  const before = ['1', "'a'", '2', '3', '0'];
  expect(keys.touched(ITEM, before, before.with(4, '9'))).toEqual(keys.touched(ITEM, before, null));
  expect(keys.touched(ITEM, before, before.with(1, "'b'"))).toHaveLength(4);
  expect(keys.touched(ITEM, before, before.with(0, '2'))).toHaveLength(4);
});

test('texts are folded as their column compares, numbers are left alone', () => {
  const keys = new LockKeys((column, value) =>
    column.collation === 'utf8mb4_general_ci' ? value.toUpperCase() : 'never',
  );
  expect(keys.touched(NOTE, ["'x'", '1'], ["'X'", '2'])).toHaveLength(1);
  expect(keys.row(ITEM, ['1', null, null, null, null])).not.toBe(keys.row(ITEM, ['2', null, null, null, null]));
});

test('zero is zero, whatever its sign', () => {
  const key = (value: string): string => new LockKeys().row(PAIR, ['0', value, '1']);
  expect(key('-0e0')).toBe(key('0e0'));
  expect(key('-5e-1')).not.toBe(key('5e-1'));
});

test("the log's reader and the loader spell the same keys, also where columns are fewer and in another order", () => {
  const keys = new LockKeys();
  const target = ITEM;
  const loaded: LoadTable = {
    ...loadOf(ITEM),
    columns: [3, 0, 2, 1].map((index) => ITEM.columns[index]!),
    key: [1],
    uniques: [
      { name: 'code', columns: [3] },
      { name: 'place', columns: [2, 0] },
    ],
    extras: [ITEM.columns[4]!],
    cuts: false,
  };
  const full = ['1', "'a'", '2', '3', '0'];
  const narrow = ['3', '1', '2', "'a'"];
  expect(keys.touched(loaded, null, narrow)).toEqual(keys.touched(target, null, full));
});
