/** What pipelines did over time, as text for people: a line for each step, with a bar for its rows. */
import type { PipelineStatsJson, StatsCountsJson, StatsJson } from '../model/stats-json.ts';

const BAR_CELLS = 12;
const HEADS = [
  'ROWS/S',
  'INSERTS',
  'UPDATES',
  'DELETES',
  'OTHERS',
  'SIZE',
  'TX',
  'LAG',
  'LAG MAX',
  'CONFLICTS',
  'FAILING',
];

export function renderStats(stats: StatsJson, { ascii }: { readonly ascii: boolean }): string {
  const every = span(stats.step_s);
  const lines = [`${stats.of}  ${day(stats.since)} to ${day(stats.until)} UTC, every ${every}`];
  for (const pipeline of stats.pipelines) lines.push('', ...pipelineLines(pipeline, stats.step_s, ascii));
  return `${lines.join('\n')}\n`;
}

function pipelineLines({ pipeline, total, steps }: PipelineStatsJson, stepS: number, ascii: boolean): string[] {
  if (steps.length === 0) return [pipeline, '  nothing is known of this time'];
  const most = Math.max(...steps.map(rowsOf));
  const rows = [
    ['', ...HEADS],
    ...steps.map((step) => [day(step.at), ...cells(step, Math.min(stepS, Math.max(step.seen_s, 1)))]),
    ['together', ...cells(total, Math.max(total.seen_s, 1))],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const text = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
  const bars = ['', ...steps.map((step) => bar(rowsOf(step), most, ascii)), ''];
  return [pipeline, ...text.map((line, at) => `  ${line}  ${bars[at]!}`.trimEnd())];
}

function rowsOf({ inserts, updates, deletes, others }: StatsCountsJson): number {
  return inserts + updates + deletes + others;
}

function cells(counts: StatsCountsJson, seconds: number): string[] {
  const rate = rowsOf(counts) / seconds;
  return [
    rate >= 10 || rate === 0 ? String(Math.round(rate)) : rate < 0.1 ? '<0.1' : rate.toFixed(1),
    String(counts.inserts),
    String(counts.updates),
    String(counts.deletes),
    String(counts.others),
    size(counts.bytes),
    String(counts.transactions),
    lag(counts.lag_mean_ms),
    lag(counts.lag_max_ms),
    String(counts.conflicts),
    counts.failing_s === 0 ? '-' : span(counts.failing_s),
  ];
}

function bar(rows: number, most: number, ascii: boolean): string {
  if (rows === 0 || most === 0) return '';
  return (ascii ? '#' : '█').repeat(Math.max(1, Math.round((rows / most) * BAR_CELLS)));
}

/** To the minute: no step is shorter. */
function day(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}

function lag(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 10_000 ? `${ms} ms` : span(ms / 1000);
}

function span(seconds: number): string {
  if (seconds < 120 && seconds !== 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 && minutes !== 60 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]!}`;
}
