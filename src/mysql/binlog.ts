/**
 * Log events into transactions. Bytes in, items out, no connection and no clock: `stream.ts` feeds it.
 *
 * Rules kept here: a transaction is delivered only up to what its commit confirms (parts of large ones say so); rows are
 * never left out silently (what cannot be read exactly ends the log with an error); the position moves with whole
 * transactions, the point with every event header.
 */
import { OtterError } from '../model/error.ts';
import type { LogItem } from '../model/ports.ts';
import type { LogPoint } from '../model/position.ts';
import type { RowChange, TableShape } from '../model/row.ts';
import { Cursor } from './cursor.ts';
import {
  ARTIFICIAL,
  CHECKSUM_BYTES,
  EVENT,
  type GtidEvent,
  HEADER_BYTES,
  IGNORABLE,
  readMariadbGtid,
  readMysqlGtid,
  readQuery,
  readTaggedGtid,
} from './events.ts';
import { ROW_EVENTS, type RowEventForm, readRows } from './rows.ts';
import { statementKind } from './statement.ts';
import { planRows, type RowPlan, readTableMap } from './table-map.ts';
import { type PositionTrack, trackPosition } from './track.ts';

export interface AssemblerOptions {
  readonly from: string;
  readonly wants: (schema: string, table: string) => boolean;
  readonly partBytes: number;
  /** Whether events before the first format description carry a checksum. */
  readonly checksum: boolean;
}

/** A table whose shape must be given (`provide`) before the same event is fed again. */
export interface Need {
  readonly schema: string;
  readonly table: string;
}

interface KnownMap {
  /** The event's body; a number may come to mean another table after a DDL or a restart. */
  readonly body: Buffer;
  /** Null: nobody wants the rows. */
  readonly plan: RowPlan | null;
}

const ROWS_NO_FOREIGN_KEY_CHECKS = 0x2;
/** The table number with which a statement ends that wrote no rows. */
const DUMMY_TABLE = 0xff_ffff;
const KNOWN_MAPS_MAX = 20_000;
const WRAP = 0x1_0000_0000;

export class LogAssembler {
  readonly #options: AssemblerOptions;
  readonly #track: PositionTrack;
  readonly #cursor = new Cursor();
  /** By `schema`, then table; emptied when the structure of something changes. */
  readonly #shapes = new Map<string, TableShape | null>();
  readonly #maps = new Map<number, KnownMap>();
  #checksum: number;
  #file = '';
  #offset = 0;
  #items: LogItem[] = [];
  #itemBytes = 0;

