/** Dead letters as rows of `otter.dead_letter`, and back. Rows in them are JSON objects of SQL literals, never cut. */
import type { NamedImage } from '../model/conflict.ts';
import type { DeadLetter, KeyChecks, LetterQuery, ListedLetter, LoggedLetter } from '../model/dead-letter.ts';
import type { Session } from './connection.ts';
import { quoteText } from './sql.ts';

const LISTED = [
  ...['id', 'lineage', 'pipeline', 'channel', 'source_table', 'table_schema', 'table_name', 'kind', 'row_key'],
  ...['checks', 'gtid', 'position', 'error', 'behind', 'parked_ms'],
];
const WHOLE = [...LISTED, 'row_before', 'row_after'];

export function letterInsert(into: string, lineage: string, letter: DeadLetter): string {
  const { pipeline, channel, sourceTable, table, kind, key, before, after, checks } = letter;
  const image = (one: NamedImage | null): string => (one === null ? 'NULL' : quoteText(JSON.stringify(one)));
  const values = [
    ...[lineage, pipeline, channel, sourceTable, table.schema, table.name, kind].map(quoteText),
    ...[image(key), quoteText(checks), quoteText(letter.gtid), quoteText(letter.position)],
    letter.error === null ? 'NULL' : quoteText(letter.error.slice(0, ERROR_CHARS)),
    ...[quoteText(JSON.stringify(letter.behind)), String(letter.parkedMs), image(before), image(after)],
  ];
  return `INSERT INTO ${into} (${WHOLE.slice(1).join(',')}) VALUES (${values.join(',')})`;
}

/** A TEXT holds 64 KiB. */
const ERROR_CHARS = 4_000;

/** Waits for whoever is settling one of them. */
export async function lettersLeft(session: Session, table: string, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return [];
  const found = await session.rows<{ id: string | number }>(
    `SELECT id FROM ${table} WHERE id IN (${ids.join(',')}) LOCK IN SHARE MODE`,
  );
  return found.map(({ id }) => Number(id));
}

export function lettersDelete(table: string, ids: readonly number[]): string {
  return `DELETE FROM ${table} WHERE id IN (${ids.join(',')})`;
}

/** @param of condition for lineage and pipeline */
export function lettersBehind(table: string, of: string, behind: number, limit: number): string {
  return `SELECT ${WHOLE.join(',')} FROM ${table} WHERE ${of} AND id>${behind} ORDER BY id LIMIT ${limit}`;
}

export function letterList(from: string, { channel, pipeline, limit }: LetterQuery): string {
  const conditions = [
    ...(channel === null ? [] : [`channel=${quoteText(channel)}`]),
    ...(pipeline === null ? [] : [`pipeline=${quoteText(pipeline)}`]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${LISTED.join(',')} FROM ${from}${where} ORDER BY id LIMIT ${limit}`;
}

export function letterOne(from: string, id: number): string {
  return `SELECT ${WHOLE.join(',')} FROM ${from} WHERE id=${id}`;
}

export type LetterRow = Readonly<Record<string, string | number | null | undefined>>;

export function listedOf(row: LetterRow): ListedLetter {
  const text = (column: string): string => String(row[column]);
  return {
    id: Number(row['id']),
    lineage: text('lineage'),
    pipeline: text('pipeline'),
    channel: text('channel'),
    sourceTable: text('source_table'),
    table: { schema: text('table_schema'), name: text('table_name') },
    kind: text('kind') as DeadLetter['kind'],
    key: JSON.parse(text('row_key')) as NamedImage,
    checks: text('checks') as KeyChecks,
    gtid: text('gtid'),
    position: text('position'),
    error: row['error'] == null ? null : text('error'),
    behind: JSON.parse(text('behind')) as number[],
    parkedMs: Number(row['parked_ms']),
  };
}

export function letterOf(row: LetterRow): LoggedLetter {
  const image = (column: string): NamedImage | null =>
    row[column] == null ? null : (JSON.parse(String(row[column])) as NamedImage);
  return { ...listedOf(row), before: image('row_before'), after: image('row_after') };
}
