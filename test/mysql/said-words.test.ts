import { expect, test } from 'vitest';
import { columnsSaid, withoutSettings } from '../../src/mysql/said-words.ts';

test.each([
  ['SET STATEMENT max_statement_time=5 FOR ALTER TABLE t ADD c INT', 'ALTER TABLE t ADD c INT'],
  ["set statement a='x for y', b=(1) for\n CREATE INDEX i ON t (c)", 'CREATE INDEX i ON t (c)'],
  ['ALTER TABLE t ADD c INT', 'ALTER TABLE t ADD c INT'],
  ['SET PASSWORD FOR u = 1', 'SET PASSWORD FOR u = 1'],
])('what is set for a statement: %s', (said, expected) => {
  expect(withoutSettings(said)).toBe(expected);
});

test.each([
  ['ADD f FLOAT DEFAULT 1', { f: 1 }],
  [
    "ADD COLUMN IF NOT EXISTS `a``b` float unsigned NOT NULL DEFAULT '1.50' COMMENT 'x', ADD g FLOAT(10) DEFAULT -.5e-3",
    { 'a`b': 1.5, g: -0.0005 },
  ],
  ['ADD f FLOAT DEFAULT (1.5), ADD g FLOAT DEFAULT NULL, ADD h FLOAT, ADD i DOUBLE DEFAULT 1', {}],
  ['ADD (f FLOAT DEFAULT 1), ADD INDEX i (f), ADD FLOAT INT DEFAULT 2', {}],
  ['ADD f FLOAT, ADD g INT DEFAULT 1', {}],
])('numbers of new columns of FLOAT: %s', (actions, floats) => {
  expect({ ...columnsSaid(`ALTER TABLE t ${actions}`).floats }).toEqual(floats);
});
