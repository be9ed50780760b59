/** Writes as SQL: short enough, naming nothing but the rows they are given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Write } from '../../src/model/load.ts';
import { keyCondition, quoteName, quoteText, statements } from '../../src/mysql/sql.ts';
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

test('an update of one row says what to do when it is not there', () => {
  const [one] = statements({ kind: 'upsert', table, rows: [['1', null, '2']] }, 1e6);
  expect(one).toMatchObject({
    expects: 'updated',
    otherwise: 'INSERT INTO `shop`.`t` (`id`,`u`,`v`) VALUES (1,NULL,2)',
  });
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
