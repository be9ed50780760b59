/** Deliveries become windows: nothing lost, nothing reordered, transactions whole or in pieces that say so. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/model/row.ts';
import { Feed, type Window } from '../../src/site/feed.ts';

const common = { position: 'p', seen: {}, commitUs: 0 };
const LIMITS = { rows: 10, bytes: 100 };

function part(gtid: string, bytes: number, first: boolean, last: boolean): Delivery {
  return { ...common, gtid, kind: 'changes', changes: [], first, last, bytes };
}

const transaction = fc.array(fc.integer({ min: 1, max: 130 }), { minLength: 1, maxLength: 6 });
const other = fc.constantFrom('beat', 'chunk', 'table');

function deliveries(plan: readonly (number[] | string)[]): Delivery[] {
  return plan.flatMap((each, number): Delivery[] => {
    const gtid = String(number);
    if (each === 'beat') return [{ ...common, gtid, kind: 'beat', sentMs: 0, settled: 1, bytes: 64 }];
    if (each === 'chunk') return [{ ...common, gtid, kind: 'chunk', bytes: 90 } as unknown as Delivery];
    if (each === 'table') return [{ ...common, gtid, kind: 'table', bytes: 10 } as unknown as Delivery];
    const sizes = each as number[];
    return sizes.map((bytes, at) => part(gtid, bytes, at === 0, at === sizes.length - 1));
  });
}

test('every delivery comes once and in order, whatever the cuts between arrivals', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(transaction, other), { maxLength: 30 }), fc.array(fc.nat(5)), (plan, cuts) => {
      const all = deliveries(plan);
      const feed = new Feed(LIMITS);
      const windows: Window[] = [];
      const rest = [...all];
      const take = (): void => {
        for (let window = feed.next(); window !== null; window = feed.next()) windows.push(window);
      };
      for (const cut of cuts) {
        feed.push(rest.splice(0, cut));
        take();
      }
      feed.push(rest);
      take();
      expect(windows.flatMap((window) => window.deliveries)).toEqual(all);
      let inside = false;
      for (const { deliveries: held, opens, closes } of windows) {
        expect(held.length).toBeGreaterThan(0);
        expect(opens).toBe(!inside);
        inside = !closes;
        const last = held.at(-1)!;
        if (closes && last.kind === 'changes') expect(last.last).toBe(true);
        if (!closes) expect(held.every((delivery) => delivery.gtid === held[0]!.gtid)).toBe(true);
        if (opens && closes && held.some(({ kind }) => kind === 'chunk')) expect(held).toHaveLength(1);
        // Only a transaction that is larger by itself makes a window larger than the limit by more than its own size.
        const before = held.slice(0, held.findLastIndex((delivery) => delivery.gtid !== last.gtid) + 1);
        if (opens && closes)
          expect(before.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(LIMITS.bytes + 130);
      }
      expect(inside).toBe(false);
    }),
  );
});

test('a transaction whose end has not arrived waits until it is worth a round trip', () => {
  const feed = new Feed(LIMITS);
  feed.push([part('1', 60, true, false)]);
  expect(feed.next()).toBeNull();
  feed.push([part('1', 60, false, false)]);
  expect(feed.next()).toMatchObject({ opens: true, closes: false });
  expect(feed.next()).toBeNull();
  feed.push([part('1', 1, false, true)]);
  expect(feed.next()).toMatchObject({ opens: false, closes: true });
});

test('announcements of tables go together, as many as are there, and with nothing else', () => {
  const feed = new Feed({ rows: 10, bytes: 10_000 });
  feed.push(
    deliveries(['table', 'table', 'table', 'chunk', 'beat', 'table', ...Array.from({ length: 60 }, () => 'table')]),
  );
  const windows: string[][] = [];
  for (let window = feed.next(); window !== null; window = feed.next()) {
    expect(window).toMatchObject({ opens: true, closes: true });
    windows.push(window.deliveries.map(({ kind }) => kind));
  }
  expect(windows.map((kinds) => [kinds.length, ...new Set(kinds)])).toEqual([
    [3, 'table'],
    [1, 'chunk'],
    [1, 'beat'],
    [50, 'table'],
    [11, 'table'],
  ]);
});