  // The transaction being read.
  #gtid: GtidEvent | null = null;
  /** Ends with a commit; else with its first statement. */
  #explicit = false;
  #position = '';
  #positionBefore: string;
  #changes: RowChange[] = [];
  #changeBytes = 0;
  #parts = 0;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    this.#track = trackPosition(options.from);
    this.#positionBefore = this.#track.text;
    this.#checksum = options.checksum ? CHECKSUM_BYTES : 0;
  }

  /** End of the last event passed. */
  get point(): LogPoint {
    return { file: this.#file, offset: this.#offset };
  }

  /** Moves with `point`, for a cheap "did anything happen". */
  get offset(): number {
    return this.#offset;
  }

  /** Rough size of what waits to be taken, the open transaction included. */
  get bytes(): number {
    return this.#itemBytes + this.#changeBytes;
  }

  get itemCount(): number {
    return this.#items.length;
  }

  takeItems(): readonly LogItem[] {
    const items = this.#items;
    this.#items = [];
    this.#itemBytes = 0;
    return items;
  }

  provide(schema: string, table: string, shape: TableShape | null): void {
    this.#shapes.set(key(schema, table), shape);
  }

  /**
   * Takes one event, `start` at its header. The bytes are not kept. Returns what must be provided before the same event
   * is fed again, or null when it was taken. @throws OtterError when the log cannot be followed any further.
   */
  feed(bytes: Buffer, start: number, end: number): Need | null {
    const c = this.#cursor;
    const type = bytes[start + 4]!;
    const timestamp = bytes.readUInt32LE(start);
    const serverId = bytes.readUInt32LE(start + 5);
    const logPosition = bytes.readUInt32LE(start + 13);
    const flags = bytes.readUInt16LE(start + 17);
    c.reset(bytes, start + HEADER_BYTES, end - this.#checksum);
    const rows = ROW_EVENTS.get(type);
    if (rows !== undefined) {
      this.#readRows(c, rows);
    } else {
      const need = this.#read(c, type, flags, timestamp, serverId);
      if (need !== null) return need;
    }
    if (type !== EVENT.ROTATE) this.#moveTo(logPosition, flags, type);
    return null;
  }

  #read(c: Cursor, type: number, flags: number, timestamp: number, serverId: number): Need | null {
    switch (type) {
      case EVENT.TABLE_MAP:
        return this.#tableMap(c);
      case EVENT.XID:
        this.#commit();
        return null;
      case EVENT.MARIADB_GTID:
        this.#begin(readMariadbGtid(c, serverId, timestamp));
        return null;
      case EVENT.GTID:
        this.#begin(readMysqlGtid(c, timestamp));
        return null;
      case EVENT.GTID_TAGGED:
        this.#begin(readTaggedGtid(c, timestamp));
        return null;
      case EVENT.ANONYMOUS_GTID:
        throw this.#error('OT4023', 'the log has a transaction without a GTID', 'set `gtid_mode = ON` on the server');
      case EVENT.QUERY:
      case EVENT.QUERY_COMPRESSED:
        this.#statement(c, type === EVENT.QUERY_COMPRESSED);
        return null;
      case EVENT.ROTATE:
        this.#rotate(c);
        return null;
      case EVENT.FORMAT_DESCRIPTION:
        this.#format(c);
        return null;
      case EVENT.XA_PREPARE:
        this.#endXa();
        return null;
      case EVENT.INCIDENT:
        throw this.#error('OT4035', 'the server wrote an incident into its log: changes may be missing from it');
      case EVENT.BEGIN_LOAD_QUERY:
      case EVENT.EXECUTE_LOAD_QUERY:
        throw this.#statementFormat('LOAD DATA');
      case EVENT.TRANSACTION_PAYLOAD:
        throw this.#unsupported('a compressed transaction', 'set global binlog_transaction_compression = OFF');
      case EVENT.PARTIAL_UPDATE_ROWS:
        throw this.#unsupported('a partial JSON update', "set global binlog_row_value_options = ''");
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
        if ((flags & IGNORABLE) !== 0) return null;
        throw this.#unsupported(`an event of the unknown type ${type}`, null);
    }
  }

  #begin(gtid: GtidEvent): void {
    if (this.#gtid !== null) this.#abandoned();
    this.#gtid = gtid;
    this.#explicit = gtid.opens;
    this.#position = this.#track.pass(gtid.gtid);
  }

  /** A new transaction began before the last one ended: harmless only when nothing of it was delivered. */
  #abandoned(): void {
    if (this.#changes.length > 0 || this.#parts > 0) {
      throw this.#error('OT4034', 'a transaction in the log has no end');
    }
    this.#close();
  }

  #tableMap(c: Cursor): Need | null {
    const at = c.at;
    const id = c.uint(4) + c.uint(2) * WRAP;
    const known = this.#maps.get(id);
    if (known !== undefined && known.body.compare(c.bytes, at, c.end) === 0) return null;
    c.skip(2);
    const map = readTableMap(c);
    let plan: RowPlan | null = null;
    if (this.#options.wants(map.schema, map.table)) {
      const shape = this.#shapes.get(key(map.schema, map.table));
      if (shape === undefined) return { schema: map.schema, table: map.table };
      if (shape === null) {
        const table = `${map.schema}.${map.table}`;
        throw this.#error('OT4030', `the log has rows of ${table}, which no longer exists`);
      }
      plan = this.#located(() => planRows(map, shape));
    }
    if (this.#maps.size >= KNOWN_MAPS_MAX) this.#maps.clear();
    this.#maps.set(id, { body: Buffer.from(c.bytes.subarray(at, c.end)), plan });
    return null;
  }

  #readRows(c: Cursor, form: RowEventForm): void {
    const id = c.uint(4) + c.uint(2) * WRAP;
    const flags = c.uint(2);
    const known = this.#maps.get(id);
    if (known === undefined) {
      if (id === DUMMY_TABLE) return;
      throw this.#error('OT4034', 'the log has rows of a table that it did not name');
    }
    if (known.plan === null) return;
    if (form.extra) c.skip(c.uint(2) - 2);
    const { plan } = known;
    const fkChecks = (flags & ROWS_NO_FOREIGN_KEY_CHECKS) === 0;
    this.#changeBytes += this.#located(() => readRows(c, form, plan, fkChecks, this.#changes));
    if (this.#changeBytes >= this.#options.partBytes) this.#deliver(false);
  }

  #statement(c: Cursor, compressed: boolean): void {
    const { schema, sql } = readQuery(c, compressed);
    const found = statementKind(sql);
    switch (found.kind) {
      case 'begin':
        this.#explicit = true;
        return;
      case 'commit':
        this.#commit();
        return;
      case 'savepoint':
        return;
      case 'rollback':
        this.#rollback(sql);
        return;
      case 'xa':
        if (found.verb === 'commit' || found.verb === 'rollback') this.#endXa();
        else this.#explicit = true;
        return;
      case 'rows':
        throw this.#statementFormat(found.verb);
      case 'temporary':
        this.#endOfSingle();
        return;
      case 'definition':
        this.#define(schema, sql);
        return;
      default:
        found satisfies never;
    }
  }

  /**
   * A definition is a transaction of its own, except where a server logs it together with rows (CREATE TABLE … SELECT):
   * then it bears the position before the transaction, since the rows are still to come.
   */
  #define(schema: string, sql: string): void {
    this.#shapes.clear();
    this.#maps.clear();
    const gtid = this.#gtid;
    if (gtid === null) throw this.#error('OT4023', 'the log has a statement without a GTID');
    const inside = this.#explicit;
    this.#items.push({
      kind: 'statement',
      gtid: gtid.gtid,
      position: inside ? this.#positionBefore : this.#position,
      commitMs: gtid.commitMs,
      schema,
      sql,
    });
    this.#itemBytes += ROW_OVERHEAD + sql.length;
    if (!inside) this.#close();
  }

  #endOfSingle(): void {
    if (!this.#explicit) this.#close();
  }

  #rollback(sql: string): void {
    if (this.#changes.length > 0 || this.#parts > 0) {
      throw this.#error('OT4037', 'the log has a transaction with rows of which some were rolled back');
    }
    if (!/\bto\b/i.test(sql)) this.#close();
  }

  #endXa(): void {
    if (this.#changes.length > 0 || this.#parts > 0) {
      throw this.#error('OT4036', 'rows of a replicated table were changed in an XA transaction');
    }
    this.#close();
  }

  #commit(): void {
    if (this.#changes.length > 0 || this.#parts > 0) this.#deliver(true);
    this.#close();
  }

  /** The transaction is over: from here on its position is passed. */
  #close(): void {
    this.#gtid = null;
    this.#explicit = false;
    this.#parts = 0;
    this.#positionBefore = this.#track.text;
  }

  #deliver(last: boolean): void {
    const gtid = this.#gtid;
    if (gtid === null) throw this.#error('OT4023', 'the log has rows without a GTID');
    this.#items.push({
      kind: 'rows',
      gtid: gtid.gtid,
      position: this.#position,
      commitMs: gtid.commitMs,
      first: this.#parts === 0,
      last,
      changes: this.#changes,
      bytes: this.#changeBytes + ROW_OVERHEAD,
    });
    this.#itemBytes += this.#changeBytes + ROW_OVERHEAD;
    this.#parts++;
    this.#changes = [];
    this.#changeBytes = 0;
  }

  #rotate(c: Cursor): void {
    this.#offset = c.uint64();
    this.#file = c.text(c.end - c.at);
  }

  /** The checksum algorithm is the event's last byte but four, present whether or not it is used. */
  #format(c: Cursor): void {
    const end = c.end + this.#checksum;
    const algorithm = c.bytes[end - CHECKSUM_BYTES - 1]!;
    this.#checksum = algorithm === 1 ? CHECKSUM_BYTES : 0;
  }

  /** Positions in headers have 32 bits; a file with one huge transaction may be longer. Some events have none (0). */
  #moveTo(logPosition: number, flags: number, type: number): void {
    if (logPosition === 0) return;
    if ((flags & ARTIFICIAL) !== 0 && type !== EVENT.HEARTBEAT) return;
    let offset = Math.floor(this.#offset / WRAP) * WRAP + logPosition;
    if (offset < this.#offset - WRAP / 2) offset += WRAP;
    if (offset > this.#offset) this.#offset = offset;
  }

  #located<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
      throw new OtterError(error.code, error.message, {
        where: { ...error.where, ...this.#where() },
        hint: error.hint,
        retry: error.retry,
      });
    }
  }

  #statementFormat(verb: string): OtterError {
    return this.#error(
      'OT4032',
      `the log has the statement of a ${verb}, not the rows it changed`,
      'let that session use `binlog_format = ROW`, then copy the table again',
    );
  }

  #unsupported(what: string, setting: string | null): OtterError {
    const hint =
      setting === null
        ? 'report the message'
        : `run \`${setting}\`, let sessions reconnect, then copy the tables again`;
    return this.#error('OT4033', `the log has ${what}`, hint);
  }

  #error(code: OtterError['code'], message: string, hint?: string): OtterError {
    return new OtterError(code, message, { where: this.#where(), hint });
  }

  #where(): Record<string, string> {
    const log = `${this.#file}:${this.#offset}`;
    return this.#gtid === null ? { log } : { log, gtid: this.#gtid.gtid };
  }
}

const ROW_OVERHEAD = 200;

function key(schema: string, table: string): string {
  return `${schema}\0${table}`;
}
