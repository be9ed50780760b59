import fc from 'fast-check';
import { expect, it } from 'vitest';
import { expectAnswer, mutated } from './mutations.ts';

it('many topologies with mistakes', () => {
  let count = 0;
  fc.assert(
    fc.property(mutated, ([text, environment]) => {
      expectAnswer(text, environment);
      count++;
    }),
    { numRuns: 1500 },
  );
  expect(count).toBeGreaterThanOrEqual(1500);
});
