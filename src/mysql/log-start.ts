/**
 * Where a reader begins: whether the position means something on this server, looked up before the log is asked for.
 *
 * Rule kept: a name and an offset that lead to something else than they were taken from are told, never read.
 */
import { OtterError } from '../model/error.ts';
import {
  covers,
  type FilePosition,
  formatBare,
  formatPosition,
  type LogPoint,
  type Position,
  parsePosition,
} from '../model/position.ts';
import type { Session } from './connection.ts';
import { isStranger, missing, readExecuted } from './executed.ts';
import { behindPosition, notHere, purged, strange, withoutGtid } from './log-refusals.ts';
import type { ServerKind } from './server-facts.ts';
import { quoteText } from './sql.ts';

type MysqlPosition = Extract<Position, { family: 'mysql' }>;

export interface LogStart {
  /** A position of the server. */
  readonly from: string;
  /** What the log is asked for, of a position by file; else null. */
  readonly place: LogPoint | null;
}

/** The dump command has 32 bits for the offset. */
const OFFSET_MAX = 0xffff_ffff;
/** Of the first event of a file. */
const FIRST_OFFSET = 4;

/** A server says that it has executed a transaction a little later than it sends it. */
const EXECUTED_WAIT_S = 2;

/** @throws OtterError OT4002, OT4020, OT4023, OT4080 */
export async function logStart(session: Session, kind: ServerKind, text: string): Promise<LogStart> {
  const position = parsePosition(text);
  const { family } = kind;
  const where = { ...session.where, position: text };
  if (position.family === 'file') {
    if (family === 'mariadb') return { from: await gtidsAt(session, position), place: null };
    const own = { ...position, server: position.server ?? kind.identity };
    return { from: formatPosition(own), place: await filePlace(session, kind, own) };
  }
  if (position.family !== family)
    throw new OtterError('OT4002', `${text} is not a position of a ${family} server`, {
      where,
      hint: family === 'mysql' ? 'write a GTID set: `mysql:UUID:1-5`' : 'write a GTID position: `mariadb:0-1-42`',
    });
  if (position.family === 'mysql') {
    await requireGtids(session);
    await requireExecuted(session, kind, position);
    await refuseGap(session, position);
  } else await requireExecuted(session, kind, position);
  return { from: text, place: null };
}

/** MariaDB can say which GTID position stands at an offset; from MySQL's offset no set can be known. */
async function gtidsAt(session: Session, position: FilePosition): Promise<string> {
  const [row] = await session.rows<{ position: string | null }>(
    `SELECT BINLOG_GTID_POS(${quoteText(position.file)}, ${position.offset}) AS position`,
  );
  const found = row?.position ?? null;
  if (found === null) throw notHere(position, 'the server has no such file', session.where);
  return `mariadb:${found}`;
}

/**
 * Whether the server has all that was read up to there, and still has what follows. A server that has less was restored from a
 * backup, lost what it had not stored, or has taken the place of one that was ahead of it.
 * @throws OtterError OT4020, OT4080
 */
async function requireExecuted(session: Session, kind: ServerKind, position: Position): Promise<void> {
  let executed = await readExecuted(session, kind);
  if (missing(executed, position) !== null && kind.family === 'mysql') {
    const wanted = quoteText(formatBare(position));
    await session.query(`SELECT WAIT_FOR_EXECUTED_GTID_SET(${wanted}, ${EXECUTED_WAIT_S})`);
    executed = await readExecuted(session, kind);
  }
  const lacks = missing(executed, position);
  if (lacks !== null)
    throw isStranger(executed, position)
      ? strange(session.where, position)
      : behindPosition(session.where, position, lacks);
  if (kind.family !== 'mysql') return;
  const [row] = await session.rows<{ purged: string }>('SELECT @@GLOBAL.gtid_purged AS purged');
  const gone = missing(
    { family: 'mysql', set: position as MysqlPosition, server: '' },
    parsePosition(`mysql:${row?.purged ?? ''}`),
  );
  if (gone !== null) throw purged(session.where, position, gone);
}

async function gtidMode(session: Session): Promise<string> {
  const [row] = await session.rows<{ mode: string }>('SELECT @@GLOBAL.gtid_mode AS mode');
  return row?.mode ?? '';
}

async function requireGtids(session: Session): Promise<void> {
  const mode = await gtidMode(session);
  if (mode === 'ON') return;
  throw withoutGtid(`${session.where['database']}: gtid_mode is ${mode}, and the channel has followed its GTIDs`);
}

interface LogHead {
  /** What was in the log before this file. */
  readonly before: Position;
  /** Type of the first event of its own. */
  readonly first: string | null;
}

/**
 * Asked for what is behind a GTID set, the server begins with the newest file before which there is nothing else, and
 * passes over older files of transactions without GTIDs, which were written while `gtid_mode` was not ON. That setting
 * begins a new file whenever it changes, so such transactions are in files without any GTID: those behind the last
 * transaction of the set are looked at here. @throws OtterError OT4023
 */
