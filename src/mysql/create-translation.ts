/**
 * A CREATE TABLE that one server printed, in the words of a server of either family.
 *
 * Rule kept: what a table takes and how its keys compare stays; where the other family has no word for a thing that only
 * forbids or hides (a check that is not enforced), it is left out and named, and never made stronger than it was.
 * Whatever else the server does not know it refuses itself.
 */
import { closed, endOf, keyOf, linesOf, nameAt, rewritten, skipSpaces, wordsOf } from './create-words.ts';

export type Family = 'mariadb' | 'mysql';

export interface Translated {
  /** What follows the name of the table, one line for each column, key and constraint. */
  readonly body: string;
  /** What the server has no word for and was left out, for people. */
  readonly without: readonly string[];
}

/**
 * @param create what `createStatement` returned at the source
 * @param family of the server that is to take it
 * @param known collations of that server
 */
export function translated(create: string, family: Family, known: ReadonlySet<string>): Translated {
  const body = create.replace(/^CREATE TABLE\s+(IF NOT EXISTS\s+)?(`(?:[^`]|``)+`\.)?`(?:[^`]|``)+`/i, '');
  const lines = linesOf(body);
  const tailAt = lines.findLastIndex((line) => line.startsWith(')'));
  const without: string[] = [];
  const items = lines.slice(1, tailAt).flatMap((line) => {
    const words = wordsOf(line.replace(/,$/, ''));
    const idle = family === 'mariadb' ? idleCheck(words) : null;
    if (idle !== null) {
      without.push(`check ${idle}, which is not enforced`);
      return [];
    }
    const hides = family === 'mysql' || mayBeHidden(words);
    if (!hides && words.some((_, at) => hiddenInMysql(words, at) >= 0))
      without.push(`that column ${nameAt(words, 0)!} is invisible`);
    return [item(words, family, known, hides)];
  });
  const tail = options(wordsOf(lines.slice(tailAt).join('\n')), family, known);
  return { body: `${lines[0]!}\n${items.join(',\n')}\n${tail}`, without };
}

/** The name of a check that MySQL keeps without minding it; null for anything else. */
function idleCheck(words: readonly string[]): string | null {
  const name = endOf(words, 0, 'CONSTRAINT');
  const idle = words.some((_, at) => endOf(words, at, 'NOT', 'ENFORCED') >= 0 && keyOf(words[at]) === 'NOT');
  return name >= 0 && idle ? nameAt(words, name) : null;
}

/** MariaDB hides no column that must be given a value. */
function mayBeHidden(words: readonly string[]): boolean {
  const has = (...keys: readonly string[]): boolean =>
    words.some((word, at) => keyOf(word) === keys[0] && endOf(words, at, ...keys) >= 0);
  return !has('NOT', 'NULL') || has('DEFAULT') || has('AUTO_INCREMENT') || has('GENERATED');
}

/** A column, key or constraint. `hides`: the server can hide it. */
function item(words: readonly string[], family: Family, known: ReadonlySet<string>, hides: boolean): string {
  const column = nameAt(words, 0) !== null;
  const typeAt = column ? skipSpaces(words, skipSpaces(words, 0) + 1) : -1;
  return rewritten(words, (at) => {
    const collation = collated(words, at, known);
    if (collation !== null) return collation;
    if (family === 'mariadb') {
      // It keeps such a text without the escapes, and reads another one back or none.
      if (keyOf(words[at]) === '_UTF8MB4' && /^'.*(\\|'').*'$/s.test(words[at + 1] ?? ''))
        return { to: words[at + 1]!, next: at + 2 };
      const hidden = hiddenInMysql(words, at);
      if (hidden >= 0) return { to: hides ? (column ? 'INVISIBLE' : 'IGNORED') : '', next: hidden };
      if (at === typeAt && keyOf(words[at]) === 'GEOMCOLLECTION') return { to: 'geometrycollection', next: at + 1 };
      return null;
    }
    if (!column) return keyOf(words[at]) === 'IGNORED' ? { to: 'INVISIBLE', next: at + 1 } : null;
    return keyOf(words[at]) === 'DEFAULT' ? mysqlDefault(words, at, keyOf(words[typeAt])) : null;
  });
}

/** Behind a comment for MySQL of this or a later version that hides a column or a key; MariaDB would pass it over. */
function hiddenInMysql(words: readonly string[], at: number): number {
  return words[at]!.startsWith('/*!') ? endOf(words, at + 1, 'INVISIBLE', '*/') : -1;
}

const LONG = /^((TINY|MEDIUM|LONG)?(TEXT|BLOB)|JSON)$/;

/** MySQL wants defaults that are expressions in brackets, and those of long types always. */
function mysqlDefault(
  words: readonly string[],
  at: number,
  type: string,
): { readonly to: string; readonly next: number } | null {
  const from = skipSpaces(words, at + 1);
  const first = words[from] ?? '';
  if (first.startsWith("'"))
    return LONG.test(type) ? inBrackets(first, from + 1) : { to: `DEFAULT ${first}`, next: from + 1 };
  // A call; `CURRENT_TIMESTAMP` is one that both families take as it is, in columns of time.
  if (!/^\w+$/.test(first) || words[from + 1] !== '(') return null;
  const next = closed(words, from + 1);
  if (keyOf(first) === 'CURRENT_TIMESTAMP' && /^(DATETIME|TIMESTAMP)$/.test(type)) return null;
  return inBrackets(words.slice(from, next).join(''), next);
}

function inBrackets(expression: string, next: number): { readonly to: string; readonly next: number } {
  return { to: `DEFAULT (${expression})`, next };
}

/** What follows the closing bracket: engine, character set, comment, partitions. */
function options(words: readonly string[], family: Family, known: ReadonlySet<string>): string {
  const foreign = words.some((_, at) => engineAt(words, at) !== null);
  const text = rewritten(words, (at) => {
    const engine = engineAt(words, at);
    if (engine !== null) return engine;
    // A row format is one of the engine, and MySQL has no options of Aria.
    const option = optionAt(words, at);
    const key = keyOf(words[at]);
    if (
      option >= 0 &&
      (/^(PAGE_CHECKSUM|TRANSACTIONAL)$/.test(key) ? foreign || family === 'mysql' : foreign && key === 'ROW_FORMAT')
    )
      return { to: '', next: option };
    return collated(words, at, known);
  });
  return text.replace(/^\) {2,}/, ') ');
}

