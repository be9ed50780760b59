/** What an account may see: of a table that it may not see nobody can say that it is missing. */
import { lacking } from '../model/privileges.ts';
import { type NamePart, shardName, tablePattern } from '../model/table-pattern.ts';
import type { Answered } from './live.ts';

/** Every table of the schema, or the one table. */
export function sees({ report: { account } }: Answered, schema: string, table?: string): boolean {
  return lacking(account, ['SELECT'], { schema, table }).length === 0;
}

/** Schemas that an entry names outright. */
export function schemasOf(entry: string): string[] {
  const pattern = tablePattern(entry);
  return pattern.kind === 'regex' ? [] : namesOf(pattern.schema);
}

function namesOf(part: NamePart): string[] {
  switch (part.kind) {
    case 'name':
      return [part.text];
    case 'shards':
      return Array.from({ length: part.count }, (_, index) => shardName(part, index));
    case 'wildcard':
    case 'regex':
      return [];
    default:
      return part satisfies never;
  }
}
