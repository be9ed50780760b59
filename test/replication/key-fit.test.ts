/** Which primary keys of a one-way target tell the rows of the source apart, and how it is noticed where one does not. */
import { expect, test } from 'vitest';
import type { ColumnShape } from '../../src/model/row.ts';
import { keyObstacle, mayMerge, refuseMerged } from '../../src/replication/key-fit.ts';
import { loadTable } from '../../src/replication/load-table.ts';
import { column, shape } from './model.ts';

const ID = column('id', 'int', { nullable: false });
const U = column('u', 'int', { nullable: false });
const V = column('v', 'int', { nullable: true });
const text = (name: string, collation: string, type = 'varchar(9)'): ColumnShape =>
  column(name, type, { nullable: false, charset: collation.split('_')[0]!, collation });

/** Keys by the positions of their columns in `id, u, v`. */
function obstacle(source: { primary: number[]; unique?: number[] }, target: number[], copies = false): string | null {
  const columns = [ID, U, V];
  const uniques = source.unique === undefined ? [] : [{ name: 'k', columns: source.unique }];
  const from = shape({ columns, primaryKey: source.primary, uniques });
  return keyObstacle(loadTable(from, shape({ columns, primaryKey: target }), {}), copies)?.code ?? null;
}

test('the key of the target must hold a key of the source', () => {
  expect(obstacle({ primary: [0] }, [0])).toBeNull();
  expect(obstacle({ primary: [0] }, [0, 1])).toBeNull();
  expect(obstacle({ primary: [0] }, [])).toBeNull();
  expect(obstacle({ primary: [0] }, [], true)).toBe('OT5012');
  expect(obstacle({ primary: [] }, [], true)).toBeNull();
  expect(obstacle({ primary: [0, 1] }, [1, 0])).toBeNull();
  expect(obstacle({ primary: [0], unique: [1] }, [1])).toBeNull();
  expect(obstacle({ primary: [], unique: [1] }, [1])).toBeNull();
  expect(obstacle({ primary: [0] }, [1])).toBe('OT5012');
  expect(obstacle({ primary: [0, 1] }, [0])).toBe('OT5012');
  expect(obstacle({ primary: [0], unique: [2] }, [2])).toBe('OT5012');
  expect(obstacle({ primary: [] }, [0])).toBe('OT5012');
});

function keyed(from: ColumnShape, to: ColumnShape): ReturnType<typeof loadTable> {
  const table = (key: ColumnShape, n: ColumnShape): ReturnType<typeof shape> =>
    shape({ columns: [key, n], primaryKey: [0, 1] });
  return loadTable(table(from, ID), table(to, ID), {});
}

test.each([
  ['utf8mb4_general_ci', 'utf8mb4_general_ci', false],
  ['utf8_general_ci', 'utf8mb3_general_ci', false],
  ['utf8mb4_general_ci', 'utf8mb4_bin', false],
  ['utf8mb4_0900_ai_ci', 'utf8mb4_0900_bin', false],
  ['utf8mb4_0900_bin', 'utf8mb4_nopad_bin', false],
  ['utf8mb4_0900_bin', 'utf8mb4_bin', true],
  ['utf8mb4_bin', 'utf8mb4_general_ci', true],
  ['utf8mb4_general_ci', 'utf8mb4_unicode_ci', true],
  ['utf8mb4_0900_ai_ci', 'utf8mb4_uca1400_nopad_ai_ci', true],
  ['latin1_swedish_ci', 'utf8mb4_general_ci', true],
])('texts that differ in %s may be equal in %s: %s', (from, to, may) => {
  const table = keyed(text('t', from), text('t', to));
  expect(mayMerge(table)).toBe(may);
  expect(keyObstacle(table, true)).toBeNull();
});

test('codes of some charsets are one character in Unicode', () => {
  expect(keyObstacle(keyed(text('t', 'cp932_bin'), text('t', 'utf8mb4_bin')), true)?.code).toBe('OT5012');
  expect(keyObstacle(keyed(text('t', 'cp932_bin'), text('t', 'cp932_bin')), true)).toBeNull();
  expect(mayMerge(keyed(text('t', 'gbk_bin'), text('t', 'utf8mb4_bin')))).toBe(true);
  expect(mayMerge(keyed(text('t', 'latin1_bin'), text('t', 'utf8mb4_bin')))).toBe(false);
});

test('members of an ENUM are numbers', () => {
  expect(mayMerge(keyed(text('t', 'latin1_bin', "enum('a')"), text('t', 'utf8mb4_general_ci', "enum('a')")))).toBe(
    false,
  );
});

test.each([
  ['int', 'bigint', null],
  ["enum('a')", "enum('a','b')", null],
  ['datetime(3)', 'datetime(3)', null],
  ['datetime(3)', 'datetime(6)', 'OT5012'],
  ['decimal(9,2)', 'decimal(12,3)', 'OT5012'],
])('beside a text in doubt %s to %s: %s', (from, to, code) => {
  const keyed = (collation: string, type: string): ReturnType<typeof shape> =>
    shape({ columns: [text('t', collation), column('n', type)], primaryKey: [0, 1] });
  const table = loadTable(keyed('utf8mb4_bin', from), keyed('utf8mb4_general_ci', to), {});
  expect(keyObstacle(table, true)?.code ?? null).toBe(code);
});

test('a row that stands under a key of another spelling, or is not there after it was written, was merged', () => {
  const table = keyed(text('t', 'utf8mb4_bin'), text('t', 'utf8mb4_general_ci'));
  const rows = [
    ["'a'", '1'],
    ["'b'", '1'],
  ];
  const merged = expect.objectContaining({ code: 'OT5012' });
  expect(() => refuseMerged(table, [], rows, false)).not.toThrow();
  expect(() => refuseMerged(table, rows.slice(1), rows, false)).not.toThrow();
  expect(() => refuseMerged(table, [["'A'", '1']], rows, false)).toThrow(merged);
  expect(() => refuseMerged(table, [["'a'", '2']], rows, false)).toThrow(merged);
  expect(() => refuseMerged(table, rows, rows, true)).not.toThrow();
  expect(() => refuseMerged(table, rows.slice(1), [rows[1]!, rows[1]!], true)).toThrow(merged);
  // Who asks in parts may find one twice.
  expect(() => refuseMerged(table, [rows[0]!, rows[0]!], rows, true)).toThrow(merged);
  expect(() => refuseMerged(table, rows.slice(1), rows, true)).toThrow(merged);
});
