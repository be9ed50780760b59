/**
 * Whether transactions come in the order of their numbers. A MariaDB that is written out of order (`gtid_strict_mode` off, and
 * rows of several servers in one domain) has later transactions with lesser numbers, and a position does not tell then which
 * of them it covers.
 */
import { parseMariaGtid, parsePosition } from '../model/position.ts';
import type { Delivery } from '../model/row.ts';

export class LogOrder {
  /** By domain; null where positions always tell. */
  readonly #last: Map<number, number> | null;

  /** @param position behind which they come */
  constructor(position: string) {
    const from = parsePosition(position);
    this.#last =
      from.family === 'mariadb' ? new Map([...from.domains].map(([domain, { sequence }]) => [domain, sequence])) : null;
  }

  /** Whether one of these has a lesser number than one before it. */
  breaks(deliveries: readonly Delivery[]): boolean {
    if (this.#last === null) return false;
    let broken = false;
    let gtid = '';
    for (const delivery of deliveries) {
      // Parts of one transaction, and what is not of the log.
      if (delivery.gtid === gtid || delivery.kind === 'table') continue;
      gtid = delivery.gtid;
      if (gtid === '') continue;
      const { domain, sequence } = parseMariaGtid(gtid);
      if (sequence < (this.#last.get(domain) ?? 0)) broken = true;
      this.#last.set(domain, sequence);
    }
    return broken;
  }
}
