/**
 * Names as Oracle has them. Every name is quoted, so that none is folded and no reserved word is in the way.
 *
 * Rule kept: a name of the topology is the one it says; where there is none of it, it is the one in capitals, which is how
 * Oracle keeps what people write without quotes.
 */
import { OtterError } from '../model/error.ts';
import { columnNameProblem, nameProblem } from '../model/oracle-names.ts';

/** @throws OtterError OT5060 when Oracle can have no such name */
export function quoteName(name: string): string {
  return quotedUnless(nameProblem(name), name);
}

/** Of a column that is to be made. @throws OtterError OT5060 */
export function quoteColumn(name: string): string {
  return quotedUnless(columnNameProblem(name), name);
}

function quotedUnless(why: string | null, name: string): string {
  if (why === null) return `"${name}"`;
  throw new OtterError('OT5060', `Oracle has no name ${JSON.stringify(name)}: it ${why}`, {
    hint: 'Give the table or column another name at the target, with `to` or `columns.rename`.',
  });
}

export function qualified(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`;
}

/** Which of the names that are there is meant; null: none of them. */
export function meant(name: string, there: readonly string[]): string | null {
  if (there.includes(name)) return name;
  const capitals = name.toUpperCase();
  return there.includes(capitals) ? capitals : null;
}
