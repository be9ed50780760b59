/** Parts of screens as lines: header, footer, what needs attention, nodes in a line, the story of a demo, the table of pipelines. */
import { explain } from '../model/codes.ts';
import type { PipelineStatus, StatusReport } from '../model/status.ts';
import { bar, sparkline } from './charts.ts';
import { allPipelines, clock, copyShare, count, duration, health, lagTone, percent } from './figures.ts';
import type { View } from './keys.ts';
import type { DashboardState } from './store.ts';
import type { Column } from './table.ts';
import { apart, BLANK, fitted, type Line, line, printable, span, wrap } from './text.ts';
import { type Glyphs, phaseTone } from './theme.ts';

/** What every drawing needs to know. */
export interface Paint {
  readonly glyphs: Glyphs;
  readonly columns: number;
  readonly nowMs: number;
}

/** Least value that fills a sparkline: below it, noise. */
export const LAG_FLOOR_MS = 200;
export const RATE_FLOOR = 20;
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
  const lines = [
    apart([span(' otter', 'accent'), ...name, ...applying], right, columns, glyphs.more),
    line(span(glyphs.rule.repeat(columns), 'dim')),
  ];
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

export function footerLine(view: View, { glyphs, columns }: Paint): Line {
  if (view.typing) {
    return fitted(
      [span(' / ', 'accent'), span(view.filter), span('_', 'accent'), span('   Enter keeps, Esc clears', 'dim')],
      columns,
      glyphs.more,
    );
  }
  const key = (name: string, does: string): Line => [span(` ${name} `, 'strong'), span(`${does} `, 'dim')];
  const tab = (name: string, screen: View['screen']): Line => [
    span(` ${name} `, 'strong'),
    span(`${screen} `, view.screen === screen && !view.help ? 'accent' : 'dim'),
  ];
  const find: Line = view.detail ? BLANK : view.filter === '' ? key('/', 'find') : [span(` / ${view.filter} `, 'warn')];
  const move = view.detail ? key('Esc', 'back') : key(glyphs.keys.enter, 'open');
  return fitted(
    [
      ...tab('1', 'overview'),
      ...tab('2', 'pipelines'),
      ...tab('3', 'nodes'),
      ...key(glyphs.keys.move, 'move'),
      ...move,
      ...find,
      ...key('?', 'help'),
      ...key('q', 'quit'),
    ],
    columns,
    glyphs.more,
  );
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
        shown.push(line(span(` ${glyphs.more} and ${left} more; 2 shows all pipelines, 3 all nodes`, 'dim')));
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

export function pipelineColumns(
  state: DashboardState,
  wide: boolean,
  glyphs: Glyphs,
): readonly Column<PipelineStatus>[] {
  const history = (row: PipelineStatus) => state.histories.get(row.name) ?? { lagMs: [], rowsPerSecond: [] };
  const more: readonly Column<PipelineStatus>[] = [
    { title: 'APPLIED', align: 'right', width: 9, drop: 5, cell: (row) => [span(count(row.rows_applied))] },
    {
      title: 'DRIFT',
      align: 'right',
      width: 5,
      drop: 6,
      cell: (row) => [span(count(row.drift), row.drift > 0 ? 'warn' : 'dim')],
    },
    { title: 'NODE', drop: 7, cell: (row) => [row.node === null ? span(glyphs.none, 'dim') : span(row.node)] },
  ];
  return [
    { title: 'PIPELINE', drop: 0, width: 12, cell: (row) => [span(row.name)] },
    {
      title: 'PHASE',
      drop: 0,
      width: 11,
      cell: (row) => [span(`${glyphs.phases[row.phase]} ${row.phase}`, phaseTone(row.phase))],
    },
    { title: 'LAG', align: 'right', drop: 0, width: 7, cell: (row) => [lagSpan(row, glyphs)] },
    {
      title: '',
      drop: 3,
      width: 10,
      growTo: 36,
      cell: (row, width) => lagCell(row, history(row).lagMs, width, glyphs),
    },
    {
      title: 'ROWS/S',
      align: 'right',
      drop: 1,
      width: 7,
      cell: (row) => [span(count(row.rows_per_second), row.rows_per_second > 0 ? 'plain' : 'dim')],
    },
    {
      title: '',
      drop: 4,
      width: 8,
      growTo: 36,
      cell: (row, width) => [span(sparkline(history(row).rowsPerSecond, width, RATE_FLOOR, glyphs), 'dim')],
    },
    {
      title: 'CONFLICTS',
      align: 'right',
      drop: 2,
      cell: (row) => [span(count(row.conflicts), row.conflicts > 0 ? 'plain' : 'dim')],
    },
    ...(wide ? more : []),
  ];
}

function lagSpan(row: PipelineStatus, glyphs: Glyphs): { text: string; tone: ReturnType<typeof lagTone> } {
  return row.lag_ms === null ? span(glyphs.none, 'dim') : span(duration(row.lag_ms), lagTone(row.lag_ms));
}

/** The history of the lag, or what matters more: the code of an error, the progress of a copy, what is waited for. */
function lagCell(row: PipelineStatus, samples: readonly (number | null)[], width: number, glyphs: Glyphs): Line {
  if (row.error !== null) return [span(row.error.code, 'bad')];
  if (row.phase === 'copying' && row.copy !== null) {
    const share = copyShare(row.copy);
    const text = ` ${percent(share).padStart(4)}`;
    return [span(bar(share, Math.min(24, width - text.length), glyphs), 'busy'), span(text)];
  }
  if (row.waiting !== null && row.phase !== 'streaming') return [span('waits', 'warn')];
  if (row.phase !== 'streaming' && row.phase !== 'copying') return BLANK;
  return [
    span(sparkline(samples, width, LAG_FLOOR_MS, glyphs), lagTone(row.lag_ms) === 'good' ? 'dim' : lagTone(row.lag_ms)),
  ];
}
