/** Pipelines and channels as lists: the figures of their rows, and what is shown in the place of a lag that there is not. */
import type { ChannelStatus, PipelineStatus, StatusReport } from '../model/status.ts';
import { bar, chartSpans, sparkline } from './charts.ts';
import { allPipelines, copyShare, count, duration, LAG_LATE_MS, lagTone, percent } from './figures.ts';
import type { ListOf } from './list.ts';
import type { Paint } from './paint.ts';
import { errorLines } from './panels.ts';
import type { DashboardState } from './store.ts';
import type { Column } from './table.ts';
import { BLANK, type Line, line, type Span, span, wrap } from './text.ts';
import { type Glyphs, phaseTone } from './theme.ts';

/** Least value that fills a sparkline: below it, noise. */
export const LAG_FLOOR_MS = 200;
export const RATE_FLOOR = 20;

/**
 * @param wide with what only a wide terminal has room for
 * @param words how the chosen one stands is said beneath
 */
export function pipelineList(
  state: DashboardState,
  report: StatusReport,
  channel: string | null,
  wide: boolean,
  words: boolean,
  glyphs: Glyphs,
): ListOf<PipelineStatus> {
  const all = allPipelines(report);
  const rows = channel === null ? all : (report.channels.find(({ name }) => name === channel)?.pipelines ?? []);
  return {
    rows,
    name: ({ name }) => name,
    texts: (one) => [one.name, one.phase, one.node ?? '', one.error?.code ?? ''],
    columns: pipelineColumns(state, wide, glyphs),
    none:
      channel === null || report.channels.length === 0 ? 'No channel is applied yet.' : `Channel ${channel} is gone.`,
    open: ({ name }) => ({ kind: 'pipeline', name }),
    about: ({ name }) => `pipeline.${name}`,
    ...(words ? { more: wordsOf } : {}),
  };
}

/** In words, or the error with what to do. */
function wordsOf(pipeline: PipelineStatus, { columns, glyphs }: Paint): Line[] {
  const { name, error, summary } = pipeline;
  if (error !== null) return errorLines(name, error, columns - 4, 4, glyphs);
  return wrap(summary, Math.max(20, columns - 4)).map((text) => line(span(`  ${text}`, 'dim')));
}

function pipelineColumns(state: DashboardState, wide: boolean, glyphs: Glyphs): readonly Column<PipelineStatus>[] {
  const history = (row: PipelineStatus) => state.histories.get(row.name) ?? { lagMs: [], rowsPerSecond: [] };
  const number = (value: number, tone: Span['tone'] = 'plain'): Line => [span(count(value), value > 0 ? tone : 'dim')];
  const more: readonly Column<PipelineStatus>[] = [
    {
      title: 'WINDOW',
      align: 'right',
      width: 8,
      drop: 8,
      cell: ({ window }) => [window === null ? span(glyphs.none, 'dim') : span(duration(window.ms))],
      by: ({ window }) => window?.ms ?? null,
    },
    {
      title: 'APPLIED',
      align: 'right',
      width: 9,
      drop: 5,
      cell: (row) => number(row.rows_applied),
      by: (row) => row.rows_applied,
    },
    { title: 'DRIFT', align: 'right', drop: 6, cell: (row) => number(row.drift, 'warn'), by: (row) => row.drift },
    {
      title: 'NODE',
      drop: 7,
      cell: (row) => [row.node === null ? span(glyphs.none, 'dim') : span(row.node)],
      by: (row) => row.node,
    },
  ];
  return [
    { title: 'PIPELINE', drop: 0, width: 12, cell: (row) => [span(row.name)], by: (row) => row.name },
    {
      title: 'PHASE',
      drop: 0,
      width: 11,
      cell: (row) => [span(`${glyphs.phases[row.phase]} ${row.phase}`, phaseTone(row.phase))],
      by: (row) => row.phase,
    },
    { title: 'LAG', align: 'right', drop: 0, width: 7, cell: (row) => [lagSpan(row, glyphs)], by: (row) => row.lag_ms },
    {
      title: '',
      drop: 3,
      width: 10,
      growTo: 60,
      cell: (row, width) => lagCell(row, history(row).lagMs, width, glyphs),
    },
    {
      title: 'ROWS/S',
      align: 'right',
      drop: 1,
      width: 7,
      cell: (row) => number(row.rows_per_second),
      by: (row) => row.rows_per_second,
    },
    {
      title: '',
      drop: 4,
      width: 8,
      growTo: 60,
      cell: (row, width) => [span(sparkline(history(row).rowsPerSecond, width, RATE_FLOOR, glyphs), 'busy')],
    },
    {
      title: 'CONFLICTS',
      align: 'right',
      drop: 2,
      cell: (row) => number(row.conflicts, row.open_conflicts > 0 ? 'warn' : 'plain'),
      by: (row) => row.conflicts,
    },
    ...(wide ? more : []),
  ];
}

function lagSpan(row: PipelineStatus, glyphs: Glyphs): Span {
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
  return chartSpans(samples, width, 1, LAG_FLOOR_MS, lagTone, glyphs)[0] ?? BLANK;
}

// ---------------------------------------------------------------- channels

