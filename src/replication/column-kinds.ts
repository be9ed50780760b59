/** Kinds of columns by how the literals of their values look, whatever the family of their server. */
import type { ColumnShape } from '../model/row.ts';

const NUMBERS = /^((tiny|small|medium|big)?int|integer|bit)\b/i;
const TEXT = /^((var)?char|(tiny|medium|long)?text)\b/i;
const BYTES =
  /^((var)?binary|(tiny|medium|long)?blob|inet[46]|uuid|vector|geometry|geomcollection|(multi)?(point|linestring|polygon)|geometrycollection)\b/i;

/** `number`, `decimal`, `float`, `datetime`, `text`, `bytes`, or the word that the type begins with. */
export function kindOf({ type }: Pick<ColumnShape, 'type'>): string {
  if (NUMBERS.test(type)) return 'number';
  if (/^(decimal|numeric)\b/i.test(type)) return 'decimal';
  if (/^(float|double|real)\b/i.test(type)) return 'float';
  if (/^(datetime|timestamp)\b/i.test(type)) return 'datetime';
  if (TEXT.test(type)) return 'text';
  if (BYTES.test(type)) return 'bytes';
  return /^[a-z]+/i.exec(type)?.[0].toLowerCase() ?? type;
}
