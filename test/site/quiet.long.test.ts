/** No loops, for a minute. */
import { test } from 'vitest';
import { pair, rootOf, Sites } from './harness.ts';
import { idle, twoWay } from './idle.ts';

test('an idle two-way channel for a minute', async () => {
  const [a, b] = await pair();
  await using _a = a;
  await using _b = b;
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await using sites = new Sites({ a, b });
  await twoWay(sites, ra);
  await idle(ra, rb, 60_000);
  await Promise.all([ra.end(), rb.end()]);
}, 120_000);
