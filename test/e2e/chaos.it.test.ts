/** Half a minute of what `npm run chaos` does for as long as one likes: two sites, one of which has a replica that takes its primary's place. */
import { test } from 'vitest';
import { FAMILIES } from '../site/harness.ts';
import { hammer } from './hammer.ts';
import { POLICIES } from './hammer-cases.ts';

test('everything goes wrong for half a minute, and two sites end equal', async () => {
  await hammer({
    name: 'half a minute of chaos',
    engines: [0, 1].map((i) => FAMILIES[i % FAMILIES.length]!),
    failOver: [0],
    ...POLICIES['site-priority with merged columns and counters'],
    ddl: true,
    chaos: true,
    seconds: 30,
  });
}, 480_000);
