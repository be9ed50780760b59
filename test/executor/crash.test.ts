/** Applies that die at any call of their store, in memory; five thousand in `crash.long.test.ts`, and on etcd. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { crashRun } from './crash-world.ts';

const RUNS = 120;

test('whatever dies when: resume finishes it, the plan after is empty, guards hold, nothing late lands', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
      await using store = memoryStore();
      const random = seededRandom(seed);
      const { events } = await crashRun(store, 't', () => random.next());
      for (const event of events) seen.set(event, (seen.get(event) ?? 0) + 1);
    }),
    { numRuns: RUNS },
  );
  // All of it happened: the rarest nine times, on average.
  for (const event of [
    'applied',
    'renamed',
    'died',
    'resumed',
    'refused',
    'lock broken',
    'late write',
    'meddled',
    'OT2001',
  ])
    expect([event, seen.get(event) ?? 0]).toEqual([event, expect.toSatisfy((count: number) => count > 0)]);
});
