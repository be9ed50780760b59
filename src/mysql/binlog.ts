/**
 * Log events into items. Bytes in, items out, no connection and no clock: `stream.ts` feeds it.
 *
 * Rules kept here: rows are never left out silently (what cannot be read exactly ends the log with an error); the point
 * moves with every event header, after what the event holds was taken.
 */
import { OtterError } from '../model/error.ts';
import type { LogItem, ReadLogOptions, Statement } from '../model/ports.ts';
import type { LogPoint } from '../model/position.ts';
import { type TableShape, tableName } from '../model/row.ts';
import { Cursor } from './cursor.ts';
import {
  ARTIFICIAL,
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
import {
  gone,
  rolledBack,
  statementFormat,
  undecided,
  unsupported,
  withoutGtid,
  withoutLength,
} from './log-refusals.ts';
import { type NamedTable, namesIn } from './reach.ts';
import { ROW_EVENTS, type RowEventForm, readRows } from './rows.ts';
import { statementKind } from './statement.ts';
import { Structures } from './structures.ts';
import { planRows, type RowPlan, readTableMap } from './table-map.ts';
import { Transactions } from './transaction.ts';

export interface AssemblerOptions {
  readonly from: string;
  readonly wants: ReadLogOptions['wants'];
  readonly definitions: ReadLogOptions['definitions'];
  readonly partBytes: number;
  /** Whether events before the first format description carry a checksum. */
  readonly checksum: boolean;
}

/**
 * What must be given before the same event is fed again: the shape of a table (`provide`), or the tables that a change
 * may touch of which the log has only the statement (`provideReach`).
 */
export type Need =
  | { readonly kind: 'shape'; readonly schema: string; readonly table: string }
  | { readonly kind: 'reach'; readonly names: readonly NamedTable[] };

/** What the header of an event says. */
interface Header {
  readonly type: number;
  readonly flags: number;
  readonly timestamp: number;
  readonly serverId: number;
  /** Of the event. */
  readonly bytes: number;
  /** Where it ends in its file. */
  readonly endsAt: number;
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
const KNOWN_REACHES_MAX = 1000;
const WRAP = 0x1_0000_0000;

export class LogAssembler {
  readonly #options: AssemblerOptions;
  readonly #transactions: Transactions;
  readonly #cursor = new Cursor();
  readonly #structures: Structures;
  readonly #maps = new Map<number, KnownMap>();
  /** Wanted tables that statements with these names may touch, null for any; emptied at every definition. */
  readonly #reaches = new Map<string, readonly NamedTable[] | null>();
  #checksum: number;
  #file = '';
  #offset = 0;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    this.#transactions = new Transactions(options.from, options.partBytes);
    this.#structures = new Structures(options);
    this.#checksum = options.checksum ? CHECKSUM_BYTES : 0;
  }

  /** End of the last event passed. */
  get point(): LogPoint {
    return { file: this.#file, offset: this.#offset };
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
  get wish(): Need | null {
    const { urgent } = this.#structures;
    return urgent === null ? null : { kind: 'shape', schema: urgent.schema, table: urgent.name };
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
    if (this.#reaches.size >= KNOWN_REACHES_MAX) this.#reaches.clear();
    this.#reaches.set(reachKey(names), reach === null ? null : this.#wanted(reach));
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
    const flags = bytes.readUInt16LE(start + 17);
    const c = this.#cursor;
    c.reset(bytes, start + HEADER_BYTES, end - this.#checksum);
    const rows = ROW_EVENTS.get(type);
    if (rows !== undefined) {
      this.#readRows(c, rows);
    } else {
      const need = this.#read(c, {
        type,
        flags,
        timestamp: bytes.readUInt32LE(start),
        serverId: bytes.readUInt32LE(start + 5),
        bytes: end - start,
        endsAt: this.#offsetOf(bytes.readUInt32LE(start + 13)),
      });
      if (need !== null) return need;
    }
    if (type !== EVENT.ROTATE) this.#moveTo(bytes.readUInt32LE(start + 13), flags, type);
    return null;
  }

  #read(c: Cursor, header: Header): Need | null {
    const { type, timestamp, endsAt } = header;
    switch (type) {
      case EVENT.TABLE_MAP:
        return this.#tableMap(c);
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
        return this.#statement(readQuery(c, type === EVENT.QUERY_COMPRESSED), endsAt);
      case EVENT.ROTATE:
        this.#offset = c.uint64();
        this.#file = c.text(c.end - c.at);
        return null;
      case EVENT.FORMAT_DESCRIPTION:
        this.#format(c);
        this.#transactions.enter(this.#file, timestamp);
        return null;
      case EVENT.XA_PREPARE:
        // Prepared and committed at once: decided, like any other.
        if (c.uint(1) !== 0) this.#transactions.commit(endsAt);
        else this.#endXa();
        return null;
      case EVENT.INCIDENT:
        throw new OtterError('OT4035', 'the server wrote an incident into its log: changes may be missing from it');
      case EVENT.EXECUTE_LOAD_QUERY:
        return this.#statement(readLoadQuery(c), endsAt);
      case EVENT.TRANSACTION_PAYLOAD:
        throw unsupported('a compressed transaction', 'SET GLOBAL binlog_transaction_compression = OFF');
      case EVENT.PARTIAL_UPDATE_ROWS:
        this.#partialUpdate(c);
        return null;
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

  /** Without GTIDs a transaction is named by where it ends, which its first event tells. */
  #begin(event: GtidEvent, { bytes, endsAt }: Header): void {
    if (!this.#transactions.byFile) {
      this.#transactions.begin(event, null);
      return;
    }
    if (event.bytes === 0) throw withoutLength();
    const end = endsAt - bytes + event.bytes;
    this.#transactions.begin({ ...event, gtid: `${this.#file}:${end}` }, end);
  }

  #tableMap(c: Cursor): Need | null {
    const at = c.at;
    const id = c.uint(4) + c.uint(2) * WRAP;
    const known = this.#maps.get(id);
    if (known !== undefined && known.body.compare(c.bytes, at, c.end) === 0) return null;
    c.skip(2);
    const map = readTableMap(c);
    const { schema, table } = map;
    let plan: KnownMap['plan'] = null;
    if (this.#options.wants(schema, table)) {
      const structure = this.#structures.get(schema, table);
      if (structure === undefined) return { kind: 'shape', schema, table };
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
    const id = c.uint(4) + c.uint(2) * WRAP;
    const flags = c.uint(2);
    const known = this.#maps.get(id);
    if (known === undefined && id !== DUMMY_TABLE)
      throw new OtterError('OT4034', 'the log has rows of a table that it did not name');
    return known === undefined || known.plan === null ? null : { known, flags };
  }

  /** What one table's rows are like is no other table's matter: who does not have it goes on. */
  #unreadable(tables: readonly NamedTable[] | null, error: OtterError, gone = false): void {
    this.#transactions.addUnreadable(tables, this.#located(error), gone);
  }

  #readRows(c: Cursor, form: RowEventForm): void {
    const found = this.#known(c);
    if (found === null) return;
    const { schema, table, plan } = found.known;
    if (plan instanceof OtterError) {
      this.#unreadable([{ schema, name: table }], plan, this.#structures.get(schema, table)?.shape === null);
      return;
    }
    if (form.extra) c.skip(c.uint(2) - 2);
    const fkChecks = (found.flags & ROWS_NO_FOREIGN_KEY_CHECKS) === 0;
    try {
      this.#transactions.addRows((into) => readRows(c, form, plan!, fkChecks, into));
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
      this.#unreadable([{ schema, name: table }], error);
    }
  }

  #partialUpdate(c: Cursor): void {
    const found = this.#known(c);
    if (found === null) return;
    const { schema, table } = found.known;
    const error = unsupported(
      `a partial JSON update of ${schema}.${table}`,
      "SET GLOBAL binlog_row_value_options = ''",
    );
    this.#unreadable([{ schema, name: table }], error);
  }

  /** The rows before an XA PREPARE are undecided. */
  #endXa(): void {
    this.#takeBack(undecided);
    this.#transactions.end();
  }

  /** @throws what `why` says when parts of the transaction have been handed on already */
  #takeBack(why: (tables: string) => OtterError): void {
    const tables = this.#transactions.takeBack();
    if (tables === null) throw why('replicated tables');
    if (tables.length > 0) this.#unreadable(tables, why(tables.map(tableName).join(', ')));
  }

  #statement({ schema, sql, quoting }: QueryEvent, endsAt: number): Need | null {
    const found = statementKind(sql);
    switch (found.kind) {
      case 'begin':
        this.#transactions.keepOpen();
        return null;
      case 'commit':
        this.#transactions.commit(endsAt);
        return null;
      case 'savepoint':
        return null;
      case 'rollback':
        this.#takeBack(rolledBack);
        if (!/\bto\b/i.test(sql)) this.#transactions.end();
        return null;
      case 'xa':
        if (found.verb === 'commit' || found.verb === 'rollback') this.#endXa();
        else this.#transactions.keepOpen();
        return null;
      case 'rows':
        return this.#unlogged(namesIn(sql, schema, quoting), found.verb);
      case 'temporary':
        this.#transactions.passStatement();
        return null;
      case 'definition':
        this.#maps.clear();
        this.#reaches.clear();
        this.#structures.pass({ schema, sql });
        this.#transactions.addStatement(schema, sql, endsAt);
        return null;
      default:
        return found satisfies never;
    }
  }

  /** Rows were changed and are not in the log: passed only when no wanted table can be among them. */
  #unlogged(names: readonly NamedTable[], verb: string): Need | null {
    const named = this.#wanted(names);
    const wanted = named.length > 0 ? named : this.#reaches.get(reachKey(names));
    if (wanted === undefined) return { kind: 'reach', names };
    if (wanted === null || wanted.length > 0) this.#unreadable(wanted, statementFormat(verb, wanted));
    this.#transactions.passStatement();
    return null;
  }

  #wanted(tables: readonly NamedTable[]): readonly NamedTable[] {
    return tables.filter(({ schema, name }) => this.#options.wants(schema, name));
  }

  /** The checksum algorithm is the event's last byte but four, present whether or not it is used. */
  #format(c: Cursor): void {
    const algorithm = c.bytes[c.end + this.#checksum - CHECKSUM_BYTES - 1];
    this.#checksum = algorithm === 1 ? CHECKSUM_BYTES : 0;
  }

  /** Positions in headers have 32 bits; a file with one huge transaction may be longer. Some events have none (0). */
  #moveTo(logPosition: number, flags: number, type: number): void {
    if (logPosition === 0) return;
    if ((flags & ARTIFICIAL) !== 0 && type !== EVENT.HEARTBEAT) return;
    const offset = this.#offsetOf(logPosition);
    if (offset > this.#offset) this.#offset = offset;
  }

  #offsetOf(logPosition: number): number {
    const offset = Math.floor(this.#offset / WRAP) * WRAP + logPosition;
    return offset < this.#offset - WRAP / 2 ? offset + WRAP : offset;
  }

  #located(error: OtterError): OtterError {
    const { gtid } = this.#transactions;
    const log = `${this.#file}:${this.#offset}`;
    const place = gtid === null ? `at ${log}` : `transaction ${gtid} at ${log}`;
    return new OtterError(error.code, `${error.message} (${place})`, {
      where: { ...error.where, log, ...(gtid === null ? {} : { gtid }) },
      hint: error.hint,
      retry: error.retry,
      cause: error.cause,
    });
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

function reachKey(names: readonly NamedTable[]): string {
  return names.map(({ schema, name }) => key(schema, name)).join('\n');
}

function key(schema: string, table: string): string {
  return `${schema}\0${table}`;
}
