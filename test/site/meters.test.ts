/** What is counted of windows, whatever they hold. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPERATIONS, type Operation } from '../../src/model/measures.ts';
import type { Delivery, RowChange } from '../../src/model/row.ts';
import { FeedMeter, LoadMeter } from '../../src/site/meters.ts';
import { shape } from '../replication/model.ts';

const table = shape({ schema: 's', name: 't', columns: [] });
const at = { gtid: '0-1-1', position: 'mariadb:0-1-1', seen: {}, clock: 0 };

function change(kind: RowChange['kind']): RowChange {
  const common = { table, fkChecks: true };
  if (kind === 'insert') return { ...common, kind, after: [] };
  if (kind === 'delete') return { ...common, kind, before: [] };
  return { ...common, kind, before: [], after: [] };
}

const delivery: fc.Arbitrary<{ made: Delivery; rows: Partial<Record<Operation, number>>; ends: number }> = fc.oneof(
  fc
    .record({
      kinds: fc.array(fc.constantFrom('insert', 'update', 'delete'), { maxLength: 9 }),
      last: fc.boolean(),
      bytes: fc.nat(10_000),
    })
    .map(({ kinds, last, bytes }) => ({
      made: { ...at, kind: 'changes' as const, first: true, last, bytes, changes: kinds.map(change) },
      rows: Object.fromEntries(
        (['insert', 'update', 'delete'] as const).map((k) => [k, kinds.filter((x) => x === k).length]),
      ),
      ends: last ? 1 : 0,
    })),
  fc.nat(5).map((rows) => ({
    made: {
      ...{ ...at, kind: 'chunk' as const, bytes: rows * 10 },
      chunk: { table, rows: Array.from({ length: rows }, () => []), cursor: null, rowsDone: 0, rowsEstimate: 0 },
    },
    rows: { copy: rows },
    ends: 0,
  })),
  fc.nat(5).map((rows) => ({
    made: {
      ...{ ...at, kind: 'resync' as const, bytes: rows * 10, table, rows: [[]] },
      absent: Array.from({ length: rows }, () => []),
    },
    rows: { resync: rows + 1 },
    ends: 0,
  })),
  fc.constant({ made: { ...at, kind: 'beat' as const, sentMs: 1, settled: 1, bytes: 64 }, rows: {}, ends: 0 }),
);

test('rows and bytes by operation add up to what was in the windows, and no window is counted twice', () => {
  fc.assert(
    fc.property(fc.array(fc.array(delivery, { maxLength: 6 }), { maxLength: 12 }), (windows) => {
      const meter = new LoadMeter();
      for (const window of windows)
        meter.wrote(
          window.map(({ made }) => made),
          10,
          77,
        );
      const read = meter.read();
      const all = windows.flat();
      for (const operation of OPERATIONS)
        expect(read.rows[operation]).toBe(all.reduce((sum, { rows }) => sum + (rows[operation] ?? 0), 0));
      const rowsOf = (each: (typeof all)[number]): number => Object.values(each.rows).reduce((a, b) => a + b, 0);
      const bytes = all.reduce((sum, each) => sum + (rowsOf(each) === 0 ? 0 : each.made.bytes), 0);
      expect(Object.values(read.bytes).reduce((a, b) => a + b, 0)).toBeCloseTo(bytes, 3);
      expect(read.transactions).toBe(all.reduce((sum, { ends }) => sum + ends, 0));
      const filled = windows.filter((window) => window.some((each) => rowsOf(each) > 0));
      for (const spread of [read.windowRows, read.windowSeconds])
        expect(spread.counts.reduce((a, b) => a + b, 0)).toBe(filled.length);
      expect(read.windowRows.sum).toBe(all.reduce((sum, each) => sum + rowsOf(each), 0));
      expect(read.loadSeconds).toBeCloseTo(windows.length / 100, 6);
      expect(read.lastWriteMs).toBe(filled.length > 0 ? 77 : null);
    }),
  );
});

test('a value stands in the first bound that is not below it, and beyond all in the last place', () => {
  const meter = new LoadMeter();
  for (const rows of [1, 2, 10, 11, 20_000])
    meter.wrote(
      [
        {
          ...at,
          kind: 'changes',
          first: true,
          last: true,
          bytes: 1,
          changes: Array.from({ length: rows }, () => change('insert')),
        },
      ],
      1,
      0,
    );
  const { bounds, counts } = meter.read().windowRows;
  expect(bounds.slice(0, 3)).toEqual([1, 10, 100]);
  expect(counts.slice(0, 3)).toEqual([1, 2, 1]);
  expect(counts.at(-1)).toBe(1);
});

test('what was transformed is not counted as extracted too', () => {
  const meter = new FeedMeter();
  meter.transformed(30);
  expect(meter.read().extractSeconds).toBe(0);
  meter.extracted(50);
  meter.transferred([{ ...at, kind: 'beat', sentMs: 1, settled: 1, bytes: 64 }], 7);
  expect(meter.read()).toEqual({ extractSeconds: 0.02, transformSeconds: 0.03, transferSeconds: 0.007, bytes: 64 });
});
