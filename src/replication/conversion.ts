/**
 * Whether values that are there become the same ones at both servers when a column gets another type.
 *
 * Each server converts its own rows. Rule kept: what hangs on a session's time zone or sql_mode, and, between the two families,
 * everything but room for more, is not left to them.
 */
import type { ColumnShape } from '../model/row.ts';
import { fitOf } from './column-fit.ts';

/** Why the values may come to differ, or null. */
export function conversionObstacle(before: ColumnShape, after: ColumnShape, sameFamily: boolean): string | null {
  if (before.type === after.type && before.charset === after.charset) return null;
  if (before.generated || after.generated) {
    return before.generated === after.generated
      ? null
      : `column ${after.name} is generated on one side of the change only`;
  }
  if (fitOf(before, after) === 'exact') return null;
  const change = `column ${after.name} becomes ${after.type} and was ${before.type}`;
  if (!sameFamily) return `${change}, which the two server families convert in their own ways`;
  const [was, is] = [kindOf(before.type), kindOf(after.type)];
  if (was !== is && (was === 'timestamp' || is === 'timestamp'))
    return `${change}, which hangs on the time zone of a session`;
  if (TIMES.has(was) && digitsOf(after.type) < digitsOf(before.type))
    return `${change}, and fractions of a second are cut or rounded`;
  return null;
}

const TIMES = new Set(['time', 'datetime', 'timestamp']);

function kindOf(type: string): string {
  return /^[a-z0-9]+/i.exec(type)?.[0].toLowerCase() ?? '';
}

/** Of a time that is more than its fraction: a DATE has none. */
function digitsOf(type: string): number {
  if (!TIMES.has(kindOf(type))) return kindOf(type) === 'date' || kindOf(type) === 'year' ? -1 : 6;
  return Number(/\((\d)\)/.exec(type)?.[1] ?? 0);
}
