/** One spelling of a value. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical, canonicalText } from '../../src/planner/canonical.ts';

const value = fc.jsonValue({ maxDepth: 4 });

function shuffled(one: unknown): unknown {
  if (Array.isArray(one)) return one.map(shuffled);
  if (one === null || typeof one !== 'object') return one;
  const entries = Object.entries(one).map(([key, of]): [string, unknown] => [key, shuffled(of)]);
  return Object.fromEntries([['nothing', undefined], ...entries.reverse()]);
}

test('the text is that of the value, and the same in whatever order keys were written', () => {
  fc.assert(
    fc.property(value, (one) => {
      const text = canonicalText(one);
      // What is in it may have been asked for before.
      const copy = structuredClone(one);
      if (copy !== null && typeof copy === 'object') for (const part of Object.values(copy)) canonical(part);
      expect(canonicalText(copy)).toBe(text);
      expect(text).toBe(JSON.stringify(canonical(one)));
      expect(canonicalText(shuffled(one))).toBe(text);
      expect(JSON.stringify(canonical(shuffled(one)))).toBe(text);
      expect(canonical(JSON.parse(text))).toEqual(canonical(one));
    }),
  );
});

test('numbers count up before other keys in an object, in the text as in the value', () => {
  const one = { b: 1, 10: 2, 9: 3, a: 4 };
  expect(canonicalText(one)).toBe(JSON.stringify(canonical(one)));
});

test('a key named __proto__ is a key', () => {
  const one: unknown = JSON.parse('{"__proto__":{"a":1}}');
  expect(canonicalText(one)).toBe('{"__proto__":{"a":1}}');
  expect(JSON.stringify(canonical(one))).toBe('{"__proto__":{"a":1}}');
});
