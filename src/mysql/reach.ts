/**
 * Which tables a change may touch that the log has as a statement, not as rows.
 *
 * Rule kept: rather too many than too few. Every name in the text counts, also one that is only read; from there on
 * triggers, views, stored routines and foreign keys that cascade are followed as the server has them now.
 */
import type { Session } from './connection.ts';
import { qualified, quoteText } from './sql.ts';

export interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

/** What a session's sql_mode says of quotes. */
export interface Quoting {
  /** A backslash in a string escapes what follows (no NO_BACKSLASH_ESCAPES). */
  readonly escapes: boolean;
  /** Double quotes hold a name (ANSI_QUOTES), not a string. */
  readonly ansi: boolean;
}

/** Strings, comments and numbers name nothing. */
const COMMENT = String.raw`--[ \t][^\n]*|#[^\n]*|\/\*(?!M?!)[\s\S]*?\*\/`;
const BARE = String.raw`\d+(?![\p{L}\p{N}_$])|(?<bare>[\p{L}\p{N}_$]+)`;
const BACK = '`(?<back>(?:[^`]|``)+)`';
const DOT = String.raw`(?<dot>\.)`;

/** Without a string's content: doubled quotes are two strings side by side. */
function tokensOf({ escapes, ansi }: Quoting): RegExp {
  const string = (quote: string): string => `${quote}(?:[^${quote}${escapes ? String.raw`\\]|\\.` : ']'})*${quote}`;
  const double = ansi ? '"(?<double>(?:[^"]|"")+)"' : string('"');
  return new RegExp([string("'"), COMMENT, BACK, double, BARE, DOT].join('|'), 'gsu');
}

const EVERY_QUOTING: readonly Quoting[] = [true, false].flatMap((escapes) => [
  { escapes, ansi: true },
  { escapes, ansi: false },
]);

/**
 * Whatever the text may mean by a table or a routine: names in `schema`, and those that follow another name and a dot.
 */
export function namesIn(sql: string, schema: string, quoting: Quoting): readonly NamedTable[] {
  const found = new Map<string, NamedTable>();
  const add = (name: NamedTable): void => {
    found.set(qualified(name), name);
  };
  let before: string | null = null;
  let dotted = false;
  for (const word of words(sql, quoting)) {
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

function* words(sql: string, quoting: Quoting): Generator<string, void, void> {
  for (const { groups } of sql.matchAll(tokensOf(quoting))) {
    const { dot, back, double, bare } = groups as Partial<Record<string, string>>;
    if (dot !== undefined) yield dot;
    else if (back !== undefined) yield back.replaceAll('``', '`');
    else if (double !== undefined) yield double.replaceAll('""', '"');
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
  const list = names.map(quoteText).join(', ');
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
    found.push(...EVERY_QUOTING.flatMap((quoting) => namesIn(body, schema, quoting)));
  }
  return found;
}
