/** Generated columns that hang on the session: refused only where both have values, and those would differ. */
import { expect, test } from 'vitest';
import type { Sway } from '../../src/model/row.ts';
import { doubtfulSways, swayObstacle } from '../../src/replication/sways.ts';
import { shape } from './model.ts';

const zoned: Sway = { column: 'day', stored: true, settings: ['time_zone'] };
const divided: Sway = { column: 'part', stored: true, settings: ['div_precision_increment'] };

test('a stored column that reads the time zone is refused at both, and where it would be made', () => {
  const source = shape({ sways: [zoned, divided] });
  for (const target of [shape({ sways: [{ ...zoned, column: 'DAY' }] }), null])
    expect(swayObstacle(source, target)).toMatchObject({ code: 'OT5055', message: expect.stringMatching(/day/i) });
  expect(swayObstacle(shape({ sways: [{ ...zoned, stored: false }] }), shape({ sways: [zoned] }))).not.toBeNull();
});

test('not where the target has it VIRTUAL, plain, not at all, or alone', () => {
  const source = shape({ sways: [zoned] });
  expect(swayObstacle(source, shape({ sways: [{ ...zoned, stored: false }] }))).toBeNull();
  expect(swayObstacle(source, shape())).toBeNull();
  expect(swayObstacle(shape(), shape({ sways: [zoned] }))).toBeNull();
  expect(swayObstacle(shape({ sways: [{ ...zoned, stored: false }] }), null)).toBeNull();
});

test('what hardly differs is told of and not refused', () => {
  const both = shape({ sways: [divided] });
  expect(swayObstacle(both, both)).toBeNull();
  expect(doubtfulSways({ source: both, target: both })).toEqual([divided]);
  expect(doubtfulSways({ source: shape(), target: both })).toEqual([]);
});
