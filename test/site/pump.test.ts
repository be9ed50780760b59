/** Windows in their order, one at a time, the next made ready meanwhile; and what goes wrong comes out. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/model/row.ts';
import { Feed, type Window } from '../../src/site/feed.ts';
import { pump } from '../../src/site/pump.ts';

const beat = (n: number, bytes = 10): Delivery => ({
  ...{ kind: 'beat', gtid: `0-1-${n}`, position: `mariadb:0-1-${n}`, seen: {}, clock: n, sentMs: n, settled: 0, bytes },
});

const numbers = (windows: readonly Window[]): number[] =>
  windows.flatMap(({ deliveries }) => deliveries.map(({ clock }) => clock));

async function* stream(
  batches: readonly (readonly Delivery[])[],
  pause: () => Promise<void>,
): AsyncGenerator<readonly Delivery[], void> {
  for (const batch of batches) {
    await pause();
    yield batch;
  }
}

const moments = (seed: number): (() => Promise<void>) => {
  let state = seed;
  return async () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    for (let left = state % 7; left > 0; left -= 1) await Promise.resolve();
  };
};

test('everything is applied once and in order, whatever is slow', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }),
      fc.nat(),
      fc.nat(),
      async (sizes, a, b) => {
        let n = 0;
        const batches = sizes.map((size) => Array.from({ length: size }, () => beat(n++)));
        const applied: Window[] = [];
        const ready: Window[] = [];
        let under = 0;
        const slow = moments(b);
        await pump(
          stream(batches, moments(a)),
          new Feed({ rows: 10, bytes: 40 }),
          {
            ready: (window) => ready.push(window),
            apply: async (window) => {
              under += 1;
              expect(under).toBe(1);
              await slow();
              under -= 1;
              applied.push(window);
            },
          },
          new AbortController().signal,
        );
        expect(numbers(applied)).toEqual(Array.from({ length: n }, (_, i) => i));
        // What was made ready is what is applied.
        expect(ready.every((window) => applied.includes(window))).toBe(true);
      },
    ),
  );
});

test('while one is applied the next is gathered and made ready, and no more is taken', async () => {
  let taken = 0;
  async function* endless(): AsyncGenerator<readonly Delivery[], void> {
    for (;;) yield [beat(taken++)];
  }
  const held = Promise.withResolvers<void>();
  const stop = new AbortController();
  const windows: { applied: number[]; ready: number[] } = { applied: [], ready: [] };
  const running = pump(
    endless(),
    new Feed({ rows: 100, bytes: 100 }),
    {
      ready: (window) => windows.ready.push(window.deliveries.length),
      apply: async (window) => {
        windows.applied.push(window.deliveries.length);
        if (windows.applied.length === 1) await held.promise;
        else stop.abort();
      },
    },
    stop.signal,
  );
  for (let left = 500; left > 0; left -= 1) await Promise.resolve();
  expect(windows).toEqual({ applied: [1], ready: [5] });
  expect(taken).toBeLessThan(10);
  held.resolve();
  await running;
  expect(windows.applied).toEqual([1, 5]);
});

test('what a window meets ends it at once, though nothing more arrives', async () => {
  async function* quiet(): AsyncGenerator<readonly Delivery[], void> {
    yield [beat(1)];
    await new Promise(() => undefined);
  }
  const failing = pump(
    quiet(),
    new Feed({ rows: 10, bytes: 40 }),
    { ready: () => undefined, apply: async () => Promise.reject(new Error('refused')) },
    new AbortController().signal,
  );
  await expect(failing).rejects.toThrow('refused');
});

test('what goes wrong in the stream comes out when the window under way is applied', async () => {
  async function* broken(): AsyncGenerator<readonly Delivery[], void> {
    yield [beat(1)];
    throw new Error('cut');
  }
  let applied = false;
  const held = Promise.withResolvers<void>();
  const failing = pump(
    broken(),
    new Feed({ rows: 10, bytes: 40 }),
    {
      ready: () => undefined,
      apply: async () => {
        await held.promise;
        applied = true;
      },
    },
    new AbortController().signal,
  );
  for (let left = 20; left > 0; left -= 1) await Promise.resolve();
  held.resolve();
  await expect(failing).rejects.toThrow('cut');
  expect(applied).toBe(true);
});

test('what was gathered when the stream broke is applied before that is told', async () => {
  async function* broken(): AsyncGenerator<readonly Delivery[], void> {
    yield [beat(1)];
    yield [beat(2), beat(3)];
    throw new Error('cut');
  }
  const applied: number[] = [];
  const failing = pump(
    broken(),
    new Feed({ rows: 10, bytes: 1_000 }),
    {
      ready: () => undefined,
      apply: async (window) => {
        for (let left = 50; left > 0; left -= 1) await Promise.resolve();
        applied.push(...numbers([window]));
      },
    },
    new AbortController().signal,
  );
  await expect(failing).rejects.toThrow('cut');
  expect(applied).toEqual([1, 2, 3]);
});
