/**
 * Bytes of text and binary values as canonical SQL literals: equal values have equal texts, from wherever they came.
 *
 * Text whose bytes mean the same in UTF-8 is quoted, with a backslash before quote, backslash and NUL (sessions of otter
 * never set NO_BACKSLASH_ESCAPES); any other charset is written as its raw bytes with an introducer, `_gbk x'c4e3'`.
 */
import { isUtf8 } from 'node:buffer';
import './raw-bytes.ts';

/** Longer values are written piece by piece. */
const AT_ONCE_BYTES = 256 << 10;

/** Makes the literal of the bytes `start..end` of `bytes`. */
export type BytesLiteral = (bytes: Buffer, start: number, end: number) => string;

/** Charsets whose text is UTF-8 already. */
export const UTF8: ReadonlySet<string> = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'ascii']);

/**
 * Charsets in which the bytes 0-126 always are ASCII characters and never part of another one's encoding alone. 127 is none for
 * the tables of latin2_czech_cs, to which no server converts it.
 */
export const ASCII_BELOW: ReadonlySet<string> = new Set([
  ...['latin1', 'latin2', 'latin5', 'latin7', 'cp1250', 'cp1251', 'cp1256', 'cp1257', 'cp850', 'cp852', 'cp866'],
  ...['koi8r', 'koi8u', 'greek', 'hebrew', 'macroman', 'macce', 'keybcs2', 'armscii8', 'geostd8', 'tis620', 'dec8'],
  ...['hp8', 'gbk', 'gb2312', 'gb18030', 'big5', 'euckr', 'ujis', 'eucjpms'],
]);

/** How text of a charset is written. */
export function textLiteral(charset: string): BytesLiteral {
  if (UTF8.has(charset)) return utf8Literal;
  const introducer = `_${charset} x'`;
  const raw: BytesLiteral = (bytes, start, end) => inDigits(introducer, bytes, start, end);
  if (charset === 'binary') return binaryLiteral;
  if (!ASCII_BELOW.has(charset)) return raw;
  return (bytes, start, end) => {
    let special = false;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte >= 0x7f) return raw(bytes, start, end);
      if (byte === 0x27 || byte === 0x5c || byte === 0) special = true;
    }
    return special ? quoteText(bytes.latin1Slice(start, end)) : quotedSlice(bytes, start, end);
  };
}

export const binaryLiteral: BytesLiteral = (bytes, start, end) => inDigits("x'", bytes, start, end);

function inDigits(introducer: string, bytes: Buffer, start: number, end: number): string {
  if (end - start <= AT_ONCE_BYTES) return `${introducer}${bytes.hexSlice(start, end)}'`;
  // A text that is put together is put together once more, in another place, when somebody looks into it; this one is in one piece.
  const literal = Buffer.allocUnsafe(introducer.length + 2 * (end - start) + 1);
  let to = literal.write(introducer, 0, 'latin1');
  for (let from = start; from < end; from += AT_ONCE_BYTES)
    to += literal.write(bytes.hexSlice(from, Math.min(from + AT_ONCE_BYTES, end)), to, 'latin1');
  literal[to] = 0x27;
  const text = literal.latin1Slice(0, to + 1);
  // Given back now, and not when the engine next looks for what is not in use.
  if (literal.byteLength === literal.buffer.byteLength) literal.buffer.transfer(0);
  return text;
}

/** Quotes a text that is valid Unicode. */
export function quoteText(text: string): string {
  return `'${text.replace(/['\\\0]/g, (c) => (c === '\0' ? '\\0' : `\\${c}`))}'`;
}

const utf8Literal: BytesLiteral = (bytes, start, end) => {
  let special = false;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return wideLiteral(bytes, start, end);
    if (byte === 0x27 || byte === 0x5c || byte === 0) special = true;
  }
  return special ? quoteText(bytes.latin1Slice(start, end)) : quotedSlice(bytes, start, end);
};

function wideLiteral(bytes: Buffer, start: number, end: number): string {
  const text = bytes.utf8Slice(start, end);
  // U+FFFD is what decoding puts in place of bytes that are not UTF-8; it may also be in the text itself.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) return binaryLiteral(bytes, start, end);
  return quoteText(text);
}

/**
 * One slice that includes both quotes instead of a concatenation of three strings: the bytes around the value are
 * quotes for the moment of the call.
 */
function quotedSlice(bytes: Buffer, start: number, end: number): string {
  if (start === 0 || end >= bytes.length) return `'${bytes.latin1Slice(start, end)}'`;
  const before = bytes[start - 1]!;
  const after = bytes[end]!;
  bytes[start - 1] = 0x27;
  bytes[end] = 0x27;
  const text = bytes.latin1Slice(start - 1, end + 1);
  bytes[start - 1] = before;
  bytes[end] = after;
  return text;
}
