/**
 * XA transactions that stand in the log as committed and may not be seen yet.
 *
 * MariaDB writes an XA COMMIT into its log and lets others see its rows a moment later; what is committed in between by another
 * session stands behind it in the log and is seen before it. (Of 600 marks beside four sessions three were seen so; ordinary
 * transactions, and those of MySQL, keep the order.) Rule kept: who reads rows at a mark in the log reads them when everything before the mark is seen.
 * What is being committed is among the prepared (`XA RECOVER`) until it is seen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './connection.ts';

const POLL_MS = 5;

export class LateCommits {
  /** Committed in the log as far as it was read. */
  readonly #committed = new Set<string>();

  committed(xid: string): void {
    this.#committed.add(xid);
  }

  /** The name can be taken again only when the one before is over. */
  prepared(xid: string): void {
    this.#committed.delete(xid);
  }

  /**
   * Waits until whatever the log has before a mark that is written already can be seen.
   * @param passed settles when the log was read up to the mark
   */
  async over(session: Session, passed: Promise<void>, signal: AbortSignal): Promise<void> {
    if ((await preparedNow(session)).size === 0) return;
    await passed;
    while (!signal.aborted) {
      const before = [...this.#committed];
      const now = await preparedNow(session);
      for (const xid of before) if (!now.has(xid)) this.#committed.delete(xid);
      if (!before.some((xid) => now.has(xid))) return;
      await sleep(POLL_MS);
    }
  }
}

/** As the log names them. */
async function preparedNow(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.rows<{ data: string }>("XA RECOVER FORMAT='SQL'");
  return new Set(rows.map(({ data }) => loggedName(data)));
}

/**
 * A name as XA RECOVER prints it, as it stands in the log: every part as digits, and none left out. It prints letters and digits as
 * they are, and leaves out the branch and the format where they are what they usually are.
 */
function loggedName(printed: string): string {
  const [global, branch = "X''", format = '1'] = printed.split(',');
  return `${inHex(global!)},${inHex(branch)},${format}`;
}

function inHex(part: string): string {
  return part.startsWith('X') ? part : `X'${Buffer.from(part.slice(1, -1), 'latin1').toString('hex')}'`;
}
