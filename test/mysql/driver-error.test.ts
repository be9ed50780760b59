import { expect, test } from 'vitest';
import { databaseError } from '../../src/mysql/driver-error.ts';

test.each([
  [1062, "Duplicate entry 'SECRET's for key x' for key 'u'", "Duplicate entry for key 'u' (error 1062)"],
  [
    1366,
    "Incorrect string value: 'SECRET' for column `d`.`t`.`s` at row 1",
    'Incorrect string value for column `d`.`t`.`s` at row 1 (error 1366)',
  ],
  [
    1292,
    "Incorrect datetime value: 'SECRET' for column 'd' at row 1",
    "Incorrect datetime value for column 'd' at row 1 (error 1292)",
  ],
  [1292, "Truncated incorrect DOUBLE value: 'SECRET'", 'Truncated incorrect DOUBLE value (error 1292)'],
  [1300, "Invalid utf8mb4 character string: 'SECRET'", 'Invalid utf8mb4 character string (error 1300)'],
  [1264, "Out of range value for column 'n' at row 1", "Out of range value for column 'n' at row 1 (error 1264)"],
  [1146, "Table 'd.t' doesn't exist", "Table 'd.t' doesn't exist (error 1146)"],
])('values of rows stay out of error %i: %s', (errno, message, shown) => {
  expect(databaseError(Object.assign(new Error(message), { errno }), {}).message).toBe(shown);
});
