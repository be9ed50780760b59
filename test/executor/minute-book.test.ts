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

test('lag and failure are what was seen, every look for itself; one that rests is not looked at', () => {
  const book = new MinuteBook();
  const error = { code: 'OT5016', message: 'x', hint: null };
  for (const [lagMs, failing] of [
    [10, false],
    [null, true],
    [30, true],
  ] as const)
    book.look({ 'shop/hz>ca': figures({ lagMs, error: failing ? error : null }) });
  book.look({ 'shop/ca>hz': figures({ phase: 'paused' }) });
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
    read: () => written,
    prune: (before) => pruned.push(before),
    close: () => undefined,
  };
  const said: string[] = [];
  const logger = { ...quiet, warn: (message: string) => said.push(message) };
  const history = new NodeHistory({ store, sites: () => sites({ 'shop/hz>ca': counted(5) }), logger });
  const pipelines = { 'shop/hz>ca': figures() };
  history.look(pipelines, 60_500);
  history.look(pipelines, 119_999);
  expect(written).toEqual([]);
  history.look(pipelines, 120_000);
  expect(written.map(({ at, looks, inserts }) => [at, looks, inserts])).toEqual([[60_000, 2, 5]]);
  expect(pruned).toEqual([119_000]);
  full = true;
  for (const at of [180_000, 240_000, 300_000]) history.look(pipelines, at);
  expect(said).toEqual(['history is not kept at present']);
  full = false;
  history.close(300_500);
  expect(written.at(-1)).toMatchObject({ at: 300_000, looks: 1 });
});
