/** Tables of a channel and alerts as lists. */
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

/** What an alert holds for, or a receiver that could not be told. */
interface AlertRow {
  readonly alert: string;
  readonly state: 'fires' | 'not told';
  readonly about: string;
  readonly since: string | null;
  readonly says: string;
}

export function alertList({ alerts }: StatusReport, { glyphs, nowMs }: Paint): ListOf<AlertRow> {
  const firing = (alerts?.firing ?? []).flatMap(({ alert, since, about }) =>
    about.map(({ name, says }): AlertRow => ({ alert, state: 'fires', about: name, since, says })),
  );
  const deaf = (alerts?.receivers ?? []).map(
    ({ receiver, code, message }): AlertRow => ({
      alert: '',
      state: 'not told',
      about: receiver,
      since: null,
      says: `${code}: ${message}`,
    }),
  );
  return {
    rows: [...firing, ...deaf],
    name: ({ alert, about }) => `${alert} ${about}`,
    texts: ({ alert, state, about, says }) => [alert, state, about, says],
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
        cell: ({ state }) => [span(`${glyphs.away} ${state}`, state === 'fires' ? 'bad' : 'warn')],
        by: ({ state }) => state,
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
    none: 'No alerts.',
    about: ({ alert }) => (alert === '' ? null : `alert.${alert}`),
  };
}
