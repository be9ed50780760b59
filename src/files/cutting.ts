/**
 * A large file cut where its contents say, so that most pieces of two versions are the same wherever something was put in or taken out.
 *
 * The place of a cut hangs on the 32 bytes or so before it (a gear hash, as in FastCDC). No well-kept package does it: those there
 * are want a compiler, or were last touched years ago. Both sides must cut alike, so nothing here may change without a new protocol.
 */
import { hash } from 'node:crypto';

export const CUT_BYTES = { min: 32 << 10, max: 512 << 10 } as const;
/** One cut in 128 KiB behind the least, on the average. */
const MASK = (128 << 10) - 1;

/** Numbers that look random, the same everywhere: xorshift from a fixed start. */
const GEAR = (() => {
  const numbers = new Int32Array(256);
  let state = 0x9e3779b9;
  for (let i = 0; i < 256; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    numbers[i] = state;
  }
  return numbers;
})();

/** How long the piece at the beginning of these bytes is; null: it does not end within them. */
function cut(bytes: Buffer, from: number): number | null {
  const { min, max } = CUT_BYTES;
  const end = Math.min(bytes.length, from + max);
  let gear = 0;
  for (let at = from + min; at < end; at += 1) {
    gear = ((gear << 1) + GEAR[bytes[at]!]!) | 0;
    // High bits hang on the most bytes.
    if (((gear >>> 15) & MASK) === 0) return at + 1 - from;
  }
  return bytes.length - from >= max ? max : null;
}

export type CutPiece = readonly [length: number, hash: string];

/** Lengths and hashes of the pieces, some at a time. */
export async function* cutPieces(source: AsyncIterable<Buffer>): AsyncGenerator<CutPiece[], void> {
  let held: Buffer = Buffer.alloc(0);
  for await (const bytes of source) {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const found: CutPiece[] = [];
    let from = 0;
    for (let length = cut(held, from); length !== null; length = cut(held, from)) {
      found.push([length, hash('sha256', held.subarray(from, from + length))]);
      from += length;
    }
    held = held.subarray(from);
    if (found.length > 0) yield found;
  }
  if (held.length > 0) yield [[held.length, hash('sha256', held)]];
}
