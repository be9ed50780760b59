/** Which literals a column of a key could hold: all that are read of it, and none of another kind. */
import { expect, test } from 'vitest';
import { couldHold } from '../../src/replication/key-literals.ts';

const HELD: readonly (readonly [type: string, literals: readonly string[], not: readonly string[]])[] = [
  ['int(11)', ['0', '-5', '42'], ["'42'", "'abc'", '1.5', '1e3', "x'00'"]],
  ['bigint unsigned', ['18446744073709551615'], ["'1'", '']],
  ['bit(12)', ['4095'], ["'a'"]],
  ['decimal(12,3)', ['0.125', '-7'], ["'0.125'", 'x']],
  ['double', ['1e300', '-1.5E-7', '0.1'], ["'0.1'"]],
  [
    'datetime(3)',
    ["'2020-01-31 23:59:59.123'", "'0000-00-00 00:00:00'", "'2020-01-31'"],
    ["'2020-13-01'", '5', "'no'"],
  ],
  ['timestamp', ["'2038-01-19 03:14:07'"], ["'2038-01-19 24:00:00'"]],
  ['date', ["'2020-02-31'", "'0000-00-00'"], ["'2020-02-32'", '20200231']],
  ['time(6)', ["'-838:59:59.000000'", "'00:00:01'"], ["'00:60:00'", '1']],
  ['year(4)', ["'1999'", '1999'], ["'x'"]],
  ["enum('a','b')", ['1', "'a'"], ['a']],
  ["set('x','y')", ['3', '-9223372036854775808'], ["'x'"]],
  ['varchar(20)', ["'5'", "_latin1 x'e9'", "''"], ['5', '5.5']],
  ['varbinary(20)', ["x'00ff'", "'a'"], ['5']],
  ['uuid', ["x'00112233445566778899aabbccddeeff'"], ["'no uuid'", "x'00'"]],
  ['inet4', ["x'7f000001'"], ["'127.0.0.1'"]],
];

test.each(HELD)('%s', (type, held, not) => {
  for (const literal of held) expect(couldHold({ type }, literal), literal).toBe(true);
  for (const literal of not) expect(couldHold({ type }, literal), literal).toBe(false);
});
