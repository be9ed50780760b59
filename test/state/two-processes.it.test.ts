import { expect, test } from 'vitest';
import { quantile, seenAfterMs } from './two-processes.ts';

test('two processes on one state file: each write is seen once, in order, within 200 ms', async () => {
  const { keys, ms } = await seenAfterMs(60);
  expect(keys).toEqual(Array.from({ length: 60 }, (_, n) => `/two/${n}`));
  // Half of them: one that came late because the machine had other work says nothing of otter. All figures: bench/state.ts.
  expect(quantile(ms, 0.5)).toBeLessThan(200);
  expect(Math.max(...ms)).toBeLessThan(5000);
}, 30_000);
