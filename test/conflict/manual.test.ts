/** The rules of conflicts that wait for a person, by random histories; and that wrong rules are caught. */
import { describe, expect, test } from 'vitest';
import { FAULTS } from './manual/site.ts';
import { runManual } from './manual/world.ts';

test('in 5,000 random histories nothing is overwritten unseen, and what differs waits, until all is decided', () => {
  const broken: string[] = [];
  let [parked, resolved] = [0, 0];
  for (let seed = 1; seed <= 5_000; seed += 1) {
    const outcome = runManual({ seed });
    parked += outcome.parked;
    resolved += outcome.resolved;
    if (outcome.violation !== null) broken.push(`seed ${seed}: ${outcome.violation}`);
  }
  expect(broken).toEqual([]);
  expect(parked).toBeGreaterThan(20_000);
  expect(resolved).toBeGreaterThan(10_000);
}, 120_000);

describe('a rule that is known to be wrong is caught', () => {
  test.each(FAULTS)('%s', (fault) => {
    let seed = 1;
    while (seed <= 2_000 && runManual({ seed, fault }).violation === null) seed += 1;
    expect(seed).toBeLessThanOrEqual(2_000);
  });
});
