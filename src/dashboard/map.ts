/**
 * The map: databases as boxes that name their region and their node, arrows for flows with lag and rows a second.
 * Where boxes do not fit it is one line per pair of databases; where those do not fitted, the rest is counted.
 */
import type { StatusReport } from '../model/status.ts';
import { chartSpans } from './charts.ts';
import { count, duration, lagTone, ownerOf, percent } from './figures.ts';
import { type Flow, type FlowMap, flowMap, type Pair } from './flows.ts';
import { LAG_FLOOR_MS } from './list-pipelines.ts';
import type { Paint } from './paint.ts';
import type { DashboardState } from './store.ts';
import { BLANK, fitted, type Line, line, lineWidth, type Span, span, type Tone, textWidth } from './text.ts';
import { type Glyphs, phaseTone } from './theme.ts';

const WIDTH_MAX = 150;
const BOX_WIDTH_MAX = 24;
const BOX_WIDTH_MIN = 12;
const BOX_HEIGHT = 4;
const MARGIN = 1;
/** Seconds of lag that an arrow shows where there is room. */
const HISTORY_WIDTH = 12;

/** At most `height` lines, and at most `listHeight` where it is only a list: the table says more, and gets the room. */
export function mapLines(
  state: DashboardState,
  report: StatusReport,
  height: number,
  listHeight: number,
  { columns: width, glyphs }: Paint,
): Line[] {
  const map = flowMap(report);
  const pairs = map.groups.flatMap((group) => group.pairs);
  const alone = pairs.length < height ? aloneLine(map, glyphs) : [];
  const room = height - alone.length;
  const boxWidth = boxWidthOf(report, map);
  const fits = pairs.length * BOX_HEIGHT <= room && width - 2 * boxWidth >= 30;
  const drawn = fits
    ? map.groups.flatMap((group) => groupLines(state, report, map, group, boxWidth, Math.min(width, WIDTH_MAX), glyphs))
    : compact(pairs, Math.min(room, listHeight), width, glyphs);
  return [...drawn, ...alone].slice(0, Math.max(0, height));
}

// ---------------------------------------------------------------- boxes

function boxWidthOf(report: StatusReport, map: FlowMap): number {
  const texts = [
    ...map.regionOf.keys(),
    ...map.regionOf.values(),
    ...report.nodes.map((node) => node.name),
    ...map.groups.map((group) => group.left),
  ];
  return Math.min(BOX_WIDTH_MAX, Math.max(BOX_WIDTH_MIN, ...texts.map((text) => textWidth(text) + 6)));
}

/** The left box is as tall as all its right ones together. */
function groupLines(
  state: DashboardState,
  report: StatusReport,
  map: FlowMap,
  group: FlowMap['groups'][number],
  boxWidth: number,
  width: number,
  glyphs: Glyphs,
): Line[] {
  const left = box(report, map, group.left, boxWidth, group.pairs.length * BOX_HEIGHT, glyphs);
  const middle = width - 2 * MARGIN - 2 * boxWidth;
  const margin = span(' '.repeat(MARGIN));
  return group.pairs.flatMap((pair, place) => {
    const right = box(report, map, pair.right, boxWidth, BOX_HEIGHT, glyphs);
    const flows = [pair.forward, pair.backward].filter((flow) => flow !== null);
    return right.map((rightRow, row) => {
      const flow = flows[row - 1];
      const leftRow = left[place * BOX_HEIGHT + row]!;
      if (flow === undefined) return [margin, ...leftRow, span(' '.repeat(middle)), ...rightRow];
      const forward = flow === pair.forward;
      // The arrow grows out of its source's side; at its head the target's side stays whole.
      return [
        margin,
        ...(forward ? [...leftRow.slice(0, -1), span(glyphs.box.outRight, 'dim')] : leftRow),
        ...arrow(flow, state.histories.get(flow.slowest)?.lagMs ?? [], forward, middle, glyphs),
        ...(forward ? rightRow : [span(glyphs.box.outLeft, 'dim'), ...rightRow.slice(1)]),
      ];
    });
  });
}

function box(
  report: StatusReport,
  map: FlowMap,
  database: string,
  width: number,
  height: number,
  glyphs: Glyphs,
): Line[] {
  const { box: edge } = glyphs;
  const owner = ownerOf(report, database);
  const inner = width - 2;
  const region = map.regionOf.get(database) ?? '';
  const title = fitted(
    [span(region === '' ? '' : ` ${region} `, 'dim')],
    Math.min(textWidth(region) + 2, inner - 1),
    glyphs.more,
  );
  const rest = inner - 1 - lineWidth(title);
  const side = span(edge.down, 'dim');
  const content: Line[] = [
    line(span(` ${database}`, 'strong')),
    owner === null
      ? line(span(` ${glyphs.away} no node`, 'bad'))
      : line(span(` ${glyphs.alive} `, 'good'), span(owner.name, 'dim')),
  ];
  return Array.from({ length: height }, (_, row) => {
    if (row === 0) {
      return [
        span(edge.topLeft + edge.across, 'dim'),
        ...title,
        span(edge.across.repeat(Math.max(0, rest)) + edge.topRight, 'dim'),
      ];
    }
    if (row === height - 1) return [span(edge.bottomLeft + edge.across.repeat(inner) + edge.bottomRight, 'dim')];
    return [side, ...fitted(content[row - 1] ?? BLANK, inner, glyphs.more), side];
  });
}

