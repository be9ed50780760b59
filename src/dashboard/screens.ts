/**
 * Screens as lines: what is known, what is chosen and the size of the terminal in, exactly that many rows out.
 * The room is shared out in a fixed order: header and footer, then the table, then the map, then everything else.
 */

import { UnreachableError } from '../model/error.ts';
import type { NodeStatus, PipelineStatus, StatusReport } from '../model/status.ts';
import { detailLines } from './detail.ts';
import { allPipelines, clock, duration, megabytes } from './figures.ts';
import { chosen, type Listed, type View } from './keys.ts';
import { mapLines } from './map.ts';
import {
  attentionLines,
  errorLines,
  footerLine,
  headerLines,
  nodesLine,
  type Paint,
  pipelineColumns,
  storyLines,
} from './panels.ts';
import type { DashboardState } from './store.ts';
import { type Column, firstShown, tableLines } from './table.ts';
import { BLANK, fitted, type Line, line, printable, span } from './text.ts';

const WIDE_COLUMNS = 110;

/** Pipelines and nodes that the filter lets through. */
export function listed(state: DashboardState, filter: string): Listed {
  const { report } = state;
  if (report === null) return { pipelines: [], nodes: [] };
  return {
    pipelines: filteredPipelines(report, filter).map((pipeline) => pipeline.name),
    nodes: filteredNodes(report, filter).map((node) => node.name),
  };
}

/** Exactly `rows` lines, none wider than the terminal. */
export function screenLines(state: DashboardState, view: View, rows: number, paint: Paint): Line[] {
  const header = headerLines(state, paint);
  const footer = footerLine(view, paint);
  const height = Math.max(0, rows - header.length - 1);
  const body = bodyLines(state, view, height, paint).slice(0, height);
  const filler = new Array<Line>(height - body.length).fill(BLANK);
  return [...header, ...body, ...filler, footer]
    .slice(0, rows)
    .map((one) => fitted(one, paint.columns, paint.glyphs.more));
}

function bodyLines(state: DashboardState, view: View, height: number, paint: Paint): Line[] {
  if (view.help) return helpLines(paint);
  const { report } = state;
  if (report === null) return [BLANK, line(span('   Waiting for the first status.', 'dim'))];
  if (view.detail && view.pipeline !== null) return detailLines(state, report, view.pipeline, height, paint);
  switch (view.screen) {
    case 'overview':
      return overviewLines(state, report, view, height, paint);
    case 'pipelines':
      return pipelineLines(state, report, view, height, paint);
    case 'nodes':
      return nodeLines(report, view, height, paint);
    default:
      throw new UnreachableError(view.screen satisfies never);
  }
}

// ---------------------------------------------------------------- overview

/** The least that the table keeps when everything else wants room: its title and four rows. */
const TABLE_LEAST = 5;
const ATTENTION_LEAST = 5;
const STORY_LEAST = 4;
const STORY_MOST = 14;

/** Every row that there is; for a print of the whole, a height that nobody reaches does. */
export function overviewLines(
  state: DashboardState,
  report: StatusReport,
  view: View,
  height: number,
  paint: Paint,
): Line[] {
  const pipelines = filteredPipelines(report, view.filter);
  if (allPipelines(report).length + report.nodes.length + report.regions.length === 0) {
    return [...emptyLines(report), ...story(state, height - 6, paint)];
  }
  const nodes: Line[] = [BLANK, nodesLine(report, paint)];
  const tableWanted = pipelines.length + 1;
  const tableLeast = Math.min(tableWanted, TABLE_LEAST);
  const storyWanted = state.notes.length === 0 ? 0 : Math.min(state.notes.length + 2, STORY_MOST);
  // Everybody's least is set aside first; then the map, the table and the story take what they want, in this order.
  let left = height - nodes.length - 1 - tableLeast;
  const attentionRoom = Math.min(left, Math.max(ATTENTION_LEAST, Math.floor(height / 4))) - 1;
  const attention = spaced(attentionLines(report, attentionRoom, paint));
  left -= attention.length;
  const storyLeast = Math.min(storyWanted, STORY_LEAST, Math.max(0, left));
  left -= storyLeast;
  const map = spaced(mapLines(report, paint.columns, left - 1, Math.max(3, Math.floor(height / 4)), paint.glyphs));
  left -= map.length;
  const tableHeight = Math.min(tableWanted, tableLeast + Math.max(0, left));
  left -= tableHeight - tableLeast;
  const table = pipelineTable(state, report, pipelines, view, tableHeight, paint);
  return [...map, BLANK, ...table, ...attention, ...nodes, ...story(state, storyLeast + Math.max(0, left), paint)];
}

