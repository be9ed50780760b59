/**
 * Where a reader begins: whether the position means something on this server, looked up before the log is asked for.
 *
 * Rule kept: a name and an offset that lead to something else than they were taken from are told, never read.
 */
import { OtterError } from '../model/error.ts';
import {
  covers,
  type FilePosition,
  formatPosition,
  type LogPoint,
  type Position,
  parsePosition,
} from '../model/position.ts';
import type { Session } from './connection.ts';
import { notHere, withoutGtid } from './log-refusals.ts';
import type { ServerKind } from './server-facts.ts';
import { quoteText } from './sql.ts';

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

/** @throws OtterError OT4002, OT4020, OT4023 */
export async function logStart(session: Session, kind: ServerKind, text: string): Promise<LogStart> {
  const position = parsePosition(text);
  const { family } = kind;
  const where = { ...session.where, position: text };
  if (position.family === 'file') {
    if (family === 'mariadb') return { from: await gtidsAt(session, position), place: null };
    const own = { ...position, server: position.server ?? kind.identity };
    const place = await filePlace(session, kind, own);
    await refuseUnsent(session, place);
    return { from: formatPosition(own), place };
  }
  if (position.family !== family)
    throw new OtterError('OT4002', `${text} is not a position of a ${family} server`, {
      where,
      hint: family === 'mysql' ? 'write a GTID set: `mysql:UUID:1-5`' : 'write a GTID position: `mariadb:0-1-42`',
    });
  if (position.family === 'mysql') {
    await requireGtids(session);
    await refuseGap(session, position);
  }
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

async function gtidMode(session: Session): Promise<string> {
  const [row] = await session.rows<{ mode: string }>('SELECT @@GLOBAL.gtid_mode AS mode');
  return row?.mode ?? '';
}

async function requireGtids(session: Session): Promise<void> {
  const mode = await gtidMode(session);
  if (mode === 'ON') return;
  throw withoutGtid(`${session.where['database']}: gtid_mode is ${mode}, and the channel has followed its GTIDs`);
}

/** A server whose `gtid_mode` is ON sends no transaction without a GTID any more. @throws OtterError OT4023 */
async function refuseUnsent(session: Session, { file, offset }: LogPoint): Promise<void> {
  if ((await gtidMode(session)) !== 'ON') return;
  const [next] = await session.rows<{ Event_type: string }>(
    `SHOW BINLOG EVENTS IN ${quoteText(file)} FROM ${offset} LIMIT 1`,
  );
  let first = next?.Event_type ?? null;
  if (first === null || !first.includes('Gtid')) {
    // The file ends here, or begins.
    const logs = await session.rows<{ Log_name: string }>('SHOW BINARY LOGS');
    const rest = logs.slice(logs.findIndex(({ Log_name }) => Log_name === file) + (offset > FIRST_OFFSET ? 1 : 0));
    first = null;
    for (const { Log_name } of rest) {
      ({ first } = await readHead(session, Log_name));
      if (first?.includes('Gtid') === true) break;
    }
  }
  if (first !== 'Anonymous_Gtid') return;
  throw new OtterError(
    'OT4023',
    `${session.where['database']}: transactions without GTIDs are still to be read, which the server does not send while gtid_mode is ON`,
    {
      where: session.where,
      hint: 'run `SET GLOBAL gtid_mode = ON_PERMISSIVE;`, let the pipeline catch up, then run `SET GLOBAL gtid_mode = ON;`',
    },
  );
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
  const logs = await session.rows<{ Log_name: string }>('SHOW BINARY LOGS');
  const head = async (index: number): Promise<LogHead> => readHead(session, logs[index]!.Log_name);
  const reaches = async (index: number): Promise<boolean> => covers(position, (await head(index)).before);
  let newest = logs.length - 1;
  if (newest >= 0 && !(await reaches(newest))) {
    let beyond = newest;
    for (newest = -1; beyond - newest > 1; ) {
      const middle = (newest + beyond) >> 1;
      if (await reaches(middle)) newest = middle;
      else beyond = middle;
    }
  }
  for (let index = newest; index >= 0; index -= 1) {
    const { before, first } = await head(index);
    // Some of the set is in this file, and the rest before it.
    if (!covers(before, position)) return;
    if (first === 'Anonymous_Gtid')
      throw withoutGtid(`${session.where['database']}: ${logs[index]!.Log_name} has transactions without GTIDs`);
  }
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
