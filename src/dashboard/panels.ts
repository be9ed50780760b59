/** Parts of screens as lines: header, what needs attention, nodes in a line, the story of a demo. Tabs and keys are `bars.ts`. */
import { explain } from '../model/codes.ts';
import type { PipelineStatus, StatusReport } from '../model/status.ts';
import { allPipelines, clock, duration, health } from './figures.ts';
import type { Paint } from './paint.ts';
import type { DashboardState } from './store.ts';
import { apart, fitted, type Line, line, printable, span, wrap } from './text.ts';
import type { Glyphs } from './theme.ts';

const REPORT_STALE_MS = 10_000;

export function headerLines(state: DashboardState, paint: Paint): Line[] {
  const { glyphs, columns, nowMs } = paint;
  const { report, away } = state;
  const dot = span(` ${glyphs.dot} `, 'dim');
  const name: Line =
    report === null ? [] : [dot, span(report.topology, 'strong'), dot, span(`serial ${report.serial}`, 'dim')];
  const applying: Line = report?.applying == null ? [] : [dot, span(`${printable(report.applying)} applies`, 'busy')];
  const { word, tone } = health(report, away !== null);
  const lamp = tone === 'bad' ? glyphs.away : tone === 'good' ? glyphs.alive : glyphs.phases.copying;
  const right: Line = [span(`${lamp} ${word}`, tone), span(`   ${clock(nowMs)} `, 'dim')];
  const lines = [apart([span(' otter', 'accent'), ...name, ...applying], right, columns, glyphs.more)];
  const warning = storeWarning(state, paint);
  return warning === null ? lines : [...lines, fitted(warning, columns, glyphs.more)];
}

/** What is shown below may be old: says so, and since when. */
function storeWarning(state: DashboardState, { glyphs, nowMs }: Paint): Line | null {
  if (state.away !== null) {
    const { reason, sinceMs } = state.away;
    const told = state.report?.store_away != null;
    const from = told ? ' Figures come from the nodes.' : ' The figures below are from before.';
    const shown = state.report === null ? '' : from;
    return [
      span(
        ` ${glyphs.away} State store away for ${duration(nowMs - sinceMs)}, since ${clock(sinceMs)}.${shown}`,
        'bad',
      ),
      span(` ${reason}`, 'dim'),
    ];
  }
  if (state.second === null) return null;
  const age = nowMs - state.second * 1000;
  return age < REPORT_STALE_MS
    ? null
    : [span(` ! No news for ${duration(age)}; the figures below may be old.`, 'warn')];
}

/** What is not well, in words: failed pipelines, nodes that are away, pipelines that wait. At most `height` lines, and how many were left out. */
export function attentionLines(report: StatusReport, height: number, { glyphs, columns }: Paint): Line[] {
  const width = columns - 4;
  const rows = height < 8 ? 1 : 2;
  const troubles: Line[][] = [
    ...allPipelines(report).flatMap((pipeline) =>
      pipeline.error === null ? [] : [errorLines(pipeline.name, pipeline.error, width, rows, glyphs)],
    ),
    ...report.nodes
      .filter((node) => !node.alive)
      .map((node) => [
        line(
          span(` ${glyphs.away} node ${node.name}`, 'bad'),
          ` is away.`,
          span(` ${glyphs.hint} start it on its machine: otter node ${node.name} -t ${report.topology}`, 'dim'),
        ),
      ]),
    ...allPipelines(report).flatMap(({ name, phase, waiting }) =>
      waiting === null
        ? []
        : [[line(span(` ${glyphs.phases[phase]} ${name}`, 'warn'), ` waits for ${printable(waiting)}`)]],
    ),
  ];
  const shown: Line[] = [];
  for (const [index, trouble] of troubles.entries()) {
    const left = troubles.length - index;
    const fits = shown.length + trouble.length + (left > 1 ? 1 : 0) <= height;
    if (!fits) {
      if (shown.length < height)
        shown.push(line(span(` ${glyphs.more} and ${left} more; 0 shows all pipelines, 3 all nodes`, 'dim')));
      break;
    }
    shown.push(...trouble);
  }
  return shown.map((one) => fitted(one, columns, glyphs.more));
}

/** Name, code and title; the message in at most `rows` rows; the hint. */
export function errorLines(
  name: string,
  error: NonNullable<PipelineStatus['error']>,
  width: number,
  rows: number,
  glyphs: Glyphs,
): Line[] {
  const title = explain(error.code)?.title ?? '';
  const message = wrap(error.message, width);
  const cutShort =
    message.length > rows ? [...message.slice(0, rows - 1), `${message[rows - 1]} ${glyphs.more}`] : message;
  const hint = error.hint === null ? [] : wrap(`${glyphs.hint} ${error.hint}`, width).slice(0, rows);
  return [
    line(span(` ${glyphs.away} ${name}`, 'bad'), span(`  ${error.code} `, 'strong'), title),
    ...cutShort.map((text) => line(`   ${text}`)),
    ...hint.map((text) => line(span(`   ${text}`, 'dim'))),
  ];
}

/** How the whole stands, in words. */
export function summaryLine(report: StatusReport, { glyphs, columns }: Paint): Line {
  const firing = report.alerts?.firing.length ?? 0;
  const alerts: Line =
    firing === 0 ? [] : [span(`  ${glyphs.away} ${firing} ${firing === 1 ? 'alert fires' : 'alerts fire'}: 6`, 'bad')];
  return fitted([span(`  ${printable(report.summary)}.`, 'strong'), ...alerts], columns, glyphs.more);
}

export function nodesLine(report: StatusReport, { glyphs, columns }: Paint): Line {
  if (report.nodes.length === 0) return line(span('  NODES  ', 'dim'), span('none is declared', 'dim'));
  const parts = report.nodes.flatMap((node): Line => {
    const databases = node.databases.length === 0 ? '' : ` ${node.databases.join(',')}`;
    return node.alive
      ? [span(glyphs.alive, 'good'), span(` ${node.name}`), span(`${databases}   `, 'dim')]
      : [span(`${glyphs.away} ${node.name} away`, 'bad'), span('   ')];
  });
  return fitted([span('  NODES  ', 'dim'), ...parts], columns, glyphs.more);
}

export function storyLines(state: DashboardState, height: number, { glyphs, columns }: Paint): Line[] {
  const notes = state.notes.slice(-Math.max(0, height - 1));
  if (notes.length === 0 || height < 2) return [];
  return [
    line(span('  STORY', 'dim')),
    ...notes.map((note, index) =>
      fitted(
        line(span(`  ${clock(note.atMs)}  `, 'dim'), span(note.text, index === notes.length - 1 ? 'strong' : 'plain')),
        columns,
        glyphs.more,
      ),
    ),
  ];
}
