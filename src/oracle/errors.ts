/**
 * Errors of Oracle and its driver understood once, by number, never by text. Numbers from Oracle Database Error Messages
 * (`ORA-`) and from the driver (`NJS-`). `backoff` means that the same attempt may succeed later without anyone doing anything.
 */
import type { Code } from '../model/codes.ts';
import { messageOf, OtterError, type Retry } from '../model/error.ts';

interface Class {
  readonly code: Code;
  readonly retry: Retry;
}

const UNREACHABLE: Class = { code: 'OT4001', retry: 'backoff' };
const LOGIN: Class = { code: 'OT4003', retry: 'never' };
const LOST: Class = { code: 'OT4004', retry: 'backoff' };
const BUSY: Class = { code: 'OT4005', retry: 'backoff' };
const REFUSED: Class = { code: 'OT4006', retry: 'never' };
const CANNOT_WRITE: Class = { code: 'OT4007', retry: 'backoff' };
const PRIVILEGE: Class = { code: 'OT4022', retry: 'never' };

/** A unique key has the value already. */
const DUPLICATE = 1;

const BY_NUMBER: Readonly<Record<number, Class>> = {
  18: BUSY, // maximum number of sessions exceeded
  20: BUSY, // maximum number of processes exceeded
  28: LOST, // session killed
  54: BUSY, // resource busy and acquire with NOWAIT
  60: BUSY, // deadlock
  604: REFUSED, // error in a trigger or recursive SQL
  942: PRIVILEGE, // table or view does not exist, or may not be seen
  1005: LOGIN, // null password
  1012: LOST, // not logged on
  1013: BUSY, // user requested cancel of current operation
  1017: LOGIN, // invalid username or password
  1031: PRIVILEGE, // insufficient privileges
  1033: BUSY, // initialization or shutdown in progress
  1034: UNREACHABLE, // not available
  1035: LOGIN, // only available to users with RESTRICTED SESSION
  1041: LOST,
  1045: LOGIN, // lacks CREATE SESSION
  1089: LOST, // immediate shutdown in progress
  1090: LOST,
  1092: LOST, // instance terminated
  1109: BUSY, // database not open
  1536: CANNOT_WRITE, // space quota exceeded
  1552: CANNOT_WRITE,
  1555: BUSY, // snapshot too old
  1628: CANNOT_WRITE,
  1631: CANNOT_WRITE,
  1652: CANNOT_WRITE, // unable to extend temp segment
  1653: CANNOT_WRITE, // unable to extend table
  1654: CANNOT_WRITE, // unable to extend index
  1691: CANNOT_WRITE, // unable to extend lob segment
  1950: CANNOT_WRITE, // no privileges on tablespace
  2391: BUSY, // SESSIONS_PER_USER
  2396: LOST, // idle time exceeded
  2399: LOST, // connect time exceeded
  3113: LOST, // end-of-file on communication channel
  3114: LOST, // not connected
  3135: LOST, // connection lost contact
  3136: LOST, // call timeout
  8177: BUSY, // can't serialize access
  12153: LOST,
  12154: UNREACHABLE,
  12170: UNREACHABLE,
  12505: UNREACHABLE, // listener does not know the SID
  12514: UNREACHABLE, // listener does not know the service
  12516: BUSY,
  12518: BUSY,
  12519: BUSY,
  12520: BUSY,
  12528: BUSY, // instance is not open yet
  12537: LOST,
  12541: UNREACHABLE, // no listener
  12547: LOST,
  12570: LOST,
  12571: LOST,
  16000: CANNOT_WRITE, // database open for read-only access
  28000: LOGIN, // account is locked
  28001: LOGIN, // password has expired
  30006: BUSY, // resource busy; acquire with WAIT timeout expired
};

const BY_DRIVER: Readonly<Record<string, Class>> = {
  'NJS-500': LOST, // connection was closed by the server
  'NJS-501': UNREACHABLE,
  'NJS-503': UNREACHABLE, // could not be reached
  'NJS-510': UNREACHABLE, // timed out
  'NJS-511': UNREACHABLE, // refused
  'NJS-512': LOGIN, // invalid connect string parameters
  'NJS-515': UNREACHABLE,
  'NJS-518': UNREACHABLE, // service not registered
  'NJS-521': LOST,
  'NJS-116': LOGIN, // password verifier of another time
  'NJS-123': LOST, // call timeout
  'NJS-003': LOST, // connection is closed already
};

const BY_SOCKET: Readonly<Record<string, Class>> = {
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  ECONNRESET: LOST,
  EPIPE: LOST,
};

/** Number of `ORA-`, or null when the error did not come from the server. */
export function oracleErrorNumber(error: unknown): number | null {
  if (error instanceof OtterError) return oracleErrorNumber(error.cause);
  if (typeof error !== 'object' || error === null || !('errorNum' in error)) return null;
  return typeof error.errorNum === 'number' && error.errorNum > 0 ? error.errorNum : null;
}

export function isDuplicate(error: unknown): boolean {
  return oracleErrorNumber(error) === DUPLICATE;
}

/** The error as one of otter's own; what is one already stays as it is. */
export function oracleError(error: unknown, where: Readonly<Record<string, string | number>>): OtterError {
  if (error instanceof OtterError) return error;
  const number = oracleErrorNumber(error);
  const found = classify(error, number);
  const said = withoutValues(messageOf(error).split('\n')[0]!) || 'connection failed';
  const { database } = where;
  return new OtterError(found.code, found === REFUSED || database === undefined ? said : `${database}: ${said}`, {
    where,
    retry: found.retry,
    cause: error,
    hint:
      found === LOGIN ? 'check `user`, `password` and `tls` of the database, and the account on the server' : undefined,
  });
}

/** Since 23 the server says which row it was, and what could not be read. Names stand in double quotes. */
function withoutValues(text: string): string {
  return text
    .replace(/'[^']*'?/g, '...')
    .replace(/(unable to convert string value).*$/i, '$1')
    .replace(/\(columns? .*? (?:value|values)\b.*$/i, '')
    .replace(/(?:key|row) values?:?.*$/i, '')
    .trim();
}

function classify(error: unknown, number: number | null): Class {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (number !== null && !code.startsWith('NJS-')) return BY_NUMBER[number] ?? REFUSED;
  const known = BY_DRIVER[code] ?? BY_SOCKET[code];
  if (known !== undefined) return known;
  if (typeof error === 'object' && error !== null && 'isRecoverable' in error && error.isRecoverable === true)
    return LOST;
  return REFUSED;
}
