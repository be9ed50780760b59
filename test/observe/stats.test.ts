/** What several nodes have kept, as one history, and how it looks. */
import { expect, test } from 'vitest';
import { type MinuteRecord, NO_COUNTS } from '../../src/model/minutes.ts';
import { statsOf, stepFor } from '../../src/observe/stats.ts';
import { renderStats } from '../../src/render/stats.ts';

const AT = Date.UTC(2026, 10, 30, 16);
const HOUR = 3_600_000;

function minute(at: number, over: Partial<MinuteRecord> = {}): MinuteRecord {
  const seen = { looks: 3600, failing: 0, lagLooks: 3600, lagSumMs: 3600 * 20, lagMaxMs: 150 };
  return { ...NO_COUNTS, ...seen, at, pipeline: 'kept/a>b', ...over };
}

const shown = (name: string): string => name.replace('kept/', 'shop/');

test('a database that moved in the midst of an hour has one hour', () => {
  const [stats] = statsOf(
    ['shop/a>b'],
    [
      [minute(AT, { inserts: 5, looks: 600, lagLooks: 600, lagSumMs: 600 * 50, lagMaxMs: 90 })],
      [minute(AT, { inserts: 7, looks: 3000, lagLooks: 0, lagSumMs: 0, lagMaxMs: 0 }), minute(AT + HOUR)],
      [minute(AT, { pipeline: 'left/x>y', inserts: 999 })],
    ],
    shown,
  );
  expect(stats!.steps.map(({ at }) => at)).toEqual(['2026-11-30T16:00:00.000Z', '2026-11-30T17:00:00.000Z']);
  expect(stats!.steps[0]).toMatchObject({ inserts: 12, lag_mean_ms: 50, lag_max_ms: 90, seen_s: 3600 });
  expect(stats!.total).toMatchObject({ inserts: 12, lag_max_ms: 150, seen_s: 7200 });
});

test('some thirty lines, whatever the time', () => {
  for (const hours of [0.1, 1, 24, 168]) expect((hours * HOUR) / stepFor(hours * HOUR)).toBeLessThanOrEqual(30);
  expect([stepFor(HOUR), stepFor(24 * HOUR), stepFor(168 * HOUR)]).toEqual([5 * 60_000, HOUR, 6 * HOUR]);
});

test('a table that can be read; what nothing is known of says so', () => {
  const pipelines = statsOf(
    ['shop/a>b', 'shop/b>a'],
    [
      [
        minute(AT, { inserts: 36_000, updates: 7_200, bytes: 5 << 20, transactions: 900 }),
        minute(AT + HOUR, { deletes: 12, conflicts: 2, failing: 240, lagMaxMs: 75_000 }),
      ],
    ],
    shown,
  );
  const text = renderStats(
    {
      ...{ topology: 't', of: 'shop', since: '2026-11-30T16:00:00Z', until: '2026-11-30T18:00:00Z', step_s: 3600 },
      ...{ pipelines, unread: [] },
    },
    { ascii: true },
  );
  expect(text).toMatchInlineSnapshot(`
    "shop  2026-11-30 16:00 to 2026-11-30 18:00 UTC, every 1 h

    shop/a>b
                        ROWS/S  INSERTS  UPDATES  DELETES  OTHERS     SIZE   TX    LAG  LAG MAX  CONFLICTS  FAILING
      2026-11-30 16:00      12    36000     7200        0       0  5.0 MiB  900  20 ms   150 ms          0        -  ############
      2026-11-30 17:00    <0.1        0        0       12       0      0 B    0  20 ms     75 s          2    4 min  #
      together             6.0    36000     7200       12       0  5.0 MiB  900  20 ms     75 s          2    4 min

    shop/b>a
      nothing is known of this time
    "
  `);
});
