/**
 * What Oracle takes for a name, and how a table or column is called there that otter makes. All names are quoted.
 *
 * Source: Oracle Database SQL Language Reference, "Database Object Names and Qualifiers" and "Oracle SQL Reserved Words": a quoted
 * name may be any word and have any sign but a double quote and a NUL, with one exception, ROWID in capitals, which no column is
 * called.
 */
import { nameNow } from './renamed.ts';
import type { ColumnShape } from './row.ts';

/** Bytes, since Oracle Database 12.2. */
const NAME_BYTES_MAX = 128;

/** Why Oracle can have nothing of this name, or null. */
export function nameProblem(name: string): string | null {
  if (name === '') return 'is empty';
  if (name.includes('"') || name.includes('\0')) return 'has a sign in it that none may have';
  return utf8Bytes(name) > NAME_BYTES_MAX ? `is longer than ${NAME_BYTES_MAX} bytes` : null;
}

/** The same of a column, which there is called exactly so. */
export function columnNameProblem(name: string): string | null {
  return name === 'ROWID' ? 'is what every row of an Oracle is found by, and no column' : nameProblem(name);
}

/** How the column is called of a table that is to be made. @param rename by columns of the source */
export function madeColumnName(
  { name, computed }: Pick<ColumnShape, 'name' | 'computed'>,
  rename: Readonly<Record<string, string>>,
): string {
  return madeName(computed === true ? name : nameNow(rename, name));
}

/** How a table or column is called that is to be made: as people write it, unless they wrote it in letters of both cases. */
export function madeName(name: string): string {
  return /^[a-z][a-z0-9_$#]*$/.test(name) ? name.toUpperCase() : name;
}

function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
