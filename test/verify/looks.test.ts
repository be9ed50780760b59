/** What is said of a row that was other at a look. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LOOKS_MAX, Looked, MOVING_LOOKS, STEADY_LOOKS } from '../../src/replication/looks.ts';

const differs = (print: string) => ({ kind: 'different', print }) as const;

test('one look says nothing: it takes several that find the same', () => {
  const looked = new Looked();
  for (let look = 1; look < STEADY_LOOKS; look += 1) expect(looked.note([differs('x')])).toBe('again');
  expect(looked.note([differs('x')])).toBe('different');
});

test('a row that is equal once was late, and nothing is wrong', () => {
  fc.assert(
    fc.property(fc.nat(STEADY_LOOKS - 2), (before) => {
      const looked = new Looked();
      for (let look = 0; look < before; look += 1) expect(looked.note([differs('x')])).toBe('again');
      expect(looked.note([differs('x'), null])).toBe('same');
    }),
  );
});

test('a row that is other at every look is busy, and never different', () => {
  const looked = new Looked();
  for (let look = 1; look < LOOKS_MAX; look += 1) expect(looked.note([differs(String(look))])).toBe('again');
  expect(looked.note([differs('last')])).toBe('busy');
});

test('one that has moved must then stand still for longer', () => {
  const looked = new Looked();
  looked.note([differs('a')]);
  looked.note([differs('b')]);
  for (let look = 2; look < MOVING_LOOKS; look += 1) expect(looked.note([differs('b')])).toBe('again');
  expect(looked.note([differs('b')])).toBe('different');
});
