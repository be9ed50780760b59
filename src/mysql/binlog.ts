/**
 * Log events into items. Bytes in, items out, no connection and no clock: `stream.ts` feeds it.
 *
 * Rules kept here: rows are never left out silently (what cannot be read exactly ends the log with an error); the point
 * moves with every event header, after what the event holds was taken.
 */
import { OtterError } from '../model/error.ts';
import type { LogItem, PastTable, PlainStatement, ReadLogOptions, Statement, StatementTable } from '../model/ports.ts';
import type { LogPoint } from '../model/position.ts';
import { type TableShape, tableName } from '../model/row.ts';
import { Cursor } from './cursor.ts';
import {
  CHECKSUM_BYTES,
  EVENT,
  type GtidEvent,
  HEADER_BYTES,
  IGNORABLE,
  type QueryEvent,
  readLoadQuery,
  readMariadbGtid,
  readMysqlGtid,
  readQuery,
  readTaggedGtid,
} from './events.ts';
import { LogPlace } from './log-place.ts';
import { unsupported, withoutGtid, withoutLength } from './log-refusals.ts';
import { LoggedRows, type TellUnreadable } from './logged-rows.ts';
import { type Asked, LoggedStatements } from './logged-statements.ts';
import { LoggedXa, type XaOptions, xaStatement } from './logged-xa.ts';
import { Payload } from './payload.ts';
import { type Dialect, versionNumber } from './plain-sql.ts';
import type { PreparedItem } from './prepared-lookup.ts';
import type { NamedTable } from './reach.ts';
import { ROW_EVENTS } from './rows.ts';
import { columnsSaid } from './said-words.ts';
import { Structures } from './structures.ts';
import { Transactions } from './transaction.ts';

export interface AssemblerOptions {
  readonly from: string;
  readonly wants: ReadLogOptions['wants'];
  readonly definitions: ReadLogOptions['definitions'];
  readonly partBytes: number;
  /** Of a compressed transaction no more is unpacked into items while these wait, in rough bytes. */
  readonly roomBytes: number;
  /** Whether events before the first format description carry a checksum. */
  readonly checksum: boolean;
  /** Whether the server keeps names in small letters. */
  readonly folds: boolean;
  readonly xa: XaOptions;
  /** Tables whose history is kept, as they were where reading begins. */
  readonly history?: ReadLogOptions['history'];
}

/**
 * What must be given before the same event is fed again: the shape of a table (`provide`), the tables that a change
 * may touch of which the log has only the statement (`provideReach`), the rows of an XA transaction that were prepared before
 * this place (`provideItem`, then `found`), or room: the items must be taken.
 */
export type Need = { readonly kind: 'room' } | Ask;

export type Ask =
  | {
      readonly kind: 'shape';
      readonly schema: string;
      readonly table: string;
      /** No other tables of its schema are likely to be asked for with it. */
      readonly alone: boolean;
    }
  | (Asked & { readonly kind: 'reach' })
  /** What a statement made of these tables, which is provided by `provideHistory`. */
  | (Asked & { readonly kind: 'history'; readonly tables: readonly NamedTable[] })
  | { readonly kind: 'prepared'; readonly xid: string };

/** What the header of an event says. */
interface Header {
  type: number;
  flags: number;
  timestamp: number;
  serverId: number;
  /** Of the event. */
  bytes: number;
  /** Where it ends in its file. */
  endsAt: number;
}

/** What events say that stand for themselves in the log, and not in a compressed transaction. */
type Outer = Readonly<Pick<Header, 'endsAt'>>;

export class LogAssembler {
  readonly #transactions: Transactions;
  readonly #cursor = new Cursor();
  /** Of the event at hand. */
  readonly #header: Header = { type: 0, flags: 0, timestamp: 0, serverId: 0, bytes: 0, endsAt: 0 };
  readonly #structures: Structures;
  readonly #rows: LoggedRows;
  readonly #statements: LoggedStatements;
  readonly #xa: LoggedXa;
  readonly #place = new LogPlace();
  readonly #roomBytes: number;
  /** The compressed transaction that is being read. */
  #payload: Payload | null = null;
  /** Where the present transaction begins. */
  #begins: LogPoint = { file: '', offset: 0 };
  readonly #definitions: ReadLogOptions['definitions'];
  readonly #keeps: (schema: string, name: string) => boolean;
  /** As tables are where the log has been read to. */
  readonly past: Map<string, PastTable>;
  #checksum: number;
  /** Of the server that wrote the file. */
  #dialect: Dialect;

