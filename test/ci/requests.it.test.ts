/** A pull request on GitHub, by its stand-in: one comment, and what is applied is what was reviewed. */
import { test } from 'vitest';
import { shortFlow } from './requests.ts';

test('from a branch to what is applied', () => shortFlow('github'));
