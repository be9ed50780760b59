/**
 * A line to a server that a loader writes on.
 *
 * Rule kept: the server lets go of it, and of every lock that it holds, soon after it has fallen silent. A node that is frozen, or
 * whose machine is gone, says nothing of its end, and a server would keep its transaction for hours: whoever takes over waits
 * for its locks. Lines that only have nothing to do say so.
 */
import { LINES_PACKET_MIN } from './bulk.ts';
import type { Session } from './connection.ts';

/** How long a statement waits for others' locks before its window is rolled back and tried again. */
const LOCK_WAIT_S = 5;
/** About as long as an owner may be silent before another takes over. */
const SILENCE_S = 10;

export interface LoadingLine {
  readonly connection: Session;
  /** `max_allowed_packet` of the server. */
  readonly packetBytesMax: number;
  /** Whether the server takes LOAD DATA LOCAL. */
  readonly takesLines: boolean;
}

/** @param silenceS for how long the server hears nothing of it before it lets go */
export async function openLine(connect: () => Promise<Session>, silenceS = SILENCE_S): Promise<LoadingLine> {
  const connection = await connect();
  try {
    // Of rows, and of tables: a server would wait for those for a day, without a word.
    const waits = ['innodb_lock_wait_timeout', 'lock_wait_timeout'].map((name) => `SESSION ${name}=${LOCK_WAIT_S}`);
    // Between statements, and within one that is on its way.
    const silences = ['wait_timeout', 'net_read_timeout'].map((name) => `SESSION ${name}=${silenceS}`);
    await connection.query(`SET @otter_apply=1, ${[...waits, ...silences].join(', ')}`);
    const [limit] = await connection.rows<{ bytes: string | number; lines: string | number }>(
      'SELECT @@max_allowed_packet AS bytes, @@local_infile AS `lines`',
    );
    const packetBytesMax = Number(limit!.bytes);
    connection.keepAwake((silenceS * 1000) / 4);
    return { connection, packetBytesMax, takesLines: Number(limit!.lines) === 1 && packetBytesMax >= LINES_PACKET_MIN };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}
