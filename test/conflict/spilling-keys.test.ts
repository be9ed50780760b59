/** A log of keys that spills answers as one that has room for everything. */
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import type { KeyStore } from '../../src/model/key-store.ts';
import { KeyLog, type KeyWrite } from '../../src/replication/conflict/key-log.ts';
import { SpillingKeys } from '../../src/replication/conflict/spilling-keys.ts';
import { sha256 } from '../../src/site/serialiser-index.ts';
import { openKeyFile } from '../../src/state/key-file.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

const time = fc.constantFrom(Number.NEGATIVE_INFINITY, -1.5, 0, 1, 2 ** 60, Number.POSITIVE_INFINITY);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.constantFrom(...KEYS),
      what: fc.nat(1),
      order: time,
      clock: time,
      all: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const spilling = (inMemory: number, open = (): KeyStore => openKeyFile(tmpdir())) =>
  new SpillingKeys({ digest: sha256, inMemory, open });

function carryOut(log: KeyLog | SpillingKeys, each: Operation, number: number): void {
  if (each.kind === 'put') {
    const { key, what, order, clock, all } = each;
    log.put(key, { origin: number % 3, what, number: 2 ** 53 - 1 - number, order, clock }, all);
  } else if (each.kind === 'drop') for (let i = 0; i < each.count; i += 1) log.dropOldest();
  else if (each.kind === 'forget') log.drop(each.key);
  else log.clear();
}

const told = (log: KeyLog | SpillingKeys) => ({
  size: log.size,
  oldest: log.oldest(),
  writes: [...log],
  keys: KEYS.map((key) => ({ last: log.get(key), all: log.all(key) })),
});

test('whatever is done to it, and with whatever room, it is as one in memory', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.array(operation, { maxLength: 60 }), (inMemory, operations) => {
      const [plain, spilled] = [new KeyLog(sha256), spilling(inMemory)];
      for (const [number, each] of operations.entries()) {
        carryOut(plain, each, number);
        carryOut(spilled, each, number);
        expect(spilled.inMemory).toBeLessThanOrEqual(inMemory);
        expect(told(spilled)).toEqual(told(plain));
      }
      spilled.clear();
    }),
    { numRuns: 300 },
  );
});

test('over thousands of keys, in many batches, it is as one in memory', () => {
  const [plain, spilled] = [new KeyLog(sha256), spilling(300)];
  let number = 0;
  for (const [from, count, drop] of [
    [0, 9_000, 2_500],
    [4_000, 3_000, 1_100],
    [2_000, 3_000, 4_000],
    [0, 500, 20_000],
  ] as const) {
    for (let key = from; key < from + count; key += 1) {
      number += 1;
      const write: KeyWrite = { origin: 0, what: number % 2, number, order: number % 7, clock: number };
      for (const log of [plain, spilled]) log.put(`key ${key}`, write, key % 3 === 0);
    }
    for (let i = 0; i < drop; i += 1) {
      expect(spilled.oldest()).toEqual(plain.oldest());
      for (const log of [plain, spilled]) log.dropOldest();
    }
    expect([...spilled]).toEqual([...plain]);
    for (let key = 0; key < 10_000; key += 7) expect(spilled.all(`key ${key}`)).toEqual(plain.all(`key ${key}`));
  }
  expect(spilled).toMatchObject({ size: 0, bytes: 0 });
});

test('what fits into memory opens no store, and one that is empty again is closed', () => {
  let [opened, closed] = [0, 0];
  const log = spilling(2, () => {
    opened += 1;
    const store = openKeyFile(tmpdir());
    const close = store.close.bind(store);
    return Object.assign(store, {
      close: () => {
        closed += 1;
        close();
      },
    });
  });
  const put = (key: string): void => log.put(key, { origin: 0, what: 0, number: 1, order: 0, clock: 0 });
  for (const key of ['a', 'b', 'a', 'b']) put(key);
  expect([opened, closed]).toEqual([0, 0]);
  put('c');
  expect(log.bytes).toBeGreaterThan(0);
  expect(log.usedBytes).toBeGreaterThan(0);
  put('d');
  expect([opened, closed]).toEqual([1, 0]);
  while (log.oldest() !== null) log.dropOldest();
  expect([opened, closed, log.bytes]).toEqual([1, 1, 0]);
  for (const key of ['a', 'b', 'c']) put(key);
  log.clear();
  expect([opened, closed]).toEqual([2, 2]);
});

test('a store that fails once is asked nothing more, and nothing is answered without it, until all is cleared', () => {
  const calls = ['append', 'of', 'from', 'remove', 'removeBelow'] as const;
  for (const failing of calls) {
    let fails = false;
    let asked = 0;
    let closed = 0;
    const log = spilling(2, () => {
      const store = openKeyFile(tmpdir());
      const fail = (): never => {
        asked += 1;
        throw new OtterError('OT5032', 'broken');
      };
      return new Proxy(store, {
        get: (_, name) => {
          if (name === failing && fails) return fail;
          if (name === 'close') closed += 1;
          const value: unknown = Reflect.get(store, name);
          return typeof value === 'function' ? value.bind(store) : value;
        },
      });
    });
    const put = (key: string): void => log.put(key, { origin: 0, what: 0, number: 1, order: 0, clock: 0 });
    const fill = (): void => {
      for (let i = 0; i < 5_000; i += 1) put(`key ${i}`);
    };
    fill();
    fails = true;
    const doAll = (): void => {
      put('key 0');
      put('another');
      log.get('key 1');
      while (log.oldest() !== null) log.dropOldest();
    };
    expect(doAll).toThrow('broken');
    expect(log.broken).toMatchObject({ code: 'OT5032' });
    expect([failing, asked, closed]).toEqual([failing, 1, 1]);
    for (const ask of [
      () => log.size,
      () => log.get('key 1'),
      () => log.all('key 1'),
      () => log.oldest(),
      () => [...log],
      () => log.dropOldest(),
      () => put('key 2'),
    ])
      expect(ask).toThrow('broken');
    expect(asked).toBe(1);
    fails = false;
    log.clear();
    fill();
    expect(log.broken).toBeNull();
    expect(log.size).toBe(5_000);
    log.clear();
  }
});
