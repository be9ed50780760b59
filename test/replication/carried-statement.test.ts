/** What of a statement its definitions do not tell, and which columns become the same at both servers. */
import { expect, test } from 'vitest';
import type { ColumnShape, TableShape } from '../../src/model/row.ts';
import { untold } from '../../src/replication/carried-statement.ts';
import { conversionObstacle, paddedObstacle } from '../../src/replication/conversion.ts';
import { exchanges, ghostOf, movesOf } from '../../src/replication/renames.ts';

test.each([
  'ALTER TABLE t ADD a INT, DROP b, MODIFY c TEXT FIRST',
  'ALTER ONLINE TABLE IF EXISTS `s`.`t` WAIT 5 ADD COLUMN (a INT, b INT)',
  'ALTER TABLE t NOWAIT ENGINE = InnoDB, ALGORITHM = INPLACE, LOCK = NONE',
  "ALTER TABLE t COMMENT = '', CONVERT TO CHARACTER SET utf8mb4, ORDER BY a",
  'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0), ADD FOREIGN KEY (a) REFERENCES p (id)',
  'ALTER TABLE t RENAME TO u, DISABLE KEYS',
  'CREATE UNIQUE INDEX i ON t (a)',
  'DROP INDEX i ON t',
])('told by its definitions: %s', (plain) => {
  expect(untold({ plain, schema: 's' })).toBeNull();
});

test.each([
  'ALTER IGNORE TABLE t ADD UNIQUE (a)',
  'ALTER ONLINE IGNORE TABLE t ADD UNIQUE (a)',
  'ALTER TABLE t TRUNCATE PARTITION p0',
  'ALTER TABLE t DROP PARTITION p0',
  'ALTER TABLE t ADD PARTITION (PARTITION p1 VALUES LESS THAN (9))',
  'ALTER TABLE t ADD a INT, EXCHANGE PARTITION p0 WITH TABLE u',
  'ALTER TABLE t CONVERT PARTITION p0 TO TABLE u',
  'ALTER TABLE t CONVERT TABLE u TO PARTITION p0',
  'ALTER TABLE t REMOVE PARTITIONING',
  'ALTER TABLE t PARTITION BY HASH (id)',
  'ALTER TABLE t DISCARD TABLESPACE',
  'ALTER TABLE t IMPORT TABLESPACE',
  'ALTER TABLE t ADD SYSTEM VERSIONING',
  'ALTER TABLE t SECONDARY_LOAD',
  'ALTER TABLE t',
  'ALTER VIEW v AS SELECT 1',
])('not told, or not known: %s', (plain) => {
  // Nothing at all is no change.
  if (plain === 'ALTER TABLE t') expect(untold({ plain, schema: 's' })).toBeNull();
  else expect(untold({ plain, schema: 's' })).not.toBeNull();
});

const column = (type: string, more: Partial<ColumnShape> = {}): ColumnShape =>
  ({ name: 'c', type, charset: null, collation: null, nullable: true, generated: false, ...more }) as ColumnShape;

test.each([
  ['int', 'bigint', null, null],
  ['bigint', 'int', null, /two server families/],
  ['varchar(5)', 'varchar(9)', null, null],
  ['varchar(9)', 'varchar(5)', null, /two server families/],
  ['varchar(9)', 'int', null, /two server families/],
  ['datetime(3)', 'datetime(6)', null, null],
  ['datetime(6)', 'datetime(3)', /fractions/, /two server families/],
  ['datetime', 'timestamp', /own time/, /two server families/],
  ['timestamp', 'datetime', /own time/, /two server families/],
  ['timestamp', 'varchar(30)', /own time/, /two server families/],
  ['time', 'datetime', /own time/, /two server families/],
  ['datetime', 'date', /own time/, /two server families/],
  ['varchar(30)', 'date', /own time/, /two server families/],
  ['datetime', 'varchar(30)', null, /two server families/],
  ['date', 'int', /own time/, /two server families/],
  ["enum('a','b')", "enum('a','b','c')", null, null],
  ["enum('a','b')", "enum('b','a')", null, /two server families/],
] as const)('%s becomes %s', (from, to, same, mixed) => {
  for (const [sameFamily, why] of [
    [true, same],
    [false, mixed],
  ] as const) {
    const obstacle = conversionObstacle(column(from), column(to), sameFamily);
    if (why === null) expect(obstacle).toBeNull();
    else expect(obstacle).toMatch(why);
    expect(obstacle ?? '').not.toContain("'a'");
  }
});

test('what each server fills in or reckons is left to none', () => {
  const not = { nullable: false };
  expect(conversionObstacle(column('timestamp'), column('timestamp', not), true)).toMatch(/time of now/);
  expect(conversionObstacle(column('int'), column('int', not), true)).toBeNull();
  expect(conversionObstacle(column('int'), column('int', { generated: true }), true)).toMatch(/generated/);
});

test('a session that reads CHAR with the spaces at the end', () => {
  const shape = (...columns: readonly ColumnShape[]) => ({ columns }) as unknown as TableShape;
  const obstacle = (before: ColumnShape, after: ColumnShape, renamed = {}) =>
    paddedObstacle(shape(before), shape(after), renamed);
  expect(obstacle(column('char(5)'), column('varchar(9)'))).toMatch(/PAD_CHAR/);
  expect(obstacle(column('char(5)'), { ...column('text'), name: 'd' }, { c: 'd' })).toMatch(/column d/);
  expect(obstacle(column('char(5)'), column('char(5)'))).toBeNull();
  expect(obstacle(column('varchar(5)'), column('varchar(9)'))).toBeNull();
  expect(obstacle(column('char(5)'), { ...column('varchar(9)'), name: 'd' })).toBeNull();
});

const named = (name: string) => ({ schema: 's', name });

test('where tables are behind several renamings in turn', () => {
  const moves = movesOf([named('a'), named('b'), named('x')], [named('x'), named('a'), named('b')]);
  expect(moves).toEqual([
    { from: named('a'), to: named('b') },
    { from: named('b'), to: named('a') },
  ]);
});

test.each([
  ['_t_gho', '_t_del', true],
  ['_t_gho', '_t_20240102030405_del', true],
  ['_t_new', '_t_old', true],
  ['__t_new', '___t_old', true],
  ['_t_gho', '_t_old', false],
  ['_u_gho', '_t_del', false],
  ['t_new', 't_old', false],
])('%s comes and %s stays: %s', (come, went, is) => {
  const moves = movesOf([named('t'), named(come)], [named(went), named('t')]);
  expect(exchanges(named('t'), moves)).toBe(is);
  if (is) expect(ghostOf(come)).toBe('t');
});
