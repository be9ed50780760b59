/** Conditions of alerts: what is understood, and what is said of the rest. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCondition } from '../../../src/model/alerts/condition.ts';
import { ALERT_FACTS, WATCHED, type Watched } from '../../../src/model/alerts/facts.ts';
import { ConditionProblem } from '../../../src/model/alerts/words.ts';

function problem(text: string, watched: Watched = 'channel'): string {
  try {
    parseCondition(text, watched);
  } catch (error) {
    if (!(error instanceof ConditionProblem)) throw error;
    const part = `${text.slice(0, error.at)}[${text.slice(error.at, error.end)}]${text.slice(error.end)}`;
    return `${part} ${error.message}${error.instead === null ? '' : ` -> ${error.instead}`}`;
  }
  return 'understood';
}

test.each([
  ['lag > 30s', { kind: 'number', fact: 'lag', sign: '>', than: 30_000 }],
  ['lag>=1.5m', { kind: 'number', fact: 'lag', sign: '>=', than: 90_000 }],
  ['conflicts > 10/min', { kind: 'rate', fact: 'conflicts', sign: '>', than: 10, perMs: 60_000 }],
  ['rows < 1 / h', { kind: 'rate', fact: 'rows', sign: '<', than: 1, perMs: 3_600_000 }],
  ['phase = failed', { kind: 'word', fact: 'phase', sign: '=', word: 'failed' }],
  ['phase != streaming', { kind: 'word', fact: 'phase', sign: '!=', word: 'streaming' }],
  ['copy failed', { kind: 'word', fact: 'copy', sign: '=', word: 'failed' }],
  ['error', { kind: 'is', fact: 'error' }],
  ['dead_letters > 0', { kind: 'number', fact: 'dead_letters', sign: '>', than: 0 }],
] as const)('%s', (text, wanted) => {
  expect(parseCondition(text, 'channel')).toEqual({ any: [[wanted]] });
});

test('`and` binds more closely than `or`', () => {
  const { any } = parseCondition('down or memory > 400MB and databases = 0 OR error', 'node');
  expect(any.map((all) => all.map(({ fact }) => fact))).toEqual([['down'], ['memory', 'databases'], ['error']]);
});

test('errors are searched without regard to case, in time linear in the text', () => {
  const [one] = parseCondition(String.raw`error ~ "(a+)+\.b|OT40\d\d"`, 'channel').any.flat();
  if (one?.kind !== 'text') return expect.unreachable();
  const { pattern } = one;
  expect(pattern.found('ot4001 hz: refused')).toBe(true);
  // An engine that goes back on its word would not come to an end.
  expect(pattern.found('a'.repeat(100_000))).toBe(false);
  expect(parseCondition(`error !~ 'it\\'s'`, 'channel').any).toHaveLength(1);
});

describe('what is wrong is shown where it is, with what was likely meant', () => {
  test.each([
    ['lagg > 30s', '[lagg] > 30s nothing of a channel is called `lagg`. Did you mean `lag`? -> lag'],
    ['lag > 30', 'lag > [30] `30` is not a duration like `30s` -> 30s'],
    ['lag > 30S', 'lag > [30S] `30S` is not a duration like `30s` -> 30s'],
    ['conflicts > 10', 'conflicts > [10] `10` is not a rate like `10/min` -> 10/min'],
    ['phase = faild', 'phase = [faild] `faild` is no `phase`; did you mean `failed`? -> failed'],
    ['phase > failed', 'phase [>] failed `phase` is one of a few words: write `=` or `!=` -> ='],
    ['error = "x"', 'error [=] "x" `error` is searched with `~` -> ~'],
    ['error ~ "("', 'error ~ ["("] the regular expression cannot be read (missing closing ): `(`)'],
    ['error ~ "x', 'error ~ ["x] the text in quotes does not end'],
    ['memory > 4MB', '[memory] > 4MB `memory` is asked of `node`; of a channel there are'],
    ['lag > 30s lag', 'lag > 30s [lag] `lag` stands where `and`, `or` or the end is expected'],
    ['lag > 30s and', 'lag > 30s and[] the condition ends where what is asked is expected'],
    ['lag', 'lag[] `lag` is compared, like `lag > 30s`'],
    ['(lag > 1s)', '[(]lag > 1s) `(` does not belong here'],
    ['', '[] the condition ends where what is asked is expected'],
  ])('%s', (text, wanted) => {
    expect(problem(text)).toContain(wanted);
  });
  test('of a node', () => {
    expect(problem('down > 1', 'node')).toBe('down [>] 1 `down` stands alone');
    expect(problem('memory > 4 mb', 'node')).toContain('memory > [4] mb');
    expect(problem('memory > 4mb', 'node')).toBe('memory > [4mb] `4mb` is not a size like `400MB` -> 4MB');
  });
});

test('property: any text is understood or has a problem within it', () => {
  const words = fc.constantFrom(
    'lag',
    '>',
    '30s',
    'and',
    'or',
    'phase',
    '=',
    'failed',
    '"x"',
    '10/min',
    '(',
    'error',
    '~',
    '🦦',
    '\\',
    "'",
  );
  const texts = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.array(words, { maxLength: 12 }).map((all) => all.join(' ')),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(...WATCHED), (text, watched) => {
      try {
        expect(parseCondition(text, watched).any.flat().length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(ConditionProblem);
        const { at, end } = error as ConditionProblem;
        expect(0 <= at && at <= text.length && end >= at).toBe(true);
      }
    }),
  );
});

test('property: what takes the place of a mistake is no mistake any more', () => {
  const fixed = fc.constantFrom(
    'lagg > 30s',
    'lag > 30',
    'phase = faild',
    'phase < failed',
    'conflicts > 3',
    'error = "a"',
    'idel > 5m',
  );
  fc.assert(
    fc.property(fixed, (text) => {
      try {
        parseCondition(text, 'channel');
        expect.unreachable();
      } catch (error) {
        const { at, end, instead } = error as ConditionProblem;
        expect(problem(text.slice(0, at) + instead! + text.slice(end))).toBe('understood');
      }
    }),
  );
});

test('every fact can be asked as its type says', () => {
  const asked = { duration: '> 1s', size: '> 1MB', count: '> 1', rate: '> 1/h', text: '~ "x"', truth: '', word: '' };
  for (const watched of WATCHED) {
    for (const [name, { type, words = [''] }] of Object.entries(ALERT_FACTS[watched])) {
      const text = `${name} ${type === 'word' ? `= ${words[0]}` : asked[type]}`;
      expect(problem(text, watched), text).toBe('understood');
    }
  }
});
