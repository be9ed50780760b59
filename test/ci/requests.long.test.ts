/** All that may happen to pull requests on either host, by their stand-in. */
import { test } from 'vitest';
import { wholeFlow } from './requests.ts';

test.each(['github', 'gitlab'] as const)(
  'files that are broken, forged comments, secrets, plans that others made stale: %s',
  (kind) => wholeFlow(kind),
);
