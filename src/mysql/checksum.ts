/**
 * Rows of a range as one number, made by the server: equal for equal rows, of whatever family and version the two servers are.
 *
 * What is summed up of each row is the first 64 bits of the SHA-256 of what `select.ts` would have read of it. Rows of a table
 * differ in their keys, so that none cancels another out; that two ranges differ and their sums do not has a chance of one in
 * 2^64. A checksum that differs says only that rows have to be read. MySQL 9.7 has no MD5, and CRC32 is too short to prove a thing.
 */
import type { KeyRange } from '../model/comparing.ts';
import type { ColumnShape, TableShape } from '../model/row.ts';
import { keyRange, selectedColumn } from './select.ts';
import { qualified } from './sql.ts';
import { parseColumnType } from './types.ts';

/** One row: how many rows, of how many a text could be made (none longer than a packet), the sum, and with `sized` their bytes. */
export function checksumQuery(table: TableShape, columns: readonly number[], range: KeyRange, sized: boolean): string {
  const text = rowText(columns.map((index) => table.columns[index]!));
  const digest = `CAST(CONV(LEFT(SHA2(${text},256),16),16,10) AS UNSIGNED)`;
  const where = keyRange(table, range);
  return (
    `SELECT COUNT(*), COUNT(${text}), BIT_XOR(${digest})${sized ? `, SUM(LENGTH(${text}))` : ''}` +
    ` FROM ${qualified(table)} FORCE INDEX (PRIMARY)${where === null ? '' : ` WHERE ${where}`}`
  );
}

/**
 * An unambiguous text of a row: which columns are NULL, then the others, those of any length with their length in front. What may be
 * longer than a packet takes, beyond which a server gives NULL, goes in as a digest.
 */
function rowText(columns: readonly ColumnShape[]): string {
  const nulls = columns.flatMap((column) => (column.nullable ? [`ISNULL(${selectedColumn(column)})`] : []));
  const parts = columns.flatMap((column) => {
    const value = selectedColumn(column);
    const type = parseColumnType(column.type, column.charset);
    switch (type.kind) {
      case 'text':
      case 'binary':
        return type.long ? [`SHA2(${value},256)`] : [`LENGTH(${value})`, value];
      case 'json':
        return [`SHA2(${value},256)`];
      case 'geometry':
      case 'vector':
        return [`SHA2(CAST(${value} AS BINARY),256)`];
      case 'fixed-binary':
      case 'address':
        return [`LENGTH(${value})`, value];
      case 'integer':
      case 'decimal':
      case 'float':
      case 'double':
      case 'bit':
      case 'year':
      case 'date':
      case 'datetime':
      case 'timestamp':
      case 'time':
      case 'enum':
      case 'set':
      case 'unsupported':
        return [value];
      default:
        return type satisfies never;
    }
  });
  return `CONCAT_WS('#',${[...(nulls.length === 0 ? [] : [`CONCAT(${nulls.join(',')})`]), ...parts].join(',')})`;
}
