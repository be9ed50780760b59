/** What nodes have kept of a pipeline: its lag over the last day as a chart, and what that day came to, as `otter stats` has it. */
import type { StatsJson } from '../model/stats-json.ts';
import { chartSpans } from './charts.ts';
import { fact } from './facts.ts';
import { count, duration, lagTone } from './figures.ts';
import { LAG_FLOOR_MS } from './list-pipelines.ts';
import type { Paint } from './paint.ts';
import type { Answer } from './store.ts';
import { BLANK, type Line, line, printable, span, wrap } from './text.ts';

const ROWS = 4;
const AXIS_WIDTH = 9;

/** @param answer undefined while nobody has answered, or nobody can be asked */
export function historyLines(answer: Answer | undefined, { glyphs, columns }: Paint): Line[] {
  const loaded = answer?.loaded;
  if (loaded?.kind !== 'history') {
    const failed = answer?.failed ?? null;
    return failed === null ? [] : [BLANK, fact('Before that', span(printable(failed), 'warn'))];
  }
  const { value } = loaded;
  const [pipeline] = value.pipelines;
  const samples = samplesOf(value);
  const spanMs = samples.length * value.step_s * 1000;
  const head = `The last ${hours(spanMs)}`;
  const worstMs = pipeline?.total.lag_max_ms ?? null;
  if (pipeline === undefined || worstMs === null)
    return [BLANK, line(span(`   ${head}: `, 'dim'), span('no node has kept anything of it', 'dim'))];
  const { total } = pipeline;
  const rows = total.inserts + total.updates + total.deletes + total.others;
  const failing = total.failing_s === 0 ? '' : `, could not go on for ${duration(total.failing_s * 1000)}`;
  const facts = `lag ${duration(total.lag_mean_ms ?? 0)} on average, ${duration(worstMs)} at most; ${count(rows)} rows${failing}`;
  // Every step as wide as there is room for: the whole day is to be seen, if that can be.
  const each = Math.max(1, Math.floor((columns - AXIS_WIDTH - 6) / samples.length));
  const wide = samples.flatMap((sample) => new Array<number | null>(each).fill(sample));
  const width = Math.min(wide.length, columns - AXIS_WIDTH - 6);
  const drawn = chartSpans(wide, width, ROWS, LAG_FLOOR_MS, lagTone, glyphs).map((spans, row) => {
    const top = duration(Math.max(worstMs, LAG_FLOOR_MS));
    const mark = row === 0 ? top : row === ROWS - 1 ? '0' : '';
    return line(span(`  ${mark.padStart(AXIS_WIDTH)} ${glyphs.box.down}`, 'dim'), ...spans);
  });
  const begin = `${hours((width / each) * value.step_s * 1000)} ago`;
  const axis = `${' '.repeat(AXIS_WIDTH + 4)}${begin}${'now'.padStart(Math.max(4, width - begin.length))}`;
  const words = wrap(`${head}: ${facts}`, Math.max(20, columns - 4)).map((text) => line(`   ${text}`));
  return [BLANK, ...words, ...drawn, line(span(axis, 'dim'))];
}

/** To the half of one: `24 h`. */
function hours(ms: number): string {
  return `${Math.round(ms / 1_800_000) / 2} h`;
}

/** The largest lag of each step, the newest last; null where nothing was kept. */
function samplesOf({ since, until, step_s, pipelines }: StatsJson): readonly (number | null)[] {
  const stepMs = step_s * 1000;
  const steps = new Map(pipelines[0]?.steps.map(({ at, lag_max_ms }) => [Date.parse(at), lag_max_ms]));
  const last = Math.floor(Date.parse(until) / stepMs) * stepMs;
  const length = Math.max(1, Math.floor((Date.parse(until) - Date.parse(since)) / stepMs));
  return Array.from({ length }, (_, index) => steps.get(last - (length - 1 - index) * stepMs) ?? null);
}
