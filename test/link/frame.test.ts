import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DeliveryPacker,
  FRAME,
  FRAME_BYTES_MAX,
  type Frame,
  FrameReader,
  isPiece,
  packFrame,
  plainFrame,
} from '../../src/link/frame.ts';
import { OtterError } from '../../src/model/error.ts';

function readAll(reader: FrameReader, bytes: Buffer, cuts: readonly number[] = []): Pick<Frame, 'kind' | 'payload'>[] {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const frames = edges.slice(1).flatMap((edge, i) => [...reader.push(bytes.subarray(edges[i], edge))]);
  return frames.map(({ kind, payload: text }) => ({ kind, payload: text }));
}

const payload = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.nat(3000)).map(([text, times]) => text.repeat(times)),
  fc.constant(randomBytes(5000).toString('latin1')),
);

describe('frames', () => {
  it('come back as they were, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(payload, { maxLength: 4 }), fc.array(fc.nat()), async (payloads, cuts) => {
        const frames = await Promise.all(payloads.map((text) => packFrame(FRAME.deliveries, text)));
        const bytes = Buffer.concat([...frames, plainFrame(FRAME.end, '')]);
        const reader = new FrameReader();
        expect(readAll(reader, bytes, cuts)).toEqual([
          ...payloads.map((text) => ({ kind: FRAME.deliveries, payload: text })),
          { kind: FRAME.end, payload: '' },
        ]);
        expect(reader.partial).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('are put together where they were cut, and no byte behind that is copied', () => {
    const one = plainFrame(FRAME.opening, 'a'.repeat(200_000));
    const bytes = Buffer.concat([one, plainFrame(FRAME.opening, 'b'.repeat(200_000)), one]);
    const rest = Buffer.from(bytes.subarray(100_000));
    const reader = new FrameReader();
    expect([...reader.push(bytes.subarray(0, 100_000))]).toEqual([]);
    const frames = [...reader.push(rest)];
    expect(frames.map(({ payload: text }) => text[0])).toEqual(['a', 'b', 'a']);
    expect(frames.map(({ bytes: { buffer } }) => buffer === rest.buffer)).toEqual([false, true, true]);
  });

  it('of deliveries come back as they were, each packed against those before', async () => {
    const some = fc.oneof(
      payload,
      fc.nat(9).map((n) => `["insert",[${n},"the same words in each row"]]`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(some, { maxLength: 8 }), fc.array(fc.nat()), async (payloads, cuts) => {
        const packer = new DeliveryPacker();
        const frames = await Promise.all(payloads.map((text) => packer.pack(text)));
        const bytes = Buffer.concat([plainFrame(FRAME.opening, '{}'), ...frames, plainFrame(FRAME.end, '')]);
        expect(readAll(new FrameReader(), bytes, cuts).slice(1, -1)).toEqual(
          payloads.map((text) => ({ kind: FRAME.deliveries, payload: text })),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('of small deliveries take a third of what they say, and are read by nobody who has not read those before', async () => {
    const packer = new DeliveryPacker();
    const rows = Array.from({ length: 50 }, (_, i) =>
      JSON.stringify([
        [],
        [
          [
            0,
            1,
            1,
            0,
            1_790_000_000_000 + i,
            160,
            3,
            [[0, 0, [[`${i}`, "'a note about an order of somebody'", "'2026-01-01 10:00:00.000'"]]]],
          ],
        ],
      ]),
    );
    const frames: Buffer[] = [];
    for (const row of rows) frames.push(await packer.pack(row));
    const last = frames.at(-1)!;
    expect(last.length - 14).toBeLessThan(rows.at(-1)!.length / 2);
    expect(() => readAll(new FrameReader(), last)).toThrow(OtterError);
  });

  it('of pieces of values come back as the texts that they are of', async () => {
    const packer = new DeliveryPacker();
    const pieces = [
      { encoding: 'hex', bytes: randomBytes(3000) },
      { encoding: 'utf8', bytes: Buffer.from('caf\u00e9 '.repeat(1000)) },
      { encoding: 'utf16le', bytes: Buffer.from('\ud83d', 'utf16le') },
    ] as const;
    const frames = await Promise.all(pieces.map((piece) => packer.pack(piece)));
    const read = readAll(new FrameReader(), Buffer.concat(frames));
    expect(read.map(({ payload }) => payload)).toEqual(pieces.map(({ encoding, bytes }) => bytes.toString(encoding)));
    expect(read.every(({ kind }) => isPiece(kind))).toBe(true);
    expect(isPiece(FRAME.deliveries)).toBe(false);
  });

  it('are packed when that is worth it', async () => {
    const rows = JSON.stringify(Array.from({ length: 2000 }, (_, i) => [`${i}`, "'the same words in each row'"]));
    expect((await packFrame(FRAME.deliveries, rows)).length).toBeLessThan(rows.length / 4);
  });

  it('of any bytes are frames or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat()), (bytes, cuts) => {
        try {
          readAll(new FrameReader(), Buffer.from(bytes), cuts);
        } catch (error) {
          expect(error).toMatchObject({ code: 'OT6007', retry: 'backoff' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('with one bit flipped are never taken for the true ones', async () => {
    const frames = [
      await packFrame(FRAME.deliveries, 'a row of words '.repeat(200)),
      plainFrame(FRAME.deliveries, 'short'),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...frames), fc.nat(), (frame, at) => {
        const bit = at % (frame.length * 8);
        const damaged = Buffer.from(frame);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        let read: Frame[] = [];
        try {
          read = [...new FrameReader().push(damaged)];
        } catch (error) {
          expect(error).toBeInstanceOf(OtterError);
        }
        expect(read).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  it('that claim to be huge are refused before anything is allocated', () => {
    const header = Buffer.from(plainFrame(FRAME.deliveries, ''));
    header.writeUInt32BE(FRAME_BYTES_MAX + 1, 0);
    expect(() => [...new FrameReader().push(header)]).toThrow(/more than/);
    const unpacked = Buffer.from(plainFrame(FRAME.deliveries, ''));
    unpacked.writeUInt32BE(2 ** 32 - 1, 6);
    expect(() => [...new FrameReader().push(unpacked)]).toThrow(/more than/);
  });

  it('that unpack to more than they say are refused', async () => {
    const bomb = Buffer.from(await packFrame(FRAME.deliveries, 'x'.repeat(1 << 20)));
    bomb.writeUInt32BE(1 << 10, 6);
    bomb.writeUInt32BE(crc32(bomb.subarray(14), crc32(bomb.subarray(0, 10))), 10);
    expect(() => [...new FrameReader().push(bomb)]).toThrow('cannot be unpacked');
  });

  it('larger than the limit are refused where they are made', async () => {
    await expect(packFrame(FRAME.deliveries, 'x'.repeat(2000), 1000)).rejects.toMatchObject({
      code: 'OT6008',
      retry: 'never',
    });
  });
});
