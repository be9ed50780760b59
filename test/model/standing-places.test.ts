import { expect, test } from 'vitest';
import { between } from '../../src/model/standing-places.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '4e11fa47-71ca-11e1-9e33-c80aa9429562';

test.each([
  ['mariadb:0-1-5,1-1-9', 'mariadb:0-2-8,1-1-9', { count: 3, of: 'transactions' }],
  ['mariadb:', 'mariadb:0-2-8', { count: 8, of: 'transactions' }],
  [`mysql:${A}:1-5:9`, `mysql:${A}:1-12,${B}:1-2`, { count: 8, of: 'transactions' }],
  // What a target has beyond the end is not behind it.
  ['mariadb:0-1-9', 'mariadb:0-1-5', { count: 0, of: 'transactions' }],
  ['file:binlog.000003:100@s#1', 'file:binlog.000003:150@s#1', { count: 50, of: 'bytes' }],
  ['file:binlog.000003:100@s#1', 'file:binlog.000004:150@s#2', null],
  ['file:binlog.000003:100@s#1', 'mariadb:0-1-9', null],
] as const)('between %s and %s', (behind, end, expected) => {
  expect(between(behind, end)).toEqual(expected);
});