function arrow(flow: Flow, history: readonly (number | null)[], forward: boolean, width: number, glyphs: Glyphs): Line {
  const tone = phaseTone(flow.phase);
  const label = labelOf(flow, history, width - 8, glyphs);
  const room = Math.max(0, width - 1 - lineWidth(label));
  const before = Math.floor(room / 2);
  const body = bodyOf(flow, glyphs);
  const dashes = (length: number): Span => span(body.repeat(length), flow.phase === 'streaming' ? 'dim' : tone);
  return forward
    ? [dashes(before), ...label, dashes(room - before), span(glyphs.right, tone)]
    : [span(glyphs.left, tone), dashes(before), ...label, dashes(room - before)];
}

function bodyOf(flow: Flow, glyphs: Glyphs): string {
  if (flow.phase === 'streaming') return glyphs.flow.streaming;
  if (flow.phase === 'copying') return glyphs.flow.copying;
  return flow.phase === 'failed' ? glyphs.flow.failed : glyphs.flow.still;
}

/** ` shop · 12 ms · 1,204 rows/s `, or the phase in words while rows do not flow; the channel goes first when it is tight. */
function labelOf(flow: Flow, history: readonly (number | null)[], width: number, glyphs: Glyphs): Line {
  const name = flow.channels.length === 1 ? flow.channels[0]! : `${flow.channels.length} channels`;
  const dot = span(` ${glyphs.dot} `, 'dim');
  const facts = factsOf(flow, glyphs, dot);
  const drawn = chartSpans(history, HISTORY_WIDTH, 1, LAG_FLOOR_MS, lagTone, glyphs)[0] ?? [];
  const whole: Line = [span(` ${name}`, 'strong'), dot, ...facts, dot, ...drawn, span(' ')];
  if (flow.phase === 'streaming' && history.length > 1 && lineWidth(whole) <= width) return whole;
  const long: Line = [span(` ${name}`, 'strong'), dot, ...facts, span(' ')];
  if (lineWidth(long) <= width) return long;
  const short: Line = [span(' '), ...facts, span(' ')];
  return lineWidth(short) <= width ? short : fitted(short, Math.max(0, width), glyphs.more);
}

function factsOf(flow: Flow, glyphs: Glyphs, dot: Span): Line {
  if (flow.phase === 'copying' && flow.copied !== null) {
    return [span(`copying ${percent(flow.copied)}`, 'busy'), dot, span(`${count(flow.rowsPerSecond)} rows/s`)];
  }
  if (flow.phase !== 'streaming') return [span(`${glyphs.phases[flow.phase]} ${flow.phase}`, phaseTone(flow.phase))];
  const lag = flow.lagMs === null ? glyphs.none : duration(flow.lagMs);
  return [span(lag, lagTone(flow.lagMs)), dot, span(`${count(flow.rowsPerSecond)} rows/s`)];
}

// ---------------------------------------------------------------- one line per pair

function compact(pairs: readonly Pair[], height: number, width: number, glyphs: Glyphs): Line[] {
  if (height < 1) return [];
  const shown = pairs.length <= height ? pairs : pairs.slice(0, height - 1);
  const names = shown.map((pair) => Math.max(textWidth(pair.left), textWidth(pair.right)));
  const nameWidth = Math.min(BOX_WIDTH_MAX, Math.max(2, ...names));
  const dot = span(` ${glyphs.dot} `, 'dim');
  const lines = shown.map((pair) => {
    const way = (flow: Flow | null, head: string): Line =>
      flow === null ? BLANK : [span(`   ${head} `, phaseTone(flow.phase)), ...factsOf(flow, glyphs, dot)];
    const heads: [Span, Span] = [
      headOf(pair.backward, glyphs.left, glyphs),
      headOf(pair.forward, glyphs.right, glyphs),
    ];
    const shaft = glyphs.flow.streaming.repeat(2);
    return fitted(
      [
        span(' '),
        ...fitted([span(pair.left, 'strong')], nameWidth, glyphs.more),
        span(' '),
        heads[0],
        span(shaft, 'dim'),
        heads[1],
        span(' '),
        ...fitted([span(pair.right, 'strong')], nameWidth, glyphs.more),
        ...fitted(way(pair.forward, glyphs.right), 30, glyphs.more),
        ...way(pair.backward, glyphs.left),
      ],
      width,
      glyphs.more,
    );
  });
  const rest = pairs.length - shown.length;
  return rest === 0 ? lines : [...lines, line(span(` ${glyphs.more} and ${rest} more pairs of databases`, 'dim'))];
}

function headOf(flow: Flow | null, head: string, glyphs: Glyphs): Span {
  const tone: Tone = flow === null ? 'dim' : phaseTone(flow.phase);
  return span(flow === null ? glyphs.flow.streaming : head, tone);
}

function aloneLine(map: FlowMap, glyphs: Glyphs): Line[] {
  if (map.alone.length === 0) return [];
  const names = map.alone.slice(0, 8).join(', ') + (map.alone.length > 8 ? `, ${glyphs.more}` : '');
  return [line(span(` in no channel: ${names}`, 'dim'))];
}
