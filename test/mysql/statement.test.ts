import { describe, expect, test } from 'vitest';
import { statementKind } from '../../src/mysql/statement.ts';
import { plain } from './plain.ts';

describe('statementKind', () => {
  test.each([
    ['BEGIN', 'begin'],
    ['begin', 'begin'],
    ['START TRANSACTION', 'begin'],
    ['COMMIT', 'commit'],
    ['SAVEPOINT `a`', 'savepoint'],
    ['RELEASE SAVEPOINT a', 'savepoint'],
    ['ROLLBACK', 'rollback'],
    ['ROLLBACK TO `a`', 'rollback'],
    ["XA START X'78',X'',1", 'xa'],
    ['insert into t values (1)', 'rows'],
    ['/* a comment */ UPDATE t SET a = 1', 'rows'],
    ['/* a */ /* b */\n-- c\n# d\nDELETE FROM t', 'rows'],
    ['/*!50000 REPLACE INTO t VALUES (1) */', 'rows'],
    ['/*M!100100 INSERT INTO t VALUES (1) */', 'rows'],
    ['(SELECT f())', 'rows'],
    ['WITH a AS (SELECT 1) UPDATE t SET b = 1', 'rows'],
    ['SET STATEMENT max_statement_time=1 FOR INSERT INTO t VALUES (1)', 'rows'],
    ['SET STATEMENT max_statement_time=1 FOR ALTER TABLE t ADD a INT', 'definition'],
    ['LOAD DATA INFILE "x" INTO TABLE t', 'rows'],
    ['CREATE TABLE t (a INT)', 'definition'],
    ['/* otter */ CREATE TABLE t (a INT)', 'definition'],
    ['CREATE TABLE temporary (a INT)', 'definition'],
    ['CREATE TEMPORARY TABLE t (a INT)', 'temporary'],
    ['CREATE OR REPLACE TEMPORARY TABLE t (a INT)', 'temporary'],
    ['DROP TEMPORARY TABLE IF EXISTS t', 'temporary'],
    ['DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`', 'temporary'],
    ['DROP TABLE `insert`', 'definition'],
    ['TRUNCATE TABLE t', 'definition'],
    ["SET PASSWORD FOR 'a' = 'b'", 'definition'],
    ['GRANT ALL ON *.* TO a', 'definition'],
    ['', 'definition'],
  ])('%s is %s', (sql, kind) => {
    expect(statementKind(plain(sql)).kind).toBe(kind);
  });
});
