/**
 * Frames: what travels on a stream, as bytes.
 *
 * A frame is a header of 14 bytes and a body: `length of the body u32 | kind u8 | packing u8 | length unpacked u32 |
 * CRC-32 of all that u32`, big endian. Bodies are packed with zstd: small deliveries against what the stream carried just before, since alone there is
 * nothing in them that repeats.
 * Rule: a length is checked against a limit before anything is allocated for it, and a body against its checksum before it is unpacked.
 *
 * Measured (bench/link.ts): packing costs the main thread a third of encoding, so large bodies are packed on libuv's
 * threads; unpacking is three times as fast, and one hop to a thread costs more than it saves. A transaction of one row takes
 * a third of its payload when it is packed against 2 KiB of those before it, three quarters alone; more than that gains nothing.
 */
import { promisify } from 'node:util';
import { constants, crc32, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { OtterError } from '../model/error.ts';
import { letGo } from '../model/forget-rows.ts';
import { unreadable } from './decode.ts';
import { PIECE_ENCODINGS, type Piece, type PieceEncoding } from './wire.ts';

export const FRAME = {
  ...{ request: 1, acknowledge: 2, opening: 3, deliveries: 4, error: 5, end: 6 },
  ...{ hex: 7, utf8: 8, utf16le: 9 },
  files: 10,
} as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** `payload`: of a piece of a value, the piece. */
export interface Frame {
  readonly kind: number;
  readonly bytes: Buffer;
  /** As a text, made when it is asked for. */
  readonly payload: string;
}

/** Kinds of frames that carry a piece of a value. */
const PIECES: ReadonlyMap<number, PieceEncoding> = new Map(
  PIECE_ENCODINGS.map((encoding) => [FRAME[encoding], encoding]),
);

export function isPiece(kind: number): boolean {
  return PIECES.has(kind);
}

/** Both packed and unpacked. A single change of more is refused at its source. */
export const FRAME_BYTES_MAX = 256 << 20;
const HEADER_BYTES = 14;
const CHECKSUM_AT = 10;
const PACK_BYTES_MIN = 1 << 10;
const PLAIN = 0;
const ZSTD = 1;
const ZSTD_AFTER = 2;
/** Up to so many bytes are packed at once, against those before. */
const SMALL_BYTES_MAX = 4 << 10;
const RECENT_BYTES = 4 << 10;

const compress = promisify(zstdCompress);
/** Level 1: on rows, higher levels pack hardly better and cost more. */
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };
/** What a frame of a peer may make the unpacker keep as history. */
const WINDOW = { [constants.ZSTD_d_windowLogMax]: 24 };

/** @throws OtterError OT6008 when the payload is larger than a frame may be. */
export async function packFrame(kind: FrameKind, payload: string, bytesMax = FRAME_BYTES_MAX): Promise<Buffer> {
  return packed(kind, Buffer.from(payload), bytesMax);
}

async function packed(kind: FrameKind, plain: Buffer, bytesMax: number): Promise<Buffer> {
  if (plain.length > bytesMax) throw tooLarge(plain.length, bytesMax);
  if (plain.length < PACK_BYTES_MIN) return frame(kind, PLAIN, plain, plain.length);
  const packed = await compress(plain, {
    params: LEVEL,
    chunkSize: Math.max(1 << 12, Math.min(plain.length >> 1, 1 << 20)),
  });
  return packed.length < plain.length
    ? frame(kind, ZSTD, packed, plain.length)
    : frame(kind, PLAIN, plain, plain.length);
}

/** The last bytes of deliveries that one stream carried; both of its ends hold the same. */
class Recent {
  #bytes: Buffer = Buffer.alloc(0);

  get bytes(): Buffer {
    return this.#bytes;
  }

