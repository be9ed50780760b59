/** Which target columns take every value of a source column exactly. */
import { expect, test } from 'vitest';
import { type FitColumn, fitOf, printTypes } from '../../src/replication/column-fit.ts';

/** `varchar(9) latin1 NULL` is a type with its character set that takes NULL; texts without one are utf8mb4. */
function column(text: string): FitColumn {
  const [, type, named, takesNull] = /^(.*?)(?: (latin1|utf8|utf8mb3|utf8mb4|ascii|ucs2|gb18030))?( NULL)?$/.exec(
    text,
  )!;
  const charset = named ?? (/^(char|varchar|\w*text|enum|set)\b/.test(text) ? 'utf8mb4' : null);
  return {
    type: type!,
    charset,
    collation: charset === null ? null : `${charset}_bin`,
    nullable: takesNull !== undefined,
  };
}

test.each([
  ['int(11)', 'int'],
  ['int', 'int NULL'],
  ['int NULL', 'int'],
  ['int', 'int(11)'],
  ['integer', 'int'],
  ['tinyint(1)', 'tinyint(4)'],
  ['int', 'bigint'],
  ['int(10) unsigned', 'bigint'],
  ['int(10) unsigned', 'bigint unsigned'],
  ['int(5) unsigned zerofill', 'int unsigned'],
  ['varchar(10)', 'varchar(20)'],
  ['char(3)', 'char(4)'],
  ['char(3)', 'varchar(3)'],
  ['char(3)', 'longtext'],
  ['varchar(60)', 'tinytext'],
  ['tinytext', 'varchar(255)'],
  ['text', 'mediumtext'],
  ['text latin1', 'text'],
  ['longtext', 'json'],
  ['varchar(9) utf8', 'varchar(9) utf8mb3'],
  ['varchar(9) utf8mb3', 'varchar(9)'],
  ['varchar(9) latin1', 'varchar(9)'],
  ['varchar(9) latin1', 'varchar(9) utf8mb3'],
  ['varchar(9) ascii', 'varchar(9) latin1'],
  ["enum('a','b')", "enum('a','b','c')"],
  ["enum('it''s',',')", "enum('it''s',',')"],
  ["enum('a') latin1", "enum('a')"],
  ["set('a')", "set('a','b')"],
  ['datetime', 'datetime(6)'],
  ['datetime(3)', 'datetime(3)'],
  ['timestamp', 'timestamp(2)'],
  ['time', 'time(1)'],
  ['year(4)', 'year'],
  ['date', 'date'],
  ['decimal(10,2)', 'decimal(12,4)'],
  ['decimal(10,2) unsigned', 'decimal(10,2)'],
  ['float', 'float'],
  ['float', 'double'],
  ['float(7,4)', 'float(7,4)'],
  ['float(7,4)', 'float'],
  ['real', 'double'],
  ['binary(16)', 'binary(16)'],
  ['binary(16)', 'varbinary(16)'],
  ['varbinary(16)', 'blob'],
  ['tinyblob', 'varbinary(255)'],
  ['point', 'geometry'],
  ['geomcollection', 'geometrycollection'],
  ['inet6', 'inet6'],
  ['uuid', 'uuid'],
  ['uuid', 'binary(16)'],
  ['binary(16)', 'uuid'],
  ['inet6', 'binary(16)'],
  ['inet4', 'varbinary(8)'],
  ['vector(3)', 'vector(3)'],
  ['vector(3)', 'varbinary(12)'],
  ['varchar(9) /*M!100301 COMPRESSED*/', 'varchar(9)'],
  ['blob', 'blob /*M!100301 COMPRESSED*/'],
  ['json', 'longtext'],
  ['bit(1)', 'bit(8)'],
  ['json', 'json'],
  ['system versioned', 'system versioned'],
  ['int', 'system versioned'],
])('%s fits into %s', (source, target) => {
  expect(fitOf(column(source), column(target))).toBe('exact');
});

