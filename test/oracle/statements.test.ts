/** Statements by the rules in which Oracle differs from what stands in for it. */
import { expect, test } from 'vitest';
import type { LoadTable } from '../../src/model/load.ts';
import { ORACLE_ENGINE, type TableShape } from '../../src/model/row.ts';
import { createStatement } from '../../src/oracle/create-table.ts';
import { bindDefinition } from '../../src/oracle/driver.ts';
import { TableStatements } from '../../src/oracle/statements.ts';
import { column, load, shape } from '../replication/model.ts';

const text = (name: string, type = 'varchar(9)') =>
  column(name, type, { charset: 'utf8mb4', collation: 'utf8mb4_bin' });
const oracle = (
  columns: readonly (readonly [name: string, type: string])[],
  more: Partial<TableShape> = {},
): TableShape =>
  shape({
    ...{ schema: 'DW', name: 'ORDERS', engine: ORACLE_ENGINE },
    ...{ columns: columns.map(([name, type]) => column(name, type)), ...more },
  });

function plain(key: readonly number[] = [0]): LoadTable {
  return load(
    shape({ columns: [column('id'), text('u'), column('v', 'decimal(9,2)')], primaryKey: key }),
    oracle(
      [
        ['ID', 'NUMBER(10)'],
        ['U', 'VARCHAR2(9 CHAR)'],
        ['V', 'NUMBER(9,2)'],
      ],
      { primaryKey: key },
    ),
  );
}

test('rows are found by their key, and MERGE sets no column by which it found them (ORA-38104)', () => {
  const statements = new TableStatements(plain());
  expect(statements.insert().sql).toBe(
    'INSERT INTO "DW"."ORDERS" ("ID","U","V") VALUES (TO_NUMBER(:1),:2,TO_NUMBER(:3))',
  );
  expect(statements.update([1, 2]).sql).toBe(
    'UPDATE "DW"."ORDERS" SET "U"=:1,"V"=TO_NUMBER(:2) WHERE "ID"=TO_NUMBER(:3)',
  );
  expect(statements.delete().sql).toBe('DELETE FROM "DW"."ORDERS" WHERE "ID"=TO_NUMBER(:1)');
  expect(statements.merge(true).sql).toBe(
    'MERGE INTO "DW"."ORDERS" t USING (SELECT TO_NUMBER(:1) AS C0,:2 AS C1,TO_NUMBER(:3) AS C2 FROM dual) s ON (t."ID"=s.C0)' +
      ' WHEN MATCHED THEN UPDATE SET t."U"=s.C1,t."V"=s.C2 WHEN NOT MATCHED THEN INSERT ("ID","U","V") VALUES (s.C0,s.C1,s.C2)',
  );
  expect(statements.merge(false).sql).not.toContain('WHEN MATCHED');
  expect(new TableStatements(plain([0, 1, 2])).merge(true).sql).not.toContain('WHEN MATCHED');
});

test('an update binds what is new, then the key that was', () => {
  const statements = new TableStatements(plain());
  const update = statements.update([0, 1]);
  expect(statements.bind(update, ['2', "'b'", '1.00'], ['1', "'a'", '1.00'])).toEqual(['2', 'b', '1']);
});

test('without a key one of the rows that are equal in all columns, NULL equal to NULL', () => {
  const { sql, binds } = new TableStatements(plain([])).delete();
  expect(sql).toBe(
    'DELETE FROM "DW"."ORDERS" WHERE ROWID=(SELECT MIN(ROWID) FROM "DW"."ORDERS" WHERE ("ID"=TO_NUMBER(:1) OR ("ID" IS NULL AND :2 IS NULL))' +
      ' AND ("U"=:3 OR ("U" IS NULL AND :4 IS NULL)) AND ("V"=TO_NUMBER(:5) OR ("V" IS NULL AND :6 IS NULL)))',
  );
  expect(binds.map(({ column: at }) => at)).toEqual([0, 0, 1, 1, 2, 2]);
});

test('what may be longer than a VARCHAR2 is bound last (ORA-24816)', () => {
  const table = load(
    shape({ columns: [text('doc', 'text'), column('id'), text('u')], primaryKey: [1] }),
    oracle(
      [
        ['DOC', 'CLOB'],
        ['ID', 'NUMBER(10)'],
        ['U', 'VARCHAR2(9 CHAR)'],
      ],
      { primaryKey: [1] },
    ),
  );
  const statements = new TableStatements(table);
  expect(statements.hasLobs).toBe(true);
  expect(statements.insert().sql).toBe('INSERT INTO "DW"."ORDERS" ("ID","U","DOC") VALUES (TO_NUMBER(:1),:2,:3)');
  expect(statements.update([0, 2]).sql).toBe('UPDATE "DW"."ORDERS" SET "U"=:1,"DOC"=:2 WHERE "ID"=TO_NUMBER(:3)');
  expect(statements.bind(statements.insert(), ["'d'", '1', "'u'"])).toEqual(['1', 'u', 'd']);
});

test('a row that has no place is named by its key', () => {
  const table = load(
    shape({ columns: [column('id'), column('d', 'date')] }),
    oracle([
      ['ID', 'NUMBER(10)'],
      ['D', 'DATE'],
    ]),
  );
  const statements = new TableStatements(table);
  expect(() => statements.bind(statements.insert(), ['7', "'2021-00-00'"])).toThrow(
    expect.objectContaining({ row: { table: 'DW.ORDERS', key: 'ID=7' } }),
  );
});

test.each<[kind: 'text' | 'bytes', lengths: readonly number[], size: number]>([
  ['text', [0], 32],
  ['text', [3, 33], 64],
  ['text', [1025], 4000],
  ['text', [4000], 4000],
  ['text', [4001], 4096],
  ['text', [40_000], 65_536],
  ['bytes', [16], 32],
  ['bytes', [70_000], 131_072],
])('%ss of %j bytes are sent as %d: few sizes, so that few statements are parsed', (kind, lengths, size) => {
  const rows = lengths.map((length) => [kind === 'text' ? 'x'.repeat(length) : Buffer.alloc(length)]);
  expect(bindDefinition(kind, [[null], ...rows], 0).maxSize).toBe(size);
});

test('the length of a text is that of its bytes', () => {
  expect(bindDefinition('text', [['€'.repeat(1366)]], 0).maxSize).toBe(8192);
});

test('a table is made with its keys, and what is empty may be NULL but in the primary one', () => {
  const source = shape({
    columns: [
      { ...text('code', 'char(3)'), nullable: false },
      { ...text('name', 'varchar(40)'), nullable: false },
      column('price', 'decimal(10,2)', { nullable: false }),
      text('note', 'mediumtext'),
    ],
    uniques: [{ name: 'name', columns: [1] }],
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
  expect(createStatement(source, { schema: 'DW', name: 'ORDERS' }, { price: 'Unit Price' })).toEqual({
    sql: 'CREATE TABLE "DW"."ORDERS" ("CODE" VARCHAR2(3 CHAR) NOT NULL, "NAME" VARCHAR2(40 CHAR), "Unit Price" NUMBER(10,2) NOT NULL, "NOTE" CLOB, PRIMARY KEY ("CODE"), UNIQUE ("NAME"))',
    without: ['foreign key fk'],
  });
});