function story(state: DashboardState, height: number, paint: Paint): Line[] {
  return spaced(storyLines(state, Math.min(height, STORY_MOST) - 1, paint));
}

/** With an empty line before, unless there is nothing. */
function spaced(lines: Line[]): Line[] {
  return lines.length === 0 ? [] : [BLANK, ...lines];
}

function emptyLines(report: StatusReport): Line[] {
  return [
    BLANK,
    line('   ', span(report.topology, 'strong'), ' is empty: nothing has been applied yet.'),
    BLANK,
    line(span('   otter plan ', 'strong'), span(' shows what would be done', 'dim')),
    line(span('   otter apply', 'strong'), span(' does it', 'dim')),
  ];
}

// ---------------------------------------------------------------- pipelines

function pipelineTable(
  state: DashboardState,
  report: StatusReport,
  pipelines: readonly PipelineStatus[],
  view: View,
  height: number,
  paint: Paint,
): Line[] {
  const everything = allPipelines(report).length;
  if (pipelines.length === 0) {
    const text =
      everything === 0 ? 'No channel is applied yet.' : `None of ${everything} pipelines matches "${view.filter}".`;
    return [line(span('  PIPELINE', 'dim')), line(span(`  ${text}`, 'dim'))];
  }
  const names = pipelines.map((one) => one.name);
  const index = names.indexOf(chosen(view.pipeline, names) ?? '');
  const fits = pipelines.length <= height - 1;
  const room = fits ? height : height - 1;
  const wide = view.screen === 'pipelines' || paint.columns >= WIDE_COLUMNS;
  const table = { columns: pipelineColumns(state, wide, paint.glyphs), rows: pipelines, chosen: index };
  const lines = tableLines(table, paint.columns, room, paint.glyphs);
  return fits ? lines : [...lines, whereLine(pipelines.length, index, Math.max(1, room - 1))];
}

function whereLine(total: number, index: number, room: number): Line {
  const first = firstShown(total, index, room);
  return line(span(`  ${first + 1} to ${Math.min(total, first + room)} of ${total}`, 'dim'));
}

/** The table over the whole height; below it what is wrong with the chosen one. */
function pipelineLines(state: DashboardState, report: StatusReport, view: View, height: number, paint: Paint): Line[] {
  const pipelines = filteredPipelines(report, view.filter);
  const name = chosen(
    view.pipeline,
    pipelines.map((one) => one.name),
  );
  const pipeline = pipelines.find((one) => one.name === name);
  const about: Line[] = [];
  if (pipeline?.waiting != null) about.push(line(span(`   waits for ${printable(pipeline.waiting)}`, 'warn')));
  if (pipeline?.error != null)
    about.push(...errorLines(pipeline.name, pipeline.error, paint.columns - 4, 3, paint.glyphs));
  const below = spaced(about.slice(0, Math.max(0, height - TABLE_LEAST - 2)));
  return [BLANK, ...pipelineTable(state, report, pipelines, view, height - 1 - below.length, paint), ...below];
}

// ---------------------------------------------------------------- nodes

function nodeLines(report: StatusReport, view: View, height: number, paint: Paint): Line[] {
  const nodes = filteredNodes(report, view.filter);
  if (nodes.length === 0) {
    const text =
      report.nodes.length === 0
        ? 'No node is declared.'
        : `None of ${report.nodes.length} nodes matches "${view.filter}".`;
    return [BLANK, line(span(`  ${text}`, 'dim'))];
  }
  const names = nodes.map((node) => node.name);
  const index = names.indexOf(chosen(view.node, names) ?? '');
  const fits = nodes.length <= height - 2;
  const room = height - (fits ? 1 : 2);
  const lines = tableLines(
    { columns: nodeColumns(report, paint), rows: nodes, chosen: index },
    paint.columns,
    room,
    paint.glyphs,
  );
  return [BLANK, ...lines, ...(fits ? [] : [whereLine(nodes.length, index, Math.max(1, room - 1))])];
}

