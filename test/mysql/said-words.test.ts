import { expect, test } from 'vitest';
import { withoutSettings } from '../../src/mysql/said-words.ts';

test.each([
  ['SET STATEMENT max_statement_time=5 FOR ALTER TABLE t ADD c INT', 'ALTER TABLE t ADD c INT'],
  ["set statement a='x for y', b=(1) for\n CREATE INDEX i ON t (c)", 'CREATE INDEX i ON t (c)'],
  ['ALTER TABLE t ADD c INT', 'ALTER TABLE t ADD c INT'],
  ['SET PASSWORD FOR u = 1', 'SET PASSWORD FOR u = 1'],
])('what is set for a statement: %s', (said, expected) => {
  expect(withoutSettings(said)).toBe(expected);
});
