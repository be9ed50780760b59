/**
 * Finds peers that are gone without a word: a cable pulled, a machine frozen, a firewall that forgot the connection.
 *
 * Rule: a session is dead after `deadMs` in which not one byte came, although both sides send a PING every quarter of that.
 * Bytes count, not answers: on a slow line an answer stands behind megabytes of rows, while the other side's own PINGs, which
 * go against the stream of rows, arrive in time. So a PING is sent whether the last was answered or not. Ticks are counted, not
 * clocks compared: a process that was stopped for an hour does not condemn its peers when it wakes.
 */
import type { Http2Session } from 'node:http2';

export interface KeepaliveOptions {
  /** A silent peer is given up after this. */
  readonly deadMs: number;
}

export const KEEPALIVE: KeepaliveOptions = { deadMs: 10_000 };
const TICKS = 4;

/** Unanswered PINGs that a session may have out; for the `maxOutstandingPings` of both sides. */
export const PINGS_MAX = 1000;

/** Until the session closes; `dead` is called at most once. */
export function keepAlive(session: Http2Session, { deadMs }: KeepaliveOptions, dead: () => void): void {
  let received = -1;
  let silentTicks = 0;
  const timer = setInterval(() => {
    const bytes = session.socket?.bytesRead ?? 0;
    silentTicks = bytes === received ? silentTicks + 1 : 0;
    received = bytes;
    if (silentTicks >= TICKS) {
      clearInterval(timer);
      dead();
    } else if (!session.destroyed && !session.connecting) {
      session.ping(() => {});
    }
  }, deadMs / TICKS);
  session.once('close', () => clearInterval(timer));
}
