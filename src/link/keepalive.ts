/**
 * Finds peers that are gone without a word: a cable pulled, a machine frozen, a firewall that forgot the connection.
 *
 * Rule: a session is dead after `deadMs` in which not one byte came, although a PING was out. Bytes count, not the PING's
 * answer: on a slow line full of data the answer may stand behind it for long. Ticks are counted, not clocks compared, so a
 * process that was stopped for an hour does not condemn its peers when it wakes.
 */
import type { Http2Session } from 'node:http2';

export interface KeepaliveOptions {
  /** A silent peer is given up after this. */
  readonly deadMs: number;
}

export const KEEPALIVE: KeepaliveOptions = { deadMs: 10_000 };
const TICKS = 4;

/** Until the session closes; `dead` is called at most once. */
export function keepAlive(session: Http2Session, { deadMs }: KeepaliveOptions, dead: () => void): void {
  let received = -1;
  let silentTicks = 0;
  let pinging = false;
  const timer = setInterval(() => {
    const bytes = session.socket?.bytesRead ?? 0;
    silentTicks = bytes === received ? silentTicks + 1 : 0;
    received = bytes;
    if (silentTicks >= TICKS) {
      clearInterval(timer);
      dead();
    } else if (!pinging && !session.destroyed && !session.connecting) {
      pinging = true;
      session.ping(() => {
        pinging = false;
      });
    }
  }, deadMs / TICKS);
  session.once('close', () => clearInterval(timer));
}
