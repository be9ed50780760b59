import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excesses, LEAST_SHARE, nextShare, PAUSE_MS_MAX, restMs } from '../../src/replication/easing.ts';

const calm = { threadsRunning: null, replicas: [], unasked: [] };

describe('what is over its limit', () => {
  it('is told in words, of what has a limit', () => {
    const replicas = [
      { endpoint: 'one:3306', behindMs: 5_000 },
      { endpoint: 'two:3306', behindMs: 5_001 },
    ];
    const load = { threadsRunning: 41, replicas, unasked: [] };
    expect(excesses({ threads_running: 40, replica_lag: '5s' }, load)).toEqual([
      '41 threads run (limit 40)',
      'the replica two:3306 is 5s behind (limit 5s)',
    ]);
    expect(excesses({ threads_running: 41 }, load)).toEqual([]);
    expect(excesses({ threads_running: 2 }, calm)).toEqual([]);
  });
});

describe('the share of the time that is written', () => {
  it('stays within its bounds, falls while there is too much, and is whole again soon after', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (looks) => {
        let share = 1;
        for (const over of looks) {
          const next = nextShare(share, over);
          expect(next).toBeGreaterThanOrEqual(LEAST_SHARE);
          expect(next).toBeLessThanOrEqual(1);
          if (over) expect(next < share || share === LEAST_SHARE).toBe(true);
          else expect(next > share || share === 1).toBe(true);
          share = next;
        }
        for (let calmLooks = 0; calmLooks < 20; calmLooks += 1) share = nextShare(share, false);
        expect(share).toBe(1);
      }),
    );
  });

  it('is what windows and rests come to, and no rest is without an end', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: LEAST_SHARE, max: 1, noNaN: true }),
        (tookMs, share) => {
          const rest = restMs(tookMs, share);
          expect(rest).toBeGreaterThanOrEqual(0);
          expect(rest).toBeLessThanOrEqual(PAUSE_MS_MAX);
          if (share < 1 && tookMs >= 20 && rest < PAUSE_MS_MAX) expect(tookMs / (tookMs + rest)).toBeCloseTo(share, 6);
        },
      ),
    );
    expect(restMs(1_000, 1)).toBe(0);
    expect(restMs(0, 0.5)).toBe(20);
  });
});
