/** What a server reads of a statement: comments, quotes and versions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVERY_QUOTING, plainSql, versionNumber } from '../../src/mysql/plain-sql.ts';
import { MARIADB, MYSQL, plain } from './plain.ts';

const words = (sql: string, ...how: readonly unknown[]): string =>
  plain(sql, ...(how as []))
    .replace(/\s+/g, ' ')
    .trim();

test.each([
  ['ALTER /* a */ TABLE -- b\n t # c\n FORCE', 'ALTER TABLE t FORCE'],
  ["COMMENT 'it''s' , MODIFY y", "COMMENT '''' , MODIFY y"],
  ['COMMENT "", MODIFY y', "COMMENT '', MODIFY y"],
  ['COMMENT "a\\", b", MODIFY y', "COMMENT '', MODIFY y"],
  ["COMMENT 'a\\', b', MODIFY y", "COMMENT '', MODIFY y"],
  ['ALTER TABLE `a``"b` x', 'ALTER TABLE `a``"b` x'],
  ['/*!50100 PARTITION */ x', 'PARTITION x'],
  ['a--1', 'a--1'],
  ['a --\tb', 'a'],
  ["a 'b", 'a \0'],
  ['DROP TABLE größe', 'DROP TABLE größe'],
])('%s is read as %s', (sql, expected) => expect(words(sql)).toBe(expected));

describe('a comment for some servers', () => {
  test.each([
    ['/*! x */', 'x', 'x'],
    ['/*M! x */', 'x', ''],
    ['/*M!100300 NOWAIT */ x', 'NOWAIT x', 'x'],
    ['/*M!110000 x */', '', ''],
    ['/*!50000 x */', 'x', 'x'],
    // MariaDB leaves to MySQL what MySQL has had since 5.7.
    ['/*!80000 x */', '', 'x'],
    ['/*!50700 x */', '', 'x'],
    ['/*!100100 x */', 'x', ''],
    ['/*!99999 x /* y */ z */ w', 'w', 'w'],
    ['/*! x /* y */ z */ w', 'x z w', 'x z w'],
    ['/*M! x /* y */ z', 'x z', 'z'],
  ])('%s', (sql, mariadb, mysql) => {
    expect(words(sql, MARIADB)).toBe(mariadb);
    expect(words(sql, MYSQL)).toBe(mysql);
  });
});

test('quotes are what the session says', () => {
  const sql = `A "b""c", 'd\\', "e", 'f'`;
  const read = EVERY_QUOTING.map((quoting) => [quoting, plainSql(sql, quoting, MYSQL)] as const);
  for (const [{ escapes, ansi }, text] of read) {
    const name = ansi ? '`b"c`' : "''''";
    if (escapes) expect(text).toBe(`A ${name}, ''f \0`);
    else expect(text).toBe(`A ${name}, '', ${ansi ? '`e`' : "''"}, ''`);
  }
});

test('names in small letters where the server keeps them so', () => {
  expect(words('ALTER TABLE `ÄB`.Cd', { ...MYSQL, folds: true })).toBe('alter table `äb`.cd');
});

test('whatever a text or a comment holds, what follows is read', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', "'", '\\', ' ', '"', '-', '#', '/', '*', '`', '!', '\n') });
  fc.assert(
    fc.property(
      letters.map((text) => `a${text}`),
      fc.constantFrom("'", '"'),
      fc.constantFrom(...EVERY_QUOTING),
      (text, quote, quoting) => {
        const inside = quoting.escapes ? text.replaceAll('\\', '\\\\') : text;
        const sql = `x ${quote}${inside.replaceAll(quote, quote + quote)}${quote}, MODIFY y`;
        expect(plainSql(sql, quoting, MYSQL)).toMatch(/^x ('|`).*\1, MODIFY y$/s);
        const comment = text.replaceAll('*/', '').replaceAll('*', '').replace(/^M?!/, '');
        expect(plainSql(`x /*${comment}*/, MODIFY y`, quoting, MYSQL)).toBe('x  , MODIFY y');
      },
    ),
  );
});

test.each([
  ['8.4.4-log', 80_404],
  ['10.11.19-MariaDB-log', 101_119],
  ['9.7.0', 90_700],
])('%s is %i', (text, number) => expect(versionNumber(text)).toBe(number));
