/** Regular expressions of table entries: what they match, and that none takes long. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matches, parsePattern } from '../../src/model/table-pattern.ts';

function asked(expression: string, name: string): boolean {
  const parsed = parsePattern(`shop./${expression}/`);
  if (!parsed.ok) throw new Error(parsed.problem);
  return matches(parsed.pattern, 'shop', name);
}

const atom = fc.constantFrom(
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\w',
  '\\D',
  '\\p{Lu}',
  'ä',
  '\\u{1F600}',
  '\\.',
  '_',
  '[a-c_]',
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc.tuple(atom, fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '*?')).map(([one, times]) => one + times),
    fc.array(tie('expression'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
    fc.tuple(tie('expression'), tie('expression')).map(([one, other]) => `(?:${one}|${other})`),
    fc.tuple(tie('expression'), fc.constantFrom('*', '+', '')).map(([one, times]) => `(${one})${times}`),
  ),
}));
const name = fc
  .array(fc.constantFrom('a', 'b', 'c', '1', '_', '.', 'ä', 'Ä', '😀', '\n', '-'), { minLength: 1, maxLength: 7 })
  .map((letters) => letters.join(''));

test('a name is meant when the whole of it matches, as in JavaScript', () => {
  fc.assert(
    fc.property(expression, name, (source, text) => {
      expect(asked(source, text)).toBe(new RegExp(`^(?:${source})$`, 'su').test(text));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['(?!tmp_).*', 'tmp_x', false],
  ['(?!tmp_).*', 'orders', true],
  ['.*(?<!_old)', 'orders_old', false],
  ['(?<year>\\d+)_\\k<year>', '24_24', true],
  ['(\\d+)_\\1', '24_25', false],
  ['[[:alpha:]', ':', true],
  ['a\\sb', 'a\u00a0b', true],
])('%s and %s: what looks around or back', (source, text, meant) => {
  expect(asked(source, text)).toBe(meant);
});

test.each(['(a+)+', '(a|a)*', '(a*)*b', '([a-z]+)*'])('%s does not take for ever', (source) => {
  expect(asked(source, `${'a'.repeat(60)}!`)).toBe(false);
});
