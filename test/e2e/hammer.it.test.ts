/** A few seconds of what `hammer.long.test.ts` does for minutes. */
import { test } from 'vitest';
import { FAMILIES } from '../site/harness.ts';
import { hammer } from './hammer.ts';
import { POLICIES } from './hammer-cases.ts';

test.each(POLICIES)(
  'two sites hammered for some seconds under $policy end equal',
  async ({ policy, ...rules }) => {
    const engines = [0, 1].map((i) => FAMILIES[i % FAMILIES.length]!);
    await hammer({ name: `short, ${policy}`, engines, ...rules, seconds: 5 });
  },
  120_000,
);
