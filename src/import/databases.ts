/**
 * Live databases as a draft: each server a database in a region of its own, the tables of the first one as a first channel, and
 * what `otter validate --live` would say of it as comments; what it would refuse is left out.
 */
import type { LiveFinding } from '../inspect/finding.ts';
import { serverFindings } from '../inspect/servers.ts';
import type { ServerAddress } from '../model/importing.ts';
import type { ServerReport, TableName } from '../model/inspection.ts';
import { tableName } from '../model/row.ts';
import { formatName } from '../model/table-pattern.ts';
import { endpointOf } from './address.ts';
import type { Draft, DraftChannel, DraftTable, Item, LeftOut } from './draft.ts';
import { fold } from './fold.ts';
import { passwordVariable } from './names.ts';

export interface FoundDatabase {
  readonly name: string;
  readonly address: ServerAddress;
  readonly report: ServerReport;
}

export interface Wishes {
  /** Name of the topology. */
  readonly name: string;
  readonly oneWay: boolean;
}

/** Otter's own, and Otter 4's. */
const OWN_SCHEMAS = new Set(['otter', 'retl']);
const CHANNEL = 'main';
const PORT = 7401;

/** Before the findings: an entry for each table, so that each finding is of one. */
export function draftOf(databases: readonly FoundDatabase[], { name, oneWay }: Wishes): Draft {
  const [first, ...others] = databases;
  const tables = tablesOf(first!).map(
    (table): DraftTable => ({ fields: { from: formatName(table.schema, table.name) }, notes: [] }),
  );
  const names = databases.map((one) => one.name);
  const several = others.length > 0;
  const ends = oneWay
    ? { from: first!.name, to: others.length === 1 ? others[0]!.name : others.map((one) => one.name) }
    : { between: several ? names : [first!.name, 'other'] };
  const conflict = oneWay ? undefined : { policy: 'site-priority', priority: several ? names : [first!.name, 'other'] };
  const channel: DraftChannel = {
    name: CHANNEL,
    fields: { ...ends, conflict, initial: 'copy' },
    notes: channelNotes(databases, oneWay),
    tables,
    leftOut: [],
  };
  const usable = several && tables.length > 0;
  const why =
    tables.length === 0
      ? 'there is no table yet.'
      : 'a channel wants a second database: declare it, then take this in.';
  return {
    name,
    notes: [
      'Written by `otter import --db`. Comments that begin with `otter:` are for you to read and remove; then see `otter validate --live` and `otter plan`.',
    ],
    regions: names.map((region) => ({ name: region, fields: {}, notes: [] })),
    nodes: names.map((region, i) => nodeItem(region, i)),
    databases: databases.map(databaseItem),
    channels: usable ? [channel] : [],
    leftOut: usable ? [] : [{ channel, why: [why] }],
    notify: [],
    alerts: [],
  };
}

function nodeItem(region: string, index: number): Item {
  const notes =
    index === 0
      ? [
          'Decide: where the nodes run. Each stands near the databases of its region, and is reached by the others under its address.',
        ]
      : [];
  return { name: `${region}-1`, fields: { region, listen: `127.0.0.1:${PORT + index}` }, notes };
}

function databaseItem({ name, address, report }: FoundDatabase): Item {
  const { version, family } = report.facts;
  return {
    name,
    fields: {
      region: name,
      engine: family,
      endpoints: [endpointOf(address)],
      user: address.user,
      password: { env: passwordVariable(name) },
    },
    notes: [`${version}, with ${report.tables.length} tables that ${address.user} may see.`],
  };
}

function tablesOf({ report, address }: FoundDatabase): TableName[] {
  return report.tables.filter(
    ({ schema }) => !OWN_SCHEMAS.has(schema) && (address.schema === null || schema === address.schema),
  );
}

function channelNotes([first, ...others]: readonly FoundDatabase[], oneWay: boolean): string[] {
  const known = new Set(tablesOf(first!).map(tableName));
  const only = others.flatMap((other) => {
    const more = tablesOf(other).filter((table) => !known.has(tableName(table)));
    return more.length === 0
      ? []
      : [`${other.name} has ${more.length} tables that ${first!.name} has not: ${some(more)}.`];
  });
  const way = oneWay
    ? `Decide: rows go from ${first!.name} and never back.`
    : `Decide: all databases take writes, and ${first!.name} wins where a row is changed in two places at once. For rows that go one way write \`from\` and \`to\`.`;
  return [way, `Rows of ${first!.name} are copied first; missing tables are made.`, ...only];
}

