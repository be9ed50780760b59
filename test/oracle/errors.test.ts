/** Errors of Oracle and of its driver, by number. */
import { expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import { isDuplicate, oracleError, oracleErrorNumber } from '../../src/oracle/errors.ts';

const ora = (errorNum: number, text = `ORA-${errorNum}: words`): Error => Object.assign(new Error(text), { errorNum });
const njs = (code: string): Error => Object.assign(new Error(`${code}: words`), { code });
const of = (error: unknown): OtterError => oracleError(error, { database: 'dw' });

test.each<[what: string, error: Error, code: string, retry: string]>([
  ['a wrong password', ora(1017), 'OT4003', 'never'],
  ['a locked account', ora(28000), 'OT4003', 'never'],
  ['no listener', ora(12541), 'OT4001', 'backoff'],
  ['an instance that starts', ora(1033), 'OT4005', 'backoff'],
  ['a deadlock', ora(60), 'OT4005', 'backoff'],
  ['a claim that waited in vain', ora(30006), 'OT4005', 'backoff'],
  ['a line that is gone', ora(3113), 'OT4004', 'backoff'],
  ['a full tablespace', ora(1653), 'OT4007', 'backoff'],
  ['no quota', ora(1950), 'OT4007', 'backoff'],
  ['no right', ora(1031), 'OT4022', 'never'],
  ['a value too large', ora(12899), 'OT4006', 'never'],
  ['a number too large', ora(1438), 'OT4006', 'never'],
  ['NULL where none may be', ora(1400), 'OT4006', 'never'],
  ['the driver: closed', njs('NJS-500'), 'OT4004', 'backoff'],
  ['the driver: refused', njs('NJS-511'), 'OT4001', 'backoff'],
  ['the driver: something else', njs('NJS-007'), 'OT4006', 'never'],
  ['the socket', njs('ECONNRESET'), 'OT4004', 'backoff'],
])('%s', (_, error, code, retry) => {
  expect(of(error)).toMatchObject({ code, retry, cause: error });
});

test('numbers are read from errors that were understood before too', () => {
  expect(oracleErrorNumber(of(ora(955)))).toBe(955);
  expect(isDuplicate(of(ora(1)))).toBe(true);
  expect(oracleErrorNumber(njs('NJS-500'))).toBeNull();
  const own = new OtterError('OT5001', 'x');
  expect(of(own)).toBe(own);
});

test.each([
  "ORA-00001: unique constraint (DW.U) violated on table DW.ORDERS columns (NAME)\nORA-03301: (ORA-00001 details) row with column values (NAME:'secret') already exists",
  "ORA-01722: unable to convert string value containing 's' to a number: secret",
  'ORA-12899: value too large for column "DW"."T"."S" (actual: 11, maximum: 10)',
  "ORA-00001: unique constraint (DW.U) violated: row values: ('secret')",
])('no value of a row enters a message: %s', (text) => {
  expect(of(ora(Number(/\d+/.exec(text)![0]), text)).message).not.toContain('secret');
});
