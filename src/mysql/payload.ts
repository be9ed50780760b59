/**
 * A transaction that MySQL compressed as a whole (`binlog_transaction_compression`): one event that holds the others,
 * without checksums. Source: MySQL `payload_event.h` and `codecs/binary.cpp`: fields of type, length and value up to an
 * end mark, then the events.
 */
import { zstdDecompressSync } from 'node:zlib';
import { OtterError } from '../model/error.ts';
import type { Cursor } from './cursor.ts';
import { HEADER_BYTES } from './events.ts';

const FIELD = { END: 0, SIZE: 1, COMPRESSION: 2, UNCOMPRESSED_SIZE: 3 } as const;
const COMPRESSION = { ZSTD: 0, NONE: 255 } as const;
/** Servers leave larger ones as they are: it must fit into a packet of the protocol, in either form. */
const BYTES_MAX = 1 << 30;

/** The events of a payload, one after the other; where the reader stopped is kept. */
export class Payload {
  readonly bytes: Buffer;
  #at = 0;

  /** @param c at the event's body */
  constructor(c: Cursor) {
    this.bytes = unpacked(c);
  }

  /** Place of the next event, or null behind the last. */
  get next(): { readonly start: number; readonly end: number } | null {
    const { bytes } = this;
    const start = this.#at;
    if (start === bytes.length) return null;
    const size = bytes.length - start >= HEADER_BYTES ? bytes.readUInt32LE(start + 9) : 0;
    if (size < HEADER_BYTES || start + size > bytes.length)
      throw new OtterError('OT4034', 'an event in a compressed transaction ends too early');
    return { start, end: start + size };
  }

  pass(end: number): void {
    this.#at = end;
  }
}

function unpacked(c: Cursor): Buffer {
  let size = -1;
  let compression = -1;
  let length = -1;
  for (;;) {
    const field = c.packed();
    if (field === FIELD.END) break;
    const bytes = c.packed();
    const end = c.at + bytes;
    if (field === FIELD.SIZE) size = c.packed();
    else if (field === FIELD.COMPRESSION) compression = c.packed();
    else if (field === FIELD.UNCOMPRESSED_SIZE) length = c.packed();
    c.skip(end - c.at);
  }
  if (size < 0) size = c.end - c.at;
  const at = c.skip(size);
  const packed = c.bytes.subarray(at, at + size);
  // A copy: the bytes of an event are the socket's, and reading goes on later.
  if (compression === COMPRESSION.NONE) return Buffer.from(packed);
  if (compression !== COMPRESSION.ZSTD || length < 0 || length > BYTES_MAX)
    throw new OtterError('OT4033', 'the log has a transaction compressed in a way that is not known', {
      hint: 'run `SET GLOBAL binlog_transaction_compression = OFF`, let sessions reconnect, then copy the tables again',
    });
  const bytes = inflated(packed, length);
  if (bytes.length !== length) throw new OtterError('OT4034', 'a compressed transaction has not its stated length');
  return bytes;
}

function inflated(packed: Buffer, length: number): Buffer {
  try {
    return zstdDecompressSync(packed, { maxOutputLength: Math.max(length, 1) });
  } catch (error) {
    throw new OtterError('OT4034', 'a compressed transaction cannot be unpacked', { cause: error });
  }
}
