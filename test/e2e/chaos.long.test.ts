/**
 * Everything that may go wrong at once, on real servers and processes: `npm run chaos -- --minutes N [--seed S]`.
 *
 * A round lasts a minute and takes a pair of sites or a star, in turn, with servers that are killed or stand still; at its end all
 * sites must be equal, no counter off, every loss told, and no node ended by itself. What fails names its seed.
 */
import { expect, test } from 'vitest';
import { hammer } from './hammer.ts';
import { POLICIES, SITES } from './hammer-cases.ts';

const MINUTES = Number(process.env['OTTER_CHAOS_MINUTES'] ?? '1');

const ROUNDS = [
  { sites: 'two whose servers are killed', policy: 'site-priority', ddl: true },
  { sites: 'a star of three', policy: 'last-write-wins with merged columns, groups and counters', ddl: false },
  { sites: 'two of MySQL', policy: 'site-priority with merged columns and counters', ddl: true },
  { sites: 'a mesh of three', policy: 'last-write-wins', ddl: false },
] as const;

const rounds = Array.from({ length: Math.ceil(MINUTES) }, (_, n) => ({ n, ...ROUNDS[n % ROUNDS.length]! }));

test('so many minutes are asked for', () => {
  expect(MINUTES).toBeGreaterThan(0);
});

test.each(rounds)(
  'minute $n: $sites, $policy: all end equal',
  async ({ n, sites, policy, ddl }) => {
    const seconds = Math.min(60, Math.round((MINUTES - n) * 60));
    await hammer({ name: `chaos ${n}`, ...SITES[sites], ...POLICIES[policy], ddl, chaos: true, seconds });
  },
  600_000,
);
