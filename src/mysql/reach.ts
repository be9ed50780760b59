/**
 * Which tables a change may touch that the log has as a statement, not as rows.
 *
 * Rule kept: rather too many than too few. Every name in the text counts, also one that is only read; from there on
 * triggers, views, stored routines and foreign keys that cascade are followed as the server has them now.
 */
import type { Session } from './connection.ts';
import { EVERY_QUOTING, plainSql } from './plain-sql.ts';
import { nameList, qualified, quoteText } from './sql.ts';

export interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

/** Numbers name nothing. */
const WORD = /\d+(?![\p{L}\p{N}_$])|(?<bare>[\p{L}\p{N}_$\u0080-\uffff]+)|`(?<back>(?:[^`]|``)+)`|(?<dot>\.)/gsu;

/** A routine may be for another server too: what it says there counts as said. */
const ANY_VERSION = { family: 'mariadb', version: Number.MAX_SAFE_INTEGER, folds: false } as const;

/**
 * Whatever the text may mean by a table or a routine: names in `schema`, and those that follow another name and a dot.
 * @param plain as `plainSql` writes it
 */
export function namesIn(plain: string, schema: string): readonly NamedTable[] {
  const found = new Map<string, NamedTable>();
  const add = (name: NamedTable): void => {
    found.set(qualified(name), name);
  };
  let before: string | null = null;
  let dotted = false;
  for (const word of words(plain)) {
    if (word === '.') {
      dotted = before !== null;
      continue;
    }
    for (const name of new Set([word, word.toLowerCase()])) {
      if (schema !== '') add({ schema, name });
      if (dotted && before !== null)
        for (const other of new Set([before, before.toLowerCase()])) add({ schema: other, name });
    }
    before = word;
    dotted = false;
  }
  return [...found.values()];
}

/** Those of the names that stand where a table does, for messages; all of them where none is seen to. */
export function likeliest(names: readonly NamedTable[], plain: string): readonly NamedTable[] {
  const places = new Set([...plain.matchAll(PLACE)].map(({ groups }) => nameOf(groups!['last'] ?? groups!['first']!)));
  const found = names.filter(({ name }) => places.has(name));
  return found.length > 0 ? found : names;
}

const PLACE =
  /\b(?:update|into|from|join|using|insert|replace|delete)(?:\s+(?:low_priority|high_priority|delayed|quick|ignore))*\s+(?!(?:into|from|low_priority|ignore|quick|select)\b)(?<first>`(?:[^`]|``)+`|[\p{L}\p{N}_$\u0080-\uffff]+)(?:\s*\.\s*(?<last>`(?:[^`]|``)+`|[\p{L}\p{N}_$\u0080-\uffff]+))?/giu;

function nameOf(word: string): string {
  return word.startsWith('`') ? word.slice(1, -1).replaceAll('``', '`') : word;
}

function* words(plain: string): Generator<string, void, void> {
  for (const { groups } of plain.matchAll(WORD)) {
    const { dot, back, bare } = groups as Partial<Record<string, string>>;
    if (dot !== undefined) yield dot;
    else if (back !== undefined) yield back.replaceAll('``', '`');
    else if (bare !== undefined) yield bare;
  }
}

/**
 * The names, and whatever the server says a change of them brings about. Null: a routine is involved whose text this
 * account may not see.
 */
export async function reachOf(session: Session, names: readonly NamedTable[]): Promise<readonly NamedTable[] | null> {
  const reached = new Map(names.map((name) => [qualified(name), name]));
  let fresh: readonly NamedTable[] = names;
  while (fresh.length > 0) {
    const next: NamedTable[] = [];
    for (const [schema, group] of Map.groupBy(fresh, (name) => name.schema)) {
      const found = await brought(
        session,
        schema,
        group.map(({ name }) => name),
      );
      if (found === null) return null;
      next.push(...found);
    }
    fresh = next.filter((name) => !reached.has(qualified(name)));
    for (const name of fresh) reached.set(qualified(name), name);
  }
  return [...reached.values()];
}

/** One step: names in what hangs on these names of one schema. */
async function brought(
  session: Session,
  schema: string,
  names: readonly string[],
): Promise<readonly NamedTable[] | null> {
  const inSchema = quoteText(schema);
  const list = nameList(names);
  const texts = await session.rows<{ body: string | null }>(
    `SELECT ACTION_STATEMENT AS body FROM information_schema.TRIGGERS
       WHERE EVENT_OBJECT_SCHEMA = ${inSchema} AND EVENT_OBJECT_TABLE IN (${list})
     UNION ALL SELECT VIEW_DEFINITION FROM information_schema.VIEWS
       WHERE TABLE_SCHEMA = ${inSchema} AND TABLE_NAME IN (${list})
     UNION ALL SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES
       WHERE ROUTINE_SCHEMA = ${inSchema} AND ROUTINE_NAME IN (${list})`,
  );
  const children = await session.rows<{ schema: string; name: string }>(
    `SELECT CONSTRAINT_SCHEMA AS \`schema\`, TABLE_NAME AS name FROM information_schema.REFERENTIAL_CONSTRAINTS
       WHERE UNIQUE_CONSTRAINT_SCHEMA = ${inSchema} AND REFERENCED_TABLE_NAME IN (${list})
         AND (DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION') OR UPDATE_RULE NOT IN ('RESTRICT', 'NO ACTION'))`,
  );
  const found: NamedTable[] = children.map((child) => ({ schema: child.schema, name: child.name }));
  for (const { body } of texts) {
    if (body === null || body === '') return null;
    // Whichever sql_mode it was made under.
    found.push(...EVERY_QUOTING.flatMap((quoting) => namesIn(plainSql(body, quoting, ANY_VERSION), schema)));
  }
  return found;
}
