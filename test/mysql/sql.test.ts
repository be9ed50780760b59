/** Writes as SQL: short enough, naming nothing but the rows they are given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Write } from '../../src/model/load.ts';
import { keyCondition, quoteName, quoteText, rowByRow, statements } from '../../src/mysql/sql.ts';
import { column, load, shape } from '../replication/model.ts';

const table = load(shape());
const keyless = load(shape({ primaryKey: [] }));
const MANY = Array.from({ length: 50 }, (_, at) => [String(at), null, `'${'é'.repeat(20)}'`]);

test('statements stay below the limit in bytes, and no row is left out', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 300, max: 5_000 }),
      fc.constantFrom('insert', 'upsert', 'ensure', 'delete'),
      (bytes, kind) => {
        const made = statements({ kind, table, rows: MANY } as Write, bytes);
        expect(made.reduce((sum, { rows }) => sum + rows, 0)).toBe(MANY.length);
        const rowBytes = Math.max(...made.map(({ sql, rows }) => Buffer.byteLength(sql) / rows));
        for (const { sql } of made) expect(Buffer.byteLength(sql)).toBeLessThan(bytes + 300);
        expect(rowBytes).toBeGreaterThan(0);
      },
    ),
  );
});

test('a new row gets what its source does not know of, and one that is there keeps it', () => {
  const filled = { ...table, fills: { c: '7', d: "'x'" } };
  const insert = 'INSERT INTO `shop`.`t` (`id`,`u`,`v`,`c`,`d`) VALUES';
  const sql = (write: Write) => statements(write, 1e6).map((each) => [each.sql, each.otherwise?.()].join(' | '));
  const rows = [
    ['1', '2', '3'],
    ['4', '5', '6'],
  ];
  expect(sql({ kind: 'insert', table: filled, rows })).toEqual([`${insert} (1,2,3,7,'x'),(4,5,6,7,'x') | `]);
  expect(sql({ kind: 'upsert', table: filled, rows })[0]).not.toMatch(/UPDATE.*`[cd]`/);
  const update: Write = { kind: 'update', table: filled, before: rows[0]!, after: ['1', '2', '9'] };
  expect(sql(update)).toEqual([`UPDATE \`shop\`.\`t\` SET \`v\`=9 WHERE \`id\`=1 | ${insert} (1,2,9,7,'x')`]);
});

test('one row that is longer than the limit is a statement of its own', () => {
  expect(statements({ kind: 'insert', table, rows: MANY.slice(0, 3) }, 10).map(({ rows }) => rows)).toEqual([1, 1, 1]);
});

test('a row without a key is found by all its columns, once', () => {
  const [update] = statements(
    { kind: 'update', table: keyless, before: ['1', null, '2'], after: ['1', '5', '2'] },
    1e6,
  );
  expect(update!.sql).toBe('UPDATE `shop`.`t` SET `u`=5 WHERE `id`<=>1 AND `u`<=>NULL AND `v`<=>2 LIMIT 1');
  const made = statements(
    {
      kind: 'delete',
      table: keyless,
      rows: [
        ['1', null, '2'],
        ['1', null, '2'],
      ],
    },
    1e6,
  );
  expect(made.map(({ sql }) => sql)).toEqual(
    Array(2).fill('DELETE FROM `shop`.`t` WHERE `id`<=>1 AND `u`<=>NULL AND `v`<=>2 LIMIT 1'),
  );
});

test('a row without a key is told from one with the other zero', () => {
  const table = load(
    shape({ primaryKey: [], columns: [column('d', 'double'), column('f', 'float(7,2)'), column('n')] }),
  );
  const [made] = statements({ kind: 'delete', table, rows: [['-0e0', '0e0', '0']] }, 1e6);
  expect(made!.sql).toBe(
    "DELETE FROM `shop`.`t` WHERE `d`<=>-0e0 /*!80000 AND LOCATE('-',`d`)>0 */ AND `f`<=>0e0 /*!80000 AND LOCATE('-',`f`)=0 */ AND `n`<=>0 LIMIT 1",
  );
});

