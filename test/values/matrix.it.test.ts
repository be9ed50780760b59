/** A share of the matrix of types; all of it is in `matrix.long.test.ts`. */
import { expect, test } from 'vitest';
import { runMatrix } from './matrix.ts';

test('one type in eight, MySQL to MariaDB', async () => {
  const { cells, wrong } = await runMatrix('mysql', 'mariadb', 8);
  expect(wrong).toEqual([]);
  expect(cells).toBeGreaterThan(500);
}, 120_000);
