/**
 * The small events of a log: headers, transaction starts, statements, rotation. Layouts by MySQL `control_events.h`,
 * `statement_events.h` and MariaDB `log_event.h`; row events are in `rows.ts`, table maps in `table-map.ts`.
 */
import { inflateSync } from 'node:zlib';
import { OtterError } from '../model/error.ts';
import { type ClientText, clientText } from './client-charset.ts';
import type { Cursor } from './cursor.ts';
import { type Quoting, USUAL_QUOTING } from './plain-sql.ts';
import type { Gtid } from './track.ts';

export const EVENT = {
  QUERY: 2,
  STOP: 3,
  ROTATE: 4,
  INTVAR: 5,
  APPEND_BLOCK: 9,
  DELETE_FILE: 11,
  RAND: 13,
  USER_VAR: 14,
  FORMAT_DESCRIPTION: 15,
  XID: 16,
  BEGIN_LOAD_QUERY: 17,
  EXECUTE_LOAD_QUERY: 18,
  TABLE_MAP: 19,
  WRITE_ROWS_V1: 23,
  UPDATE_ROWS_V1: 24,
  DELETE_ROWS_V1: 25,
  INCIDENT: 26,
  HEARTBEAT: 27,
  IGNORABLE: 28,
  ROWS_QUERY: 29,
  WRITE_ROWS: 30,
  UPDATE_ROWS: 31,
  DELETE_ROWS: 32,
  GTID: 33,
  ANONYMOUS_GTID: 34,
  PREVIOUS_GTIDS: 35,
  TRANSACTION_CONTEXT: 36,
  VIEW_CHANGE: 37,
  XA_PREPARE: 38,
  PARTIAL_UPDATE_ROWS: 39,
  TRANSACTION_PAYLOAD: 40,
  HEARTBEAT_V2: 41,
  GTID_TAGGED: 42,
  ANNOTATE_ROWS: 160,
  BINLOG_CHECKPOINT: 161,
  MARIADB_GTID: 162,
  MARIADB_GTID_LIST: 163,
  START_ENCRYPTION: 164,
  QUERY_COMPRESSED: 165,
  WRITE_ROWS_COMPRESSED_V1: 166,
  UPDATE_ROWS_COMPRESSED_V1: 167,
  DELETE_ROWS_COMPRESSED_V1: 168,
  WRITE_ROWS_COMPRESSED: 169,
  UPDATE_ROWS_COMPRESSED: 170,
  DELETE_ROWS_COMPRESSED: 171,
} as const;

export const HEADER_BYTES = 19;
export const CHECKSUM_BYTES = 4;
/** Header flag: made for this connection, not part of the file. */
export const ARTIFICIAL = 0x20;
/** Header flag: a reader that does not know the event may leave it out. */
export const IGNORABLE = 0x80;

export interface GtidEvent extends Gtid {
  readonly commitUs: number;
  /** Goes on to a commit, whatever comes first (MariaDB tells); else only when BEGIN comes first. */
  readonly opens: boolean;
  /** It is one of XA and ends with its PREPARE (MariaDB tells); else it says XA START. */
  readonly prepares: boolean;
  /** Of the whole transaction in the log, this event included; 0: the log does not say. */
  readonly bytes: number;
}

/** Flag of MariaDB's GTID event: one statement, without a commit. */
const STANDALONE = 1;
const PREPARED_XA = 0x40;

/** MariaDB: the server part of the GTID is the header's. */
export function readMariadbGtid(c: Cursor, serverId: number, timestamp: number): GtidEvent {
  const sequence = c.uint64();
  const domain = c.uint(4);
  const flags = c.uint(1);
  const origin = originText(domain, serverId);
  return {
    gtid: origin + String(sequence),
    origin,
    number: sequence,
    commitUs: timestamp * 1_000_000,
    opens: (flags & STANDALONE) === 0,
    prepares: (flags & PREPARED_XA) !== 0,
    bytes: 0,
  };
}

const last = { domain: -1, server: -1, text: '' };

