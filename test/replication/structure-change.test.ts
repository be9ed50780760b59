import { describe, expect, test } from 'vitest';
import { EVERY_QUOTING } from '../../src/mysql/plain-sql.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { MARIADB, MYSQL, plain } from '../mysql/plain.ts';

const changes = (sql: string, schema = 'd', dialect = MARIADB, quoting = EVERY_QUOTING[1]!): boolean =>
  definitions.changes({ schema, plain: plain(sql, dialect, quoting) }, { schema: 'd', name: 't' });

describe('changes', () => {
  test.each([
    'ALTER TABLE t ADD c INT',
    'ALTER TABLE t ADD COLUMN (c INT, e INT)',
    'ALTER TABLE t MODIFY x INT AFTER y',
    'ALTER TABLE t ADD INDEX (x), DROP COLUMN y',
    'ALTER TABLE t ADD INDEX (x, y), RENAME COLUMN y TO z',
    'ALTER TABLE t CONVERT TO CHARACTER SET latin1',
    'ALTER TABLE t ENGINE=InnoDB, ADD `index` INT',
    'ALTER TABLE t RENAME TO u',
    'ALTER TABLE u RENAME d.t',
    'alter /* why */ online table `d` . `T` modify x INT',
    'RENAME TABLE t TO old, new TO t',
    'DROP TABLE IF EXISTS a, t',
    'CREATE OR REPLACE TABLE t (id INT)',
    'DROP DATABASE d',
    'SET STATEMENT max_statement_time=0 FOR ALTER TABLE t DROP x',
    'FROBNICATE t',
    'ALTER TABLE t COMMENT "", MODIFY y INT AFTER id',
    'ALTER TABLE t COMMENT "a\\", b", MODIFY y INT AFTER id',
    "ALTER TABLE t COMMENT 'a\\', b', MODIFY y INT AFTER id",
    'ALTER TABLE t NOWAIT MODIFY y INT AFTER id',
    'ALTER TABLE t WAIT 5 MODIFY y INT AFTER id',
    'ALTER TABLE t /*M!100300 NOWAIT */ MODIFY y INT AFTER id',
    'ALTER TABLE t ENGINE=InnoDB /*!50000 , MODIFY y INT AFTER id */',
    'ALTER TABLE t ADD INDEX (x), /* , */ MODIFY y INT FIRST',
    'ALTER TABLE t ORDER BY y',
    'ALTER TABLE t ENGINE=InnoDB MODIFY y INT',
  ])('%s', (sql) => expect(changes(sql)).toBe(true));

  test.each([
    'ALTER TABLE t ADD INDEX (x), ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES p (id), DROP PRIMARY KEY',
    'ALTER TABLE t DROP PARTITION p1',
    'ALTER TABLE t ADD PARTITION (PARTITION p VALUES LESS THAN (7), PARTITION q VALUES LESS THAN (8))',
    "ALTER TABLE t ENGINE=InnoDB AUTO_INCREMENT=7 COMMENT='DROP COLUMN x, DROP y'",
    'ALTER TABLE t RENAME INDEX a TO b, ALGORITHM=INPLACE, LOCK=NONE',
    'ALTER TABLE other ADD c INT',
    'ALTER TABLE e.t ADD c INT',
    'TRUNCATE t',
    'CREATE TABLE IF NOT EXISTS t (id INT)',
    'CREATE TABLE u LIKE t',
    'CREATE UNIQUE INDEX i ON t (x)',
    'DROP INDEX i ON t',
    'OPTIMIZE TABLE t',
    'GRANT SELECT ON d.t TO u',
    'CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.x = 1',
    'DROP DATABASE e',
  ])('not %s', (sql) => expect(changes(sql)).toBe(false));

  test('by what the server reads', () => {
    const comment = "ALTER TABLE t COMMENT 'a\\', MODIFY y INT AFTER id, COMMENT ''";
    expect(changes(comment, 'd', MYSQL, { escapes: false, ansi: false })).toBe(true);
    expect(changes('ALTER TABLE t /*M!100300 NOWAIT */ MODIFY y INT AFTER id', 'd', MYSQL)).toBe(true);
    expect(changes('ALTER TABLE t FORCE /*!80000 , MODIFY y INT FIRST */', 'd', MYSQL)).toBe(true);
    expect(changes('ALTER TABLE t FORCE /*!80000 , MODIFY y INT FIRST */', 'd', MARIADB)).toBe(false);
    expect(changes('ALTER TABLE "t" DROP y', 'd', MYSQL, { escapes: true, ansi: true })).toBe(true);
    expect(changes("ALTER TABLE t COMMENT 'x", 'd', MYSQL)).toBe(true);
  });

  test('by the schema of the session', () => expect(changes('ALTER TABLE t DROP x', 'e')).toBe(false));
});