  add(payload: Buffer): void {
    const both = payload.length >= RECENT_BYTES ? payload : Buffer.concat([this.#bytes, payload]);
    // A copy, since a part would keep the whole.
    this.#bytes = both.length > RECENT_BYTES ? Buffer.from(both.subarray(both.length - RECENT_BYTES)) : both;
  }
}

/** Deliveries of one stream as frames, which must be sent in the order of the calls. */
export class DeliveryPacker {
  readonly #recent = new Recent();

  /** @throws OtterError OT6008 when the payload is larger than a frame may be. */
  async pack(payload: string | Piece): Promise<Buffer> {
    if (typeof payload !== 'string') return packed(FRAME[payload.encoding], payload.bytes, FRAME_BYTES_MAX);
    const plain = Buffer.from(payload);
    const dictionary = this.#recent.bytes;
    this.#recent.add(plain);
    if (plain.length > SMALL_BYTES_MAX) return packed(FRAME.deliveries, plain, FRAME_BYTES_MAX);
    const params = { ...LEVEL, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const body = dictionary.length === 0 ? plain : zstdCompressSync(plain, { params, dictionary });
    return body.length < plain.length
      ? frame(FRAME.deliveries, ZSTD_AFTER, body, plain.length)
      : frame(FRAME.deliveries, PLAIN, plain, plain.length);
  }
}

/** Bytes that may not get smaller: those that do not go as they are. @throws OtterError OT6008 */
export async function bytesFrame(kind: FrameKind, bytes: Buffer, packs: boolean): Promise<Buffer> {
  if (packs) return packed(kind, bytes, FRAME_BYTES_MAX);
  if (bytes.length > FRAME_BYTES_MAX) throw tooLarge(bytes.length, FRAME_BYTES_MAX);
  return frame(kind, PLAIN, bytes, bytes.length);
}

/** For small frames that must not wait: never packed. */
export function plainFrame(kind: FrameKind, payload: string): Buffer {
  const plain = Buffer.from(payload);
  if (plain.length > FRAME_BYTES_MAX) throw tooLarge(plain.length, FRAME_BYTES_MAX);
  return frame(kind, PLAIN, plain, plain.length);
}

function frame(kind: FrameKind, packing: number, body: Buffer, unpackedBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.writeUInt8(kind, 4);
  bytes.writeUInt8(packing, 5);
  bytes.writeUInt32BE(unpackedBytes, 6);
  body.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32BE(checksum(bytes), CHECKSUM_AT);
  return bytes;
}

/** Puts frames together again from chunks cut anywhere. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #recent = new Recent();
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that the frame at the front takes, header included; null while its header is not complete. */
  #wanted: number | null = null;

  constructor(bytesMax = FRAME_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Whether a frame has begun and is not complete. */
  get partial(): boolean {
    return this.#held > 0;
  }

  /** Frames that are complete with this chunk, one at a time. @throws OtterError OT6007 */
  *push(chunk: Buffer): Generator<Frame, void> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    // The packets that a stream put together in it.
    letGo(chunk.length);
    for (let next = this.#next(); next !== null; next = this.#next()) yield next;
  }

  #next(): Frame | null {
    if (this.#wanted === null) {
      if (this.#held < HEADER_BYTES) return null;
      this.#wanted = HEADER_BYTES + this.#bodyBytes(this.#front(HEADER_BYTES));
    }
    if (this.#held < this.#wanted) return null;
    const bytes = this.#front(this.#wanted).subarray(0, this.#wanted);
    this.#pass(this.#wanted);
    this.#wanted = null;
    const kind = bytes.readUInt8(4);
    const plain = unpack(bytes, this.#recent.bytes);
    if (kind === FRAME.deliveries) this.#recent.add(plain);
    return {
      kind,
      bytes: plain,
      get payload() {
        return plain.toString(PIECES.get(kind));
      },
    };
  }

  /** The first chunk, which has at least so many bytes then: no more are put together. */
  #front(size: number): Buffer {
    const chunks = this.#chunks;
    if (chunks[0]!.length >= size) return chunks[0]!;
    let count = 0;
    let beyond = -size;
    while (beyond < 0) beyond += chunks[count++]!.length;
    const last = chunks[count - 1]!;
    const cut = last.length - beyond;
    const front = Buffer.concat([...chunks.slice(0, count - 1), last.subarray(0, cut)]);
    chunks.splice(0, count, front, ...(beyond > 0 ? [last.subarray(cut)] : []));
    return front;
  }

  #pass(size: number): void {
    const front = this.#chunks.shift()!;
    if (front.length > size) this.#chunks.unshift(front.subarray(size));
    this.#held -= size;
  }

  #bodyBytes(header: Buffer): number {
    const body = header.readUInt32BE(0);
    const unpacked = header.readUInt32BE(6);
    if (body > this.#bytesMax || unpacked > this.#bytesMax)
      throw unreadable(`a frame of more than ${this.#bytesMax} bytes`);
    return body;
  }
}

/** `recent`: what it may be packed against. */
function unpack(bytes: Buffer, recent: Buffer): Buffer {
  const body = bytes.subarray(HEADER_BYTES);
  const unpackedBytes = bytes.readUInt32BE(6);
  if (checksum(bytes) !== bytes.readUInt32BE(CHECKSUM_AT)) throw unreadable('a frame whose checksum is wrong');
  const packing = bytes.readUInt8(5);
  switch (packing) {
    case PLAIN:
      if (body.length !== unpackedBytes) throw unreadable('a frame of another length than it says');
      return body;
    case ZSTD:
    case ZSTD_AFTER: {
      let plain: Buffer;
      try {
        // In one piece: pieces would be there twice while they are put together.
        const chunkSize = Math.max(64, unpackedBytes);
        const maxOutputLength = Math.max(1, unpackedBytes);
        const against = packing === ZSTD_AFTER ? { dictionary: recent } : {};
        plain = zstdDecompressSync(body, { params: WINDOW, chunkSize, maxOutputLength, ...against });
      } catch (cause) {
        throw new OtterError('OT6007', 'the link brought a frame that cannot be unpacked', { retry: 'backoff', cause });
      }
      if (plain.length !== unpackedBytes) throw unreadable('a frame of another length than it says');
      return plain;
    }
    default:
      throw unreadable('a frame packed in a way that is not known here');
  }
}

/** Of the header before it and the body. */
function checksum(bytes: Buffer): number {
  return crc32(bytes.subarray(HEADER_BYTES), crc32(bytes.subarray(0, CHECKSUM_AT)));
}

function tooLarge(bytes: number, bytesMax: number): OtterError {
  return new OtterError(
    'OT6008',
    `a single change takes ${bytes} bytes, and a link carries at most ${bytesMax} in one piece`,
    {
      hint: 'leave the large column out with columns.omit, or let one node own both databases',
    },
  );
}
