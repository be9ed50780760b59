/**
 * The overview: the map, the pipelines, what is wrong and what to do about it, the nodes, the story of a demo.
 * The room is shared out in a fixed order: everybody's least first, then the map, the table and the story take what they want.
 */
import type { StatusReport } from '../model/status.ts';
import { allPipelines } from './figures.ts';
import type { List } from './list.ts';
import { mapLines } from './map.ts';
import type { Paint } from './paint.ts';
import { attentionLines, nodesLine, storyLines, summaryLine } from './panels.ts';
import type { DashboardState } from './store.ts';
import { BLANK, type Line, line, span } from './text.ts';

/** The least that the table keeps when everything else wants room: its title and four rows. */
const TABLE_LEAST = 5;
const ATTENTION_LEAST = 5;
const STORY_LEAST = 4;
const STORY_MOST = 14;

/** Every row that there is; for a print of the whole, a height that nobody reaches does. */
export function overviewLines(
  state: DashboardState,
  report: StatusReport,
  pipelines: List,
  height: number,
  paint: Paint,
): Line[] {
  if (allPipelines(report).length + report.nodes.length + report.regions.length === 0) {
    return [...emptyLines(report), ...story(state, height - 6, paint)];
  }
  const head = height < 14 ? [] : [summaryLine(report, paint)];
  const nodes: Line[] = [BLANK, nodesLine(report, paint)];
  const tableWanted = Math.max(1, pipelines.names.length) + 1;
  const tableLeast = Math.min(tableWanted, TABLE_LEAST);
  const storyWanted = state.notes.length === 0 ? 0 : Math.min(state.notes.length + 2, STORY_MOST);
  let left = height - head.length - nodes.length - 1 - tableLeast;
  const attentionRoom = Math.min(left, Math.max(ATTENTION_LEAST, Math.floor(height / 4))) - 1;
  const attention = spaced(attentionLines(report, attentionRoom, paint));
  left -= attention.length;
  const storyLeast = Math.min(storyWanted, STORY_LEAST, Math.max(0, left));
  left -= storyLeast;
  const map = spaced(mapLines(state, report, left - 1, Math.max(3, Math.floor(height / 4)), paint));
  left -= map.length;
  const tableHeight = Math.min(tableWanted, tableLeast + Math.max(0, left));
  left -= tableHeight - tableLeast;
  const table = pipelines.draw(tableHeight, paint);
  return [
    ...head,
    ...map,
    BLANK,
    ...table,
    ...attention,
    ...nodes,
    ...story(state, storyLeast + Math.max(0, left), paint),
  ];
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
