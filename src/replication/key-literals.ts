/**
 * Whether a literal is a value that a column of a key could hold: asked of keys of rows that are to go, which people may have written.
 *
 * Rule kept: no row has a key that its column cannot hold. A server that is asked all the same converts one of the two: where it
 * deletes it refuses that, and the pipeline stands; or it meets rows that nobody named.
 */
import type { ColumnShape } from '../model/row.ts';
import { kindOf } from './column-kinds.ts';

const WHOLE = /^-?\d{1,20}$/;
const NUMBER = /^-?\d{1,309}(?:\.\d{1,309})?(?:e[+-]?\d{1,3})?$/i;
const QUOTED = /'$/;
const MOMENT = /^'\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])(?: (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?)?'$/;
const TIME = /^'-?\d{2,3}:[0-5]\d:[0-5]\d(?:\.\d{1,6})?'$/;
const YEAR = /^(?:\d{1,4}|'\d{1,4}')$/;
/** As they are read: all their bytes. */
const ADDRESS = /^x'(?:[0-9a-f]{8}|[0-9a-f]{32})'$/i;

/** Of MySQL and MariaDB. */
export function couldHold(column: Pick<ColumnShape, 'type'>, literal: string): boolean {
  if (/^(inet[46]|uuid)\b/i.test(column.type)) return ADDRESS.test(literal);
  switch (kindOf(column)) {
    case 'number':
    case 'set':
      return WHOLE.test(literal);
    case 'decimal':
    case 'float':
      return NUMBER.test(literal);
    case 'datetime':
    case 'date':
      return MOMENT.test(literal);
    case 'time':
      return TIME.test(literal);
    case 'year':
      return YEAR.test(literal);
    case 'enum':
      return WHOLE.test(literal) || QUOTED.test(literal);
    default:
      return QUOTED.test(literal);
  }
}
