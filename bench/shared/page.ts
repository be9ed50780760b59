/**
 * What `docs/performance.md` shows of a run, between two marks, and its plots; written by `npm run bench -- --docs` and by nobody's
 * hand: a test holds them against the run that is kept beside them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { svg } from './plot.ts';
import { cellsOf, circumstances, HEADINGS, type Run } from './report.ts';

const BEGIN = '<!-- written by `npm run bench -- --docs`: do not edit -->';
const END = '<!-- end of what is written -->';

/** Of a documentation folder. */
export const PAGE = 'performance.md';
export const KEPT = 'performance/run.json';

/** Every file that shows the run, by its path in the documentation folder. @param page the page as it is */
export function filesOf(run: Run, page: string): Map<string, string> {
  const plots = run.sections.flatMap((section) => section.plots);
  return new Map([
    [PAGE, withRun(page, run)],
    [KEPT, `${JSON.stringify(run, null, 1)}\n`],
    ...plots.map((plot) => [`performance/${plot.name}.svg`, svg(plot)] as const),
  ]);
}

/** Parts that the run does not have stay as the kept one has them. */
export function writePage(folder: string, run: Run, kept: Run | null): void {
  const mine = new Set(run.sections.map(({ part }) => part));
  const others = kept?.sections.filter(({ part }) => !mine.has(part)) ?? [];
  const sections = [...others, ...run.sections].sort((a, b) => (a.part < b.part ? -1 : 1));
  mkdirSync(join(folder, 'performance'), { recursive: true });
  const page = readFileSync(join(folder, PAGE), 'utf8');
  for (const [path, text] of filesOf({ format: 1, sections }, page)) writeFileSync(join(folder, path), text);
}

/** @throws Error when the page has lost its marks */
function withRun(page: string, run: Run): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has no place for what is written: ${BEGIN} … ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${shownRun(run)}\n${page.slice(end)}`;
}

function shownRun(run: Run): string {
  const figures = run.sections.flatMap((section) => section.figures);
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const dates = [...new Set(run.sections.map(({ at }) => at.slice(0, 10)))].sort();
  const minutes = run.sections.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const plots = run.sections.flatMap((section) => section.plots);
  return [
    `Measured ${dates.length === 1 ? `on ${dates[0]}` : `from ${dates[0]} to ${dates.at(-1)}`}, in ${minutes.toFixed(0)} minutes:`,
    '',
    ...circumstances(run).map((line) => `- ${line}`),
    '',
    row(HEADINGS),
    row(HEADINGS.map(() => '---')),
    ...figures.map((figure) => row(cellsOf(figure).map((cell) => (cell === 'MISSED' ? '**missed**' : cell)))),
    '',
    '## How the cost grows',
    '',
    ...plots.flatMap(({ name, title }) => [`![${title}](performance/${name}.svg)`, '']),
  ].join('\n');
}
