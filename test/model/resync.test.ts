/** What stands in `otter.resync` is somebody's text, and part of it goes to a server. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResyncRefusal, resyncCondition, resyncKeys } from '../../src/model/resync.ts';

test('keys are literals, in the number that the primary key has', () => {
  expect(resyncKeys('[["42"], [7], ["-1.5"]]', 1)).toEqual([['42'], ['7'], ['-1.5']]);
  expect(resyncKeys(`[["'it\\\\'s'", "x'00ff'"], ["_latin1 x'e9'", "''"]]`, 2)).toEqual([
    [`'it\\'s'`, "x'00ff'"],
    ["_latin1 x'e9'", "''"],
  ]);
  expect(resyncKeys('[]', 3)).toEqual([]);
});

test.each([
  '',
  '{}',
  '42',
  '["42"]',
  '[["42", "43"]]',
  '[[null]]',
  '[[1.5e400]]',
  '[["1 OR 1=1"]]',
  `[["'a' OR 'b'"]]`,
  `[["'a\\\\'"]]`,
  '[["(SELECT 1)"]]',
  '[["NOW()"]]',
  '[["@a"]]',
  `[["_utf8 'a' COLLATE utf8_bin"]]`,
  `[["x'0'"]]`,
])('%s is refused', (text) => {
  expect(() => resyncKeys(text, 1)).toThrow(ResyncRefusal);
});

test('whatever is taken for a text ends where it seems to', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("'", '\\', 'a', ' ', 'x', '0', '_', '\n') }), (text) => {
      let taken: string | null = null;
      try {
        taken = resyncKeys(JSON.stringify([[text]]), 1)[0]![0]!;
      } catch (error) {
        expect(error).toBeInstanceOf(ResyncRefusal);
      }
      if (taken === null || !taken.startsWith("'")) return;
      // As a server reads it: to the first quote that is neither escaped nor doubled.
      let at = 1;
      while (at < taken.length && !(taken[at] === "'" && taken[at + 1] !== "'"))
        at += taken[at] === '\\' || taken[at] === "'" ? 2 : 1;
      expect(at).toBe(taken.length - 1);
    }),
  );
});

test.each(['id = 1', "v LIKE 'a%' AND n IN (1, 2)", "day >= '2024-01-01' OR v IS NULL"])(
  '%s is a condition',
  (text) => {
    expect(resyncCondition(text)).toBe(text);
  },
);

test.each([
  'id = (SELECT 1)',
  'SLEEP(9) = 0',
  'id = 1; DROP TABLE t',
  'id = 1 -- ',
  'id = 1-- 2',
  'id = 1 /* */',
  'id = 1 #',
  'id = @a',
  'mysql.user.x = 1',
  'id = 1) OR (1 = 1',
  'id = "a"',
])('%s is none', (text) => {
  expect(() => resyncCondition(text)).toThrow(ResyncRefusal);
});