function nodeColumns(report: StatusReport, { glyphs, nowMs }: Paint): readonly Column<NodeStatus>[] {
  const none = span(glyphs.none, 'dim');
  const age = (started: string | null): string | null => {
    const since = started === null ? Number.NaN : Date.parse(started);
    return Number.isNaN(since) ? null : duration(Math.max(0, nowMs - since));
  };
  const carried = (node: NodeStatus): number =>
    allPipelines(report).filter((pipeline) => pipeline.node === node.name).length;
  return [
    { title: 'NODE', drop: 0, width: 10, cell: (node) => [span(node.name)] },
    {
      title: 'STATE',
      drop: 0,
      cell: (node) => [node.alive ? span(`${glyphs.alive} alive`, 'good') : span(`${glyphs.away} away`, 'bad')],
    },
    { title: 'REGION', drop: 2, cell: (node) => [span(node.region)] },
    {
      title: 'DATABASES',
      drop: 1,
      cell: (node) => [node.databases.length === 0 ? none : span(node.databases.join(', '))],
    },
    { title: 'PIPELINES', align: 'right', drop: 3, cell: (node) => [span(String(carried(node)))] },
    {
      title: 'MEMORY',
      align: 'right',
      width: 8,
      drop: 4,
      cell: (node) => [node.rss_bytes === null ? none : span(megabytes(node.rss_bytes))],
    },
    {
      title: 'UP',
      align: 'right',
      width: 7,
      drop: 5,
      cell: (node) => [age(node.started) === null ? none : span(age(node.started)!)],
    },
    { title: 'VERSION', drop: 6, cell: (node) => [node.version === null ? none : span(printable(node.version))] },
  ];
}

// ---------------------------------------------------------------- help

function helpLines({ glyphs, nowMs }: Paint): Line[] {
  const key = (name: string, does: string): Line => line(span(`   ${name.padEnd(18)}`, 'strong'), does);
  const phase = (name: keyof typeof glyphs.phases, meaning: string): Line =>
    line(`   ${`${glyphs.phases[name]} ${name}`.padEnd(18)}`, span(meaning, 'dim'));
  return [
    BLANK,
    key('1  2  3  Tab', 'overview, pipelines, nodes'),
    key('arrows  j k  g G', 'choose a row'),
    key('Enter', 'open the chosen pipeline; Esc goes back'),
    key('/', 'filter by name, phase, database, node or region'),
    key('?', 'this help; again or Esc to close'),
    key('q  Ctrl-C', 'quit; nothing that runs is disturbed'),
    BLANK,
    phase('pending', 'declared; its nodes have not taken it up yet'),
    phase('copying', 'existing rows are copied while new changes flow'),
    phase('streaming', 'every change is applied as it is committed'),
    phase('paused', 'a person paused it'),
    phase('stopped', 'stopped as its channel says; a person has to act'),
    phase('failed', 'an error; it tries again if that can help'),
    BLANK,
    line(span('   Lag is the age of the newest change of the source that the target has: calm below', 'dim')),
    line(span(`   1 s, late from 10 s. Figures are as of ${clock(nowMs)}; this screen only reads.`, 'dim')),
  ];
}

function filteredPipelines(report: StatusReport, filter: string): readonly PipelineStatus[] {
  return allPipelines(report).filter((one) =>
    matches(filter, [one.name, one.phase, one.source, one.target, one.node ?? '']),
  );
}

function filteredNodes(report: StatusReport, filter: string): readonly NodeStatus[] {
  return report.nodes.filter((node) =>
    matches(filter, [node.name, node.region, node.alive ? 'alive' : 'away', ...node.databases]),
  );
}

function matches(filter: string, texts: readonly string[]): boolean {
  const wanted = filter.trim().toLowerCase();
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted));
}