async function refuseGap(session: Session, position: Position): Promise<void> {
  const logs = await logNames(session);
  for (let index = await beginning(session, logs, position); index >= 0; index -= 1) {
    const { before, first } = await readHead(session, logs[index]!);
    // Some of the set is in this file, and the rest before it.
    if (!covers(before, position)) return;
    if (first === ANONYMOUS) throw passedOver(session, logs[index]!);
  }
}

/**
 * Why the server ended the log, where it says only that it did: with `gtid_mode` ON it sends no transaction without a GTID
 * any more, whatever it is asked by. Else the error stays what it is.
 */
export async function whyEnded(session: Session, kind: ServerKind, start: LogStart, error: unknown): Promise<unknown> {
  if (!(error instanceof OtterError) || error.code !== 'OT4020' || kind.family !== 'mysql') return error;
  if ((await gtidMode(session)) !== 'ON') return error;
  const logs = await logNames(session);
  const { place } = start;
  const begins = place === null ? await beginning(session, logs, parsePosition(start.from)) : logs.indexOf(place.file);
  if (begins < 0) return error;
  if (place !== null && (await eventAt(session, place)) === ANONYMOUS) return unsent(session);
  for (const file of logs.slice(place === null ? begins : begins + 1)) {
    const { first } = await readHead(session, file);
    if (first === ANONYMOUS) return place === null ? passedOver(session, file) : unsent(session);
  }
  return error;
}

const ANONYMOUS = 'Anonymous_Gtid';

function passedOver({ where }: Session, file: string): OtterError {
  return withoutGtid(`${where['database']}: ${file} has transactions without GTIDs`);
}

function unsent({ where }: Session): OtterError {
  const { database } = where;
  const what = 'transactions without GTIDs are still to be read, which the server does not send while gtid_mode is ON';
  return new OtterError('OT4023', `${database}: ${what}`, {
    where,
    hint: 'run `SET GLOBAL gtid_mode = ON_PERMISSIVE;`, let the pipeline catch up, then run `SET GLOBAL gtid_mode = ON;`',
  });
}

/** Index of the file with which the server begins: the newest before which there is nothing that the set lacks; or -1. */
async function beginning(session: Session, logs: readonly string[], position: Position): Promise<number> {
  const reaches = async (index: number): Promise<boolean> =>
    covers(position, (await readHead(session, logs[index]!)).before);
  const newest = logs.length - 1;
  if (newest < 0 || (await reaches(newest))) return newest;
  let [found, beyond] = [-1, newest];
  while (beyond - found > 1) {
    const middle = (found + beyond) >> 1;
    if (await reaches(middle)) found = middle;
    else beyond = middle;
  }
  return found;
}

/** Files of the log, oldest first. */
export async function logNames(session: Session): Promise<string[]> {
  return (await session.rows<{ Log_name: string }>('SHOW BINARY LOGS')).map(({ Log_name }) => Log_name);
}

/** What was in the log before a file of it, on a server with GTIDs. */
export async function positionBefore(session: Session, { family }: ServerKind, file: string): Promise<string> {
  if (family === 'mysql') return formatPosition((await readHead(session, file)).before);
  return gtidsAt(session, { family: 'file', file, offset: FIRST_OFFSET, server: null, made: null });
}

async function eventAt(session: Session, { file, offset }: LogPoint): Promise<string | null> {
  const [event] = await session.rows<{ Event_type: string }>(
    `SHOW BINLOG EVENTS IN ${quoteText(file)} FROM ${offset} LIMIT 1`,
  );
  return event?.Event_type ?? null;
}

async function readHead(session: Session, file: string): Promise<LogHead> {
  const events = await session.rows<{ Event_type: string; Info: string }>(
    `SHOW BINLOG EVENTS IN ${quoteText(file)} LIMIT 3`,
  );
  const before = events.find(({ Event_type }) => Event_type === 'Previous_gtids')?.Info ?? '';
  return { before: parsePosition(`mysql:${before}`), first: events[2]?.Event_type ?? null };
}

/** @throws OtterError OT4020 */
async function filePlace(session: Session, kind: ServerKind, position: FilePosition): Promise<LogPoint> {
  const { file, offset, server } = position;
  if (server !== kind.identity)
    throw notHere(
      position,
      `it is of the server ${server}, and ${session.where['endpoint']} is ${kind.identity}`,
      session.where,
    );
  const logs = await session.rows<{ Log_name: string; File_size: number | string }>('SHOW BINARY LOGS');
  const index = logs.findIndex(({ Log_name }) => Log_name === file);
  if (index < 0) {
    const oldest = logs[0]?.Log_name ?? 'none';
    throw notHere(position, `the file was purged, or the log was reset (the oldest is ${oldest})`, session.where);
  }
  const size = Number(logs[index]!.File_size);
  if (size < offset) throw notHere(position, `the file has ${size} bytes`, session.where);
  if (offset <= OFFSET_MAX) return { file, offset };
  // A file grows so long by its last transactions only, and the next one is begun behind them.
  const next = logs[index + 1]?.Log_name;
  if (size === offset && next !== undefined) return { file: next, offset: FIRST_OFFSET };
  throw notHere(position, 'offsets of more than 4 GiB cannot be asked for', session.where);
}
