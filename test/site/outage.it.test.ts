/** A target server that is killed under load and comes back. */
import { test } from 'vitest';
import { outage } from './outage.ts';

test.each([{ kind: 'one-way', from: ['a'], to: ['b'] } as const, { kind: 'two-way', between: ['a', 'b'] } as const])(
  '$kind: nothing is lost and nothing doubled',
  async (direction) => {
    await outage(direction, 2_000);
  },
  120_000,
);
