/** Which expressions hang on the session: the ordinary ones on none, and none that does is passed over. */
import { expect, test } from 'vitest';
import { printedExpression, settingsOf } from '../../src/mysql/session-words.ts';
import { column } from '../replication/model.ts';

const columns = [
  column('a'),
  column('b', 'decimal(10,2)'),
  column('u', 'int(10) unsigned'),
  column('f', 'double'),
  column('g', 'float'),
  column('v', 'varchar(9)'),
  column('c', 'char(5)'),
  column('ts', 'timestamp(3)'),
  column('`ts', 'timestamp'),
  column('d', 'datetime'),
  column('d6', 'datetime(6)'),
  column('j', 'json'),
];

test.each([
  ['(`a` + `b`)', 'bigint'],
  ['`a` - `b`', 'int(11)'],
  ['concat(`v`,`a`)', 'varchar(20)'],
  ["json_unquote(json_extract(`j`,_utf8mb4'$.x'))", 'varchar(20)'],
  ["concat(`v`,' / ts dayname(',`a`)", 'varchar(20)'],
  ['(`f` / `g`)', 'double'],
  ['(`a` DIV `b`)', 'int'],
  ["date_format(`d`,_utf8mb4'%Y-%m-%d')", 'char(10)'],
  ["date_format(`d`,'%M','de_DE')", 'varchar(9)'],
  ['week(`d`,3)', 'int'],
  ['year(`d`)', 'int'],
  ['unix_timestamp(`ts`)', 'bigint'],
  ["cast(`ts` at time zone 'UTC' as datetime(3))", 'datetime(3)'],
  ['`d` + interval 1 day', 'datetime'],
  ['`u` + 1', 'int'],
])('%s is free', (expression, type) => {
  expect(settingsOf({ expression, type }, columns)).toEqual([]);
});

test.each([
  ['`ts`', 'datetime(3)', 'time_zone'],
  ['cast(`TS` as date)', 'date', 'time_zone'],
  ['```ts`', 'datetime', 'time_zone'],
  ['hour(`ts`) + unix_timestamp(`ts`)', 'int', 'time_zone'],
  ['unix_timestamp(`ts` + interval 1 day)', 'bigint', 'time_zone'],
  ['unix_timestamp(`d`)', 'bigint', 'time_zone'],
  ['from_unixtime(`a`)', 'datetime', 'time_zone'],
  ["convert_tz(`d`,'system','UTC')", 'datetime', 'time_zone'],
  ['`d`', 'timestamp', 'time_zone'],
  ['dayname(`d`)', 'varchar(20)', 'lc_time_names'],
  ["date_format(`d`,'%W')", 'varchar(20)', 'lc_time_names'],
  ['date_format(`d`,`v`)', 'varchar(20)', 'lc_time_names'],
  ['week(`d`)', 'int', 'default_week_format'],
  ['(`a` / 7)', 'decimal(30,15)', 'div_precision_increment'],
  ['(`f` / `b`)', 'double', 'div_precision_increment'],
  ['(`u` - `a`)', 'bigint', 'sql_mode'],
  ['concat(`c`)', 'varchar(9)', 'sql_mode'],
  ['`d6`', 'datetime', 'sql_mode'],
])('%s hangs on the session', (expression, type, setting) => {
  expect(settingsOf({ expression, type }, columns)).toEqual([setting]);
});

test('MySQL prints expressions as in a text, MariaDB as they are', () => {
  const printed = String.raw`date_format(${'`c\\\\d`'},_utf8mb4\'it\\\'s %Y\')`;
  const expression = printedExpression(printed, 'mysql');
  expect(expression).toBe(String.raw`date_format(${'`c\\d`'},_utf8mb4'it\'s %Y')`);
  expect(settingsOf({ expression, type: 'varchar(9)' }, [column('c\\d', 'timestamp')])).toEqual(['time_zone']);
  expect(settingsOf({ expression, type: 'varchar(9)' }, [column('c\\d', 'datetime')])).toEqual([]);
  expect(printedExpression(expression, 'mariadb')).toBe(expression);
});
