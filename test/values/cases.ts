/** Values at the extremes of every column type, as SQL expressions. */

export type Kind = 'mariadb' | 'mariadb11' | 'mysql';

export interface TypeCase {
  readonly type: string;
  readonly values: readonly string[];
  /** Which servers have the type; `mariadb` means every MariaDB. */
  readonly only?: Kind;
  /** What takes its values where the type is not known. */
  readonly elsewhere?: string;
}

export function has(kind: Kind, { only }: TypeCase): boolean {
  return only === undefined || only === kind || (only === 'mariadb' && kind === 'mariadb11');
}

const integers: readonly TypeCase[] = (
  [
    ['tinyint', 8n],
    ['smallint', 16n],
    ['mediumint', 24n],
    ['int', 32n],
    ['bigint', 64n],
  ] as const
).flatMap(([type, bits]) => [
  { type, values: [`${-(2n ** (bits - 1n))}`, `${2n ** (bits - 1n) - 1n}`, '-1', '0', '1', '-128'] },
  { type: `${type} unsigned`, values: [`${2n ** bits - 1n}`, `${2n ** (bits - 1n)}`, '0', '127'] },
]);

const SPECIAL_TEXTS = [
  "''",
  "' '",
  "'a'",
  `'it''s "quoted" \\\\ and \\0 and \\n\\r\\t\\Z'`,
  "'  padded  '",
  "'%_'",
  "'plain ascii that is a little longer than others'",
];
const WIDE_TEXTS = [...SPECIAL_TEXTS, "'naïve'", "'日本語'", "'😀 and 👩‍👩‍👧'", "'\u{fffd}'", "'é''\\\\'"];
const BYTES = [
  `x''`,
  `x'00'`,
  `x'ff'`,
  `x'0000'`,
  `x'0102000000'`,
  `x'27'`,
  `x'5c'`,
  `x'${Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('hex')}'`,
];