function some(tables: readonly TableName[]): string {
  const patterns = fold(tables).map(({ pattern }) => pattern);
  return patterns.length > 5 ? `${patterns.slice(0, 5).join(', ')} and more` : patterns.join(', ');
}

/** What a single database has to hear: there is no channel to look at. */
export function loneFindings({ name, report }: FoundDatabase): LiveFinding[] {
  return report.facts.family === 'oracle'
    ? []
    : serverFindings(name, { engine: report.facts.family }, report, 'two-way');
}

/** That a target has rows is for a person to decide, and no fault of the table. */
const HAS_ROWS = 'OT5013';

/** The draft with what was found: tables that would be refused left out, numbered ones folded, everything else as notes. */
export function withFindings(draft: Draft, findings: readonly LiveFinding[]): Draft {
  const ofDatabase = (name: string): string[] =>
    findings.filter(({ at }) => at.address === `database.${name}`).map(noteOf);
  return {
    ...draft,
    databases: draft.databases.map((item) => ({ ...item, notes: [...item.notes, ...ofDatabase(item.name)] })),
    channels: draft.channels.map((channel) => foldChannel(channel, findings)),
    leftOut: draft.leftOut.map(({ channel, why }) => ({ channel: foldChannel(channel, []), why })),
  };
}

function foldChannel(channel: DraftChannel, findings: readonly LiveFinding[]): DraftChannel {
  const own = findings.filter(({ at }) => at.address === `channel.${channel.name}`);
  const {
    filled = [],
    tables = [],
    whole = [],
  } = Object.groupBy(own, ({ code, at }) =>
    code === HAS_ROWS ? 'filled' : at.path[0] === 'tables' ? 'tables' : 'whole',
  );
  const byTable = Map.groupBy(tables, ({ at }) => Number(at.path[1]));
  const refused = new Set([...byTable].flatMap(([i, list]) => (list.some(isError) ? [i] : [])));
  const kept = channel.tables.flatMap((_, i) => (refused.has(i) ? [] : [i]));
  return {
    ...channel,
    notes: [...channel.notes, ...whole.map(noteOf), ...(filled.length === 0 ? [] : [filledNote(filled)])],
    tables: foldEntries(channel.tables, kept, byTable),
    leftOut: [
      ...channel.leftOut,
      ...[...refused].map(
        (i): LeftOut => ({ fields: channel.tables[i]!.fields, why: byTable.get(i)!.filter(isError).map(noteOf) }),
      ),
    ],
  };
}

/** Entries whose tables only differ by a number as one entry, with each kind of note once. */
function foldEntries(
  entries: readonly DraftTable[],
  kept: readonly number[],
  findings: ReadonlyMap<number, readonly LiveFinding[]>,
): DraftTable[] {
  const places = new Map(kept.map((i) => [entries[i]!.fields.from, i]));
  const names = kept.map((i) => nameOf(entries[i]!.fields.from));
  return fold(names).map(({ pattern, tables }) => {
    const found = tables.flatMap((table) => findings.get(places.get(formatName(table.schema, table.name))!) ?? []);
    const notes = [...Map.groupBy(found, ({ code }) => code).values()].map((alike) => {
      const more = alike.length > 1 && tables.length > 1 ? ` (and ${alike.length - 1} more like it)` : '';
      return `${noteOf(alike[0]!)}${more}`;
    });
    return { fields: { from: pattern }, notes };
  });
}

/** As `formatName` wrote it. */
function nameOf(text: string): TableName {
  const [, schema, name] = /^(`(?:[^`]|``)*`|[^.`]*)\.(`(?:[^`]|``)*`|[^`]*)$/s.exec(text)!;
  const bare = (part: string): string => (part.startsWith('`') ? part.slice(1, -1).replaceAll('``', '`') : part);
  return { schema: bare(schema!), name: bare(name!) };
}

function filledNote(found: readonly LiveFinding[]): string {
  return `Decide: ${found.length} ${found.length === 1 ? 'table has' : 'tables have'} rows already where they would be copied to. ${found[0]!.detail}`;
}

function isError({ severity }: LiveFinding): boolean {
  return severity === 'error';
}

function noteOf({ code, summary, detail }: LiveFinding): string {
  return `${summary} (${code}).${detail === '' ? '' : ` ${detail}`}`;
}
