/**
 * Whether values that are there become the same ones at both servers when a column gets another type.
 *
 * Each server converts its own rows, the target in strict mode, where what has no place is an error. Rule kept: what hangs
 * on the time, or on a session's time zone or sql_mode, and, between the two families, everything but room for more, is not
 * left to them.
 */
import type { ColumnShape, TableShape } from '../model/row.ts';
import { fitOf } from './column-fit.ts';

/** Why the values may come to differ, or null. */
export function conversionObstacle(before: ColumnShape, after: ColumnShape, sameFamily: boolean): string | null {
  const [was, is] = [kindOf(before.type), kindOf(after.type)];
  if (before.nullable && !after.nullable && is === 'timestamp')
    return `column ${after.name} takes no NULL any more, for which a server may put the time of now`;
  if (before.generated !== after.generated) return `column ${after.name} is generated on one side of the change only`;
  if (after.generated || (before.type === after.type && before.charset === after.charset)) return null;
  if (fitOf(before, { ...after, nullable: true }) === 'exact') return null;
  const said = ({ type, charset }: ColumnShape): string =>
    before.type === after.type ? `${kept(type)} of ${charset}` : kept(type);
  const change = `column ${after.name} becomes ${said(after)} and was ${said(before)}`;
  if (!sameFamily) return `${change}, which the two server families convert in their own ways`;
  // A time without a date gets today's, one of a zone the session's, and what is no date is one in some sessions.
  const fromTime = TIMES.has(was) && !TEXTS.has(is);
  if (was !== is && (fromTime || TIMES.has(is) || was === 'timestamp'))
    return `${change}, which each server would reckon by its own time and settings`;
  if (was === is && TIMES.has(was) && digitsOf(after.type) < digitsOf(before.type))
    return `${change}, and fractions of a second are cut or rounded`;
  return null;
}

/**
 * Why values come to differ because the session that changed the table read CHAR columns with the spaces at their end, or null.
 * @param renamed names of columns before to those after
 */
export function paddedObstacle(
  before: TableShape,
  after: TableShape,
  renamed: Readonly<Record<string, string>>,
): string | null {
  for (const column of before.columns) {
    if (kindOf(column.type) !== 'char') continue;
    const name = renamed[column.name] ?? column.name;
    const now = after.columns.find((one) => one.name === name);
    if (now !== undefined && (now.type !== column.type || now.charset !== column.charset))
      return `column ${name} was ${column.type} and is changed by a session of PAD_CHAR_TO_FULL_LENGTH, which keeps the spaces at the end`;
  }
  return null;
}

const TIMES = new Set(['date', 'time', 'datetime', 'timestamp', 'year']);
const TEXTS = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext']);

function kindOf(type: string): string {
  return /^[a-z0-9]+/i.exec(type)?.[0].toLowerCase() ?? '';
}

/** Members of an ENUM or SET are values. */
function kept(type: string): string {
  return type.replace(/\('.*/s, '(...)');
}

function digitsOf(type: string): number {
  return Number(/\((\d)\)/.exec(type)?.[1] ?? 0);
}
