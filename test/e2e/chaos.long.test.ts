/**
 * Everything that may go wrong at once, on real servers and processes: `npm run chaos -- --minutes N [--seed S]`.
 *
 * A round lasts a minute and takes two sites, a star or a mesh, in turn. Nodes, servers and the state store are killed and stand still,
 * lines are cut, half open, slow and narrow, clocks of nodes jump, replicas take the place of primaries, tables are changed. At its end all
 * sites must be equal, no counter off, every loss told, and no node ended by itself. What fails names its seed.
 */
import { expect, test } from 'vitest';
import { hammer } from './hammer.ts';
import { CHAOS, chaosOf } from './hammer-cases.ts';

const MINUTES = Number(process.env['OTTER_CHAOS_MINUTES'] ?? '1');

const rounds = Array.from({ length: Math.ceil(MINUTES) }, (_, n) => ({ n, ...CHAOS[n % CHAOS.length]! }));

test('so many minutes are asked for', () => {
  expect(MINUTES).toBeGreaterThan(0);
});

test.each(rounds)(
  'minute $n: $sites, $policy: all end equal',
  async ({ n, ...round }) => {
    const seconds = Math.min(60, Math.round((MINUTES - n) * 60));
    await hammer(chaosOf(round, `chaos ${n}`, seconds));
  },
  900_000,
);
