/** One pipeline alone: everything its status says, its lag over the last two minutes and the last day as charts, its error in full. */

import { explain } from '../model/codes.ts';
import type { PipelineStatus, StatusReport } from '../model/status.ts';
import { bar, chartSpans, sparkline } from './charts.ts';
import { historyLines } from './detail-history.ts';
import { fact, LABEL_WIDTH, labelled } from './facts.ts';
import { allPipelines, copyShare, count, duration, lagTone, percent } from './figures.ts';
import { LAG_FLOOR_MS, RATE_FLOOR } from './list-pipelines.ts';
import type { Paint } from './paint.ts';
import { placeKey } from './places.ts';
import type { DashboardState } from './store.ts';
import { BLANK, cut, fitted, type Line, line, printable, type Span, span, wrap } from './text.ts';
import { type Glyphs, phaseTone } from './theme.ts';

const CHART_WIDTH_MAX = 120;
const CHART_HEIGHT_MAX = 10;
const AXIS_WIDTH = 9;
/** A chart with its head and what is beneath it. */
const CHART_LEAST = 6;

export function detailLines(
  state: DashboardState,
  report: StatusReport,
  name: string,
  height: number,
  paint: Paint,
): Line[] {
  const pipeline = allPipelines(report).find((one) => one.name === name);
  if (pipeline === undefined) return [line(`  ${name} is gone.`)];
  const above = [...titleLines(report, pipeline, paint), BLANK];
  const facts = factLines(state, report, pipeline, paint);
  const troubles = troubleLines(pipeline, paint);
  const room = height - above.length - facts.length - troubles.length;
  const history = historyLines(state.answers.get(placeKey({ kind: 'pipeline', name })), paint);
  // Where both do not fit one scrolls to what is older, and the line that says so takes room too.
  const left = room - history.length < CHART_LEAST ? room - Math.min(2, history.length) : room - history.length;
  const lag = chartLines(state, pipeline, left, paint);
  return [...above, ...troubles, ...lag, ...facts, ...history].map((one) =>
    fitted(one, paint.columns, paint.glyphs.more),
  );
}

function titleLines(report: StatusReport, pipeline: PipelineStatus, { glyphs }: Paint): Line[] {
  const place = (database: string): Span[] => {
    const region = report.regions.find((one) => one.databases.includes(database));
    return [span(database, 'strong'), ...(region === undefined ? [] : [span(` (${region.name})`, 'dim')])];
  };
  return [
    line(
      span(`   ${glyphs.phases[pipeline.phase]} ${pipeline.phase}`, phaseTone(pipeline.phase)),
      '   from ',
      ...place(pipeline.source),
      ' to ',
      ...place(pipeline.target),
      '; applied by ',
      pipeline.node === null ? span('no node', 'bad') : span(pipeline.node, 'strong'),
    ),
  ];
}

function troubleLines(pipeline: PipelineStatus, { columns, glyphs }: Paint): Line[] {
  const width = Math.min(100, columns - LABEL_WIDTH - 4);
  const lines: Line[] = [];
  // What an error says stands beneath it.
  if (pipeline.error === null)
    lines.push(...labelled('In words', wrap(pipeline.summary, width), pipeline.waiting === null ? 'plain' : 'warn'));
  if (pipeline.error !== null && pipeline.waiting !== null)
    lines.push(...labelled('Waits for', wrap(pipeline.waiting, width), 'warn'));
  if (pipeline.error !== null) {
    const { code, message, hint } = pipeline.error;
    const title = explain(code)?.title;
    lines.push(fact('Last error', span(title === undefined ? code : `${code} ${title}`, 'bad')));
    lines.push(...labelled('', wrap(message, width), 'plain'));
    if (hint !== null) lines.push(...labelled('', wrap(`${glyphs.hint} ${hint}`, width), 'warn'));
    lines.push(fact('', span(`${glyphs.hint} otter explain ${code}`, 'dim')));
  }
  return lines.length === 0 ? [] : [...lines, BLANK];
}

