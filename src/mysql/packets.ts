/**
 * How the statements of a window go to a server: several in a packet, as long as none has to be looked at before the next.
 */
import { Readable } from 'node:stream';
import type { ResultSetHeader } from 'mysql2';
import { UnreachableError } from '../model/error.ts';
import type { Write } from '../model/load.ts';
import { bulkInsert, bulkReplace, CHECKS_BACK, CHECKS_OFF, loaded } from './bulk.ts';
import { type Statement, statements } from './sql.ts';

/** A statement of several rows at most this long, where the server takes as much. */
const STATEMENT_BYTES = 2 << 20;
/** Statements are sent together in one packet up to this size; three bytes a character at most. */
const PACKET_CHARS = 3 << 20;

/** Fails (ER_SUBQUERY_NO_1_ROW) unless the statement before met a row, and with it what follows in the packet. */
export const MET = 'SELECT IF(ROW_COUNT()>0,1,(SELECT 1 UNION SELECT 2)) AS met';
export const NOT_MET = 1242;
/** Each of them has such a question behind it. */
const MET_MAX = 8;

/** Rows that were not as a write took for granted. */
export interface Counts {
  missing: number;
  absent: number;
}

/** @param packetBytesMax `max_allowed_packet` of the server */
export function packetChars(packetBytesMax: number): number {
  return Math.min(PACKET_CHARS, packetBytesMax / 4);
}

/**
 * Made one write after the other, as they are taken.
 * @param lines which rows may come as lines, where they are many
 */
export function* statementsOf(
  writes: readonly Write[],
  packetBytesMax: number,
  lines: LinesFor,
): Generator<Statement, void> {
  for (const write of writes) {
    const load = inBulk(write, lines);
    const plain = (): Statement[] => statements(write, Math.min(STATEMENT_BYTES, packetBytesMax / 4));
    if (load === null) yield* plain();
    else if (write.kind === 'insert') yield load;
    else yield* [setting(CHECKS_OFF), { ...load, instead: plain }, setting(CHECKS_BACK)];
  }
}

function setting(sql: string): Statement {
  return { sql, rows: 0, expects: 'anything' };
}

/** `new`: not those that replace others. */
export type LinesFor = 'none' | 'new' | 'all';

function inBulk(write: Write, lines: LinesFor): Statement | null {
  if (lines === 'none') return null;
  if (write.kind === 'insert') return bulkInsert(write.table, write.rows);
  return lines === 'all' && write.kind === 'upsert' ? bulkReplace(write.table, write.rows) : null;
}

/** What must be asked behind the statement in the same packet, so that what follows is done only if it did what it should. */
export function askedBehind({ expects, counts = 0, asks }: Statement): readonly string[] {
  if (expects === 'updated') return [MET];
  return expects === 'loaded' ? [loaded(counts), ...(asks === undefined ? [] : [asks])] : [];
}

/** Its warnings are looked at: it writes error values of ENUMs, or might cut. It goes alone, so that they are its own. */
export function isWatched({ zeros = 0, cuts = false }: Statement): boolean {
  return cuts || zeros > 0;
}

/** Statements for one packet; `whole`: they are all of them, and none has to be looked at. */
export interface Packet {
  readonly taken: readonly Statement[];
  readonly whole: boolean;
  /** What is still to be made. */
  readonly rest: Generator<Statement, void>;
}

export function forOnePacket(rest: Generator<Statement, void>, packetBytesMax: number): Packet {
  const taken: Statement[] = [];
  let chars = 0;
  let met = 0;
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    const { value: statement } = next;
    taken.push(statement);
    chars += statement.sql.length;
    if (statement.expects === 'updated') met += 1;
    if (isWatched(statement) || met > MET_MAX || chars > packetChars(packetBytesMax))
      return { taken, whole: false, rest };
  }
  return { taken, whole: true, rest };
}

export function count({ expects, rows }: Statement, result: ResultSetHeader, counts: Counts): void {
  switch (expects) {
    case 'upserted': {
      // CLIENT_FOUND_ROWS makes `Duplicates` the rows that were there, changed or not.
      const found = /Duplicates: (\d+)/.exec(result.info);
      if (found !== null) counts.missing += rows - Number(found[1]);
      return;
    }
    case 'deleted':
      counts.absent += Math.max(0, rows - result.affectedRows);
      return;
    case 'anything':
    case 'loaded':
    case 'updated':
      return;
    default:
      throw new UnreachableError(expects satisfies never);
  }
}

/** Of statements that load, in their order: each is asked for once. */
export type Lines = NonNullable<Statement['lines']>;

export function linesOf(statements: readonly Statement[]): Lines[] {
  return statements.flatMap(({ lines }) => lines ?? []);
}

/** A server asks for a file where a statement loads, and is given lines; anywhere else it is given nothing. */
export function givenLines(lines: Lines[]): { driver?: object } {
  if (lines.length === 0) return {};
  // One chunk ahead, not the sixteen that are the default.
  return { driver: { infileStreamFactory: () => Readable.from(lines.shift()!(), { highWaterMark: 1 }) } };
}

export function isLoaded({ counts }: Statement, { affectedRows, warningStatus }: ResultSetHeader): boolean {
  return affectedRows === counts && warningStatus === 0;
}
