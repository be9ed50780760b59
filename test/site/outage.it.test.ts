/** A target server that is killed under load and comes back. */

import { test } from 'vitest';
import { LONG } from '../project/long.ts';
import { outage } from './outage.ts';

const TWO_WAY = { kind: 'two-way', between: ['a', 'b'] } as const;
const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

test.each(LONG ? [TWO_WAY, ONE_WAY] : [TWO_WAY])(
  '$kind: nothing is lost and nothing doubled',
  async (direction) => {
    await outage(direction, 2_000);
  },
  120_000,
);
