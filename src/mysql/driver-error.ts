/**
 * Driver errors understood once, where they first appear: by number and code of the server or the socket, never by
 * text. `backoff` means that the same attempt may succeed later without anyone doing anything.
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
const PURGED: Class = { code: 'OT4020', retry: 'never' };
const PRIVILEGE: Class = { code: 'OT4022', retry: 'never' };

/** Numbers from `mysqld_error.h`; those above 1900 are MariaDB's own, above 3000 MySQL's. */
const BY_NUMBER: Readonly<Record<number, Class>> = {
  1021: CANNOT_WRITE, // disk full
  1040: BUSY, // too many connections
  1044: PRIVILEGE, // access denied to database
  1045: LOGIN, // access denied
  1053: LOST, // server shutdown in progress
  1130: LOGIN, // host not allowed
  1142: PRIVILEGE, // command denied
  1143: PRIVILEGE, // column access denied
  1152: LOST,
  1158: LOST,
  1159: LOST,
  1160: LOST,
  1161: LOST,
  1184: LOST,
  1203: BUSY, // max_user_connections
  1205: BUSY, // lock wait timeout
  1213: BUSY, // deadlock
  1226: BUSY, // user resource limit
  1227: PRIVILEGE, // specific access denied
  1236: PURGED, // master fatal error reading binlog
  1290: CANNOT_WRITE, // option prevents statement (read_only)
  1114: CANNOT_WRITE, // table full
  1251: LOGIN, // client does not support authentication protocol
  1317: BUSY, // query interrupted
  1836: CANNOT_WRITE, // read only mode
  1698: LOGIN, // access denied, no password
  1792: CANNOT_WRITE, // read only transaction
  1820: LOGIN, // must change password
  1862: LOGIN, // password expired
  1927: LOST, // connection killed
  1969: BUSY, // statement timeout
  1020: BUSY, // record has changed since last read (snapshot isolation)
  3024: BUSY, // query execution time exceeded
  3118: LOGIN, // account locked
  3159: LOGIN, // secure transport required
  3572: BUSY, // nowait lock
  4031: LOST, // client inactive
  4151: LOGIN, // account locked (MariaDB)
};

const BY_CODE: Readonly<Record<string, Class>> = {
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  EHOSTDOWN: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  ECONNRESET: LOST,
  EPIPE: LOST,
  PROTOCOL_CONNECTION_LOST: LOST,
  PROTOCOL_SEQUENCE_TIMEOUT: LOST,
  ERR_STREAM_WRITE_AFTER_END: LOST,
  ERR_STREAM_DESTROYED: LOST,
  HANDSHAKE_NO_SSL_SUPPORT: LOGIN,
  HANDSHAKE_SSL_ERROR: LOGIN,
  DEPTH_ZERO_SELF_SIGNED_CERT: LOGIN,
  SELF_SIGNED_CERT_IN_CHAIN: LOGIN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: LOGIN,
  CERT_HAS_EXPIRED: LOGIN,
  ERR_TLS_CERT_ALTNAME_INVALID: LOGIN,
};

/** Error number of the server, or null when the error did not come from one. */
export function serverErrorNumber(error: unknown): number | null {
  if (error instanceof OtterError) return serverErrorNumber(error.cause);
  if (typeof error !== 'object' || error === null || !('errno' in error)) return null;
  return typeof error.errno === 'number' && error.errno > 0 ? error.errno : null;
}

/** The error as one of otter's own; what is one already stays as it is. */
export function databaseError(error: unknown, where: Readonly<Record<string, string | number>>): OtterError {
  if (error instanceof OtterError) return error;
  const number = serverErrorNumber(error);
  const text = withoutValues(messageOf(error));
  const found = classify(error, number);
  const said = text === '' ? 'connection failed' : text;
  const shown = number === null ? said : `${said} (error ${number})`;
  // What is refused names its own place; of a server that cannot be used one must know which.
  const { database } = where;
  return new OtterError(found.code, found === REFUSED || database === undefined ? shown : `${database}: ${shown}`, {
    where,
    retry: found.retry,
    cause: error,
    hint: HINTS[found.code],
  });
}

/** Servers quote what they refuse; values of rows stay out of messages. */
export function withoutValues(text: string): string {
  return text
    .replace(/^Duplicate entry '[\s\S]*' for key /, 'Duplicate entry for key ')
    .replace(/\b(value|literal|character string)s?:? '[\s\S]*?'(?= for | at row |$)/gi, '$1');
}

/**
 * Refusals of what a row holds, or of rows that it needs or that need it: numbers from `mysqld_error.h`. What is not named here
 * may lie in the table, the session or the server, and then concerns every row.
 */
const OF_A_ROW: ReadonlySet<number> = new Set([
  1048, // column cannot be null
  1062, // duplicate entry
  1118, // row size too large
  1216, // no parent row
  1217, // row has children
  1263, // null to a column that is NOT NULL
  1264, // out of range
  1265, // data truncated
  1292, // truncated incorrect value
  1300, // invalid character string
  1364, // no default value
  1366, // incorrect value for the character set or type
  1367, // illegal value
  1369, // check option of a view
  1406, // data too long
  1411, // incorrect value for a function
  1416, // no geometry from what was sent
  1441, // datetime overflow
  1451, // row has children
  1452, // no parent row
  1526, // no partition for the value
  1586, // duplicate entry
  1644, // SIGNAL: a trigger says no
  1690, // out of range in an expression
  1748, // not in the given partition
  3140, // invalid JSON
  3141, // invalid JSON
  3819, // check constraint (MySQL)
  4025, // check constraint (MariaDB)
]);

/** Whether the server said that of a row, for what it holds. */
export function isOfRow(error: unknown): boolean {
  return OF_A_ROW.has(serverErrorNumber(error) ?? 0);
}

function classify(error: unknown, number: number | null): Class {
  if (number !== null) return BY_NUMBER[number] ?? REFUSED;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const byCode = BY_CODE[code];
  if (byCode !== undefined) return byCode;
  // The driver's own "connection is in closed state" carries only this mark.
  if (typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true) return LOST;
  // Several addresses of one name were tried and all failed.
  if (error instanceof AggregateError) return classify(error.errors[0], null);
  return REFUSED;
}

const HINTS: Partial<Record<Code, string>> = {
  OT4003: 'check `user`, `password` and `tls` of the database, and the account on the server',
  OT4020:
    'let the server keep its log longer (`binlog_expire_logs_seconds`), and begin the channel anew (`otter explain OT4020` says how)',
};
