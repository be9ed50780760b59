/** Minutes in a file: what is added up, what is forgotten, and what cannot be opened. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addMinutes, type Minute, type MinuteRecord, NO_COUNTS } from '../../src/model/minutes.ts';
import { minutesInMemory, openMinuteFile } from '../../src/state/minute-file.ts';

const MINUTE = 60_000;
const NOTHING: Minute = { ...NO_COUNTS, looks: 0, failing: 0, lagLooks: 0, lagSumMs: 0, lagMaxMs: 0 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-minutes-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function minute(at: number, pipeline: string, over: Partial<Minute> = {}): MinuteRecord {
  return { ...NOTHING, inserts: 1, bytes: 10, looks: 60, ...over, at, pipeline };
}

test('any steps of any minutes are what adding them up by hand gives', async () => {
  const one = fc.record({
    at: fc.integer({ min: 29_000_000, max: 29_000_300 }).map((minutes) => minutes * MINUTE),
    pipeline: fc.constantFrom('shop/a>b', 'shop/b>a', 'shops/a>b', 'x/a>b'),
    inserts: fc.nat(1000),
    lagMaxMs: fc.nat(1000),
    loadMs: fc.integer({ min: 0, max: 4000 }).map((quarters) => quarters / 4),
  });
  const queries = fc.record({
    stepMs: fc.constantFrom(1, 5, 7, 60, 1440).map((minutes) => minutes * MINUTE),
    since: fc.integer({ min: 28_999_990, max: 29_000_310 }).map((minutes) => minutes * MINUTE),
    pipeline: fc.constantFrom(null, 'shop/a>b', 'shop/never>b'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 40 }), queries, async (minutes, { stepMs, since, pipeline }) => {
      const store = minutesInMemory();
      const all = minutes.map(({ at, pipeline: of, ...over }) => minute(at, of, over));
      store.add(all.slice(0, 10));
      store.add(all.slice(10));
      const wanted = new Map<string, Minute>();
      for (const each of all) {
        if (!each.pipeline.startsWith('shop/') || (pipeline !== null && each.pipeline !== pipeline)) continue;
        if (each.at < since) continue;
        const key = `${each.pipeline} ${Math.floor(each.at / stepMs) * stepMs}`;
        wanted.set(key, addMinutes(wanted.get(key) ?? NOTHING, each));
      }
      const told = await store.read({ channel: 'shop', pipeline, since, stepMs });
      expect(new Map(told.map(({ at, pipeline: of, ...sums }) => [`${of} ${at}`, sums]))).toEqual(
        new Map([...wanted].map(([key, { ...sums }]) => [key, withoutPlace(sums)])),
      );
      store.close();
    }),
    { numRuns: 60 },
  );
});

function withoutPlace(sums: Minute): Minute {
  const { at: _, pipeline: __, ...rest } = sums as MinuteRecord;
  return rest;
}

test('a question about many pipelines does not hold up what else the node does', async () => {
  const store = minutesInMemory();
  store.add(Array.from({ length: 20 }, (_, n) => minute(MINUTE, `shop/a>b${n}`)));
  let turns = 0;
  const next = (): void => {
    turns += 1;
    pending = setImmediate(next);
  };
  let pending = setImmediate(next);
  const told = await store.read({ channel: 'shop', pipeline: null, since: 0, stepMs: MINUTE });
  clearImmediate(pending);
  expect(told).toHaveLength(20);
  expect(turns).toBeGreaterThanOrEqual(19);
  store.close();
});

test('it is there when the process comes back, and what is too old is gone, names too', async () => {
  const first = openMinuteFile(join(folder, 'deep', 'er'), 'shop', 'hz-1');
  first.add([minute(MINUTE, 'gone/a>b'), minute(MINUTE, 'shop/a>b'), minute(10 * MINUTE, 'shop/a>b')]);
  first.close();
  expect((await stat(join(folder, 'deep', 'er', 'minutes-shop-hz-1.db'))).mode & 0o777).toBe(0o600);
  const second = openMinuteFile(join(folder, 'deep', 'er'), 'shop', 'hz-1');
  second.prune(5 * MINUTE);
  const all = { pipeline: null, since: 0, stepMs: MINUTE };
  expect((await second.read({ ...all, channel: 'shop' })).map(({ at }) => at)).toEqual([10 * MINUTE]);
  expect(await second.read({ ...all, channel: 'gone' })).toEqual([]);
  expect(second.keepMs).toBe(7 * 24 * 60 * MINUTE);
  second.close();
});

test('a file that is none, a newer one, and a place that is no folder are refused by their code', async () => {
  await writeFile(
    join(folder, 'minutes-shop-hz-1.db'),
    'this is no database at all, whatever its name says\n'.repeat(50),
  );
  const refused = expect.objectContaining({ code: 'OT8102' });
  const thrown = (open: () => unknown): unknown => {
    try {
      open();
      return null;
    } catch (error) {
      return error;
    }
  };
  expect(thrown(() => openMinuteFile(folder, 'shop', 'hz-1'))).toEqual(refused);
  expect(thrown(() => openMinuteFile(join(folder, 'minutes-shop-hz-1.db'), 'shop', 'hz-2'))).toEqual(refused);
  expect(thrown(() => openMinuteFile('/proc/otter', 'shop', 'hz-2'))).toEqual(refused);
  expect((await readFile(join(folder, 'minutes-shop-hz-1.db'), 'utf8')).startsWith('this is no')).toBe(true);
});
