/** Which types of an Oracle column take which of MySQL and MariaDB. */
import { describe, expect, test } from 'vitest';
import {
  CARRIAGES,
  carriageOf,
  madeType,
  parseOracleType,
  parseSourceType,
  READABLE_CHARSETS,
} from '../../src/model/oracle-types.ts';
import { ORACLE_ENGINE, type TableShape } from '../../src/model/row.ts';
import {
  blurredTexts,
  makingObstacle,
  noEmptyTexts,
  oracleFit,
  oracleObstacle,
} from '../../src/replication/oracle-fit.ts';
import { column, load, shape } from '../replication/model.ts';
import { TYPE_CASES } from '../values/cases.ts';

const fits = (from: string, to: string, charset: string | null = null): string =>
  oracleFit({ ...column('v', from), charset }, column('V', to));

test.each([
  ['tinyint', 'NUMBER(3)', 'exact'],
  ['tinyint', 'NUMBER(2)', 'aloud'],
  ['bigint unsigned', 'NUMBER(20)', 'exact'],
  ['bigint unsigned', 'NUMBER(19)', 'aloud'],
  ['bigint', 'NUMBER', 'exact'],
  ['bigint', 'NUMBER(*,0)', 'exact'],
  ['decimal(10,2)', 'NUMBER(10,2)', 'exact'],
  ['decimal(10,2)', 'NUMBER(12,2)', 'exact'],
  ['decimal(10,2)', 'NUMBER(10,1)', 'silent'],
  ['decimal(10,2)', 'NUMBER(10)', 'silent'],
  ['decimal(10,2)', 'NUMBER(9,2)', 'aloud'],
  ['decimal(38,10)', 'NUMBER', 'exact'],
  ['decimal(39,10)', 'NUMBER', 'silent'],
  ['decimal(65,30)', 'VARCHAR2(67 CHAR)', 'exact'],
  ['decimal(65,30)', 'VARCHAR2(66 CHAR)', 'aloud'],
  ['bit(64)', 'NUMBER(20)', 'exact'],
  ['float', 'BINARY_FLOAT', 'exact'],
  ['float', 'BINARY_DOUBLE', 'exact'],
  ['float', 'NUMBER', 'silent'],
  ['double', 'BINARY_FLOAT', 'silent'],
  ['double', 'FLOAT(126)', 'silent'],
  ['date', 'DATE', 'exact'],
  ['datetime', 'DATE', 'exact'],
  ['datetime(3)', 'DATE', 'silent'],
  ['datetime(3)', 'TIMESTAMP(3)', 'exact'],
  ['datetime(6)', 'TIMESTAMP(3)', 'silent'],
  ['datetime', 'TIMESTAMP(6) WITH TIME ZONE', 'silent'],
  ['timestamp(6)', 'TIMESTAMP(6) WITH TIME ZONE', 'exact'],
  ['timestamp', 'TIMESTAMP(0) WITH LOCAL TIME ZONE', 'exact'],
  ['time(6)', 'INTERVAL DAY(2) TO SECOND(6)', 'exact'],
  ['time(6)', 'INTERVAL DAY(2) TO SECOND(3)', 'silent'],
  ['time', 'INTERVAL DAY(1) TO SECOND(0)', 'aloud'],
  ['time', 'INTERVAL DAY TO SECOND', 'exact'],
  ['time', 'DATE', 'silent'],
  ['binary(16)', 'RAW(16)', 'exact'],
  ['binary(16)', 'RAW(15)', 'aloud'],
  ['uuid', 'RAW(16)', 'exact'],
  ['longblob', 'BLOB', 'exact'],
  ['longblob', 'CLOB', 'silent'],
  ["enum('abc','d')", 'VARCHAR2(3 CHAR)', 'exact'],
  ["enum('abc','d')", 'VARCHAR2(2 CHAR)', 'aloud'],
  ["set('abc','d')", 'VARCHAR2(5 CHAR)', 'exact'],
  ["set('abc','d')", 'VARCHAR2(4 CHAR)', 'aloud'],
  ['point', 'BLOB', 'exact'],
  ['point', 'SDO_GEOMETRY', 'silent'],
  ['json', 'CLOB', 'exact'],
  ['json', 'VARCHAR2(4000 BYTE)', 'silent'],
])('%s into %s: %s', (from, to, expected) => {
  expect(fits(from, to)).toBe(expected);
});