function factLines(
  state: DashboardState,
  report: StatusReport,
  pipeline: PipelineStatus,
  { glyphs, columns }: Paint,
): Line[] {
  const generation =
    report.channels.find((one) => one.pipelines.includes(pipeline))?.generation ?? pipeline.observed_generation;
  const behind = pipeline.observed_generation !== generation;
  const rates = state.histories.get(pipeline.name)?.rowsPerSecond ?? [];
  return [
    ...copyLines(pipeline, columns, glyphs),
    fact(
      'Rows/s',
      span(count(pipeline.rows_per_second).padEnd(9)),
      span(sparkline(rates, Math.min(60, columns - 40), RATE_FLOOR, glyphs), 'busy'),
    ),
    ...operationLines(pipeline),
    fact(
      'Window',
      pipeline.window === null
        ? span(glyphs.none, 'dim')
        : span(
            `${count(pipeline.window.rows)} ${pipeline.window.rows === 1 ? 'row' : 'rows'} in ${duration(pipeline.window.ms)} at the target`,
          ),
      span(pipeline.window === null ? '   no rows were written yet' : '   the mean of the last twenty', 'dim'),
    ),
    fact('Applied', `${count(pipeline.rows_applied)} rows`),
    fact(
      'Conflicts',
      span(count(pipeline.conflicts)),
      span(`   since its node started${tablesText(pipeline)}`, 'dim'),
      span(
        pipeline.open_conflicts === 0
          ? ''
          : `   ${count(pipeline.open_conflicts)} open ${glyphs.hint} otter conflicts ${pipeline.name.replace('>', ':')} --open`,
        'warn',
      ),
    ),
    ...(pipeline.dead_letters === 0
      ? []
      : [
          fact(
            'Set aside',
            span(count(pipeline.dead_letters), 'warn'),
            span(`   ${glyphs.hint} otter deadletter list ${pipeline.name.replace('>', ':')}`, 'warn'),
          ),
        ]),
    fact(
      'Drift',
      span(count(pipeline.drift), pipeline.drift > 0 ? 'warn' : 'plain'),
      span('   rows found other than the log said, put right', 'dim'),
    ),
    fact(
      'Generation',
      behind ? span(`${pipeline.observed_generation}, ${generation} is applied`, 'warn') : span(String(generation)),
    ),
    fact('Position', cut(pipeline.position ?? glyphs.none, Math.max(8, columns - LABEL_WIDTH - 4), glyphs.more)),
  ];
}

/** What the rows are. */
function operationLines({ per_second }: PipelineStatus): Line[] {
  const each = Object.entries(per_second);
  return each.length === 0 ? [] : [fact('', each.map(([what, rate]) => `${what} ${count(rate)}/s`).join('   '))];
}

/** The tables with most conflicts. */
function tablesText({ conflict_tables }: PipelineStatus): string {
  const most = Object.entries(conflict_tables).slice(0, 3);
  return most.length === 0
    ? ''
    : `: ${most.map(([table, number]) => `${printable(table)} ${count(number)}`).join(', ')}`;
}

function copyLines({ copy }: PipelineStatus, columns: number, glyphs: Glyphs): Line[] {
  if (copy === null) return [];
  const share = copyShare(copy);
  const eta = copy.eta_ms === null ? '' : `, about ${duration(copy.eta_ms)} left`;
  const rows = copy.rows_total === 0 ? '' : `${count(copy.rows_done)} of about ${count(copy.rows_total)} rows, `;
  return [
    fact('Copy', span(bar(share, Math.min(40, Math.max(10, columns - 40)), glyphs), 'busy'), ` ${percent(share)}`),
    fact('', `${rows}${copy.tables_done} of ${copy.tables_total} tables${eta}`),
  ];
}

/** The lag as a number with its best and worst, and a chart of what room there is. */
function chartLines(state: DashboardState, pipeline: PipelineStatus, room: number, { glyphs, columns }: Paint): Line[] {
  const samples = state.histories.get(pipeline.name)?.lagMs ?? [];
  const measured = samples.filter((value) => value !== null);
  const worst = Math.max(0, ...measured);
  const now =
    pipeline.lag_ms === null ? span('not known yet', 'dim') : span(duration(pipeline.lag_ms), lagTone(pipeline.lag_ms));
  const range =
    measured.length < 2
      ? ''
      : `   ${duration(Math.min(...measured))} to ${duration(worst)} in the last ${duration(samples.length * 1000)}`;
  const head = fact('Lag', now, span(range, 'dim'));
  const rows = Math.min(CHART_HEIGHT_MAX, room - 2);
  if (rows < 2 || measured.length === 0) return [head];
  const width = Math.min(CHART_WIDTH_MAX, columns - AXIS_WIDTH - 6);
  const drawn = chartSpans(samples, width, rows, LAG_FLOOR_MS, lagTone, glyphs).map((spans, row) => {
    const mark = row === 0 ? duration(Math.max(worst, LAG_FLOOR_MS)) : row === rows - 1 ? '0' : '';
    return line(span(`  ${mark.padStart(AXIS_WIDTH)} ${glyphs.box.down}`, 'dim'), ...spans);
  });
  return [head, ...drawn, BLANK];
}
