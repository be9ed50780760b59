import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rateOf } from '../../src/model/rate.ts';
import { Bucket } from '../../src/replication/bucket.ts';

describe('a token bucket', () => {
  /** Takes as fast as it may, pieces of these sizes; returns what was taken by when. */
  function taken(perSecond: number, pieces: readonly number[]): { readonly amount: number; readonly ms: number } {
    const bucket = new Bucket(perSecond);
    let [now, amount] = [1_000, 0];
    for (const piece of pieces) {
      for (let wait = bucket.waitMs(now); wait > 0; wait = bucket.waitMs(now)) now += wait;
      bucket.take(piece, now);
      amount += piece;
    }
    return { amount, ms: now - 1_000 };
  }

  it('lets no more through than its rate, but for the first tenth of a second and the last piece, and no less', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.array(fc.integer({ min: 1, max: 2_000_000 }), { minLength: 2, maxLength: 50 }),
        (perSecond, pieces) => {
          const { amount, ms } = taken(perSecond, pieces);
          const last = pieces.at(-1)!;
          expect(amount - last).toBeLessThanOrEqual((perSecond * (ms + 100)) / 1000 + Math.max(...pieces) + 1);
          // It never waits longer than what it owes; waits are whole milliseconds.
          expect(ms).toBeLessThanOrEqual(((amount - last) * 1000) / perSecond + 2 * pieces.length);
        },
      ),
    );
  });

  it('saves up a tenth of a second and no more', () => {
    const bucket = new Bucket(1000);
    bucket.take(100, 0);
    expect(bucket.waitMs(0)).toBeGreaterThan(0);
    expect(bucket.waitMs(3_600_000)).toBe(0);
    bucket.take(99, 3_600_000);
    expect(bucket.waitMs(3_600_000)).toBe(0);
    bucket.take(1, 3_600_000);
    expect(bucket.waitMs(3_600_000)).toBeGreaterThan(0);
  });

  it('takes a piece that is larger than itself, and then waits for all of it', () => {
    const bucket = new Bucket(1000);
    bucket.take(5100, 0);
    expect(bucket.waitMs(0)).toBe(5000);
    expect(bucket.waitMs(4999)).toBe(1);
    expect(bucket.waitMs(5001)).toBe(0);
  });
});

describe('a rate', () => {
  it('is bytes or rows a second', () => {
    expect(rateOf('5MB/s')).toEqual({ perSecond: 5e6, of: 'bytes' });
    expect(rateOf('2.5 kB/s')).toEqual({ perSecond: 2500, of: 'bytes' });
    expect(rateOf('1 GB/s')).toEqual({ perSecond: 1e9, of: 'bytes' });
    expect(rateOf('5000 rows/s')).toEqual({ perSecond: 5000, of: 'rows' });
  });

  it.each(['0MB/s', '5', '5MB', 'MB/s', '-1B/s', '1e3B/s', ' 1B/s'])('is not %s', (text) => {
    expect(rateOf(text)).toBeNull();
  });
});
