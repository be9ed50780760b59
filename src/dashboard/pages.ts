/** What there is at a place: a list of rows, or lines of text; and why neither can be had yet. Pure. */
import type { AlertsJson } from '../model/alerts/alerts-json.ts';
import type { StatusReport } from '../model/status.ts';
import type { Names } from './commands.ts';
import { answerKey } from './desk.ts';
import { detailLines } from './detail.ts';
import { allPipelines } from './figures.ts';
import { type List, list } from './list.ts';
import { conflictLines, conflictList } from './list-conflicts.ts';
import { alertList, tableList } from './list-declared.ts';
import { filesList } from './list-files.ts';
import { nodeLines, nodeList } from './list-nodes.ts';
import { eventList, runLines, runList } from './list-past.ts';
import { channelList, pipelineList } from './list-pipelines.ts';
import type { Paint } from './paint.ts';
import type { DashboardState } from './store.ts';
import { type Line, line, span, wrap } from './text.ts';
import { chosenOf, here, type View } from './view.ts';

export type Page =
  | { readonly kind: 'list'; readonly list: List }
  /** @param height of the room that there is: a chart takes what it is given */
  | { readonly kind: 'text'; readonly lines: (height: number) => Line[] };

const WIDE_COLUMNS = 110;
const NOT_RECORDED = 'This is not in the recording: it has what was looked at while it was made, and never rows.';

/**
 * @param write whether keys that change something are offered
 * @param asks whether what is not known yet is being asked for
 */
export function pageOf(
  state: DashboardState,
  report: StatusReport,
  view: View,
  write: boolean,
  paint: Paint,
  asks = true,
): Page {
  const place = here(view);
  const wide = paint.columns >= WIDE_COLUMNS;
  switch (place.kind) {
    case 'overview':
      return { kind: 'list', list: list(pipelineList(state, report, null, wide, false, paint.glyphs), view) };
    case 'channels':
      return { kind: 'list', list: list(channelList(state, report, paint.glyphs), view) };
    case 'pipelines':
      return { kind: 'list', list: list(pipelineList(state, report, place.name, true, true, paint.glyphs), view) };
    case 'pipeline':
      return { kind: 'text', lines: (height) => detailLines(state, report, place.name, height, paint) };
    case 'nodes':
      return { kind: 'list', list: list(nodeList(report, paint), view) };
    case 'node':
      return { kind: 'text', lines: () => nodeLines(report, place.name, paint) };
    case 'files':
      return { kind: 'list', list: list(filesList(report, paint), view) };
    case 'alerts':
      return { kind: 'list', list: list(alertList(report, alertsOf(state, view), paint), view) };
    case 'conflicts':
    case 'conflict':
    case 'tables':
    case 'runs':
    case 'run':
    case 'events':
    case 'yaml':
      return answered(state, report, view, write, paint, asks);
  }
}

/** What was asked for beside the status. Events are told without it too. */
function answered(
  state: DashboardState,
  report: StatusReport,
  view: View,
  write: boolean,
  paint: Paint,
  asks: boolean,
): Page {
  const place = here(view);
  const answer = state.answers.get(answerKey(place) ?? '');
  const loaded = answer?.loaded ?? null;
  if (place.kind === 'events') {
    const audit = loaded?.kind === 'past' ? loaded.value.audit : [];
    return { kind: 'list', list: list(eventList(audit, state.happened), view) };
  }
  if (loaded === null)
    return { kind: 'text', lines: () => waitingLines(answer?.failed ?? (asks ? null : NOT_RECORDED), paint) };
  switch (loaded.kind) {
    case 'past':
      return place.kind === 'run'
        ? { kind: 'text', lines: () => runLines(loaded.value, place.name, paint) }
        : { kind: 'list', list: list(runList(loaded.value, paint), view) };
    case 'conflicts':
      return { kind: 'list', list: list(conflictList(loaded.value, paint), view) };
    case 'conflict':
      return { kind: 'text', lines: () => conflictLines(loaded.value, write, paint) };
    case 'tables':
      return {
        kind: 'list',
        list: list(tableList(report, place.kind === 'tables' ? place.name : '', loaded.value), view),
      };
    case 'yaml':
      return { kind: 'text', lines: () => loaded.value.map(yamlLine) };
    case 'alerts':
    case 'history':
      throw new Error(`no place shows ${loaded.kind} alone`);
  }
}

/** Null while only the status tells of alerts. */
function alertsOf(state: DashboardState, view: View): AlertsJson | null {
  const loaded = state.answers.get(answerKey(here(view)) ?? '')?.loaded;
  return loaded?.kind === 'alerts' ? loaded.value : null;
}

function waitingLines(failed: string | null, { columns, glyphs }: Paint): Line[] {
  if (failed === null) return [line(span('   Asking ...', 'dim'))];
  return wrap(`${glyphs.away} ${failed}`, Math.max(20, columns - 6)).map((text, i) =>
    line(span(`   ${text}`, i === 0 ? 'warn' : 'plain')),
  );
}

/** What is to be said of what is shown: that it is from before, since it could not be had again, or what of it is missing. */
export function warningOf(state: DashboardState, view: View): string | null {
  const answer = state.answers.get(answerKey(here(view)) ?? '');
  if (answer?.loaded == null) return null;
  const { loaded } = answer;
  // That is said beside the figures themselves, which come from elsewhere.
  if (loaded.kind === 'history') return null;
  if (answer.failed !== null) return `From before: ${answer.failed}`;
  const missing = loaded.kind === 'conflicts' ? loaded.value.unread : loaded.kind === 'tables' ? loaded.value.away : [];
  if (missing.length === 0) return null;
  return `Not asked: ${missing.map(({ database, code, message }) => `${database}: ${code}: ${message}`).join('; ')}`;
}

/** Keys, values and comments apart. */
function yamlLine(text: string): Line {
  if (/^\s*#/.test(text)) return line(span(`   ${text}`, 'dim'));
  const [, head, rest] = /^(\s*(?:- )*[^\s:#"'][^:]*:)(.*)$/.exec(text) ?? [];
  return head === undefined ? line(`   ${text}`) : line(span(`   ${head}`, 'busy'), rest ?? '');
}

/** What keys are about here: the chosen row, or what is opened. */
export function aboutOf(page: Page, view: View): string | null {
  const place = here(view);
  if (page.kind === 'list') {
    const name = chosenOf(view, page.list.names);
    if (name !== null) return page.list.about(name);
    return place.kind === 'pipelines' && place.name !== null ? `channel.${place.name}` : null;
  }
  if (place.kind === 'pipeline' || place.kind === 'node') return `${place.kind}.${place.name}`;
  return place.kind === 'tables' ? `channel.${place.name}` : null;
}

export function namesOf(report: StatusReport | null): Names {
  if (report === null) return { channels: [], pipelines: [], nodes: [], databases: [] };
  return {
    channels: report.channels.map(({ name }) => name),
    pipelines: allPipelines(report).map(({ name }) => name),
    nodes: report.nodes.map(({ name }) => name),
    databases: report.regions.flatMap(({ databases }) => databases),
  };
}
