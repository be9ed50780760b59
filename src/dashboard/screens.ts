/**
 * Screens as lines: what is known, how it is looked at and the size of the terminal in, exactly that many rows out.
 * Header and tabs above, keys below, and between them where the person is: a list, a page, help, or what is being done.
 */

import { crumbLine, footerLine, tabsLine } from './bars.ts';
import type { Shown } from './controller.ts';
import { helpLines } from './help.ts';
import { overviewLines } from './overview.ts';
import { aboutOf, namesOf, pageOf, warningOf } from './pages.ts';
import type { Paint } from './paint.ts';
import { headerLines } from './panels.ts';
import { BLANK, fitted, type Line, line, printable, span } from './text.ts';
import { here } from './view.ts';
import { workLines } from './work.ts';

/** Exactly `rows` lines, none wider than the terminal. */
export function screenLines(shown: Shown, rows: number, paint: Paint): Line[] {
  const { state, view } = shown;
  const header = [...headerLines(state, paint), tabsLine(view, paint)];
  const page = state.report === null ? null : pageOf(state, state.report, view, shown.write, paint);
  const about = page === null ? null : aboutOf(page, view);
  const footer = footerLine(shown, namesOf(state.report), about, paint);
  const height = Math.max(0, rows - header.length - 1);
  const body = bodyLines(shown, height, paint).slice(0, height);
  const filler = new Array<Line>(height - body.length).fill(BLANK);
  return [...header, ...body, ...filler, footer]
    .slice(0, rows)
    .map((one) => fitted(one, paint.columns, paint.glyphs.more));
}

/** The whole of where the person is, as high as it needs to be, without keys: for a print. */
export function printedLines(shown: Shown, paint: Paint): Line[] {
  const tall = 100_000;
  const body = bodyLines({ ...shown, view: { ...shown.view, scroll: 0 } }, tall, paint);
  while (body.length > 0 && body.at(-1)!.every(({ text }) => text.trim() === '')) body.pop();
  return [...headerLines(shown.state, paint), tabsLine(shown.view, paint), ...body];
}

function bodyLines({ state, view, work, write, asks }: Shown, height: number, paint: Paint): Line[] {
  if (view.help) return scrolled([BLANK, ...helpLines(paint)], view.scroll, height, paint);
  if (work !== null) return [BLANK, ...workLines(work, view.typed, height - 1, paint)];
  const { report } = state;
  if (report === null) return [BLANK, line(span('   Waiting for the first status.', 'dim'))];
  const page = pageOf(state, report, view, write, paint, asks);
  if (here(view).kind === 'overview' && page.kind === 'list') {
    return overviewLines(state, report, page.list, height, paint);
  }
  const warning = warningOf(state, view);
  const above = [
    crumbLine(view, paint),
    ...(warning === null
      ? []
      : [fitted([span(` ${paint.glyphs.away} ${printable(warning)}`, 'warn')], paint.columns, paint.glyphs.more)]),
  ];
  const room = Math.max(0, height - above.length);
  const lines =
    page.kind === 'list' ? page.list.draw(room, paint) : scrolled(page.lines(room), view.scroll, room, paint);
  return [...above, ...lines];
}

/** Of a text that is longer than its room, from where it was scrolled to; the last row says how much there is. */
function scrolled(lines: readonly Line[], from: number, height: number, paint: Paint): Line[] {
  if (lines.length <= height) return [...lines];
  const room = Math.max(1, height - 1);
  const first = Math.min(from, lines.length - room);
  const where = `   ${first + 1} to ${first + room} of ${lines.length} lines ${paint.glyphs.dot} ${paint.glyphs.keys.move}`;
  return [...lines.slice(first, first + room), line(span(where, 'dim'))];
}