test.each([
  ['varchar(10)', 'utf8mb4', 'VARCHAR2(10 CHAR)', 'exact'],
  ['varchar(10)', 'utf8mb4', 'VARCHAR2(40 BYTE)', 'exact'],
  ['varchar(10)', 'utf8mb4', 'VARCHAR2(39 BYTE)', 'aloud'],
  ['varchar(10)', 'latin1', 'VARCHAR2(30 BYTE)', 'exact'],
  ['varchar(10)', 'ascii', 'VARCHAR2(10 BYTE)', 'exact'],
  ['varchar(4000)', 'utf8mb4', 'VARCHAR2(4000 CHAR)', 'aloud'],
  ['varchar(4000)', 'ascii', 'VARCHAR2(4000 CHAR)', 'exact'],
  ['varchar(10)', 'utf8mb4', 'NVARCHAR2(20)', 'exact'],
  ['varchar(10)', 'utf8mb4', 'NVARCHAR2(19)', 'aloud'],
  ['varchar(10)', 'utf8mb4', 'CHAR(10 CHAR)', 'silent'],
  ['longtext', 'utf8mb4', 'CLOB', 'exact'],
  ['longtext', 'utf8mb4', 'NCLOB', 'exact'],
  ['text', 'utf8mb4', 'VARCHAR2(4000 CHAR)', 'aloud'],
  ['varchar(10)', 'sjis', 'CLOB', 'silent'],
  ["enum('a')", 'sjis', 'VARCHAR2(1 CHAR)', 'exact'],
  ["enum('a')", 'binary', 'VARCHAR2(1 CHAR)', 'silent'],
])('%s of %s into %s: %s', (from, charset, to, expected) => {
  expect(fits(from, to, charset)).toBe(expected);
});

describe('a table that otter makes takes all that its source has', () => {
  const cases = [...TYPE_CASES.map(({ type }) => type), 'varchar(9) /*M!100301 COMPRESSED*/'];
  test.each(cases)('%s', (type) => {
    const charset =
      / character set (\S+)/.exec(type)?.[1] ?? (/^(json|enum|set|varchar)/.test(type) ? 'utf8mb4' : null);
    const from = parseSourceType(type, charset);
    for (const inKey of [false, true]) {
      const made = madeType(from, inKey);
      if (made === null) {
        const readable = charset === null || READABLE_CHARSETS.includes(charset);
        expect(inKey || !readable).toBe(true);
        continue;
      }
      const to = parseOracleType(made);
      expect(carriageOf(from, to)?.fit(from, to)).toBe('exact');
      if (inKey) expect(made).not.toMatch(/LOB|TIME ZONE/);
    }
  });
});

test('every carriage goes to types that are read back from what is printed', () => {
  for (const { to } of CARRIAGES) for (const base of to) expect(parseOracleType(base).base).toBe(base);
});

