/** Figures of a pipeline, on a clock of the test's own. */
import { expect, test } from 'vitest';
import type { CopyState } from '../../src/model/load.ts';
import type { RowChange } from '../../src/model/row.ts';
import { Figures } from '../../src/site/figures.ts';

const state = (rowsDone: number): CopyState => ({
  table: 'shop.orders',
  place: { target: 'shop.orders', stay: 0 },
  cursor: null,
  done: false,
  rowsDone,
  rowsEstimate: 1000,
});

test('a copy is shown while it goes on, not when its tables were announced and refused', () => {
  let now = 0;
  const figures = new Figures(
    () => now,
    () => now,
  );
  figures.copies([state(0)], true);
  expect(figures.read().copy).toBeNull();
  figures.phase = 'failed';
  expect(figures.read().copy).toBeNull();
  figures.phase = 'copying';
  now = 1_000;
  figures.copies([state(500)], true);
  expect(figures.read().copy).toMatchObject({ rowsDone: 500, rowsTotal: 1000, etaMs: 1_000 });
  figures.error = { code: 'OT6001', message: 'silent', hint: null };
  expect(figures.read().copy).toMatchObject({ rowsDone: 500, etaMs: null });
});

test('the lag is that of the newest beat, and grows when beats stay away', () => {
  let now = 10_000;
  const figures = new Figures(
    () => now,
    () => now,
  );
  expect(figures.read().lagMs).toBeNull();
  figures.beat(9_900);
  now = 11_000;
  expect(figures.read().lagMs).toBe(100);
  now = 20_000;
  expect(figures.read().lagMs).toBe(10_100);
});

test('durations are not those of a clock that is set meanwhile', () => {
  let [now, elapsed] = [3_600_000, 0];
  const figures = new Figures(
    () => now,
    () => elapsed,
  );
  figures.beat(now - 100);
  const committed = figures.window();
  now -= 3_600_000;
  elapsed += 50;
  committed(10);
  figures.applied({ rows: 10, conflicts: 0, drift: 0 });
  figures.read();
  elapsed += 1_000;
  figures.applied({ rows: 1_000, conflicts: 0, drift: 0 });
  expect(figures.read()).toMatchObject({ lagMs: 100, rowsPerSecond: 1_000, window: { rows: 10, ms: 50 } });
});

test('how many rows a second, by what was done', () => {
  let elapsed = 0;
  const figures = new Figures(
    () => 0,
    () => elapsed,
  );
  expect(figures.read().perSecond).toEqual({});
  const change = (kind: 'insert' | 'delete') => ({ kind }) as unknown as RowChange;
  const changes = [...Array.from({ length: 30 }, () => change('insert')), change('delete')];
  const place = { gtid: '0-1-1', position: 'mariadb:0-1-1', seen: {}, clock: 0, bytes: 10 };
  figures.meter.wrote([{ ...place, kind: 'changes', first: true, last: true, changes }], 1, 0);
  elapsed = 1_000;
  expect(figures.read().perSecond).toEqual({ insert: 30, delete: 1 });
  elapsed = 60_000;
  figures.read();
  elapsed = 66_000;
  expect(figures.read().perSecond).toEqual({});
});

test('conflicts are counted by table, of many tables those that have most', () => {
  const figures = new Figures(() => 0);
  const counts = (from: number, to: number): ReadonlyMap<string, number> =>
    new Map(Array.from({ length: to - from }, (_, i) => [`s.t${String(from + i).padStart(2, '0')}`, from + i + 1]));
  figures.applied({ rows: 0, conflicts: 3, conflictTables: counts(0, 2), drift: 0 });
  figures.applied({ rows: 5, conflicts: 0, drift: 0 });
  expect(figures.read().conflictTables).toEqual({ 's.t00': 1, 's.t01': 2 });
  figures.applied({ rows: 0, conflicts: 0, conflictTables: counts(0, 30), drift: 0 });
  const told = Object.entries(figures.read().conflictTables!);
  expect(told).toHaveLength(20);
  expect([told[0], told.at(-1)]).toEqual([
    ['s.t29', 30],
    ['s.t10', 11],
  ]);
});
