/** A few tables at random; two hundred between all families are in `random.long.test.ts`. */
import { expect, test } from 'vitest';
import { runRandom } from './random.ts';

test('a dozen tables, MariaDB to MySQL', async () => {
  expect(await runRandom('mariadb', 'mysql', 12)).toBeGreaterThan(10);
}, 90_000);
