/** What the log does not tell, or not in a form that is read here: the errors, and what to do about each. */
import { OtterError } from '../model/error.ts';
import { tableName } from '../model/row.ts';
import type { NamedTable } from './reach.ts';

/** Rows of a table that is not there any more. */
export function gone(table: string): OtterError {
  return new OtterError('OT4030', `the log has rows of ${table}, which no longer exists`, {
    where: { table },
    hint: 'leave tables that come and go out of the channel (name the tables one by one, or by a narrower pattern), or copy its tables again',
  });
}

export function statementFormat(verb: string, tables: readonly NamedTable[] | null): OtterError {
  const where = tables === null ? 'some table' : tables.map(tableName).join(', ');
  return new OtterError(
    'OT4032',
    `the log has the statement of a ${verb} that touches ${where}, not the rows it changed`,
    {
      hint: 'let that session use `binlog_format = ROW`, then copy the tables again (`otter explain OT4032` says how)',
    },
  );
}

export function unsupported(what: string, setting: string | null): OtterError {
  return new OtterError('OT4033', `the log has ${what}`, {
    hint:
      setting === null
        ? 'report the message'
        : `run \`${setting}\`, let sessions reconnect, then copy the tables again`,
  });
}

/** An XA transaction that is logged before it is decided. @param tables by name */
export function undecided(tables: string): OtterError {
  return new OtterError('OT4036', `rows of ${tables} were changed in an XA transaction`, {
    hint: 'use ordinary transactions, or `XA COMMIT ... ONE PHASE`, then copy the tables again (`otter explain OT4036` says how)',
  });
}

/** @param tables by name */
export function rolledBack(tables: string): OtterError {
  return new OtterError('OT4037', `rows of ${tables} were changed, and some of that rolled back in the log`);
}
