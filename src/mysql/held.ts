/**
 * Whether a stored row holds what was written into it. Servers round numbers, cut spaces at the end and change letters that
 * a charset does not have, some of it without a warning.
 *
 * Numbers and times are compared by the server, texts and bytes byte for byte; FLOAT and DOUBLE are approximate
 * by their type and are not compared.
 */
import type { LoadTable } from '../model/load.ts';
import type { ColumnShape, Image } from '../model/row.ts';
import type { Session } from './connection.ts';
import { keyCondition, qualified, quoteName } from './sql.ts';
import { type ColumnType, parseColumnType } from './types.ts';

/** Of these columns the ones in which the row of this key does not hold the values of `row`. */
export async function differing(
  session: Session,
  table: LoadTable,
  row: Image,
  columns: readonly number[],
): Promise<readonly number[]> {
  if (columns.length === 0) return [];
  const asked = columns.map((index) => `(${holds(table.columns[index]!, row[index] ?? 'NULL')})`);
  const sql = `SELECT ${asked.join(',')} FROM ${qualified(table.target)} WHERE ${keyCondition(table, table.key, [row])} FOR UPDATE`;
  const [found] = (await session.query(sql, { driver: { rowsAsArray: true } })) as unknown[][];
  return columns.filter((_index, at) => Number(found?.[at]) !== 1);
}

/** Whether the column of a stored row holds the value, as SQL; FLOAT and DOUBLE do always. */
export function holds(column: ColumnShape, literal: string): string {
  const name = quoteName(column.name);
  const kind: ColumnType['kind'] = parseColumnType(column.type, column.charset).kind;
  if (literal === 'NULL') return `${name} IS NULL`;
  switch (kind) {
    case 'float':
    case 'double':
      return '1';
    case 'integer':
    case 'decimal':
      return `${name}=${literal}`;
    case 'year':
      // Not as years, of which 70 is one.
      return `CAST(${name} AS UNSIGNED)=${literal}`;
    // With all the digits that there are, not those of the column; a text with more would be rounded here too.
    case 'date':
    case 'datetime':
    case 'timestamp':
      return /\.\d{7}/.test(literal) ? '0' : `CAST(${name} AS DATETIME(6))=CAST(${literal} AS DATETIME(6))`;
    case 'time':
      return /\.\d{7}/.test(literal) ? '0' : `CAST(${name} AS TIME(6))=CAST(${literal} AS TIME(6))`;
    case 'json':
      return `${name}=CAST(${literal} AS JSON)`;
    case 'bit':
    case 'binary':
    case 'fixed-binary':
    case 'geometry':
    case 'vector':
      return `CAST(${name} AS BINARY)=CAST(${literal} AS BINARY)`;
    case 'text':
    case 'enum':
    case 'set':
    case 'address':
    case 'unsupported':
      return `CAST(CONVERT(${name} USING utf8mb4) AS BINARY)=CAST(CONVERT(${literal} USING utf8mb4) AS BINARY)`;
  }
}
