/**
 * Servers that keep the names of schemas and tables in small letters, however they are written (`lower_case_table_names=1`).
 *
 * Rule kept: a table is found there as the server finds it. Where two names of the other side would be one there, where a name
 * would not come back as it was, or where an entry is written in letters that no table there has, that is refused.
 */
import { OtterError } from '../model/error.ts';
import { tableName } from '../model/row.ts';
import { type NamePart, tablePattern } from '../model/table-pattern.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

export function folded({ schema, name }: Named): Named {
  return { schema: schema.toLowerCase(), name: name.toLowerCase() };
}

/** Why a table cannot be two-way under this name, at a server that folds, or null. */
export function foldedTwoWay(there: Named, database: string): OtterError | null {
  const kept = tableName(folded(there));
  if (kept === tableName(there)) return null;
  return new OtterError(
    'OT5014',
    `${tableName(there)} cannot be two-way: ${database} keeps names in small letters, and it would come back as ${kept}`,
    {
      where: { table: tableName(there) },
      hint: `Give the table an entry of its own that names it at both: \`{ from: ${tableName(there)}, to: ${kept} }\`.`,
    },
  );
}

/** Of entries that name tables of a server that folds, the first that can mean none; null: there is none. */
export function unmeant(entries: readonly { readonly from: string }[], database: string): OtterError | null {
  const odd = entries.find(({ from }) => hasCapitals(from));
  if (odd === undefined) return null;
  return new OtterError('OT4053', `\`${odd.from}\` means no table of ${database}, which keeps names in small letters`, {
    where: { database },
    hint: `Write it as \`${odd.from.toLowerCase()}\`.`,
  });
}

/** A regular expression is left to itself. */
function hasCapitals(entry: string): boolean {
  const pattern = tablePattern(entry);
  return (
    pattern.kind === 'parts' &&
    [pattern.schema, pattern.table].some((part) => textOf(part) !== textOf(part).toLowerCase())
  );
}

function textOf(part: NamePart): string {
  switch (part.kind) {
    case 'name':
      return part.text;
    case 'shards':
      return part.prefix + part.suffix;
    case 'wildcard':
      return part.tokens.map((token) => (token.kind === 'text' ? token.text : '')).join('');
    case 'regex':
      return '';
    default:
      return part satisfies never;
  }
}