/** Up to the sequence number; nearly always that of the transaction before. */
function originText(domain: number, server: number): string {
  if (last.domain !== domain || last.server !== server)
    Object.assign(last, { domain, server, text: `${domain}-${server}-` });
  return last.text;
}

/** MySQL, without a tag, or without a GTID. Old servers end after the logical clock; 8.0 adds commit times and length. */
export function readMysqlGtid(c: Cursor, timestamp: number): GtidEvent {
  c.skip(1);
  const origin = `${readUuid(c, c.skip(16))}:`;
  const number = c.uint64();
  const logicalClock = c.at < c.end ? c.uint(1) : 0;
  let commitUs = timestamp * 1_000_000;
  let bytes = 0;
  if (logicalClock === 2 && c.end - c.at >= 23) {
    c.skip(16);
    const immediate = readMicros(c);
    commitUs = immediate.more && c.end - c.at >= 7 ? readMicros(c).micros : immediate.micros;
    if (c.at < c.end) bytes = c.packed();
  }
  return { gtid: origin + String(number), origin, number, commitUs, opens: false, prepares: false, bytes };
}

/** 55 bits of microseconds; the top bit says that the original commit time follows. */
function readMicros(c: Cursor): { micros: number; more: boolean } {
  const low = c.uint(4);
  const high = c.uint(3);
  return { micros: (high & 0x7f_ffff) * 0x1_0000_0000 + low, more: (high & 0x80_0000) !== 0 };
}

const TAGGED = {
  flags: 0,
  uuid: 1,
  number: 2,
  tag: 3,
  lastCommitted: 4,
  sequence: 5,
  immediate: 6,
  original: 7,
  bytes: 8,
} as const;

/** MySQL 8.3: fields with ids in ascending order, integers of variable length (`mysql::serialization`). */
export function readTaggedGtid(c: Cursor, timestamp: number): GtidEvent {
  const start = c.at;
  readVarint(c); // version of the format
  const end = Math.min(start + Number(readVarint(c)), c.end);
  readVarint(c); // the last field that may not be ignored
  let uuid = '';
  let number = 0n;
  let tag = '';
  let commitMicros = BigInt(timestamp) * 1_000_000n;
  let bytes = 0;
  while (c.at < end) {
    const field = Number(readVarint(c));
    if (field === TAGGED.flags) readVarint(c);
    else if (field === TAGGED.uuid) {
      const bytes = Buffer.alloc(16);
      for (let i = 0; i < 16; i++) bytes[i] = Number(readVarint(c));
      uuid = uuidText(bytes, 0);
    } else if (field === TAGGED.number) number = zigzag(readVarint(c));
    else if (field === TAGGED.tag) tag = c.text(Number(readVarint(c)));
    else if (field === TAGGED.lastCommitted || field === TAGGED.sequence) readVarint(c);
    else if (field === TAGGED.immediate) commitMicros = readVarint(c);
    else if (field === TAGGED.original) commitMicros = readVarint(c);
    else if (field === TAGGED.bytes) {
      bytes = Number(readVarint(c));
      break;
    } else break;
  }
  if (uuid === '' || number <= 0n) throw new OtterError('OT4034', 'a tagged GTID event without UUID or number');
  const origin = tag === '' ? `${uuid}:` : `${uuid}:${tag}:`;
  return {
    gtid: `${origin}${number}`,
    origin,
    number: Number(number),
    commitUs: Number(commitMicros),
    opens: false,
    prepares: false,
    bytes,
  };
}

/** The number of one bits at the low end of the first byte tells how many bytes follow. */
function readVarint(c: Cursor): bigint {
  const first = c.uint(1);
  let extra = 0;
  while (extra < 8 && (first & (1 << extra)) !== 0) extra++;
  let value = extra >= 8 ? 0n : BigInt(first >> (extra + 1));
  const shift = extra >= 8 ? 0n : BigInt(7 - extra);
  for (let i = 0; i < extra; i++) value |= BigInt(c.uint(1)) << (shift + BigInt(8 * i));
  return value;
}

function zigzag(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n);
}

