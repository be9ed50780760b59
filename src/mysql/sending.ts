/**
 * Statements on their way to a server: together in one packet, or, where the server takes none that long, one by one with
 * their long values ahead; and what its refusals mean.
 */
import type { ResultSetHeader } from 'mysql2';
import { OtterError } from '../model/error.ts';
import { DuplicateKey, type RefusedRow, RowRefused } from '../model/load.ts';
import type { Session } from './connection.ts';
import { isOfRow, serverErrorNumber } from './driver-error.ts';
import { inParcels } from './long-literals.ts';
import { givenLines, type Lines } from './packets.ts';

/** What a packet holds besides the statement. */
const PACKET_HEAD_BYTES = 64;

/** ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME, ER_DUP_UNKNOWN_IN_INDEX, ER_FOREIGN_DUPLICATE_KEY. */
const DUPLICATES: ReadonlySet<number> = new Set([1062, 1586, 1859, 1761]);

/**
 * @param packetBytesMax `max_allowed_packet` of the server
 * @param lines of the statements among them that load, in their order
 */
export async function send(
  connection: Session,
  packetBytesMax: number,
  sqls: readonly string[],
  lines: Lines[],
): Promise<ResultSetHeader[]> {
  const sql = sqls.join(';\n');
  const fits = sql.length * 3 < packetBytesMax || Buffer.byteLength(sql) + PACKET_HEAD_BYTES < packetBytesMax;
  if (fits) {
    const result = await connection.query(sql, givenLines(lines));
    return (sqls.length === 1 ? [result] : result) as ResultSetHeader[];
  }
  if (sqls.length === 1) return [await sendLong(connection, packetBytesMax, sql)];
  const results: ResultSetHeader[] = [];
  for (const each of sqls) results.push(...(await send(connection, packetBytesMax, [each], lines)));
  return results;
}

async function sendLong(connection: Session, packetBytesMax: number, long: string): Promise<ResultSetHeader> {
  const { sets, sql, variables } = inParcels(long, packetBytesMax);
  for (const set of sets) await connection.query(set);
  const [state] = await connection.rows<{ absent: string | number | null }>(
    `SELECT ${variables.map((name) => `(${name} IS NULL)`).join('+') || '0'} AS absent`,
  );
  if (variables.length === 0 || Number(state!.absent) > 0) {
    throw new RowRefused(
      new Error(`it takes more than max_allowed_packet of the server, which is ${packetBytesMax} bytes`),
      null,
      true,
    );
  }
  const result = await connection.run(sql);
  await connection.query(`SET ${variables.map((name) => `${name}=NULL`).join(',')}`);
  return result;
}

/** The error as a loader knows it. @param row that was written, when one alone was */
export function told(error: unknown, row: RefusedRow | null): unknown {
  if (error instanceof RowRefused) return new RowRefused(error.cause, row, error.ofRow);
  if (DUPLICATES.has(serverErrorNumber(error) ?? 0)) {
    const duplicate = new DuplicateKey(error);
    duplicate.row = row;
    return duplicate;
  }
  if (row !== null && error instanceof OtterError && error.code === 'OT4006')
    return new RowRefused(error, row, isOfRow(error));
  return error;
}
