/** Times of alerts, and hours of the day by the clocks of a zone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationMs, isWithin, isZone, saidDuration } from '../../../src/model/alerts/times.ts';

test.each([
  ['500ms', 500, '500ms'],
  ['30s', 30_000, '30s'],
  ['5m', 300_000, '5m'],
  ['24h', 86_400_000, '1d'],
])('%s', (text, ms, said) => {
  expect(durationMs(text)).toBe(ms);
  expect(saidDuration(ms)).toBe(said);
});

test.each([
  [3_250, '3.2s'],
  [192_000, '3m 12s'],
  [7_500_000, '2h 5m'],
  [270_000_000, '3d 3h'],
])('%i is said as %s', (ms, said) => {
  expect(saidDuration(ms)).toBe(said);
});

test('hours are those of the zone, also when its clocks are moved', () => {
  const at = (text: string): number => Date.parse(text);
  expect(isWithin(['09:00-18:00'], 'UTC', at('2026-07-01T09:00:00Z'))).toBe(true);
  expect(isWithin(['09:00-18:00'], 'UTC', at('2026-07-01T18:00:00Z'))).toBe(false);
  expect(isWithin(['09:00-18:00'], 'Asia/Shanghai', at('2026-07-01T01:30:00Z'))).toBe(true);
  expect(isWithin(['09:00-18:00'], 'Europe/Berlin', at('2026-07-01T07:00:00Z'))).toBe(true);
  expect(isWithin(['09:00-18:00'], 'Europe/Berlin', at('2026-01-01T07:00:00Z'))).toBe(false);
  expect(isWithin(['22:00-06:00'], 'UTC', at('2026-07-01T23:00:00Z'))).toBe(true);
  expect(isWithin(['22:00-06:00'], 'UTC', at('2026-07-01T05:59:00Z'))).toBe(true);
  expect(isWithin(['22:00-06:00'], 'UTC', at('2026-07-01T06:00:00Z'))).toBe(false);
  expect(isWithin(['00:00-24:00'], 'UTC', at('2026-07-01T00:00:00Z'))).toBe(true);
});

test('zones', () => {
  expect([isZone('Asia/Shanghai'), isZone('UTC'), isZone('Atlantis/Capital'), isZone('')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('property: hours and the rest of the day divide it', () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  const text = (m: number): string =>
    `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
  fc.assert(
    fc.property(minute, minute, minute, (from, to, now) => {
      fc.pre(from !== to);
      const at = Date.UTC(2026, 0, 1) + now * 60_000;
      expect(isWithin([`${text(from)}-${text(to)}`], 'UTC', at)).toBe(
        !isWithin([`${text(to)}-${text(from)}`], 'UTC', at),
      );
    }),
  );
});