test('an update of one row says what to do when it is not there', () => {
  const [one] = statements({ kind: 'upsert', table, rows: [['1', null, '2']] }, 1e6);
  expect(one!.expects).toBe('updated');
  expect(one!.otherwise!()).toBe('INSERT INTO `shop`.`t` (`id`,`u`,`v`) VALUES (1,NULL,2)');
});

test('times are always named in an update, so that they do not move by themselves', () => {
  const timed = load(shape({ columns: [column('id'), column('u'), column('at', 'timestamp(6)')] }));
  const [update] = statements(
    { kind: 'update', table: timed, before: ['1', '1', "'x'"], after: ['1', '2', "'x'"] },
    1e6,
  );
  expect(update!.sql).toContain("`at`='x'");
});

test('names and texts cannot end early', () => {
  expect(quoteName('a`b')).toBe('`a``b`');
  expect(quoteText("it's \\ \n \0")).toBe("'it\\'s \\\\ \\n \\0'");
  expect(keyCondition(load(shape({ primaryKey: [0, 1] })), [0, 1], [['1', '2', null]])).toBe('(`id`,`u`) IN ((1,2))');
});

const enumerated = load(shape({ columns: [column('id'), column('e', "enum('a')"), column('n')], primaryKey: [0, 1] }));
const zeros = (write: Write): (number | undefined)[] => statements(write, 1e6).map((statement) => statement.zeros);

test('error values of ENUMs are counted, in statements of at most thirty', () => {
  const rows = Array.from({ length: 70 }, (_, at) => [String(at), at % 2 === 0 ? '0' : '1', '0']);
  expect(zeros({ kind: 'insert', table: enumerated, rows })).toEqual([30, 5]);
  expect(zeros({ kind: 'upsert', table: enumerated, rows: rows.slice(0, 1) })).toEqual([1]);
  expect(zeros({ kind: 'insert', table, rows: MANY })).toEqual([0]);
  const change = (before: string, after: string) =>
    statements({ kind: 'update', table: enumerated, before: ['1', before, '2'], after: ['1', after, '3'] }, 1e6)[0];
  expect(change('1', '0')).toMatchObject({ zeros: 1, otherwiseZeros: 1 });
  expect(change('0', '0')).toMatchObject({ zeros: 0, otherwiseZeros: 1 });
  expect(change('0', '1')).toMatchObject({ zeros: 0, otherwiseZeros: 0 });
});

test('a key of several columns with an ENUM is compared column by column', () => {
  const rows = [
    ['1', '0', '2'],
    ['2', '1', '2'],
    ['3', '1', '2'],
  ];
  expect(statements({ kind: 'delete', table: enumerated, rows }, 1e6).map(({ sql }) => sql)).toEqual([
    'DELETE FROM `shop`.`t` WHERE (`id`=1 AND `e`=0) OR (`id`=2 AND `e`=1) OR (`id`=3 AND `e`=1)',
  ]);
  expect(keyCondition(enumerated, [0, 1], rows.slice(0, 2))).toBe('(`id`=1 AND `e`=0) OR (`id`=2 AND `e`=1)');
});

test('row by row every write is of one row and knows its key', () => {
  const rows = [
    ['1', '0', '2'],
    ['2', null, '2'],
  ];
  const each = rowByRow({ kind: 'upsert', table: enumerated, rows });
  expect(each.map(({ key }) => key)).toEqual(['id=1, e=0', 'id=2, e=NULL']);
  expect(each.map(({ write }) => 'rows' in write && write.rows.length)).toEqual([1, 1]);
  expect(rowByRow({ kind: 'insert', table: keyless, rows: MANY.slice(0, 1) })[0]!.key).toBeNull();
  expect(rowByRow({ kind: 'clear', table })).toHaveLength(1);
});