export function channelList(state: DashboardState, report: StatusReport, glyphs: Glyphs): ListOf<ChannelStatus> {
  const sum = (channel: ChannelStatus, of: (one: PipelineStatus) => number): number =>
    channel.pipelines.reduce((total, one) => total + of(one), 0);
  const number = (title: string, of: (one: PipelineStatus) => number, drop: number, tone: Span['tone'] = 'plain') => ({
    title,
    align: 'right' as const,
    drop,
    cell: (row: ChannelStatus) => [span(count(sum(row, of)), sum(row, of) > 0 ? tone : 'dim')],
    by: (row: ChannelStatus) => sum(row, of),
  });
  return {
    rows: report.channels,
    name: ({ name }) => name,
    texts: ({ name, pipelines }) => [name, ...pipelines.flatMap((one) => [one.source, one.target, one.phase])],
    columns: [
      { title: 'CHANNEL', drop: 0, width: 12, cell: (row) => [span(row.name)], by: (row) => row.name },
      {
        title: 'STATE',
        drop: 0,
        width: 12,
        cell: (row) => stateOf(row, glyphs),
        by: (row) => worst(row)?.phase ?? null,
      },
      {
        title: 'BETWEEN',
        drop: 4,
        growTo: 28,
        width: 10,
        cell: ({ pipelines }) => [span(betweenOf(pipelines, glyphs), 'dim')],
      },
      {
        title: 'PIPELINES',
        align: 'right',
        drop: 3,
        cell: (row) => [span(String(row.pipelines.length))],
        by: (row) => row.pipelines.length,
      },
      {
        title: 'WORST LAG',
        align: 'right',
        drop: 0,
        cell: (row) => [
          lagOf(row) === null ? span(glyphs.none, 'dim') : span(duration(lagOf(row)!), lagTone(lagOf(row))),
        ],
        by: lagOf,
      },
      { title: '', drop: 6, width: 8, growTo: 30, cell: (row, width) => worstHistory(state, row, width, glyphs) },
      { ...number('ROWS/S', (one) => one.rows_per_second, 1), width: 7 },
      number('CONFLICTS', (one) => one.conflicts, 2),
      number('OPEN', (one) => one.open_conflicts, 5, 'warn'),
      number('SET ASIDE', (one) => one.dead_letters, 7, 'warn'),
      {
        title: 'GENERATION',
        align: 'right',
        drop: 8,
        cell: (row) => [span(String(row.generation))],
        by: (row) => row.generation,
      },
    ],
    none: 'No channel is applied yet: `otter plan` shows what would be, `otter apply` does it.',
    open: ({ name }) => ({ kind: 'pipelines', name }),
    about: ({ name }) => `channel.${name}`,
    more: ({ pipelines }, { columns }) =>
      pipelines.flatMap(({ summary }) =>
        wrap(summary, Math.max(20, columns - 4)).map((text) => line(span(`  ${text}`, 'dim'))),
      ),
  };
}

const URGENCY = ['streaming', 'copying', 'pending', 'paused', 'stopped', 'failed'] as const;

/** The pipeline that needs most attention. */
function worst({ pipelines }: ChannelStatus): PipelineStatus | null {
  const urgency = (one: PipelineStatus): number => URGENCY.indexOf(one.phase);
  return pipelines.reduce<PipelineStatus | null>((a, b) => (a === null || urgency(b) > urgency(a) ? b : a), null);
}

function lagOf({ pipelines }: ChannelStatus): number | null {
  const lags = pipelines.flatMap(({ lag_ms }) => (lag_ms === null ? [] : [lag_ms]));
  return lags.length === 0 ? null : Math.max(...lags);
}

/** Databases that all write, or from which to which it goes. */
function betweenOf(pipelines: readonly PipelineStatus[], glyphs: Glyphs): string {
  const sources = [...new Set(pipelines.map(({ source }) => source))];
  const targets = [...new Set(pipelines.map(({ target }) => target))];
  if (sources.some((one) => targets.includes(one))) return [...new Set([...sources, ...targets])].join(', ');
  return `${sources.join(', ')} ${glyphs.hint} ${targets.join(', ')}`;
}

/** Where every pipeline streams, what is wrong all the same. */
function stateOf(row: ChannelStatus, glyphs: Glyphs): Line {
  const one = worst(row);
  if (one === null) return [span(glyphs.none, 'dim')];
  const error = row.pipelines.find((each) => each.error !== null)?.error;
  if (one.phase === 'streaming' && error != null) return [span(`${glyphs.away} ${error.code}`, 'bad')];
  if (row.ready && (lagOf(row) ?? 0) >= LAG_LATE_MS) return [span(`${glyphs.alive} late`, 'bad')];
  if (row.ready) return [span(`${glyphs.alive} ready`, 'good')];
  return line(span(`${glyphs.phases[one.phase]} ${one.phase}`, phaseTone(one.phase)));
}

function worstHistory(state: DashboardState, { pipelines }: ChannelStatus, width: number, glyphs: Glyphs): Line {
  const [first] = [...pipelines].sort((a, b) => (b.lag_ms ?? 0) - (a.lag_ms ?? 0));
  const samples = first === undefined ? [] : (state.histories.get(first.name)?.lagMs ?? []);
  return chartSpans(samples, width, 1, LAG_FLOOR_MS, lagTone, glyphs)[0] ?? BLANK;
}
