/** All that may happen to pull requests on either host, by their stand-in. */
import { test } from 'vitest';
import { environments, oddFlow, wholeFlow } from './requests.ts';

test.each(['github', 'gitlab'] as const)(
  'files that are broken, forged comments, secrets, plans that others made stale: %s',
  (kind) => wholeFlow(kind),
);

test('an environment has a comment and an apply of its own', () => environments('gitlab'));

test.each(['github', 'gitlab'] as const)('odd paths and thousands of objects: %s', (kind) => oddFlow(kind));
