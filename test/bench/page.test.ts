/** What is shown of the last run is what the run says, and nobody's hand. `npm run bench -- --docs --from FILE` writes it anew. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { filesOf, KEPT, PAGE, writePage } from '../../bench/shared/page.ts';
import { svg } from '../../bench/shared/plot.ts';
import { figureOf, type Plot, type Run, readRun, type Section } from '../../bench/shared/report.ts';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'otter-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PLOT: Plot = {
  part: 'p',
  name: 'rows',
  title: 'Cost <by> rows',
  x: { label: 'rows', scale: 'log' },
  y: { label: 'ms', scale: 'linear' },
  lines: [
    {
      name: 'one & only',
      points: [
        [1, 2],
        [1000, 9],
      ],
    },
  ],
};

function section(part: string, value: number): Section {
  return {
    ...{ part, at: '2026-01-01T00:00:00.000Z', seconds: 60, busy: 0, quick: false, sizes: {} },
    machine: { cpus: 2, cpu: 'a CPU', memoryBytes: 8e9, kernel: 'Linux 6' },
    versions: { otter: '0.1.0' },
    figures: [figureOf(part, { name: 'n', unit: 'ms', value, wanted: { bound: 'at most', value: 5 } })],
    plots: [{ ...PLOT, part, name: part }],
  };
}

test('the page, its plots and the run that is kept belong together', () => {
  const read = (path: string): string => readFileSync(join(DOCS, path), 'utf8');
  for (const [path, text] of filesOf(readRun(read(KEPT), KEPT), read(PAGE)))
    expect(read(path) === text, `${path} is not what ${KEPT} says`).toBe(true);
});

test('parts that did not run stay as they were', () => {
  mkdirSync(join(folder, 'performance'));
  const marks = /<!-- written[^\n]*-->[\s\S]*<!-- end[^\n]*-->/.exec(readFileSync(join(DOCS, PAGE), 'utf8'))![0];
  const [begin, end] = [marks.slice(0, marks.indexOf('\n')), marks.slice(marks.lastIndexOf('<!--'))];
  writeFileSync(join(folder, PAGE), `before\n${begin}\nold\n${end}\nbehind\n`);
  const run = (...sections: Section[]): Run => ({ format: 1, sections });
  writePage(folder, run(section('a', 1), section('b', 2)), null);
  const kept = readRun(readFileSync(join(folder, KEPT), 'utf8'), KEPT);
  writePage(folder, run(section('b', 7)), kept);
  const page = readFileSync(join(folder, PAGE), 'utf8');
  expect(page).toContain('| a | n | 1 ms |  |  | at most 5 ms | met |');
  expect(page).toContain('| b | n | 7 ms |  |  | at most 5 ms | **missed** |');
  expect(page).toContain('![Cost <by> rows](performance/b.svg)');
  expect(page).not.toContain('old');
  expect(page.startsWith('before\n')).toBe(true);
  expect(page.endsWith('behind\n')).toBe(true);
});

test('a page without its marks is refused', () => {
  expect(() => filesOf({ format: 1, sections: [] }, 'a page')).toThrow('has no place');
});

test('a plot has its points within its frame, and texts that are no markup', () => {
  const drawn = svg(PLOT);
  expect(drawn).toContain('Cost &lt;by> rows');
  expect(drawn).toContain('one &amp; only');
  const circles = [...drawn.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
  expect(circles).toEqual([
    [70, expect.any(Number)],
    [490, expect.any(Number)],
  ]);
  for (const [, y] of circles) expect(y! >= 40 && y! <= 308).toBe(true);
  expect(circles[0]![1]!).toBeGreaterThan(circles[1]![1]!);
});
