/**
 * Rows in the log: table maps, and the row events that refer to them by number.
 *
 * Rule kept: what one table's rows are like is no other table's matter. Those that cannot be read exactly are told as
 * unreadable, and who does not have the table goes on.
 */
import { OtterError } from '../model/error.ts';
import type { ReadLogOptions } from '../model/ports.ts';
import type { Cursor } from './cursor.ts';
import { gone } from './log-refusals.ts';
import type { NamedTable } from './reach.ts';
import { type RowEventForm, readRows } from './rows.ts';
import type { Structures } from './structures.ts';
import { planRows, type RowPlan, readTableMap } from './table-map.ts';
import type { Transactions } from './transaction.ts';

/** @param tables wanted ones; null when it is not known which */
export type TellUnreadable = (tables: readonly NamedTable[] | null, error: OtterError, gone?: boolean) => void;

export interface LoggedRowsOptions {
  readonly wants: ReadLogOptions['wants'];
  readonly structures: Structures;
  readonly transactions: Transactions;
  readonly unreadable: TellUnreadable;
}

interface KnownMap {
  /** The event's body; a number may come to mean another table after a DDL or a restart. */
  readonly body: Buffer;
  /** Null: nobody wants the rows. An error: why they cannot be read. */
  readonly plan: RowPlan | OtterError | null;
  readonly schema: string;
  readonly table: string;
}

const ROWS_NO_FOREIGN_KEY_CHECKS = 0x2;
/** The table number with which a statement ends that wrote no rows. */
const DUMMY_TABLE = 0xff_ffff;
const KNOWN_MAPS_MAX = 20_000;
/** Numbers of tables have 48 bits. */
const HIGH = 0x1_0000_0000;

export class LoggedRows {
  readonly #options: LoggedRowsOptions;
  readonly #maps = new Map<number, KnownMap>();

  constructor(options: LoggedRowsOptions) {
    this.#options = options;
  }

  /** The structure of something has changed. */
  forget(): void {
    this.#maps.clear();
  }

  /** The log says which table a number means. Returns the table whose structure must be known first, or null. */
  map(c: Cursor): NamedTable | null {
    const at = c.at;
    const id = c.uint(4) + c.uint(2) * HIGH;
    const known = this.#maps.get(id);
    if (known !== undefined && known.body.compare(c.bytes, at, c.end) === 0) return null;
    c.skip(2);
    const map = readTableMap(c);
    const { schema, table } = map;
    let plan: KnownMap['plan'] = null;
    if (this.#options.wants(schema, table)) {
      const structure = this.#options.structures.get(schema, table);
      if (structure === undefined) return { schema, name: table };
      const { shape, doubt } = structure;
      plan = shape === null ? gone(`${schema}.${table}`) : planned(() => planRows(map, shape));
      if (doubt !== null && !(plan instanceof OtterError)) plan = doubt;
    }
    if (this.#maps.size >= KNOWN_MAPS_MAX) this.#maps.clear();
    this.#maps.set(id, { body: Buffer.from(c.bytes.subarray(at, c.end)), plan, schema, table });
    return null;
  }

  /** @throws OtterError OT4034 when the log did not name the table; null when nobody wants its rows. */
  #known(c: Cursor): { readonly known: KnownMap; readonly flags: number } | null {
    const id = c.uint(4) + c.uint(2) * HIGH;
    const flags = c.uint(2);
    const known = this.#maps.get(id);
    if (known === undefined && id !== DUMMY_TABLE)
      throw new OtterError('OT4034', 'the log has rows of a table that it did not name');
    return known === undefined || known.plan === null ? null : { known, flags };
  }

  read(c: Cursor, form: RowEventForm): void {
    const found = this.#known(c);
    if (found === null) return;
    const { schema, table, plan } = found.known;
    if (plan instanceof OtterError) {
      this.#options.unreadable(
        [{ schema, name: table }],
        plan,
        this.#options.structures.get(schema, table)?.shape === null,
      );
      return;
    }
    if (form.extra) c.skip(c.uint(2) - 2);
    const fkChecks = (found.flags & ROWS_NO_FOREIGN_KEY_CHECKS) === 0;
    const { transactions } = this.#options;
    if (transactions.drops) return;
    try {
      transactions.added(readRows(c, form, plan!, fkChecks, transactions));
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
      this.#options.unreadable([{ schema, name: table }], error);
    }
  }
}

function planned(plan: () => RowPlan): RowPlan | OtterError {
  try {
    return plan();
  } catch (error) {
    if (error instanceof OtterError) return error;
    throw error;
  }
}
