/** Every policy, hammered for a minute. One alone: `npm run test:long -- hammer -t 'a mesh'`. */
import { test } from 'vitest';
import { hammer } from './hammer.ts';
import { MINUTES, POLICIES, SITES } from './hammer-cases.ts';

test.each(MINUTES)(
  '%s, %s: hammered for a minute, all end equal',
  async (policy, sites) => {
    await hammer({ name: `${policy}, ${sites}`, ...SITES[sites], ...POLICIES[policy], seconds: 60 });
  },
  900_000,
);
