/** What an apply says that waited in vain, of few and of thousands. */
import { expect, test } from 'vitest';
import { outcomeLines } from '../../src/cli/outcome.ts';
import type { WaitResult } from '../../src/executor/wait.ts';

const missing = (pipeline: string, code: string | null): WaitResult['missing'][number] =>
  ({
    pipeline,
    node: 'n1',
    database: 'hz',
    error: code === null ? null : { code, message: '' },
  }) as unknown as WaitResult['missing'][number];
const many = Array.from({ length: 5_000 }, (_, i) => `c${i}/a>b`);

test('few are named one by one', () => {
  const lines = outcomeLines({
    running: ['x/a>b', 'y/a>b'],
    failed: [{ pipeline: 'z/a>b', node: 'n1', code: 'OT5016' }] as unknown as WaitResult['failed'],
    missing: [missing('p/a>b', null), missing('q/a>b', 'OT4003')],
  });
  expect(lines).toEqual([
    '  running: x/a>b, y/a>b',
    '  failed: z/a>b on n1 (OT5016)',
    '  not yet running: q/a>b on n1 (OT4003)',
    '  n1 has not reported; if it does not run, type: otter node n1 (p/a>b)',
  ]);
});

test('thousands are a few lines, and counted', () => {
  const lines = outcomeLines({
    running: many,
    failed: many.map((pipeline) => ({ pipeline, node: 'n1', code: null })) as unknown as WaitResult['failed'],
    missing: [...many.map((name) => missing(name, null)), ...many.map((name) => missing(name, 'OT4003'))],
  });
  expect(lines.length).toBeLessThan(50);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(300);
  expect(lines[0]).toContain('c9/a>b and 4990 more');
  expect(lines.filter((line) => line.includes('4980 more, see `otter status`'))).toHaveLength(2);
});
