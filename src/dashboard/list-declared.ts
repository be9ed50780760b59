/** Tables of a channel and alerts as lists. */
import type { AlertJson, AlertsJson } from '../model/alerts/alerts-json.ts';
import type { MatchedTable, StatusReport } from '../model/status.ts';
import type { TablesSeen } from './desk.ts';
import { count, duration } from './figures.ts';
import type { ListOf } from './list.ts';
import type { Paint } from './paint.ts';
import { printable, type Span, span } from './text.ts';

interface TableRow extends MatchedTable {
  /** As the topology has it. */
  readonly entry: string;
}

/** Counts are those of the pipelines of the channel since their nodes started. */
export function tableList(report: StatusReport, channel: string, { entries, away }: TablesSeen): ListOf<TableRow> {
  const pipelines = report.channels.find(({ name }) => name === channel)?.pipelines ?? [];
  const conflicts = (row: TableRow): number =>
    pipelines
      .filter(({ source }) => source === row.database)
      .reduce((sum, one) => sum + (one.conflict_tables[row.target] ?? 0), 0);
  const state = (row: TableRow): Span => {
    const phases = pipelines.filter(({ source }) => source === row.database).map(({ phase }) => phase);
    return span(phases.find((phase) => phase !== 'streaming') ?? phases[0] ?? '', 'dim');
  };
  const why = away.map(({ database, code, message }) => `${database} did not answer: ${code}: ${message}`).join('; ');
  return {
    rows: entries.flatMap((entry) => entry.tables.map((table) => ({ ...table, entry: entry.from }))),
    name: ({ database, table, entry }) => `${database} ${table} ${entry}`,
    texts: ({ database, table, target, entry }) => [database, table, target, entry],
    columns: [
      { title: 'TABLE', drop: 0, width: 12, cell: ({ table }) => [span(printable(table))], by: ({ table }) => table },
      { title: 'OF', drop: 0, cell: ({ database }) => [span(database)], by: ({ database }) => database },
      {
        title: 'GOES TO',
        drop: 2,
        cell: ({ table, target }) => [span(printable(target), table === target ? 'dim' : 'plain')],
        by: ({ target }) => target,
      },
      { title: 'PHASE', drop: 4, cell: (row) => [state(row)] },
      {
        title: 'CONFLICTS',
        align: 'right',
        drop: 1,
        cell: (row) => [span(count(conflicts(row)), conflicts(row) > 0 ? 'warn' : 'dim')],
        by: conflicts,
      },
      { title: 'BY ENTRY', drop: 3, cell: ({ entry }) => [span(printable(entry), 'dim')], by: ({ entry }) => entry },
    ],
    none: why === '' ? 'No table of the databases is meant by an entry of the channel.' : why,
  };
}

/** An alert, by what it holds for while it fires; or a receiver that could not be told. */
interface AlertRow {
  readonly alert: string;
  readonly state: AlertJson['state'] | 'silenced' | 'not told';
  readonly about: string;
  readonly since: string | null;
  readonly says: string;
}

/** Most urgent first. */
const ALERT_STATES = ['firing', 'not told', 'pending', 'over', 'silenced', 'quiet'] as const;

/** @param all every alert that is applied; null while only the status tells of those that fire */
export function alertList(report: StatusReport, all: AlertsJson | null, { glyphs, nowMs }: Paint): ListOf<AlertRow> {
  const rows = all === null ? toldByStatus(report) : toldByAlerts(all);
  const signs = {
    firing: [glyphs.away, 'fires', 'bad'],
    'not told': [glyphs.away, 'not told', 'warn'],
    pending: [glyphs.phases.copying, 'pending', 'warn'],
    over: [glyphs.alive, 'over', 'good'],
    silenced: [glyphs.phases.paused, 'silenced', 'warn'],
    quiet: [glyphs.alive, 'quiet', 'good'],
  } as const;
  return {
    rows: ALERT_STATES.flatMap((state) => rows.filter((row) => row.state === state)),
    name: ({ alert, state, about }) => `${alert} ${state} ${about}`,
    texts: ({ alert, state, about, says }) => [alert, signs[state][1], about, says],
    columns: [
      {
        title: 'ALERT',
        drop: 0,
        width: 12,
        cell: ({ alert }) => [alert === '' ? span(glyphs.none, 'dim') : span(printable(alert))],
        by: ({ alert }) => alert,
      },
      {
        title: 'STATE',
        drop: 0,
        width: 10,
        cell: ({ state }) => {
          const [sign, word, tone] = signs[state];
          return [span(`${sign} ${word}`, tone)];
        },
        by: ({ state }) => ALERT_STATES.indexOf(state),
      },
      { title: 'ABOUT', drop: 0, cell: ({ about }) => [span(printable(about))], by: ({ about }) => about },
      {
        title: 'SINCE',
        align: 'right',
        drop: 1,
        width: 8,
        cell: ({ since }) => [
          since === null ? span(glyphs.none, 'dim') : span(duration(Math.max(0, nowMs - Date.parse(since)))),
        ],
        by: ({ since }) => since,
      },
      { title: 'WHAT', drop: 2, width: 20, growTo: 120, cell: ({ says }) => [span(printable(says))] },
    ],
    none: all === null ? 'No alert fires.' : 'No alert is declared.',
    about: ({ alert }) => (alert === '' ? null : `alert.${alert}`),
  };
}

function toldByStatus({ alerts }: StatusReport): AlertRow[] {
  const firing = (alerts?.firing ?? []).flatMap(({ alert, since, about }) =>
    about.map(({ name, says }): AlertRow => ({ alert, state: 'firing', about: name, since, says })),
  );
  const deaf = (alerts?.receivers ?? []).map((one): AlertRow => deafRow('', one.receiver, one));
  return [...firing, ...deaf];
}

function toldByAlerts({ alerts, receivers }: AlertsJson): AlertRow[] {
  return [
    ...alerts.flatMap((one): AlertRow[] => {
      const { name: alert, on, when, state, since, about, silenced } = one;
      const hush = silenced === null ? '' : ` (silenced until ${silenced.until} by ${silenced.by}: ${silenced.why})`;
      if (state === 'firing')
        return about.map(({ name, says }) => ({ alert, state, about: name, since, says: says + hush }));
      const resting = state === 'quiet' && silenced !== null ? 'silenced' : state;
      return [{ alert, state: resting, about: on, since, says: when + hush }];
    }),
    ...receivers.flatMap(({ name, error }) => (error === null ? [] : [deafRow(error.alert, name, error)])),
  ];
}

function deafRow(alert: string, about: string, error: { readonly code: string; readonly message: string }): AlertRow {
  return { alert, state: 'not told', about, since: null, says: `${error.code}: ${error.message}` };
}