describe('a table that cannot be written', () => {
  const oracle = (more: object) => shape({ schema: 'DW', name: 'T', engine: ORACLE_ENGINE, ...more });
  const columns = [column('ID', 'NUMBER(10)'), column('U', 'NUMBER(10)'), column('V', 'NUMBER(10)')];

  test('an enabled foreign key is refused, with the statement', () => {
    const fk = {
      name: 'FK',
      columns: [1],
      parentSchema: 'DW',
      parentTable: 'P',
      parentColumns: ['ID'],
      onDelete: 'NO ACTION',
      onUpdate: 'NO ACTION',
    };
    const obstacle = oracleObstacle(load(shape(), oracle({ columns, foreignKeys: [fk] })));
    expect(obstacle).toMatchObject({
      code: 'OT5060',
      hint: expect.stringContaining('ALTER TABLE "DW"."T" DISABLE CONSTRAINT "FK"'),
    });
    expect(oracleObstacle(load(shape(), oracle({ columns })))).toBeNull();
  });

  test('without a key no row is found by a LOB', () => {
    const source = shape({ columns: [column('id'), column('doc', 'blob')], primaryKey: [] });
    const target = oracle({ columns: [column('ID', 'NUMBER(10)'), column('DOC', 'BLOB')], primaryKey: [] });
    expect(oracleObstacle(load(source, target))).toMatchObject({
      code: 'OT5060',
      message: expect.stringContaining('DOC, a BLOB'),
    });
  });

  test('two columns that differ in capitals only are refused', () => {
    const twice = [...columns, column('v', 'NUMBER(10)')];
    expect(oracleObstacle(load(shape(), oracle({ columns: twice })))).toMatchObject({
      ...{ code: 'OT5060', message: expect.stringContaining('V and v') },
    });
  });

  test('a missing one of which no type takes a column', () => {
    const texts = (charset: string, more: object = {}) =>
      shape({ columns: [column('id'), column('c', 'varchar(2000)', { charset })], ...more });
    expect(makingObstacle(texts('sjis'), { schema: 'DW', name: 'T' }, {})).toMatchObject({ code: 'OT5029' });
    expect(makingObstacle(texts('utf8mb4', { primaryKey: [1] }), { schema: 'DW', name: 'T' }, {})).toMatchObject({
      code: 'OT5029',
    });
    expect(makingObstacle(texts('utf8mb4'), { schema: 'DW', name: 'T' }, {})).toBeNull();
  });

  test('a missing one with a name that Oracle does not take', () => {
    const of = (name: string, more: object = {}) =>
      shape({ columns: [column('id'), column(name, 'int', more)], primaryKey: [0] });
    const why = (source: TableShape, name = 'T', rename = {}) =>
      makingObstacle(source, { schema: 'DW', name }, rename)?.message;
    for (const name of ['rowid', 'ROWID'])
      expect(why(of(name))).toMatch(/no column "ROWID" in DW.T: the name is what every row/);
    expect(why(of('rowid'), 'T', { rowid: 'row_id' })).toBeUndefined();
    expect(why(of('a'), 'T', { a: 'ROWID' })).toMatch(/no column "ROWID"/);
    expect(why(of('a', { computed: true }), 'T', { a: 'ROWID' })).toBeUndefined();
    expect(why(of('q"q'))).toMatch(/has a sign in it/);
    expect(why(of('Rowid'), 'ROWID')).toBeUndefined();
    expect(why(of('v'), 'x'.repeat(129))).toMatch(/no table "x+": the name is longer/);
  });
});

test('where empty texts and NULL become one, and where neither may be', () => {
  const from = (nullable: boolean) => column('u', 'varchar(9)', { charset: 'utf8mb4', nullable });
  const to = (nullable: boolean) => column('U', 'VARCHAR2(9 CHAR)', { nullable });
  const table = (a: boolean, b: boolean) =>
    load(
      shape({ columns: [column('id'), from(a)] }),
      shape({ engine: ORACLE_ENGINE, columns: [column('ID', 'NUMBER(10)'), to(b)] }),
    );
  expect(blurredTexts(table(true, true))).toEqual(['U']);
  expect(blurredTexts(table(false, true))).toEqual([]);
  expect(noEmptyTexts(table(false, false))).toEqual(['U']);
  expect(noEmptyTexts(table(false, true))).toEqual([]);
  expect(noEmptyTexts(load(shape()))).toEqual([]);
});
