/**
 * XA transactions in the log. Their rows stand where they were prepared; whether they count is said later, and may be said
 * by another session, after a restart of the server, or in another file.
 *
 * Rule kept: such rows are delivered as those of the transaction that commits them, with its GTID, position and time, and
 * never when they are rolled back. That is the same history: from XA PREPARE on their locks are held, across a restart too, so
 * between the two places nobody else wrote these rows, took their unique values, or saw them.
 *
 * Rows wait in memory as long as there is room. Those that are not there when their commit comes, because they were too many
 * or the reader began behind them, are read again from the log (`prepared-lookup.ts`).
 * Sources: MySQL "Restrictions on XA Transactions" and `XA_prepare_log_event`, MariaDB "XA Transactions" and `log_event.h`.
 */
import { OtterError } from '../model/error.ts';
import type { DefinitionReading, PlainStatement } from '../model/ports.ts';
import type { LogPoint } from '../model/position.ts';
import type { Cursor } from './cursor.ts';
import type { Held, Transactions } from './transaction.ts';

/**
 * - `hold`: prepared rows wait for their commit.
 * - `pass`: nobody wants rows.
 * - `deliver`: whoever reads knows that the prepared rows count.
 */
export type XaMode = 'hold' | 'pass' | 'deliver';

/** Where an XA transaction was prepared. */
export interface Prepared {
  /** As servers write it: `X'0a',X'',1`, in small letters. */
  readonly xid: string;
  readonly gtid: string;
  /** The log before it. */
  readonly position: string;
  /** Where its first event stands. */
  readonly place: LogPoint;
}

export interface XaOptions {
  readonly mode: XaMode;
  /** Rows that may wait, in rough bytes. */
  readonly heldBytesMax: number;
  /** An XA PREPARE is passed. */
  readonly prepared: (prepared: Prepared) => void;
  /** An XA COMMIT is passed. */
  readonly committed: (xid: string) => void;
}

interface LoggedXaOptions extends XaOptions {
  readonly transactions: Transactions;
  readonly definitions: DefinitionReading;
}

export interface XaStatement {
  readonly verb: 'start' | 'end' | 'commit' | 'rollback';
  readonly xid: string;
}

/** Of so many prepared transactions is known that they touch no wanted table. */
const PREPARED_MAX = 100_000;

const STATEMENT = /^XA (START|BEGIN|END|COMMIT|ROLLBACK) (X'[0-9a-f]*',X'[0-9a-f]*',\d+)\s*$/i;

/** Statements that servers write by themselves, always in the same words; null for any other. @throws OtterError OT4034 */
export function xaStatement(sql: string): XaStatement | null {
  if (!sql.startsWith('XA ')) return null;
  const [, verb, xid] = STATEMENT.exec(sql) ?? [];
  if (verb === undefined) throw new OtterError('OT4034', 'an XA statement in the log in words that are not known');
  const lower = verb.toLowerCase();
  return { verb: (lower === 'begin' ? 'start' : lower) as XaStatement['verb'], xid: canonical(xid!) };
}

function canonical(xid: string): string {
  return xid.toLowerCase().replaceAll('x', 'X');
}

/** Of an XA_PREPARE event, behind its first byte. */
function readXid(c: Cursor): string {
  const format = c.uint(4);
  const [global, branch] = [c.uint(4), c.uint(4)];
  const hex = (length: number): string => {
    const at = c.skip(length);
    return `X'${c.bytes.hexSlice(at, at + length)}'`;
  };
  return `${hex(global)},${hex(branch)},${format}`;
}

export class LoggedXa {
  readonly #options: LoggedXaOptions;
  /** Undecided ones, oldest first. */
  readonly #held = new Map<string, Held>();
  #bytes = 0;
  /** The one whose rows have been read again. */
  #found: string | null = null;

  constructor(options: LoggedXaOptions) {
    this.#options = options;
  }

  /** From here on, up to XA PREPARE. */
  start(): void {
    const { transactions, mode } = this.#options;
    transactions.keepOpen();
    if (mode === 'hold') transactions.hold();
  }

  /** All rows of it have been handed on. */
  found(xid: string): void {
    this.#found = xid;
  }

  /** Rows are read as their table is where they stand; whoever reads them again finds out whether that still holds. */
  defined(statement: PlainStatement): void {
    for (const [xid, { tables }] of this.#held)
      if (tables.some((table) => this.#options.definitions.changes(statement, table))) this.#forget(xid);
  }

  /** Returns the one whose rows must be read again first, or null. */
  take({ verb, xid }: XaStatement, endsAt: number): string | null {
    const { transactions, mode } = this.#options;
    switch (verb) {
      case 'start':
        this.start();
        return null;
      case 'end':
        return null;
      case 'rollback':
        this.#forget(xid);
        transactions.end();
        return null;
      case 'commit': {
        this.#options.committed(xid);
        if (mode !== 'hold') {
          transactions.end();
          return null;
        }
        const held = this.#held.get(xid) ?? null;
        this.#forget(xid);
        return this.#commit(xid, held, endsAt);
      }
      default:
        return verb satisfies never;
    }
  }

  /**
   * An XA_PREPARE event, which is also what `XA COMMIT ... ONE PHASE` is in the log of MySQL.
   * @param place of the transaction
   */
  prepare(c: Cursor, endsAt: number, place: LogPoint): string | null {
    const { transactions, mode } = this.#options;
    const decided = c.uint(1) !== 0;
    const xid = readXid(c);
    if (mode === 'deliver') {
      transactions.commit(endsAt);
      return null;
    }
    if (mode === 'hold' && decided) return this.#commit(xid, transactions.release(), endsAt);
    if (mode === 'hold') this.#keep(xid, transactions.release());
    this.#options.prepared({ xid, gtid: transactions.gtid ?? '', position: transactions.before, place });
    transactions.end();
    return null;
  }

  #commit(xid: string, held: Held | null, endsAt: number): string | null {
    const { transactions } = this.#options;
    if (held !== null) transactions.adopt(held);
    else if (this.#found !== xid) return xid;
    this.#found = null;
    transactions.commit(endsAt);
    return null;
  }

  #keep(xid: string, held: Held | null): void {
    this.#forget(xid);
    if (held === null) return;
    this.#held.set(xid, held);
    this.#bytes += held.bytes;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#options.heldBytesMax && this.#held.size <= PREPARED_MAX) return;
      this.#forget(oldest);
    }
  }

  #forget(xid: string): void {
    this.#bytes -= this.#held.get(xid)?.bytes ?? 0;
    this.#held.delete(xid);
  }
}
