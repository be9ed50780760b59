/** Names by Oracle's rules (SQL Language Reference, "Database Object Names and Qualifiers"). */
import { expect, test } from 'vitest';
import { madeName } from '../../src/model/oracle-names.ts';
import { meant, qualified, quoteColumn, quoteName } from '../../src/oracle/names.ts';

test('every name is quoted, so that a reserved word or a space is none', () => {
  for (const name of ['SELECT', 'level', 'two words', "it's", '日本', 'a.b', '1st'])
    expect(quoteName(name)).toBe(`"${name}"`);
  expect(qualified({ schema: 'DW', name: 'ORDER' })).toBe('"DW"."ORDER"');
});

test.each([
  ['', 'is empty'],
  ['a"b', 'has a sign in it'],
  ['a\0b', 'has a sign in it'],
  ['x'.repeat(129), 'longer than 128 bytes'],
  ['é'.repeat(65), 'longer than 128 bytes'],
])('%j is no name', (name, why) => {
  expect(() => quoteName(name)).toThrow(
    expect.objectContaining({ code: 'OT5060', message: expect.stringContaining(why) }),
  );
});

test('ROWID in capitals is the one word that no column is called, and a table may be', () => {
  expect(() => quoteColumn('ROWID')).toThrow(
    expect.objectContaining({ code: 'OT5060', message: expect.stringContaining('no column') }),
  );
  expect([quoteName('ROWID'), quoteColumn('Rowid'), quoteColumn('ROWNUM')]).toEqual(['"ROWID"', '"Rowid"', '"ROWNUM"']);
  expect(() => quoteColumn('a"b')).toThrow('has a sign in it');
});

test('128 bytes are a name', () => {
  expect(quoteName('é'.repeat(64))).toBe(`"${'é'.repeat(64)}"`);
});

test('the name that is there as it was written goes before the one in capitals', () => {
  expect(meant('orders', ['ORDERS', 'orders'])).toBe('orders');
  expect(meant('orders', ['ORDERS'])).toBe('ORDERS');
  expect(meant('Orders', ['orders'])).toBeNull();
  expect(meant('ORDERS', ['orders'])).toBeNull();
});

test('what is made is called as people write it, unless it has letters of both cases', () => {
  expect(['orders', 'order_2', 'Orders', 'ORDERS', 'two words', '2nd'].map(madeName)).toEqual([
    ...['ORDERS', 'ORDER_2', 'Orders', 'ORDERS', 'two words', '2nd'],
  ]);
});
