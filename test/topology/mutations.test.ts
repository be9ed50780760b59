/** Mistakes of every kind in the topologies that there are: always an answer. More of them in mutations.long.test.ts. */
import fc from 'fast-check';
import { it } from 'vitest';
import { expectAnswer, mutated } from './mutations.ts';

it('a topology with mistakes is answered with findings that have places', () => {
  fc.assert(
    fc.property(mutated, ([text, environment]) => expectAnswer(text, environment)),
    { numRuns: 40 },
  );
});
