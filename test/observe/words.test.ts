import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PipelineStatus } from '../../src/model/status.ts';
import { pipelineWords, timeInWords, topologyWords } from '../../src/observe/words.ts';
import { channel, EMPTY, HEALTHY, NODE_AWAY, pipeline, report } from '../dashboard/reports.ts';

const said = (over: Partial<PipelineStatus>): string => pipelineWords(pipeline('shop/ca>hz', over));
const error = { code: 'OT5016', message: 'shop.orders key 7: the target refuses it', hint: null };
const copy = { tables_done: 3, tables_total: 5, rows_done: 430, rows_total: 1_000, eta_ms: 12_000 };

describe('a pipeline in words', () => {
  it.each<[Partial<PipelineStatus>, string]>([
    [{}, 'is up to date'],
    [{ lag_ms: 1_499 }, 'is up to date'],
    [
      { lag_ms: 180_000, window: { rows: 120, ms: 240 } },
      'is 3 m behind: the target takes 240 ms for a window of 120 rows',
    ],
    [{ lag_ms: 180_000, window: { rows: 120, ms: 9 } }, 'is 3 m behind'],
    [{ lag_ms: 180_000, rows_per_second: 0 }, 'is 3 m behind: nothing arrives from the source'],
    [{ lag_ms: 180_000, waiting: 'node hz-1' }, 'is 3 m behind: it waits for node hz-1'],
    [{ lag_ms: 4_200, error }, 'is 4.2 s behind: shop.orders key 7: the target refuses it'],
    [{ error }, 'cannot go on at present: shop.orders key 7: the target refuses it'],
    [{ lag_ms: null, error }, 'has not said how far it is: shop.orders key 7: the target refuses it'],
    [{ waiting: 'a lock' }, 'is up to date, but waits for a lock'],
    [{ lag_ms: null }, 'has not said how far it is'],
    [{ phase: 'copying', lag_ms: null, copy }, 'is being filled: 2 tables are being copied (43%, about 12 s to go)'],
    [{ phase: 'copying', lag_ms: 180_000, copy }, 'is 3 m behind: 2 tables are being copied (43%, about 12 s to go)'],
    [
      { phase: 'copying', copy: { ...copy, tables_done: 4, rows_total: 0, eta_ms: null } },
      'is being filled: 1 table is being copied',
    ],
    [
      { phase: 'copying', copy: null, waiting: 'a key' },
      'is being filled: its tables are being copied; it waits for a key',
    ],
    [{ phase: 'pending', lag_ms: null, waiting: 'no node owns ca' }, 'has not begun: no node owns ca'],
    [{ phase: 'failed', error }, 'fails: shop.orders key 7: the target refuses it'],
    [{ phase: 'stopped', error }, 'has stopped: shop.orders key 7: the target refuses it'],
    [
      { phase: 'paused', paused: { by: 'ann@desk', at: '2026-11-23T12:00:00Z', reason: 'a migration', until: null } },
      'was paused by ann@desk, because a migration',
    ],
    [{ phase: 'paused' }, 'rests: its channel is not enabled'],
    [
      { open_conflicts: 1, dead_letters: 2, drift: 3 },
      'is up to date; 1 conflict waits for a decision; 2 changes are set aside; 3 rows were other than the log said and put right',
    ],
  ])('%j', (over, words) => {
    expect(said(over)).toBe(`shop/ca>hz ${words}`);
  });

  it('is one line that begins with its name, whatever its state', () => {
    const any = fc.record({
      phase: fc.constantFrom('pending', 'copying', 'streaming', 'paused', 'stopped', 'failed'),
      lag_ms: fc.option(fc.nat({ max: 1e9 })),
      rows_per_second: fc.nat(),
      window: fc.option(fc.record({ rows: fc.nat(), ms: fc.nat() })),
      copy: fc.option(
        fc.record({
          tables_done: fc.nat({ max: 9 }),
          tables_total: fc.constant(9),
          rows_done: fc.nat(),
          rows_total: fc.nat(),
          eta_ms: fc.option(fc.nat()),
        }),
      ),
      waiting: fc.option(fc.constant('a node')),
      error: fc.option(fc.constant(error)),
    });
    fc.assert(
      fc.property(any, (over) => {
        expect(said(over as Partial<PipelineStatus>)).toMatch(/^shop\/ca>hz \w/);
        expect(said(over as Partial<PipelineStatus>)).not.toMatch(/null|undefined|NaN|\n| {2}/);
      }),
    );
  });
});

describe('a topology in words', () => {
  const of = (...overs: Partial<PipelineStatus>[]): string =>
    topologyWords(
      report({
        channels: [
          channel(
            'shop',
            overs.map((over, n) => pipeline(`shop/hz>c${n}`, over)),
          ),
        ],
      }),
    );
  it.each<[string, string]>([
    [topologyWords(HEALTHY), 'Both pipelines are up to date, 14 ms at most'],
    [of({}), 'The only pipeline is up to date, 12 ms at most'],
    [of({}, {}, {}), 'All 3 pipelines are up to date, 12 ms at most'],
    [of({ lag_ms: null }), 'The only pipeline is up to date, as far as is known'],
    [of({}, { lag_ms: 180_000 }), '1 of 2 pipelines is 3 m behind'],
    [of({ lag_ms: 2_000 }, { lag_ms: 9_000 }, {}), '2 of 3 pipelines are up to 9.0 s behind'],
    [of({ phase: 'failed', error }, { phase: 'copying' }), '1 of 2 pipelines fails; 1 is being filled'],
    [topologyWords(EMPTY), 'No channel is applied, so nothing is replicated'],
  ])('%s', (words, expected) => {
    expect(words).toBe(expected);
  });

  it('tells of nodes that are away', () => {
    expect(topologyWords(NODE_AWAY)).toBe('1 of 2 pipelines is 4.2 s behind; 1 has not begun; node ca-1 is away');
  });
});

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_400, '1.4 s'],
  [12_300, '12 s'],
  [59_600, '1 m'],
  [180_000, '3 m'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 m'],
  [86_400_000, '1 d'],
  [273_600_000, '3 d 4 h'],
])('%d ms is %s', (ms, words) => {
  expect(timeInWords(ms)).toBe(words);
});