/** Engines without transactions give way to the one that has them. */
const FOREIGN = /^(MYISAM|ARIA|MEMORY|CSV|ARCHIVE)$/;

function engineAt(words: readonly string[], at: number): { readonly to: string; readonly next: number } | null {
  if (keyOf(words[at]) !== 'ENGINE') return null;
  const equals = endOf(words, at + 1, '=');
  if (equals < 0) return null;
  const name = skipSpaces(words, equals);
  return FOREIGN.test(keyOf(words[name])) ? { to: 'ENGINE=InnoDB', next: name + 1 } : null;
}

/** Behind `name=value` and the spaces that follow; -1 where none stands. */
function optionAt(words: readonly string[], at: number): number {
  const equals = /^\w+$/.test(words[at]!) ? endOf(words, at + 1, '=') : -1;
  return equals < 0 ? -1 : skipSpaces(words, skipSpaces(words, equals) + 1);
}

function collated(
  words: readonly string[],
  at: number,
  known: ReadonlySet<string>,
): { readonly to: string; readonly next: number } | null {
  if (keyOf(words[at]) !== 'COLLATE') return null;
  const equals = endOf(words, at + 1, '=');
  const from = skipSpaces(words, equals < 0 ? at + 1 : equals);
  const collation = words[from];
  if (collation === undefined || !/^\w+$/.test(collation) || known.has(collation)) return null;
  return { to: `COLLATE${equals < 0 ? ' ' : '='}${relative(collation, known)}`, next: from + 1 };
}

/** By https://jira.mariadb.org/browse/MDEV-20912, which gives MySQL's names to these in MariaDB 11.4.5 and later. */
const RELATIVES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^utf8mb4_0900_bin$/, ['utf8mb4_nopad_bin']],
  [/^utf8mb4_0900_(a[is]_c[is])$/, ['utf8mb4_uca1400_nopad_$1', 'utf8mb4_unicode_520_nopad_ci']],
  [/^utf8mb4_nopad_bin$/, ['utf8mb4_0900_bin']],
  [/^utf8mb4_uca1400_nopad_(a[is]_c[is])$/, ['utf8mb4_0900_$1']],
  [/^utf8mb4_uca1400_ai_ci$/, ['utf8mb4_unicode_520_ci']],
  [/^utf8mb4_uca1400_(a[is]_c[is])$/, ['utf8mb4_0900_$1']],
  [/^utf8mb3_uca1400_ai_ci$/, ['utf8mb3_unicode_520_ci']],
  [/^(\w+)_nopad_(\w+)$/, ['$1_$2']],
];

/** The nearest one that is there; else itself, which the server then refuses by name. */
function relative(collation: string, known: ReadonlySet<string>): string {
  for (const [pattern, names] of RELATIVES) {
    if (!pattern.test(collation)) continue;
    const found = names.map((name) => collation.replace(pattern, name)).find((name) => known.has(name));
    if (found !== undefined) return found;
  }
  return collation;
}

/**
 * What of the table stands at that line of its statement, the first being the one with its name: for messages, where a
 * server says no more than `near … at line 3`.
 */
export function partAt(body: string, line: number): string | null {
  let last = 0;
  const text = linesOf(body).find((one) => {
    last += one.split('\n').length;
    return line <= last;
  });
  if (text === undefined || line === 1) return null;
  const words = wordsOf(text);
  const column = nameAt(words, 0);
  if (column !== null) return `column ${column}`;
  if (text.startsWith(')')) return 'an option of the table';
  if (/^\s*PRIMARY\b/i.test(text)) return 'the primary key';
  const named = words.findIndex((word) => word.startsWith('`'));
  if (named < 0) return null;
  const kind = /^(CONSTRAINT|PERIOD)$/i.exec(words[skipSpaces(words, 0)] ?? '')?.[0].toLowerCase() ?? 'key';
  return `${kind} ${nameAt(words, named)!}`;
}