export const TYPE_CASES: readonly TypeCase[] = [
  ...integers,
  { type: 'int(8) zerofill', values: ['0', '42', '4294967295'] },
  { type: 'bigint(20) zerofill', values: ['0', '18446744073709551615'] },
  { type: 'tinyint(1)', values: ['0', '1', '-1'] },
  { type: 'decimal(10,2)', values: ['0', '0.01', '-0.01', '12345678.90', '-99999999.99', '1', '-0.00'] },
  {
    type: 'decimal(65,30)',
    values: [
      `${'9'.repeat(35)}.${'9'.repeat(30)}`,
      `-${'9'.repeat(35)}.${'9'.repeat(30)}`,
      '0',
      '1e-30',
      '-1e-30',
      '1000000000',
      '123456789.123456789',
    ],
  },
  { type: 'decimal(65,0)', values: ['9'.repeat(65), `-${'9'.repeat(65)}`, '0', '1', '1000000000000000000'] },
  { type: 'decimal(30,30)', values: ['0', '0.999999999999999999999999999999', '-0.000000000000000000000000000001'] },
  { type: 'decimal(1,0)', values: ['9', '-9', '0'] },
  { type: 'decimal(9,9)', values: ['0.000000001', '-0.999999999'] },
  { type: 'decimal(18,9)', values: ['-100000000.000000001', '999999999.999999999'] },
  { type: 'decimal(10,2) unsigned zerofill', values: ['0', '1.5', '12345678.9'] },
  {
    type: 'float',
    values: [
      '0',
      '-0e0',
      '0.1',
      '-0.1',
      '3.402823466e38',
      '-3.402823466e38',
      '1.175494351e-38',
      '1.4e-45',
      '16777216',
      '16777217',
      '123456.7',
      '1e10',
      '1/3',
      'pi()',
    ],
  },
  { type: 'float unsigned', values: ['0', '0.5'] },
  { type: 'float(10,2)', values: ['0.1', '12345.67', '-12345678'] },
  {
    type: 'double',
    values: [
      '0',
      '-0e0',
      '0.1',
      '-0.1',
      '1.7976931348623157e308',
      '-1.7976931348623157e308',
      '2.2250738585072014e-308',
      '4.9e-324',
      '9007199254740993',
      '1e21',
      '1e-7',
      '123456789.123456789',
      '1e0/3',
      'pi()',
      '5e-324',
    ],
  },
  { type: 'double(20,4)', values: ['0.1', '1234567890.1234', '-0.0001'] },
  { type: 'bit(1)', values: ["b'0'", "b'1'"] },
  { type: 'bit(9)', values: ["b'0'", "b'100000001'", "b'111111111'"] },
  { type: 'bit(48)', values: ["b'0'", '281474976710655'] },
  { type: 'bit(64)', values: ["b'0'", '18446744073709551615', '9223372036854775808', '1'] },
  { type: 'year', values: ["'0000'", '1901', '2155', '2026'] },
  {
    type: 'date',
    values: [
      "'0000-00-00'",
      "'1000-01-01'",
      "'9999-12-31'",
      "'2024-02-29'",
      "'2021-02-31'",
      "'0001-01-01'",
      "'2021-00-00'",
      "'2021-05-00'",
    ],
  },
  {
    type: 'datetime',
    values: [
      "'0000-00-00'",
      "'1000-01-01 00:00:00'",
      "'9999-12-31 23:59:59'",
      "'2021-02-31 01:02:03'",
      "'0001-02-03 04:05:06'",
    ],
  },
  ...[1, 2, 3, 4, 5, 6].map((fsp) => ({
    type: `datetime(${fsp})`,
    values: [
      "'0000-00-00'",
      `'9999-12-31 23:59:59.${'9'.repeat(fsp)}'`,
      "'2020-01-02 03:04:05.1'",
      `'2020-01-02 03:04:05.${'1'.padStart(fsp, '0')}'`,
    ],
  })),
  {
    type: 'timestamp null',
    values: ["'0000-00-00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-10-27 01:30:00'"],
  },
  ...[1, 2, 3, 4, 5, 6].map((fsp) => ({
    type: `timestamp(${fsp}) null`,
    values: [
      "'0000-00-00'",
      "'1970-01-01 00:00:01'",
      `'2038-01-19 03:14:07.${'9'.repeat(fsp)}'`,
      `'2020-01-02 03:04:05.${'1'.padStart(fsp, '0')}'`,
    ],
  })),
  { type: 'time', values: ["'00:00:00'", "'838:59:59'", "'-838:59:59'", "'-00:00:01'", "'99:59:59'", "'100:00:00'"] },
  ...[1, 2, 3, 4, 5, 6].map((fsp) => ({
    type: `time(${fsp})`,
    values: [
      "'00:00:00'",
      `'838:59:58.${'9'.repeat(fsp)}'`,
      `'-838:59:58.${'9'.repeat(fsp)}'`,
      `'-00:00:00.${'1'.padStart(fsp, '0')}'`,
      "'-00:00:01'",
      "'-01:00:00.5'",
      `'-00:00:59.${'9'.repeat(fsp)}'`,
    ],
  })),
  { type: 'char(50) character set utf8mb4', values: WIDE_TEXTS },
  { type: 'char(255) character set utf8mb4', values: [...WIDE_TEXTS, "repeat('😀', 255)"] },
  { type: 'varchar(100) character set utf8mb4', values: WIDE_TEXTS },
  { type: 'varchar(1000) character set utf8mb4', values: [...WIDE_TEXTS, "repeat('é', 1000)"] },
  { type: 'tinytext character set utf8mb4', values: WIDE_TEXTS },
  { type: 'text character set utf8mb4', values: [...WIDE_TEXTS, "repeat('日本', 10000)"] },
  { type: 'mediumtext character set utf8mb4', values: [...WIDE_TEXTS, "repeat('x', 100000)"] },
  { type: 'longtext character set utf8mb4', values: [...WIDE_TEXTS, "repeat('ab''c', 100000)"] },
  { type: 'varchar(100) character set utf8mb3', values: [...SPECIAL_TEXTS, "'日本語 é'"] },
  { type: 'varchar(100) character set ascii', values: SPECIAL_TEXTS },
  { type: 'char(20) character set ascii', values: ["''", "' '", "'a'", "'a '"] },
  {
    type: 'varchar(100) character set latin1',
    values: [...SPECIAL_TEXTS, "'naïve'", `_latin1 x'80819f'`, `_latin1 x'ff'`],
  },
  { type: 'char(50) character set latin1', values: [...SPECIAL_TEXTS, "'naïve'", `_latin1 x'80819f'`] },
  { type: 'text character set latin1', values: [...SPECIAL_TEXTS, "'naïve'"] },
  { type: 'varchar(100) character set ucs2', values: [...SPECIAL_TEXTS, "'日本語'"] },
  { type: 'char(50) character set ucs2', values: [...SPECIAL_TEXTS, "'日本語'"] },
  { type: 'char(50) character set utf16', values: [...SPECIAL_TEXTS, "'日本語 😀'"] },
  { type: 'char(50) character set utf16le', values: [...SPECIAL_TEXTS, "'日本語 😀'"] },
  { type: 'varchar(100) character set utf32', values: [...SPECIAL_TEXTS, "'日本語 😀'"] },
  { type: 'varchar(100) character set gbk', values: [...SPECIAL_TEXTS, "'中文'", `_gbk x'815c'`] },
  { type: 'varchar(100) character set sjis', values: ["''", "'日本語'", `_sjis x'8b5c'`, `_sjis x'5c7e'`] },
  { type: 'varchar(100) character set cp932', values: ["''", "'日本語'", `_cp932 x'8b5c'`] },
  { type: 'varchar(100) character set big5', values: ["''", "'中文'", `_big5 x'a55c'`] },
  { type: 'varchar(100) character set cp1251', values: ["'привет'", "'ascii'"] },
  { type: 'varchar(100) character set koi8r', values: ["'привет'", "'ascii'"] },
  { type: 'varchar(100) character set swe7', values: ["'abc'", `_swe7 x'5b5c5d7b7c7d'`] },
  { type: 'varchar(100) character set ujis', values: ["'日本語'", "'ascii'"] },
  { type: 'varchar(100) character set euckr', values: ["'한국어'", "'ascii'"] },
  { type: 'binary(1)', values: [`x''`, `x'00'`, `x'ff'`, `x'20'`] },
  {
    type: 'binary(16)',
    values: [`x''`, `x'00'`, `x'0100'`, `x'${'ff'.repeat(16)}'`, `x'${'00'.repeat(15)}01'`, "'a'"],
  },
  { type: 'binary(255)', values: [`x''`, `x'${'ff'.repeat(255)}'`, `x'01'`] },
  { type: 'varbinary(10)', values: BYTES.slice(0, 7) },
  { type: 'varbinary(300)', values: BYTES },
  { type: 'tinyblob', values: BYTES.slice(0, 7) },
  { type: 'blob', values: BYTES },
  { type: 'mediumblob', values: [...BYTES, "repeat(x'00ff', 50000)"] },
  { type: 'longblob', values: BYTES },
  { type: `enum('a','b''c','d,e','','日本')`, values: ["'a'", "'b''c'", "'d,e'", "''", "'日本'"] },
  { type: `enum(${Array.from({ length: 300 }, (_, i) => `'m${i}'`).join(',')})`, values: ["'m0'", "'m299'", "'m255'"] },
  { type: `set('a','b''c','d e','日本')`, values: ["''", "'a'", "'a,日本'", "'b''c,d e'", '15'] },
  {
    type: `set(${Array.from({ length: 64 }, (_, i) => `'s${i}'`).join(',')})`,
    values: ['0', '18446744073709551615', '9223372036854775808', '1'],
  },
  { type: "set('a','b','c','d','e','f','g','h','i')", values: ['0', '511', '256'] },
  {
    type: 'geometry',
    values: [
      "ST_GeomFromText('POINT(1 2)')",
      "ST_GeomFromText('POINT(30.5 -20.25)', 4326)",
      "ST_GeomFromText('POLYGON((0 0,0 1,1 1,1 0,0 0))')",
    ],
  },
  { type: 'point', values: ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(30.5 -20.25)', 4326)"] },
  { type: 'linestring', values: ["ST_GeomFromText('LINESTRING(0 0,1 1,2 2)')"] },
  { type: 'geometrycollection', values: ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')"] },
  {
    type: 'inet6',
    only: 'mariadb',
    elsewhere: 'binary(16)',
    values: ["'::'", "'::1'", "'2001:db8::'", "'2020:2020::2020'", "'::ffff:1.2.3.4'"],
  },
  {
    type: 'inet4',
    only: 'mariadb',
    elsewhere: 'binary(4)',
    values: ["'0.0.0.0'", "'1.2.3.4'", "'255.255.0.0'", "'32.32.32.32'"],
  },
  {
    type: 'json',
    only: 'mariadb',
    elsewhere: 'longtext character set utf8mb4 collate utf8mb4_bin',
    values: [`'{"b": 1, "a": [1, 2.50, null, "é"]}'`, `'[]'`, `'"x"'`],
  },
  {
    type: 'uuid',
    only: 'mariadb',
    elsewhere: 'binary(16)',
    values: [
      "'00000000-0000-0000-0000-000000000000'",
      "'123e4567-e89b-12d3-a456-426655440000'",
      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
      "'01890a5d-ac96-774b-bcce-b302099a8057'",
      "'20202020-2020-4020-a020-202020202020'",
    ],
  },
  ...['varchar(300) compressed character set utf8mb4', 'text compressed character set latin1'].map(
    (type): TypeCase => ({
      type,
      only: 'mariadb',
      elsewhere: type.replace(' compressed', ''),
      values: ["''", "'a'", "repeat('ab', 100)", "'it''s'", "'é'"],
    }),
  ),
  ...['varbinary(300) compressed', 'tinyblob compressed', 'longblob compressed'].map(
    (type): TypeCase => ({
      type,
      only: 'mariadb',
      elsewhere: type.replace(' compressed', ''),
      values: ["x''", "x'00'", "repeat(x'00ff', 100)", "x'8101'"],
    }),
  ),
  {
    type: 'json',
    only: 'mysql',
    elsewhere: 'json',
    values: [
      "'null'",
      `'{}'`,
      `'[]'`,
      `'"x"'`,
      "'1'",
      "'-0.0'",
      "'true'",
      String.raw`'{"b": 1, "a": [1, 2.50, null, "é😀", {"": []}], "long key with quotes \\" and \\\\": "\\u0001\\u007f\\n\\b\\/"}'`,
      `'[-9223372036854775808, 18446744073709551615, 18446744073709551616, 32767, 32768, -32769, 65535, 65536, 2147483648, 4294967296]'`,
      `'[1e300, 1e-300, 5e-324, 1.7976931348623157e308, 123456789012345680, 0.1, 1e15, 1e16, 1234567890123456.5, 1e-14, 1.5e-15]'`,
      'CAST(12345.67 AS JSON)',
      "JSON_OBJECT('d', CAST(1.10 AS DECIMAL(10,2)), 'n', CAST(-5 AS DECIMAL(5,0)), 'big', 123456789012345678901234567890.5, 'z', 0.00)",
      "JSON_ARRAY(CAST('2020-01-02' AS DATE), CAST('2020-01-02 03:04:05.678' AS DATETIME(3)), CAST('-838:59:59' AS TIME), CAST('00:00:00.1' AS TIME(1)), '2020-01-02', JSON_OBJECT('x', JSON_ARRAY(1, CAST('2020-01-02' AS DATE), JSON_ARRAY())))",
      "JSON_ARRAY(x'00ff', JSON_ARRAY('base64:type15:AP8=', repeat(x'01', 100)), x'')",
      "JSON_ARRAY((SELECT t.v FROM JSON_TABLE('[\"2020-01-02 03:04:05.678\"]', '$[0]' COLUMNS (v TIMESTAMP(3) PATH '$')) AS t))",
      "JSON_ARRAY(ST_GeomFromText('POINT(1 2)'), repeat('é', 40000), true, false)",
      'CAST(CONCAT(\'[\', repeat(\'{"a": 1, "b": [1.5, "x"]},\', 5000), \'1]\') AS JSON)',
      "CONCAT(repeat('[', 90), repeat(']', 90))",
      `'"2020-01-02"'`,
      `'"it''s */ /*"'`,
      "JSON_ARRAY('*/', 1.10)",
    ],
  },
  {
    type: 'vector(3)',
    only: 'mysql',
    elsewhere: 'varbinary(12)',
    values: ["x'0000803f'", "TO_VECTOR('[1,2.5,-3]')", "x'000000000000008001000000'"],
  },
  {
    type: 'vector(3)',
    only: 'mariadb11',
    elsewhere: 'varbinary(12)',
    values: ["VEC_FromText('[1,2.5,-3]')", "VEC_FromText('[0,-0,1e-38]')"],
  },
];