  constructor(options: AssemblerOptions) {
    const { from, partBytes, wants, folds, definitions, history } = options;
    this.#definitions = definitions;
    this.#keeps = history === undefined ? () => false : (schema, name) => history.keeps(schema, name);
    const transactions = new Transactions(from, partBytes, options.xa.heldBytesMax);
    this.past = new Map(history?.past);
    const structures = new Structures(options, this.past);
    const unreadable: TellUnreadable = (tables, error, gone = false) =>
      transactions.addUnreadable(tables, this.#located(error), gone);
    this.#xa = new LoggedXa({ ...options.xa, transactions, definitions: options.definitions });
    this.#rows = new LoggedRows({ wants, structures, transactions, unreadable });
    this.#statements = new LoggedStatements({
      wants,
      transactions,
      unreadable,
      concerns: (statement) => this.#kept(statement).length > 0,
      defined: (statement, history) => {
        this.#rows.forget();
        this.#xa.defined(statement);
        structures.pass(statement);
        for (const table of history?.tables ?? []) this.#passed(table);
      },
    });
    this.#transactions = transactions;
    this.#structures = structures;
    this.#roomBytes = options.roomBytes;
    this.#checksum = options.checksum ? CHECKSUM_BYTES : 0;
    this.#dialect = { family: 'mysql', version: Number.MAX_SAFE_INTEGER, folds };
  }

  /** End of the last event passed. */
  get point(): LogPoint {
    const { file, offset } = this.#place;
    return { file, offset };
  }

  /** Behind the last whole transaction. */
  get position(): string {
    return this.#transactions.before;
  }

  /** Rough size of what waits to be taken, the open transaction included. */
  get bytes(): number {
    return this.#transactions.bytes;
  }

  get itemCount(): number {
    return this.#transactions.itemCount;
  }

  takeItems(): readonly LogItem[] {
    return this.#transactions.takeItems();
  }

  /** What had better be provided before the next event, but need not. */
  get wish(): Ask | null {
    const { urgent } = this.#structures;
    return shapeOf(urgent, true);
  }

  /** Whether tables are as they were before the last definition: then nobody need look for the next. */
  unchanged(shapes: Iterable<TableShape>): boolean {
    return this.#structures.unchanged(shapes);
  }

  /** @param ahead every definition from here to the end that the log has had since the server was asked for the shape */
  provide(schema: string, table: string, shape: TableShape | null, ahead: readonly Statement[]): void {
    this.#structures.provide(schema, table, shape, ahead);
  }

  /** @param reach null when it cannot be told */
  provideReach(names: readonly NamedTable[], reach: readonly NamedTable[] | null): void {
    this.#statements.provideReach(names, reach);
  }

  /** Of an XA transaction that was prepared further back, and is committed by the event that waits. */
  provideItem(item: PreparedItem): void {
    if (item.kind === 'rows') this.#transactions.adopt({ parts: [item], unreadable: [] });
    else this.#transactions.adopt({ parts: [], unreadable: [{ ...item, error: this.#located(item.error) }] });
  }

  /** All of it was provided. */
  found(xid: string): void {
    this.#xa.found(xid);
  }

  /** What the statement made of tables, that is fed again next. */
  provideHistory({ said }: { readonly said: string }, tables: readonly StatementTable[]): void {
    this.#statements.provideHistory({ tables, ...columnsSaid(said) });
  }

  /** Tables whose history is kept that the statement names, or that are in the schema it drops. */
  #kept(statement: PlainStatement): readonly NamedTable[] {
    const effect = this.#definitions.effect(statement);
    if (effect === null) return [];
    if (effect.kind === 'drops-schema')
      return [...this.past.values()].flatMap(({ shape: { schema, name } }) =>
        schema.toLowerCase() === effect.schema.toLowerCase() ? [{ schema, name }] : [],
      );
    const named = effect.kind === 'creates' ? effect.tables : [...effect.tables, ...effect.made];
    const found = new Map(named.map((table) => [tableName(table), table]));
    return [...found.values()].filter(({ schema, name }) => this.#keeps(schema, name));
  }

  #passed({ schema, name, after }: StatementTable): void {
    if (after === null) this.past.delete(tableName({ schema, name }));
    else this.past.set(tableName({ schema, name }), after);
  }

  /**
   * Takes one event, `start` at its header. The bytes are not kept. Returns what must be provided before the same event
   * is fed again, or null when it was taken. @throws OtterError when the log cannot be followed any further.
   */
  feed(bytes: Buffer, start: number, end: number): Need | null {
    try {
      return this.#feed(bytes, start, end);
    } catch (error) {
      if (error instanceof OtterError) throw this.#located(error);
      throw error;
    }
  }

  #feed(bytes: Buffer, start: number, end: number): Need | null {
    if (end - start < HEADER_BYTES + this.#checksum) throw new OtterError('OT4034', 'an event without a header');
    const type = bytes[start + 4]!;
    const need = this.#event(bytes, start, end, this.#checksum, null);
    if (need !== null) return need;
    this.#cursor.letGo();
    if (type !== EVENT.ROTATE) this.#place.moveTo(bytes.readUInt32LE(start + 13), bytes.readUInt16LE(start + 17), type);
    return null;
  }

  /** @param outer the event that holds this one; null for one that stands for itself */
  #event(bytes: Buffer, start: number, end: number, checksum: number, outer: Outer | null): Need | null {
    const type = bytes[start + 4]!;
    const c = this.#cursor;
    c.reset(bytes, start + HEADER_BYTES, end - checksum);
    const rows = ROW_EVENTS.get(type);
    if (rows !== undefined) {
      this.#rows.read(c, rows);
      return null;
    }
    const header = this.#header;
    header.type = type;
    header.flags = bytes.readUInt16LE(start + 17);
    header.timestamp = bytes.readUInt32LE(start);
    header.serverId = bytes.readUInt32LE(start + 5);
    header.bytes = end - start;
    header.endsAt = outer?.endsAt ?? this.#place.offsetOf(bytes.readUInt32LE(start + 13));
    return this.#read(c, header);
  }

  /** The events in a compressed transaction; fed again, it goes on where something was needed. */
  #unpack(c: Cursor, outer: Outer): Need | null {
    const payload = this.#payload ?? new Payload(c);
    this.#payload = payload;
    for (let { next } = payload; next !== null; { next } = payload) {
      if (payload.bytes[next.start + 4] === EVENT.TRANSACTION_PAYLOAD)
        throw new OtterError('OT4034', 'a compressed transaction in a compressed transaction');
      const need = this.#event(payload.bytes, next.start, next.end, 0, outer);
      if (need !== null) return need;
      payload.pass(next.end);
      if (this.bytes > this.#roomBytes && this.itemCount > 0) return { kind: 'room' };
    }
    this.#payload = null;
    return null;
  }

  #read(c: Cursor, header: Readonly<Header>): Need | null {
    const { type, timestamp, endsAt } = header;
    switch (type) {
      case EVENT.TABLE_MAP:
        return shapeOf(this.#rows.map(c), false);
      case EVENT.XID:
        this.#transactions.commit(endsAt);
        return null;
      case EVENT.MARIADB_GTID:
        this.#begin(readMariadbGtid(c, header.serverId, timestamp), header);
        return null;
      case EVENT.GTID:
        this.#begin(readMysqlGtid(c, timestamp), header);
        return null;
      case EVENT.GTID_TAGGED:
        this.#begin(readTaggedGtid(c, timestamp), header);
        return null;
      case EVENT.ANONYMOUS_GTID:
        if (!this.#transactions.byFile) throw withoutGtid('the log has a transaction without a GTID');
        this.#begin(readMysqlGtid(c, timestamp), header);
        return null;
      case EVENT.QUERY:
      case EVENT.QUERY_COMPRESSED:
        return this.#query(readQuery(c, type === EVENT.QUERY_COMPRESSED), endsAt);
      case EVENT.ROTATE:
        this.#enter(c);
        return null;
      case EVENT.FORMAT_DESCRIPTION:
        this.#format(c);
        this.#transactions.enter(this.#place.file, timestamp);
        return null;
      case EVENT.XA_PREPARE:
        return preparedOf(this.#xa.prepare(c, endsAt, this.#begins));
      case EVENT.INCIDENT:
        throw new OtterError('OT4035', 'the server wrote an incident into its log: changes may be missing from it');
      case EVENT.EXECUTE_LOAD_QUERY:
        return this.#asked(this.#statements.take(readLoadQuery(c), this.#dialect, endsAt));
      case EVENT.TRANSACTION_PAYLOAD:
        return this.#unpack(c, { endsAt });
      // The lines of a LOAD DATA, whose statement follows.
      case EVENT.BEGIN_LOAD_QUERY:
      case EVENT.APPEND_BLOCK:
      case EVENT.DELETE_FILE:
      case EVENT.START_ENCRYPTION:
      case EVENT.STOP:
      case EVENT.INTVAR:
      case EVENT.RAND:
      case EVENT.USER_VAR:
      case EVENT.HEARTBEAT:
      case EVENT.HEARTBEAT_V2:
      case EVENT.IGNORABLE:
      case EVENT.ROWS_QUERY:
      case EVENT.PREVIOUS_GTIDS:
      case EVENT.TRANSACTION_CONTEXT:
      case EVENT.VIEW_CHANGE:
      case EVENT.ANNOTATE_ROWS:
      case EVENT.BINLOG_CHECKPOINT:
      case EVENT.MARIADB_GTID_LIST:
        return null;
      default:
        if ((header.flags & IGNORABLE) !== 0) return null;
        throw unsupported(`an event of the unknown type ${type}`, null);
    }
  }

  #query(query: QueryEvent, endsAt: number): Need | null {
    const xa = query.text.kind === 'unknown' ? null : xaStatement(query.text.text);
    if (xa !== null) return preparedOf(this.#xa.take(xa, endsAt));
    return this.#asked(this.#statements.take(query, this.#dialect, endsAt));
  }

  #asked(asked: Asked | null): Need | null {
    return asked?.kind === 'history' ? { ...asked, tables: this.#kept(asked.statement) } : asked;
  }

  /** Without GTIDs a transaction is named by where it ends, which its first event tells. */
  #begin(event: GtidEvent, { bytes, endsAt }: Readonly<Header>): void {
    this.#begins = { file: this.#place.file, offset: endsAt - bytes };
    if (!this.#transactions.byFile) {
      this.#transactions.begin(event, null);
      if (event.prepares) this.#xa.start();
      return;
    }
    if (event.bytes === 0) throw withoutLength();
    const end = endsAt - bytes + event.bytes;
    this.#transactions.begin({ ...event, gtid: `${this.#place.file}:${end}` }, end);
  }

  #enter(c: Cursor): void {
    const offset = c.uint64();
    this.#place.enter(c.text(c.end - c.at), offset);
  }

  /**
   * The version of the server stands in fifty bytes behind that of the format; the checksum algorithm is the event's last
   * byte but four, present whether or not it is used.
   */
  #format(c: Cursor): void {
    c.skip(2);
    const [version = ''] = c.text(50).split('\0');
    const family = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
    this.#dialect = { family, version: versionNumber(version), folds: this.#dialect.folds };
    const algorithm = c.bytes[c.end + this.#checksum - CHECKSUM_BYTES - 1];
    this.#checksum = algorithm === 1 ? CHECKSUM_BYTES : 0;
  }

  #located(error: OtterError): OtterError {
    const { gtid } = this.#transactions;
    const { file, offset } = this.#place;
    const log = `${file}:${offset}`;
    const place = gtid === null ? `at ${log}` : `transaction ${gtid} at ${log}`;
    return new OtterError(error.code, `${error.message} (${place})`, {
      where: { ...error.where, log, ...(gtid === null ? {} : { gtid }) },
      hint: error.hint,
      retry: error.retry,
      cause: error.cause,
    });
  }
}

function shapeOf(table: NamedTable | null, alone: boolean): Ask | null {
  return table === null ? null : { kind: 'shape', schema: table.schema, table: table.name, alone };
}
function preparedOf(xid: string | null): Need | null {
  return xid === null ? null : { kind: 'prepared', xid };
}
