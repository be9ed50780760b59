/** Every policy, hammered for long. One alone: `npm run test:long -- hammer -t 'a mesh'`. */
import { test } from 'vitest';
import { hammer } from './hammer.ts';
import { LONG, POLICIES, SITES } from './hammer-cases.ts';

test.each(LONG)(
  '%s, %s: hammered for %i seconds, all end equal',
  async (policy, sites, seconds) => {
    await hammer({ name: `${policy}, ${sites}`, ...SITES[sites], ...POLICIES[policy], seconds });
  },
  900_000,
);
