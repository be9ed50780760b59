/** Literals that rows travel as, as what is bound to a statement. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { passenger, Unplaced } from '../../src/oracle/values.ts';
import { column } from '../replication/model.ts';

interface Ends {
  readonly charset?: string | null;
  readonly nullable?: boolean;
}

const of = (from: string, to: string, { charset = null, nullable = true }: Ends = {}) =>
  passenger(column('v', from, { charset }), column('V', to, { nullable }));

test.each<[from: string, literal: string, to: string, bound: unknown, sql: string]>([
  ['bigint unsigned', '18446744073709551615', 'NUMBER(20)', '18446744073709551615', 'TO_NUMBER(:1)'],
  [
    'decimal(38,10)',
    '-1234567890123456789012345678.0123456789',
    'NUMBER(38,10)',
    '-1234567890123456789012345678.0123456789',
    'TO_NUMBER(:1)',
  ],
  ['bit(64)', '18446744073709551615', 'NUMBER(20)', '18446744073709551615', 'TO_NUMBER(:1)'],
  ['year', "'2155'", 'NUMBER(4)', '2155', 'TO_NUMBER(:1)'],
  ['double', '1.7976931348623157e308', 'BINARY_DOUBLE', Number.MAX_VALUE, ':1'],
  ['float', '0.10000000149011612', 'BINARY_FLOAT', Math.fround(0.1), ':1'],
  ['float', '0.10000000149011612', 'BINARY_DOUBLE', Math.fround(0.1), ':1'],
  ['date', "'2024-02-29'", 'DATE', '2024-02-29 00:00:00', "TO_DATE(:1,'YYYY-MM-DD HH24:MI:SS')"],
  ['datetime', "'0001-01-01 00:00:00'", 'DATE', '0001-01-01 00:00:00', "TO_DATE(:1,'YYYY-MM-DD HH24:MI:SS')"],
  [
    'datetime(6)',
    "'2024-02-29 01:02:03.000004'",
    'TIMESTAMP(6)',
    '2024-02-29 01:02:03.000004',
    "TO_TIMESTAMP(:1,'YYYY-MM-DD HH24:MI:SS.FF')",
  ],
  [
    'timestamp',
    "'2038-01-19 03:14:07'",
    'TIMESTAMP(0) WITH TIME ZONE',
    '2038-01-19 03:14:07.0 +00:00',
    "TO_TIMESTAMP_TZ(:1,'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')",
  ],
  [
    'timestamp',
    "'2038-01-19 03:14:07'",
    'TIMESTAMP(0) WITH LOCAL TIME ZONE',
    '2038-01-19 03:14:07.0',
    "TO_TIMESTAMP(:1,'YYYY-MM-DD HH24:MI:SS.FF')",
  ],
  ['time(1)', "'-838:59:59.5'", 'INTERVAL DAY(2) TO SECOND(1)', '-34 22:59:59.5', 'TO_DSINTERVAL(:1)'],
  ['time', "'00:00:01'", 'INTERVAL DAY(2) TO SECOND(0)', '+00 00:00:01', 'TO_DSINTERVAL(:1)'],
  [
    'decimal(65,30)',
    '-0.000000000000000000000000000001',
    'VARCHAR2(67 CHAR)',
    '-0.000000000000000000000000000001',
    ':1',
  ],
  ['date', "'0000-00-00'", 'VARCHAR2(10 CHAR)', '0000-00-00', ':1'],
  ["enum('a','b''c')", '2', 'VARCHAR2(3 CHAR)', "b'c", ':1'],
  ["enum('back\\\\slash','a\\nb')", '1', 'VARCHAR2(10 CHAR)', 'back\\slash', ':1'],
  ["enum('back\\\\slash','a\\nb\\0\\r')", '2', 'VARCHAR2(10 CHAR)', 'a\nb\0\r', ':1'],
  ["set('a','b','c')", '5', 'VARCHAR2(5 CHAR)', 'a,c', ':1'],
  ["set('a','b','c')", '0', 'VARCHAR2(5 CHAR)', null, ':1'],
  ['varbinary(9)', "x'00ff'", 'RAW(9)', Buffer.from([0, 255]), ':1'],
  ['blob', "x''", 'BLOB', null, ':1'],
  ['json', `'{"a": "\\\\n"}'`, 'CLOB', '{"a": "\\n"}', ':1'],
  ['json', `/*M!_utf8mb4 x'5b312e31305d'*//*!50708 JSON_ARRAY(CAST(1.10 AS DECIMAL(3,2)))*/`, 'CLOB', '[1.10]', ':1'],
])('%s %s into %s', (from, literal, to, bound, sql) => {
  const made = of(from, to);
  expect(made.bind(literal)).toEqual(bound);
  expect(made.sql(':1')).toBe(sql);
  expect(made.bind(null)).toBeNull();
});

describe('what has no place stops', () => {
  test.each<[from: string, literal: string, to: string, why: string]>([
    ['date', "'0000-00-00'", 'DATE', 'zero or partly zero'],
    ['date', "'2021-05-00'", 'DATE', 'zero or partly zero'],
    ['datetime', "'2021-02-30 00:00:00'", 'TIMESTAMP(0)', 'no month has'],
    ['date', "'1900-02-29'", 'DATE', 'no month has'],
    ['date', "'1582-10-05'", 'DATE', 'leaves out'],
    ['date', "'1582-10-14'", 'DATE', 'leaves out'],
    ['double', '-0', 'BINARY_DOUBLE', 'is -0'],
    ['double', '5e-324', 'BINARY_DOUBLE', 'nearer to 0'],
    ['float', '1.401298464324817e-45', 'BINARY_FLOAT', 'nearer to 0'],
    ["enum('a')", '0', 'VARCHAR2(1 CHAR)', 'none of the members'],
    ['varchar(9)', "x'ff'", 'VARCHAR2(9 CHAR)', 'no text of its character set'],
    ['varchar(9)', "_gbk x'ff'", 'VARCHAR2(9 CHAR)', 'no text of its character set'],
    ['varchar(9)', "_sjis x'815f'", 'VARCHAR2(9 CHAR)', 'no text of its character set'],
  ])('%s %s into %s', (from, literal, to, why) => {
    expect(() => of(from, to, { charset: 'utf8mb4' }).bind(literal)).toThrow(Unplaced);
    expect(() => of(from, to, { charset: 'utf8mb4' }).bind(literal)).toThrow(why);
  });

  test.each(['1582-10-04', '1582-10-15', '2000-02-29'])('the day %s is one', (day) => {
    expect(of('date', 'DATE').bind(`'${day}'`)).toBe(`${day} 00:00:00`);
  });

  test.each([
    ['varchar(9)', "''", 'VARCHAR2(9 CHAR)'],
    ['text', "''", 'CLOB'],
    ['varbinary(9)', "x''", 'RAW(9)'],
    ["set('a')", '0', 'VARCHAR2(1 CHAR)'],
    ["enum('')", '1', 'VARCHAR2(1 CHAR)'],
  ])('an empty %s into a %s that takes no NULL', (from, literal, to) => {
    const ends = { charset: from.startsWith('var') || from === 'text' ? 'utf8mb4' : null };
    expect(of(from, to, ends).bind(literal)).toBeNull();
    expect(() => of(from, to, { ...ends, nullable: false }).bind(literal)).toThrow('is an empty text');
  });

  test('and the words name the column, never the value', () => {
    expect(() => of('date', 'DATE').bind("'2021-02-30'")).toThrow(/^V is a day that no month has$/);
  });
});

test('texts of any letters arrive as they are', () => {
  const { bind } = of('longtext', 'CLOB', { charset: 'utf8mb4' });
  const quoted = (text: string): string => `'${text.replace(/['\\\0]/g, (c) => (c === '\0' ? '\\0' : `\\${c}`))}'`;
  const letter = fc
    .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10_ffff }), fc.constantFrom(0, 39, 92))
    .map((code) => String.fromCodePoint(code));
  fc.assert(
    fc.property(fc.string({ unit: letter, minLength: 1 }), (text) => {
      expect(bind(quoted(text))).toBe(text);
      expect(bind(`_utf16 x'${Buffer.from(text, 'utf16le').swap16().toString('hex')}'`)).toBe(text);
      const utf32 = [...text].map((c) => c.codePointAt(0)!.toString(16).padStart(8, '0')).join('');
      expect(bind(`_utf32 x'${utf32}'`)).toBe(text);
    }),
  );
});

test('types that do not go together are nobody’s here', () => {
  expect(() => of('int', 'CLOB')).toThrow('does not go into');
});