function readUuid(c: Cursor, at: number): string {
  return uuidText(c.bytes, at);
}

function uuidText(bytes: Buffer, at: number): string {
  const hex = bytes.hexSlice(at, at + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export interface QueryEvent {
  readonly schema: string;
  readonly text: ClientText;
  readonly quoting: Quoting;
  /** Whether it read CHAR columns with the spaces at their end (PAD_CHAR_TO_FULL_LENGTH). */
  readonly pads: boolean;
}

/** Status variables of a statement, as far as they come before its charset; a size of null: length byte and text. */
const STATUS = {
  flags: { code: 0, bytes: 4 },
  sqlMode: { code: 1, bytes: 8 },
  catalog: { code: 2, bytes: null },
  autoIncrement: { code: 3, bytes: 4 },
  charset: { code: 4, bytes: 6 },
  timeZone: { code: 5, bytes: null },
  catalogNz: { code: 6, bytes: null },
} as const;
const STATUS_BYTES = new Map<number, number | null>(Object.values(STATUS).map(({ code, bytes }) => [code, bytes]));
/** Bits of sql_mode: 2 in its first byte, 20 in its third, 31 in its fourth. */
const ANSI_QUOTES = 0x04;
const NO_BACKSLASH_ESCAPES = 0x10;
const PAD_CHAR_TO_FULL_LENGTH = 0x80;

/** A LOAD DATA: between the fixed part and the rest stand the file's number, two places in the text and a flag. */
export function readLoadQuery(c: Cursor): QueryEvent {
  return readQuery(c, false, 13);
}

/** @param extra bytes of the fixed part that only this kind of event has */
export function readQuery(c: Cursor, compressed: boolean, extra = 0): QueryEvent {
  c.skip(8);
  const schemaLength = c.uint(1);
  c.skip(2);
  const statusLength = c.uint(2);
  c.skip(extra);
  const { quoting, pads, collation } = readStatus(c.bytes, c.skip(statusLength), statusLength);
  const schema = c.text(schemaLength);
  c.skip(1);
  const bytes = compressed ? inflate(c) : c.bytes.subarray(c.at, c.end);
  return { schema, text: clientText(bytes, collation), quoting, pads };
}

/** Of the session: how it quotes and reads, and a collation of its client's charset. */
function readStatus(
  bytes: Buffer,
  start: number,
  length: number,
): Pick<QueryEvent, 'quoting' | 'pads'> & { collation: number | null } {
  let quoting = USUAL_QUOTING;
  let pads = false;
  for (let at = start; at < start + length; ) {
    const code = bytes[at]!;
    const known = STATUS_BYTES.get(code);
    if (known === undefined) break;
    const value = at + 1;
    if (code === STATUS.charset.code) return { quoting, pads, collation: bytes.readUInt16LE(value) };
    if (code === STATUS.sqlMode.code) {
      const ansi = (bytes[value]! & ANSI_QUOTES) !== 0;
      const escapes = (bytes[value + 2]! & NO_BACKSLASH_ESCAPES) === 0;
      pads = (bytes[value + 3]! & PAD_CHAR_TO_FULL_LENGTH) !== 0;
      quoting = escapes && !ansi ? USUAL_QUOTING : { escapes, ansi };
    }
    // The oldest of all ends its text with a NUL that its length does not count.
    const text = code === STATUS.catalog.code ? 2 : 1;
    at = value + (known ?? bytes[value]! + text);
  }
  return { quoting, pads, collation: null };
}

/** MariaDB `log_bin_compress`: one byte of form and length, the length big endian, then zlib. */
export function inflate(c: Cursor): Buffer {
  const head = c.uint(1);
  const length = c.uintBE(head & 7);
  if ((head & 0xf0) !== 0x80) throw new OtterError('OT4033', 'an event compressed in a way that is not known');
  const inflated = inflateSync(c.bytes.subarray(c.at, c.end), { maxOutputLength: Math.max(length, 1) });
  if (inflated.length !== length) throw new OtterError('OT4034', 'a compressed event has not its stated length');
  return inflated;
}
