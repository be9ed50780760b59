/**
 * What deliveries look like inside a frame: JSON arrays, named here once for the room that writes them and the room that reads them.
 *
 * A payload is `[shapes, deliveries]`; long values of them go before, in pieces that are no JSON. Rule: both sides of one stream keep the same memory (the last gtid, position and
 * `seen`, and the tables so far), so a text that changed little costs little, and a table travels once per stream.
 * Measured (bench/link.ts): a 200-byte transaction costs about 1 us to write and 1.3 us to read, most of it V8's JSON.
 */
import type { Seen, TableShape, Value } from '../model/row.ts';

/** Raised whenever a peer of the version before could not read what is sent. */
export const PROTOCOL_VERSION = 12;

/**
 * A text against the one before it: 0 the same; a number: the digits at its end grew by so much (the next transaction of
 * the same server); a text: itself; else what it shares at its start and end, and what lies between.
 */
export type WireText = number | string | readonly [start: number, end: number, between: string];

/** `seen` against the one before it: 0 the same object, else what was set (`[pipeline, text]`) and removed (`[pipeline]`). */
export type WireSeen = 0 | readonly (readonly [string, WireText] | readonly [string])[];

export const KIND = { changes: 0, answers: 1, chunk: 2, table: 3, beat: 4, definition: 5, kept: 6, resync: 7 } as const;

/** Operations of a run of changes; with `UNCHECKED` added, foreign key checks were off. */
export const OP = { insert: 0, delete: 1, update: 2 } as const;
export const UNCHECKED = 4;

export const FLAG = { first: 1, last: 2 } as const;

/** In an update's after-image: the value is the before-image's. */
export const SAME = 0;

/** A value that was sent ahead, in pieces: so many characters of what is left of them. */
export type Ahead = readonly [chars: number];

/** The next piece of a long value: its characters in one of these encodings, by the kind of frame that carries it. */
export interface Piece {
  readonly encoding: PieceEncoding;
  readonly bytes: Buffer;
}

/** `hex`: bytes that are a literal's hexadecimal digits; what is not Unicode goes as `utf16le`. */
export const PIECE_ENCODINGS = ['hex', 'utf8', 'utf16le'] as const;
export type PieceEncoding = (typeof PIECE_ENCODINGS)[number];

export type WireImage = readonly (Value | typeof SAME | Ahead)[];

/** Values of more characters go ahead, in pieces of so many: so nobody holds one as a frame, packed and unpacked, besides. */
export const LONG_CHARS = 1 << 20;

/** Neighbouring changes of one operation and table; an update has two images, before and after. */
export type WireRun = readonly [op: number, table: number, images: readonly WireImage[]];

export type WireCommon = readonly [gtid: WireText, position: WireText, seen: WireSeen, clock: number, bytes: number];

/** `[number, shape]`; numbers count from 0 in the order of sending. */
export type WireShape = readonly [number: number, shape: TableShape];

/** Tables that one stream may name; a stream that needs more is cut and opened anew. */
export const SHAPES_MAX = 65_536;

/** What a stream starts from; encoder and decoder are both made from it. */
export interface StreamStart {
  readonly position: string;
  readonly seen: Seen;
}
