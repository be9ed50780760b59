/** What the log does not tell, or not in a form that is read here: the errors, and what to do about each. */
import { OtterError } from '../model/error.ts';
import { type FilePosition, formatPosition, type Position } from '../model/position.ts';
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

/** @param charset of the client that wrote it */
export function unknownCharset(charset: string): OtterError {
  return new OtterError('OT4032', `the log has a statement in ${charset}, whose letters otter cannot read`, {
    hint: 'let clients use another charset (`SET NAMES utf8mb4`) for statements, then copy the tables again (`otter explain OT4032` says how)',
  });
}

export function unsupported(what: string, setting: string | null): OtterError {
  return new OtterError('OT4033', `the log has ${what}`, {
    hint:
      setting === null
        ? 'report the message'
        : `run \`${setting}\`, let sessions reconnect, then copy the tables again`,
  });
}

/** An XA transaction that was prepared where the log cannot be read any more, so nobody knows which rows it changed. */
export function undecided(): OtterError {
  return new OtterError('OT4036', 'an XA transaction was committed whose rows the log does not have any more', {
    hint: 'decide XA transactions before the log that has them is purged, then copy the tables again (`otter explain OT4036` says how)',
  });
}

/** @param tables by name */
export function rolledBack(tables: string): OtterError {
  return new OtterError('OT4037', `rows of ${tables} were changed, and some of that rolled back in the log`);
}

const BEGIN_ANEW = 'begin the channel anew (`otter explain OT4020` says how)';

/** A position by file and offset that this server does not have, or has something else at. */
export function notHere(
  position: FilePosition,
  why: string,
  where: Readonly<Record<string, string | number>> = {},
): OtterError {
  const { database } = where;
  const said = `the log position ${position.file}:${position.offset} is no longer there: ${why}`;
  return new OtterError('OT4020', database === undefined ? said : `${database}: ${said}`, {
    where: { ...where, position: formatPosition(position) },
    hint: BEGIN_ANEW,
  });
}

export function wasReset(position: FilePosition, made: number): OtterError {
  const time = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  const then = time(position.made ?? 0);
  return notHere(position, `the log was reset (its file is of ${time(made)}, the position of one of ${then})`);
}

type Where = Readonly<Record<string, string | number>>;

function refused(code: 'OT4020' | 'OT4080', where: Where, position: Position, said: string, hint: string): OtterError {
  return new OtterError(code, `${where['database']}: ${said}`, {
    where: { ...where, position: formatPosition(position) },
    hint,
  });
}

/** @param gone what stands behind the position and was purged */
export function purged(where: Where, position: Position, gone: string): OtterError {
  return refused(
    'OT4020',
    where,
    position,
    `the log was purged of transactions that were not read yet (${gone})`,
    `let the server keep its log longer (\`binlog_expire_logs_seconds\`), and ${BEGIN_ANEW}`,
  );
}

/** A server that has nothing of the log that was followed. */
export function strange(where: Where, position: Position): OtterError {
  const said = `${where['endpoint']} has nothing of the log that was followed: it was reset, or this is another server`;
  return refused('OT4020', where, position, said, `correct \`endpoints\` if it is another server; else ${BEGIN_ANEW}`);
}

/** @param lacks what was read, and is not there any more */
export function behindPosition(where: Where, position: Position, lacks: string): OtterError {
  return refused(
    'OT4080',
    where,
    position,
    `${where['endpoint']} lacks transactions that were read already (${lacks}): it was restored from a backup, or took over without them`,
    'bring back the server that has them, or put them into this one; otter then goes on by itself. If they are lost, begin the channel anew (`otter explain OT4080` says how)',
  );
}

/** A transaction without a GTID, where the position is one of GTIDs. */
export function withoutGtid(what: string): OtterError {
  return new OtterError('OT4023', what, {
    hint: 'set `gtid_mode = ON` again (`otter explain OT4023` says how); what was written without GTIDs meanwhile cannot be followed: then begin the channel anew',
  });
}

/** The log of a server older than MySQL 8.0.2, which does not tell where a transaction ends. */
export function withoutLength(): OtterError {
  return new OtterError('OT4023', 'the log has transactions without a GTID, and does not say how long they are', {
    hint: 'set `gtid_mode = ON` (`otter explain OT4023` says how)',
  });
}

export function backwards(gtid: string, position: string): OtterError {
  return new OtterError('OT4025', `the log has ${gtid} after ${position}`, {
    hint: 'set `gtid_strict_mode = ON` and give every server that is written to a `gtid_domain_id` of its own, then begin the channel anew (`otter explain OT4020` says how)',
  });
}
