/** Names in a statement: rather too many than too few. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { USUAL_QUOTING } from '../../src/mysql/plain-sql.ts';
import { likeliest, namesIn } from '../../src/mysql/reach.ts';
import { MYSQL, plain } from './plain.ts';

const has = (sql: string, schema: string, name: string, quoting = USUAL_QUOTING): boolean =>
  namesIn(plain(sql, MYSQL, quoting), 'd').some((one) => one.schema === schema && one.name === name);

test.each([
  ['INSERT INTO t VALUES (1)', 'd', 't'],
  ['INSERT INTO T VALUES (1)', 'd', 't'],
  ['UPDATE shop . orders SET a = 1', 'shop', 'orders'],
  ['UPDATE `shop`.`or``ders` SET a = 1', 'shop', 'or`ders'],
  ['UPDATE shop./* here */orders SET a = 1', 'shop', 'orders'],
  ["DELETE a FROM x AS a JOIN shop.orders ON 'it''s' = b", 'shop', 'orders'],
  ['/*!50000 UPDATE t SET a = 1 */', 'd', 't'],
  ["UPDATE x, t SET a = 'b\\', c = 'd\\'", 'd', 't'],
  ['UPDATE größe SET a = 1', 'd', 'größe'],
])('%s names %s.%s', (sql, schema, name) => {
  expect(has(sql, schema, name)).toBe(true);
});

test.each([
  ["INSERT INTO x VALUES ('t')", 'd', 't'],
  ['INSERT INTO x VALUES (1) -- t', 'd', 't'],
  ['INSERT INTO x /* t */ VALUES (1)', 'd', 't'],
  ["LOAD DATA INFILE 'f' INTO TABLE x FIELDS TERMINATED BY '\\t'", 'd', 't'],
])('%s does not name %s.%s', (sql, schema, name) => {
  expect(has(sql, schema, name)).toBe(false);
});

test('a string ends where its session says', () => {
  const sql = "INSERT INTO x SELECT 1, '\\' FROM t WHERE 'a' = 'b'";
  expect(has(sql, 'd', 't')).toBe(false);
  expect(has(sql, 'd', 't', { escapes: false, ansi: false })).toBe(true);
});

test('double quotes hold what their session says', () => {
  const sql = 'UPDATE "shop"."orders" SET a = 1';
  expect(has(sql, 'shop', 'orders', { escapes: true, ansi: true })).toBe(true);
  expect(has(sql, 'shop', 'orders')).toBe(false);
  const odd = `INSERT INTO x SELECT "say \\"'\\"", a FROM t WHERE 'a' = 'b'`;
  expect(has(odd, 'd', 't')).toBe(true);
});

test('a quoted name is found wherever it stands, whatever strings say', () => {
  const text = fc.string({ unit: fc.constantFrom('a', "'", '\\', ' ', '"', '-', '#', '/', '*') });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const quoted = (inside: string): string => `'${inside.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
      expect(has(`UPDATE x SET a = ${quoted(before)}, \`shop\`.\`t\`.b = ${quoted(after)}`, 'd', 't')).toBe(true);
    }),
  );
});

test.each([
  ['UPDATE t SET v = 2', ['t']],
  ['UPDATE IGNORE `d`.`t` SET v = 2', ['t']],
  ['INSERT INTO t (v) SELECT v FROM u', ['t', 'u']],
  ['INSERT t VALUES (1)', ['t']],
  ['DELETE FROM t WHERE v = 1', ['t']],
])('of what %s names, tables are shown', (sql, tables) => {
  const said = plain(sql, MYSQL);
  expect(likeliest(namesIn(said, 'd'), said).map(({ name }) => name)).toEqual(tables);
});

test('all names are shown where none is seen to be a table', () => {
  const names = namesIn('CALL p(1)', 'd');
  expect(likeliest(names, 'CALL p(1)')).toEqual(names);
});
