/** A few seconds of what `hammer.long.test.ts` does for minutes. */
import { test } from 'vitest';
import { LONG } from '../project/long.ts';
import { FAMILIES } from '../site/harness.ts';
import { hammer } from './hammer.ts';
import { POLICIES } from './hammer-cases.ts';

const pair = [0, 1].map((i) => FAMILIES[i % FAMILIES.length]!);

const CASES = [
  ['last-write-wins with merged columns, groups and counters', pair, undefined],
  ['last-write-wins', [...pair, pair[0]!], 'mesh'],
] as const;

test.each(LONG ? CASES : CASES.slice(1))(
  'sites hammered for some seconds under %s end equal',
  async (policy, engines, shape) => {
    const name = `short, ${policy}`;
    await hammer({ name, engines, ...(shape === undefined ? {} : { shape }), ...POLICIES[policy], seconds: 5 });
  },
  120_000,
);
