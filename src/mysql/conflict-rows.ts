/** Records of conflicts as rows of `otter.conflict`, and back. Rows in them are JSON objects of SQL literals. */
import type {
  ClosedConflicts,
  ConflictKind,
  ConflictQuery,
  ConflictRecord,
  ConflictState,
  LoggedConflict,
  NamedImage,
  Winner,
} from '../model/conflict.ts';
import type { Session } from './connection.ts';
import { quoteText } from './sql.ts';

const WRITTEN = [
  ...['lineage', 'pipeline', 'channel', 'table_schema', 'table_name', 'row_key', 'kind', 'winner', 'decided_by'],
  ...['images', 'incoming', 'present', 'base', 'incoming_gtid', 'incoming_ms', 'local_gtid', 'incoming_clock'],
  ...['local_clock', 'token', 'decided_ms'],
];

/** Several records go into one statement up to this part of a packet: quoted, a character may take eight bytes. */
const PIECES = 16;

/** Statements that write the records into the table `into`; a single record may still be longer than a packet. */
export function* conflictInserts(
  into: string,
  lineage: string,
  records: readonly ConflictRecord[],
  packetBytesMax: number,
  state: ConflictState = 'decided',
): Generator<string> {
  const charsMax = Math.floor(packetBytesMax / PIECES);
  const insert = `INSERT INTO ${into} (${WRITTEN.join(',')},state) VALUES `;
  let tuples: string[] = [];
  let chars = 0;
  for (const record of records) {
    const tuple = tupleOf(lineage, record, state);
    if (chars > 0 && chars + tuple.length > charsMax) {
      yield insert + tuples.join(',');
      tuples = [];
      chars = 0;
    }
    tuples.push(tuple);
    chars += tuple.length;
  }
  if (tuples.length > 0) yield insert + tuples.join(',');
}

function tupleOf(lineage: string, record: ConflictRecord, state: ConflictState): string {
  const { pipeline, channel, table, key, kind, winner, rule, images, incoming, local, base } = record;
  const image = (one: NamedImage | null): string => text(one === null ? null : JSON.stringify(one));
  const values = [
    ...[lineage, pipeline, channel, table.schema, table.name, JSON.stringify(key), kind, winner, rule, images].map(
      quoteText,
    ),
    ...[incoming, local, base].map(image),
    ...[text(record.incomingGtid), number(record.incomingMs), text(record.localGtid)],
    ...[number(record.incomingClock), number(record.localClock), text(record.token), number(record.decidedMs)],
    quoteText(state),
  ];
  return `(${values.join(',')})`;
}

function text(value: string | null): string {
  return value === null ? 'NULL' : quoteText(value);
}

function number(value: string | number | null): string {
  return value === null ? 'NULL' : String(value);
}

/** Of rows that are not to be kept nothing is left of a record that is closed, or not the rows. */
export function closeConflicts(table: string, { ids, winner, level, by, atMs }: ClosedConflicts): string {
  const where = `WHERE id IN (${ids.join(',')})`;
  if (level === 'none') return `DELETE FROM ${table} ${where}`;
  const rows = level === 'full' ? '' : ",images='none',incoming=NULL,present=NULL,base=NULL";
  const who = quoteText(by.slice(0, BY_CHARS));
  return `UPDATE ${table} SET state='resolved',winner=${quoteText(winner)},resolved_by=${who},resolved_ms=${atMs}${rows} ${where}`;
}

const BY_CHARS = 160;

/** Waits for whoever is closing one of them. */
export async function stillOpen(session: Session, table: string, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return [];
  const found = await session.rows<{ id: string | number }>(
    `SELECT id FROM ${table} WHERE id IN (${ids.join(',')}) AND state='open' FOR UPDATE`,
  );
  return found.map(({ id }) => Number(id));
}

/** Without the rows, which may be long. */
const LISTED = [
  'id',
  'state',
  'resolved_ms',
  'resolved_by',
  ...WRITTEN.filter((name) => !['incoming', 'present', 'base', 'token'].includes(name)),
];

export function conflictList(from: string, query: ConflictQuery): string {
  const { table, channel, pipeline, kind, winner, sinceMs, open, limit } = query;
  const equal = (column: string, value: string | null): string[] =>
    value === null ? [] : [`${column}=${quoteText(value)}`];
  const conditions = [
    ...(table === null ? [] : [`CONCAT(table_schema,'.',table_name) LIKE ${quoteText(likeOf(table))} ESCAPE '|'`]),
    ...equal('channel', channel),
    ...equal('pipeline', pipeline),
    ...equal('kind', kind),
    ...equal('winner', winner),
    ...(sinceMs === null ? [] : [`decided_ms>=${sinceMs}`]),
    ...(open ? [`state='open'`] : []),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${LISTED.join(',')} FROM ${from}${where} ORDER BY id DESC LIMIT ${limit}`;
}

export function conflictOne(from: string, id: number): string {
  return `SELECT ${['id', 'state', 'resolved_ms', 'resolved_by', ...WRITTEN].join(',')} FROM ${from} WHERE id=${id}`;
}

/** `*` for any text; what LIKE knows besides is taken as it stands. */
function likeOf(pattern: string): string {
  return pattern.replaceAll(/[|%_]/g, '|$&').replaceAll('*', '%');
}

export type ConflictRow = Readonly<Record<string, string | number | null | undefined>>;

/** Of a row that was listed, rows and token are null. */
export function conflictOf(row: ConflictRow): LoggedConflict {
  const textOf = (column: string): string | null => (row[column] == null ? null : String(row[column]));
  const numberOf = (column: string): number | null => (row[column] == null ? null : Number(row[column]));
  const image = (column: string): NamedImage | null => JSON.parse(textOf(column) ?? 'null') as NamedImage | null;
  return {
    id: Number(row['id']),
    lineage: textOf('lineage')!,
    state: textOf('state') as ConflictState,
    resolvedMs: numberOf('resolved_ms'),
    resolvedBy: textOf('resolved_by'),
    channel: textOf('channel')!,
    pipeline: textOf('pipeline')!,
    table: { schema: textOf('table_schema')!, name: textOf('table_name')! },
    key: image('row_key')!,
    kind: textOf('kind') as ConflictKind,
    winner: textOf('winner') as Winner,
    rule: textOf('decided_by')!,
    images: textOf('images') as ConflictRecord['images'],
    incoming: image('incoming'),
    local: image('present'),
    base: image('base'),
    incomingGtid: textOf('incoming_gtid'),
    incomingMs: numberOf('incoming_ms'),
    localGtid: textOf('local_gtid'),
    incomingClock: textOf('incoming_clock'),
    localClock: textOf('local_clock'),
    token: textOf('token'),
    decidedMs: Number(row['decided_ms']),
  };
}
