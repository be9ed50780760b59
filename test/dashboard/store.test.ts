import { describe, expect, it } from 'vitest';
import { DashboardStore, EMPTY_STATE, HISTORY_SAMPLES, NOTES_MAX, reduce } from '../../src/dashboard/store.ts';
import { channel, EMPTY, HEALTHY, NOW_MS, pipeline, report } from './reports.ts';

const lag = (lagMs: number | null) =>
  report({ channels: [channel('shop', [pipeline('shop/hz>ca', { lag_ms: lagMs })])] });
const historyAfter = (...steps: readonly (readonly [seconds: number, lagMs: number | null])[]) =>
  steps
    .reduce((state, [seconds, lagMs]) => reduce(state, lag(lagMs), NOW_MS + seconds * 1000), EMPTY_STATE)
    .histories.get('shop/hz>ca')!.lagMs;

describe('what the dashboard knows', () => {
  it('is one sample a second, however often reports come', () => {
    expect(historyAfter([0, 1], [0.3, 2], [0.9, 3], [1, 4], [2, 5])).toEqual([3, 4, 5]);
  });

  it('bridges what lies between two reports of a large topology and shows a longer silence', () => {
    expect(historyAfter([0, 1], [2, 3])).toEqual([1, 1, 3]);
    expect(historyAfter([0, 1], [4, 3])).toEqual([1, 1, 1, 1, 3]);
    expect(historyAfter([0, 1], [5, 3])).toEqual([1, null, null, null, null, 3]);
  });

  it('is bounded, also after a week of silence', () => {
    const steps = Array.from({ length: 500 }, (_, index) => [index, index] as const);
    expect(historyAfter(...steps)).toHaveLength(HISTORY_SAMPLES);
    expect(historyAfter([0, 1], [7 * 86_400, 2])).toHaveLength(HISTORY_SAMPLES);
    let state = EMPTY_STATE;
    for (let index = 0; index < 300; index++) state = reduce(state, { note: `n${index}` }, NOW_MS);
    expect(state.notes).toHaveLength(NOTES_MAX);
    expect(state.notes.at(-1)!.text).toBe('n299');
  });

  it('forgets pipelines that are gone', () => {
    expect(reduce(reduce(EMPTY_STATE, HEALTHY, NOW_MS), EMPTY, NOW_MS + 1000).histories.size).toBe(0);
  });

  it('survives a clock that goes back', () => {
    expect(historyAfter([10, 1], [5, 2], [6, 3])).toEqual([2, 3]);
  });

  it('says since when the store is away, and keeps the last report', () => {
    const away = reduce(
      reduce(reduce(EMPTY_STATE, HEALTHY, NOW_MS), { away: 'no answer' }, NOW_MS + 1000),
      { away: 'still none' },
      NOW_MS + 9000,
    );
    expect(away.away).toEqual({ reason: 'still none', sinceMs: NOW_MS + 1000 });
    expect(away.report).toBe(HEALTHY);
    expect(away.happened.map(({ about, text }) => [about, text])).toEqual([
      ['state store', 'does not answer: no answer'],
    ]);
    expect(reduce(away, HEALTHY, NOW_MS + 10_000).away).toBeNull();
  });

  it('tells subscribers until they leave, with a snapshot that is the same between changes', () => {
    const store = new DashboardStore(() => NOW_MS);
    let told = 0;
    const leave = store.subscribe(() => {
      told++;
    });
    expect(store.getSnapshot()).toBe(store.getSnapshot());
    store.push(HEALTHY);
    leave();
    store.push({ note: 'unheard' });
    expect(told).toBe(1);
    expect(store.getSnapshot().notes).toHaveLength(1);
  });
});
