/** Times are printed with what was printed last of the column, which must never show. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cursor } from '../../src/mysql/cursor.ts';
import { datetimeDecoder, timestampDecoder } from '../../src/mysql/temporal.ts';

type Decoder = (c: Cursor) => string;

function decoded(decoder: Decoder, bytes: readonly number[]): string {
  const c = new Cursor();
  c.reset(Buffer.from(bytes), 0, bytes.length);
  return decoder(c);
}

/** Few of each, so that parts of a time come again with others. */
const few = (...values: number[]): fc.Arbitrary<number> => fc.constantFrom(...values);
const datetime = fc
  .tuple(few(0, 999, 2026, 9999), few(0, 1, 12), few(0, 1, 31), few(0, 9, 23), few(0, 59), few(0, 7, 59))
  .map(([year, month, day, hour, minute, second]) => {
    const packed =
      (1n << 39n) | (BigInt(year * 13 + month) << 22n) | BigInt((day << 17) | (hour << 12) | (minute << 6) | second);
    const two = (n: number): string => String(n).padStart(2, '0');
    return {
      bytes: [32n, 24n, 16n, 8n, 0n].map((shift) => Number((packed >> shift) & 255n)),
      text: `${String(year).padStart(4, '0')}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`,
    };
  });
const timestamp = few(1, 59, 60, 3_599, 86_399, 86_400, 1_790_000_000, 0xffff_ffff).map((seconds) => ({
  bytes: [seconds >>> 24, (seconds >>> 16) & 255, (seconds >>> 8) & 255, seconds & 255],
  text: new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' '),
}));
/** With its bytes in the log. */
const fraction = fc.constantFrom(
  { fsp: 0, bytes: [], text: '' },
  { fsp: 1, bytes: [70], text: '.7' },
  { fsp: 2, bytes: [7], text: '.07' },
  { fsp: 3, bytes: [0x03, 0x84], text: '.090' },
  { fsp: 4, bytes: [0x27, 0x0f], text: '.9999' },
  { fsp: 5, bytes: [0x01, 0xe2, 0x40 - 6], text: '.12345' },
  { fsp: 6, bytes: [0, 0, 1], text: '.000001' },
);

test.each([
  ['DATETIME', datetime, datetimeDecoder],
  ['TIMESTAMP', timestamp, timestampDecoder],
] as const)('%s after any others', (_, times, decoderOf) => {
  fc.assert(
    fc.property(fraction, fc.array(times as fc.Arbitrary<{ bytes: number[]; text: string }>), (part, row) => {
      const decoder = decoderOf(part.fsp);
      for (const { bytes, text } of row)
        expect(decoded(decoder, [...bytes, ...part.bytes])).toBe(`'${text}${part.text}'`);
    }),
  );
});
