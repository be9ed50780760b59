/** The rules of conflicts that wait for a person, by random histories; and that wrong rules are caught. */

import { describe, expect, test } from 'vitest';
import { LONG } from '../project/long.ts';
import { FAULTS } from './manual/site.ts';
import { runManual } from './manual/world.ts';

const HISTORIES = LONG ? 5_000 : 1_500;

test(`in ${HISTORIES} random histories nothing is overwritten unseen, and what differs waits, until all is decided`, () => {
  const broken: string[] = [];
  let [parked, resolved] = [0, 0];
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    const outcome = runManual({ seed });
    parked += outcome.parked;
    resolved += outcome.resolved;
    if (outcome.violation !== null) broken.push(`seed ${seed}: ${outcome.violation}`);
  }
  expect(broken).toEqual([]);
  expect(parked).toBeGreaterThan(4 * HISTORIES);
  expect(resolved).toBeGreaterThan(2 * HISTORIES);
}, 120_000);

describe('a rule that is known to be wrong is caught', () => {
  test.each(FAULTS)('%s', (fault) => {
    let seed = 1;
    while (seed <= 2_000 && runManual({ seed, fault }).violation === null) seed += 1;
    expect(seed).toBeLessThanOrEqual(2_000);
  });
});
