import { expect, it } from 'vitest';
import { happenings } from '../../src/dashboard/happenings.ts';
import type { StatusReport } from '../../src/model/status.ts';
import { COPYING, channel, EMPTY, FAILED, HEALTHY, NODE_AWAY, pipeline, report } from './reports.ts';

const between = (before: StatusReport | null, after: StatusReport | null): string[] =>
  happenings({ report: before, away: null }, { report: after, away: null }, 0).map(
    ({ about, text }) => `${about} ${text}`,
  );

it.each<[string, StatusReport | null, StatusReport, string[]]>([
  ['the first look', null, FAILED, []],
  ['nothing', HEALTHY, HEALTHY, []],
  [
    'figures',
    HEALTHY,
    report({ channels: [channel('shop', [pipeline('shop/hz>ca'), pipeline('shop/ca>hz', { lag_ms: 99 })])] }),
    [],
  ],
  ['a copy', COPYING, HEALTHY, ['shop/hz>ca copying, now streaming']],
  [
    'a failure',
    HEALTHY,
    FAILED,
    [expect.stringMatching(/^shop\/ca>hz failed: OT5016 shop\.orders key 4711/) as unknown as string],
  ],
  ['its end', FAILED, HEALTHY, ['shop/ca>hz failed, now streaming']],
  ['a node that goes', HEALTHY, NODE_AWAY, ['node ca-1 is away', 'shop/hz>ca streaming, now pending']],
  ['an apply', HEALTHY, { ...HEALTHY, serial: 8 }, ['shop serial 8 is applied']],
  [
    'everything that goes',
    HEALTHY,
    EMPTY,
    ['shop serial 0 is applied', 'hz-1 is gone', 'ca-1 is gone', 'shop/hz>ca is gone', 'shop/ca>hz is gone'],
  ],
])('%s', (_, before, after, told) => {
  expect(between(before, after)).toEqual(told);
});

it('tells of alerts that fire and that are over, and nothing where nobody knows of them', () => {
  const firing = (...since: readonly string[]): StatusReport => ({
    ...HEALTHY,
    alerts: {
      firing: since.map((at) => ({ alert: 'late', since: at, about: [{ name: 'shop/hz>ca', says: 'lag 12s' }] })),
      receivers: [],
    },
  });
  expect(between(firing(), firing('12:00'))).toEqual(['alert late fires: shop/hz>ca: lag 12s']);
  expect(between(firing('12:00'), firing('12:00'))).toEqual([]);
  expect(between(firing('12:00'), firing('12:30'))).toEqual(['alert late fires: shop/hz>ca: lag 12s']);
  expect(between(firing('12:00'), firing())).toEqual(['alert late is over']);
  expect(between(firing('12:00'), HEALTHY)).toEqual([]);
});

it('tells once that the state store went and came back', () => {
  const away = { reason: 'no answer' };
  const of = (before: typeof away | null, after: string | null): string[] =>
    happenings({ report: HEALTHY, away: before }, { report: HEALTHY, away: after }, 0).map(({ text }) => text);
  expect([of(null, 'no answer'), of(away, 'still none'), of(away, null), of(null, null)]).toEqual([
    ['does not answer: no answer'],
    [],
    ['answers again'],
    [],
  ]);
});
