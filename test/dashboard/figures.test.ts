import { describe, expect, it } from 'vitest';
import { bar, chart, sparkline } from '../../src/dashboard/charts.ts';
import { count, duration, health, lagTone, percent } from '../../src/dashboard/figures.ts';
import { flowMap } from '../../src/dashboard/flows.ts';
import { firstShown } from '../../src/dashboard/table.ts';
import { glyphs, localeIsAscii, wantsNoColour } from '../../src/dashboard/theme.ts';
import { COPYING, channel, EMPTY, FAILED, FIFTY, HEALTHY, NODE_AWAY, pipeline, report } from './reports.ts';

const unicode = glyphs(false);

describe('figures', () => {
  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [1_449, '1.4 s'],
    [9_949, '9.9 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1m00s'],
    [125_000, '2m05s'],
    [3_599_900, '1h00m'],
    [11_400_000, '3h10m'],
    [187_200_000, '2d04h'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [0, '0'],
    [999, '999'],
    [1_204, '1,204'],
    [999_999.6, '1.00M'],
    [1_234_567, '1.23M'],
    [7_300_000_000, '7.30G'],
  ])('%d is %s', (value, text) => {
    expect(count(value)).toBe(text);
  });

  it('say 100% only of what is whole', () => {
    expect([0, 0.0001, 0.42, 0.9999, 1].map(percent)).toEqual(['0%', '0%', '42%', '99%', '100%']);
    expect(bar(0.9999, 10, unicode)).toBe('█████████░');
    expect(bar(1, 10, unicode)).toBe('██████████');
  });

  it('judge a lag', () => {
    expect([null, 0, 999, 1_000, 9_999, 10_000].map(lagTone)).toEqual(['dim', 'good', 'good', 'warn', 'warn', 'bad']);
  });
});

describe('health', () => {
  const one = (over: Parameters<typeof pipeline>[1]) =>
    report({ channels: [channel('shop', [pipeline('shop/hz>ca', over)])] });
  it.each([
    ['healthy', HEALTHY, false],
    ['copying', COPYING, false],
    ['failed', FAILED, false],
    ['degraded', NODE_AWAY, false],
    ['empty', EMPTY, false],
    ['unknown', HEALTHY, true],
    ['connecting', null, false],
    ['unknown', null, true],
    ['late', one({ lag_ms: 10_000 }), false],
    ['degraded', one({ error: { code: 'OT4001', message: 'ca: connect ECONNREFUSED', hint: null } }), false],
    ['stopped', one({ phase: 'stopped' }), false],
    ['paused', one({ phase: 'paused' }), false],
    ['starting', one({ phase: 'pending' }), false],
    ['waiting', one({ waiting: 'the reader' }), false],
  ])('is %s', (word, of, away) => {
    expect(health(of, away).word).toBe(word);
  });
});

describe('charts', () => {
  it('put the newest at the right and leave gaps empty', () => {
    expect(sparkline([null, 0, 100], 5, 100, unicode)).toBe('    ▁▆'.slice(1));
    expect(sparkline([0, 0, 0], 3, 100, unicode)).toBe('▁▁▁');
    expect(sparkline([1, 2, 3, 4], 0, 1, unicode)).toBe('');
  });

  it('show noise under the floor as small', () => {
    expect(sparkline([2, 3, 2], 3, 200, unicode)).toBe('▁▁▁');
  });

  it('fill several rows from below', () => {
    expect(chart([0, 50, 100], 3, 2, 100, unicode)).toEqual(['  █', '▁██']);
  });
});

describe('flows', () => {
  it('pair what goes there and back, the earlier database at the left', () => {
    const { groups } = flowMap(HEALTHY);
    expect(groups.map((group) => [group.left, group.pairs.map((pair) => pair.right)])).toEqual([['hz', ['ca']]]);
    expect(groups[0]!.pairs[0]!.forward!.rowsPerSecond).toBe(1204);
    expect(groups[0]!.pairs[0]!.backward!.lagMs).toBe(14);
  });

  it('sum channels and show the most urgent phase and the largest lag', () => {
    const both = report({
      channels: [
        channel('shop', [pipeline('shop/hz>ca', { rows_per_second: 10, lag_ms: 5 })]),
        channel('crm', [pipeline('crm/hz>ca', { rows_per_second: 20, lag_ms: null, phase: 'paused' })]),
      ],
    });
    expect(flowMap(both).groups[0]!.pairs[0]!.forward).toEqual({
      source: 'hz',
      target: 'ca',
      channels: ['shop', 'crm'],
      phase: 'paused',
      lagMs: 5,
      slowest: 'shop/hz>ca',
      rowsPerSecond: 30,
      copied: null,
    });
  });

  it('lose no database', () => {
    const lonely = report({ regions: [...HEALTHY.regions, { name: 'mars', databases: ['m1'] }] });
    expect(flowMap(lonely).alone).toEqual(['m1']);
    expect(flowMap(FIFTY).groups.flatMap((group) => group.pairs)).toHaveLength(50);
  });
});

describe('scrolling', () => {
  it.each([
    [50, 0, 10, 0],
    [50, 4, 10, 0],
    [50, 25, 10, 20],
    [50, 49, 10, 40],
    [3, 2, 10, 0],
    [50, null, 10, 0],
  ])('of %d rows with row %s chosen in %d starts at %d', (rows, chosen, room, first) => {
    expect(firstShown(rows, chosen, room)).toBe(first);
  });
});

describe('the terminal says', () => {
  it.each([
    [{ LANG: 'C.UTF-8' }, false],
    [{ LANG: 'en_US.utf8' }, false],
    [{ LANG: 'C' }, true],
    [{}, true],
    [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, true],
    [{ LC_ALL: '', LC_CTYPE: 'de_DE.UTF-8', LANG: 'C' }, false],
  ])('%o: only ASCII %s', (env, ascii) => {
    expect(localeIsAscii(env)).toBe(ascii);
  });

  it.each([
    [{}, false],
    [{ NO_COLOR: '' }, false],
    [{ NO_COLOR: '1' }, true],
    [{ FORCE_COLOR: '0' }, true],
    [{ FORCE_COLOR: '1' }, false],
  ])('%o: no colour %s', (env, none) => {
    expect(wantsNoColour(env)).toBe(none);
  });
});
