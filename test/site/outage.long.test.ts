/** A target server that is away for half a minute under load: memory stays bounded (see what is printed), and it catches up. */
import { test } from 'vitest';
import { outage } from './outage.ts';

test('half a minute', async () => {
  await outage({ kind: 'two-way', between: ['a', 'b'] }, 30_000);
}, 300_000);
