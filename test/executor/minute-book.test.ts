/** Minutes add up to what was counted, whatever begins anew meanwhile. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS, MinuteBook } from '../../src/executor/minute-book.ts';
import { NodeHistory } from '../../src/executor/node-history.ts';
import { type LoadMeasures, OPERATIONS, type Operation, type SiteMeasures } from '../../src/model/measures.ts';
import type { MinuteRecord, MinuteStore } from '../../src/model/minutes.ts';
import { quiet } from '../link/contract/source.ts';
import { figures, load } from '../observe/a-node.ts';

const zero = Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Record<Operation, number>;

function counted(inserts: number): LoadMeasures {
  return load({
    ...{ rows: { ...zero, insert: inserts }, bytes: { ...zero, insert: inserts * 10 }, transactions: inserts },
    ...{ windowRows: { bounds: [1], counts: [inserts, 0], sum: inserts }, conflicts: {} },
    ...{ prepareSeconds: 0, loadSeconds: inserts / 1000, idleSeconds: 0, stallSeconds: 0 },
  });
}

function sites(into: Record<string, LoadMeasures>): Record<string, SiteMeasures> {
  return { ca: { reader: { selectSeconds: 0, stallSeconds: 0, transactions: 0 }, into, out: {} } };
}

test('every row is in one minute, also when a pipeline begins anew or rests in between', () => {
  const step = fc.record({ rows: fc.nat(50), next: fc.constantFrom('goes on', 'begins anew', 'rests') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const book = new MinuteBook();
      let [now, all, rests] = [0, 0, false];
      const minutes: MinuteRecord[] = [];
      for (const [at, { rows, next }] of steps.entries()) {
        // One that begins anew has written at least as much as before when its counters cannot tell.
        if (next === 'begins anew' && rows < now) now = 0;
        now += rows;
        all += rows;
        rests = next === 'rests';
        minutes.push(...book.close(at * MINUTE_MS, sites({ 'shop/hz>ca': counted(now) })));
        if (rests) {
          minutes.push(...book.close(at * MINUTE_MS + 1, sites({})));
          now = 0;
        }
      }
      expect(minutes.reduce((sum, { inserts }) => sum + inserts, 0)).toBe(all);
      expect(minutes.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(all * 10);
      expect(minutes.every((minute) => minute.inserts >= 0 && minute.loadMs >= 0)).toBe(true);
    }),
  );
});

test('what a pipeline did before it rests, begins anew or leaves this node within a minute is in that minute', () => {
  const book = new MinuteBook();
  const seen = (into: Record<string, LoadMeasures>): void => book.look({}, sites(into));
  seen({ 'shop/hz>ca': counted(900), 'shop/ca>hz': counted(10) });
  seen({});
  // More than before: only by having been seen away is it known that it began anew.
  seen({ 'shop/hz>ca': counted(1000) });
  const minutes = book.close(60_000, sites({}));
  expect(Object.fromEntries(minutes.map(({ pipeline, inserts }) => [pipeline, inserts]))).toEqual({
    'shop/hz>ca': 1900,
    'shop/ca>hz': 10,
  });
  expect(book.close(120_000, sites({ 'shop/hz>ca': counted(3) }))).toMatchObject([{ inserts: 3 }]);
});

test('lag and failure are what was seen, every look for itself; one that rests is not looked at', () => {
  const book = new MinuteBook();
  const error = { code: 'OT5016', message: 'x', hint: null };
  for (const [lagMs, failing] of [
    [10, false],
    [null, true],
    [30, true],
  ] as const)
    book.look({ 'shop/hz>ca': figures({ lagMs, error: failing ? error : null }) }, sites({}));
  book.look({ 'shop/ca>hz': figures({ phase: 'paused' }) }, sites({}));
  const [minute, ...others] = book.close(60_000, sites({}));
  expect(others).toEqual([]);
  expect(minute).toMatchObject({
    ...{ at: 60_000, pipeline: 'shop/hz>ca', looks: 3, failing: 2, lagLooks: 2, lagSumMs: 40, lagMaxMs: 30 },
    inserts: 0,
  });
  expect(book.close(120_000, sites({}))).toEqual([]);
});

test('a minute is written when the next begins, the last when the node ends; a disk that is full is said once', () => {
  const written: MinuteRecord[] = [];
  const pruned: number[] = [];
  let full = false;
  const store: MinuteStore = {
    keepMs: 1000,
    add: (minutes) => {
      if (full) throw new Error('disk full');
      written.push(...minutes);
    },
    read: async () => written,
    prune: (before) => pruned.push(before),
    close: () => undefined,
  };
  const said: string[] = [];
  const logger = { ...quiet, warn: (message: string) => said.push(message) };
  const history = new NodeHistory({ store, sites: () => sites({ 'shop/hz>ca': counted(5) }), logger });
  const pipelines = { 'shop/hz>ca': figures() };
  history.look(pipelines, 117_000);
  // The state store kept the node waiting; what it saw stands for all of that time.
  history.look(pipelines, 119_500);
  expect(written).toEqual([]);
  history.look(pipelines, 120_000);
  expect(written.map(({ at, looks, inserts }) => [at, looks, inserts])).toEqual([[60_000, 3.5, 5]]);
  expect(pruned).toEqual([119_000]);
  full = true;
  for (const at of [180_000, 240_000, 300_000]) history.look(pipelines, at);
  expect(said).toEqual(['history is not kept at present']);
  full = false;
  history.close(300_500);
  expect(written.at(-1)).toMatchObject({ at: 300_000, looks: 60 });
  // A clock that is set back or forth by hours is no time in which anything ran.
  const [later, earlier] = [5_000_000, 60_000];
  for (const at of [later, later + 1000, earlier, earlier + 1000]) history.look(pipelines, at);
  history.close(earlier + 2000);
  expect(written.slice(-2).map(({ looks }) => looks)).toEqual([2, 2]);
});