test.each([
  ['int', 'tinyint'],
  ['bigint', 'int'],
  ['int', 'int unsigned'],
  ['int', 'bigint unsigned'],
  ['int unsigned', 'int'],
  ["enum('a','b')", "enum('a')"],
  ['decimal(10,2)', 'decimal(11,4)'],
  ['decimal(10,2)', 'decimal(10,2) unsigned'],
  ['float', 'float unsigned'],
  ['varchar(9)', 'varchar(9) latin1'],
  ['varchar(9)', 'varchar(9) utf8mb3'],
  ['varchar(9) gb18030', 'varchar(9) utf8mb3'],
  ['varchar(9) latin1', 'varchar(9) ascii'],
  ['varbinary(8)', 'varbinary(7)'],
  ['blob', 'tinyblob'],
  ['bit(8)', 'bit(7)'],
  ["set('a','b')", "set('a')"],
  ['char(4)', 'char(3)'],
  ['vector(3)', 'vector(4)'],
  ['vector(3)', 'vector(2)'],
  ['vector(3)', 'varbinary(11)'],
  ['json', 'longtext latin1'],
])('%s does not fit into %s, and the server says so', (source, target) => {
  expect(fitOf(column(source), column(target))).toBe('aloud');
});

test.each([
  ['varchar(20)', 'varchar(19)'],
  ['varchar(64)', 'tinytext'],
  ['text', 'varchar(100)'],
  ['text', 'tinytext'],
])('%s does not fit into %s, and of spaces at its end the server says only a note', (source, target) => {
  expect(fitOf(column(source), column(target))).toBe('cuts');
});

test.each([
  ['int', 'decimal(20,0)'],
  ["enum('a','b')", 'varchar(10)'],
  ["enum('a','b')", 'int'],
  ["enum('a','b')", "enum('b','a')"],
  ["enum('a','b')", "enum('a','B')"],
  ["set('a','b')", "set('b','a')"],
  ["set('a','b')", "enum('a','b')"],
  ['int', "enum('a','b')"],
  ['varchar(10)', "enum('a','b')"],
  ['datetime(6)', 'datetime'],
  ['timestamp', 'datetime'],
  ['datetime', 'timestamp'],
  ['date', 'datetime'],
  ['time(3)', 'time'],
  ['year(4)', 'smallint'],
  ['decimal(10,4)', 'decimal(10,2)'],
  ['decimal(10,4)', 'int'],
  ['double', 'float'],
  ['float', 'double(9,2)'],
  ['float', 'float(7,4)'],
  ['int', 'varchar(20)'],
  ['varchar(20)', 'int'],
  ['varchar(20)', 'char(20)'],
  ['varchar(20)', 'varbinary(80)'],
  ['text', 'json'],
  ['uuid', 'inet6'],
  ['uuid', 'char(36)'],
  ['varbinary(16)', 'uuid'],
  ['binary(4)', 'uuid'],
  ['varbinary(12)', 'vector(3)'],
  ['binary(8)', 'binary(16)'],
  ['varbinary(8)', 'binary(8)'],
  ['varbinary(8)', 'varchar(8)'],
  ['geometry', 'point'],
  ['inet4', 'inet6'],
  ['bit(8)', 'tinyint'],
  ['timestamp NULL', 'timestamp'],
])('%s may change in %s without an error', (source, target) => {
  expect(fitOf(column(source), column(target))).toBe('silent');
});

test('the character set is named where it differs, and what takes no NULL', () => {
  expect(printTypes(column('varchar(9)'), column('varchar(9) latin1'))).toEqual({
    from: 'varchar(9) utf8mb4',
    to: 'varchar(9) latin1',
  });
  expect(printTypes(column('varchar(9)'), column('varchar(8)'))).toEqual({ from: 'varchar(9)', to: 'varchar(8)' });
  expect(printTypes(column('int NULL'), column('int'))).toEqual({ from: 'int NULL', to: 'int NOT NULL' });
});
