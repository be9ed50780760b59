/**
 * Which GTIDs stand before a place in a server's log, read from the log itself, event by event.
 *
 * Rule: never too much. A transaction counts when it ends at the place or before it, or when the place is the event that commits
 * it (which is how canal says that a transaction is done); one that is cut by the place does not, and comes again.
 * Sources: MySQL manual "SHOW BINLOG EVENTS", MariaDB manual "SHOW BINLOG EVENTS".
 */
import { OtterError } from '../model/error.ts';
import type { AskedPoint } from '../model/importing.ts';
import { advance, formatPosition, type Position, parsePosition } from '../model/position.ts';
import type { Session } from './connection.ts';
import type { ServerKind } from './server-facts.ts';
import { quoteText } from './sql.ts';

type Event = readonly [file: string, at: number, type: string, server: number, end: number, info: string];

/** Null where the log has no GTIDs there. Ends the session. @throws OtterError OT4020 when the file or the place is not there */
export async function gtidsBefore(session: Session, kind: ServerKind, point: AskedPoint): Promise<string | null> {
  const { file, offset } = point;
  const reading = new Reading(kind.family, offset);
  const logs = await session.rows<{ Log_name: string; File_size: number | string }>('SHOW BINARY LOGS');
  const log = logs.find(({ Log_name }) => Log_name === file);
  if (log === undefined) throw notThere(session, `the log has no file ${file}`);
  if (Number(log.File_size) < offset) throw notThere(session, `${file} has ${log.File_size} bytes`);
  await session.each(`SHOW BINLOG EVENTS IN ${quoteText(file)}`, { rowsAsArray: true }, (row) =>
    reading.take(row as unknown as Event),
  );
  return reading.end();
}

function notThere({ where }: Session, what: string): OtterError {
  return new OtterError('OT4020', what, { where });
}

class Reading {
  readonly #family: ServerKind['family'];
  readonly #offset: number;
  #before: Position | null = null;
  /** Transactions without a GTID were seen: what is before the place has no name. */
  #anonymous = false;
  #open: string | null = null;
  #last: { readonly at: number; readonly end: number; readonly commits: boolean } | null = null;

  constructor(family: ServerKind['family'], offset: number) {
    this.#family = family;
    this.#offset = offset;
  }

  /** Until events are told that begin behind the place. */
  take([, place, type, , ends, info]: Event): boolean {
    const [at, end] = [Number(place), Number(ends)];
    if (at > this.#offset) return false;
    if (type === 'Previous_gtids') this.#before = parsePosition(`mysql:${info.replaceAll(/\s/g, '')}`);
    else if (type === 'Gtid_list') this.#before = parsePosition(`mariadb:${info.replaceAll(/[[\]\s]/g, '')}`);
    else if (type === 'Anonymous_Gtid') {
      this.#close();
      this.#anonymous ||= at < this.#offset;
    } else if (/^Gtid(_tagged_log_event|_tagged)?$/i.test(type)) {
      this.#close();
      if (at < this.#offset) this.#open = gtidIn(info);
    }
    this.#last = {
      at,
      end,
      commits: type === 'Xid' || (type === 'Query' && !/^\s*(use\s+\S+\s*;\s*)?BEGIN\b/i.test(info)),
    };
    return true;
  }

  end(): string | null {
    const last = this.#last;
    const whole = last !== null && (last.end <= this.#offset || (last.at === this.#offset && last.commits));
    if (whole) this.#close();
    return this.#before === null || this.#anonymous ? null : formatPosition(this.#before);
  }

  #close(): void {
    if (this.#open !== null) this.#before = advance(this.#before ?? parsePosition(`${this.#family}:`), this.#open);
    this.#open = null;
  }
}

/** `SET @@SESSION.GTID_NEXT= 'uuid:5'` of MySQL, `BEGIN GTID 0-1-5` of MariaDB. */
function gtidIn(info: string): string | null {
  return /GTID_NEXT=\s*'([^']+)'/i.exec(info)?.[1] ?? /\bGTID (\d+-\d+-\d+)/i.exec(info)?.[1] ?? null;
}
