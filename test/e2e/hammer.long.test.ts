/** Every policy on every shape of sites, hammered for a minute. One alone: `npm run test:long -- hammer -t 'a star'`. */
import { describe, test } from 'vitest';
import { hammer } from './hammer.ts';
import { POLICIES, SITES } from './hammer-cases.ts';

describe.each(POLICIES)('$policy', ({ policy, ...rules }) => {
  test.each(SITES)(
    '$sites, hammered for a minute, end equal',
    async ({ sites, ...which }) => {
      await hammer({ name: `${policy}, ${sites}`, ...which, ...rules, seconds: 60 });
    },
    300_000,
  );
});
