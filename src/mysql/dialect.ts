/**
 * `CREATE TABLE` as one family of servers prints it, in the words of the other, where the meaning stays.
 *
 * Rule kept: texts and quoted names are passed over. What is not known here goes as it is: the server's own words say
 * what it does not take.
 */

export interface Dialect {
  readonly family: 'mariadb' | 'mysql';
  /** The collations that the server knows. */
  readonly known: ReadonlySet<string>;
}

const TEXT = "'(?:[^'\\\\]|\\\\.|'')*'";
const NAME = '`(?:[^`]|``)*`';

/** What follows the name in a CREATE TABLE, one line per column, key and constraint, as the server takes it. */
export function translated(create: string, { family, known }: Dialect): string {
  const [head = '', ...rest] = create.split('\n');
  const start = head.replace(/^CREATE TABLE\s+(IF NOT EXISTS\s+)?(`(?:[^`]|``)+`\.)?`(?:[^`]|``)+`/i, '');
  const end = rest.findLastIndex((line) => line.startsWith(')'));
  const lines = rest.slice(0, end).flatMap((line) => {
    const text = withCollation(line.replace(/,$/, ''), known);
    return family === 'mysql' ? withMysqlDefault(text) : (forMariadb(text) ?? []);
  });
  const tail = rest.slice(end).map((line) => withInnodb(withCollation(line, known)));
  return `${start}\n${lines.join(',\n')}\n${tail.join('\n')}`;
}

function withCollation(line: string, known: ReadonlySet<string>): string {
  return line.replace(COLLATION, (text, equals: string | undefined, collation: string | undefined) =>
    collation === undefined || known.has(collation) ? text : `COLLATE${equals}${relative(collation, known)}`,
  );
}

const COLLATION = new RegExp(`${TEXT}|${NAME}|\\bCOLLATE([ =])(\\w+)`, 'g');

/** What MySQL says of columns to its newer versions is a comment to MariaDB. Null: MariaDB has no such thing. */
function forMariadb(line: string): string | null {
  // A check that is not enforced would be.
  if (outside(line).includes('/*!80016 NOT ENFORCED */')) return null;
  return line.replace(INVISIBLE, (text) => (text.startsWith('/*') ? 'INVISIBLE' : text));
}

const INVISIBLE = new RegExp(`${TEXT}|${NAME}|/\\*!80023 INVISIBLE \\*/`, 'g');
const QUOTED = new RegExp(`${TEXT}|${NAME}`, 'g');

function outside(line: string): string {
  return line.replace(QUOTED, "''");
}

/** Tables that otter makes are transactional, whatever they are at their source. */
function withInnodb(line: string): string {
  if (!OTHER_ENGINE.test(outside(line))) return line;
  return line.replace(ENGINE_OPTION, (text, engine: string | undefined, other: string | undefined) => {
    if (engine !== undefined) return text.replace(engine, 'InnoDB');
    return other === undefined ? text : '';
  });
}

const ENGINES = 'MyISAM|Aria|MEMORY|CSV|ARCHIVE';
const OTHER_ENGINE = new RegExp(`\\bENGINE ?= ?(${ENGINES})\\b`, 'i');
/** Options that InnoDB does not have, or takes to mean something else. */
const ENGINE_OPTION = new RegExp(
  `${TEXT}|${NAME}|\\bENGINE ?= ?(${ENGINES})\\b|( (?:PAGE_CHECKSUM|TRANSACTIONAL|PACK_KEYS|DELAY_KEY_WRITE|CHECKSUM|ROW_FORMAT)=\\w+)`,
  'gi',
);

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

function relative(collation: string, known: ReadonlySet<string>): string {
  for (const [pattern, names] of RELATIVES) {
    if (!pattern.test(collation)) continue;
    const found = names.map((name) => collation.replace(pattern, name)).find((name) => known.has(name));
    if (found !== undefined) return found;
  }
  return collation;
}

/** MySQL wants defaults that are expressions in brackets, and those of long types always. */
function withMysqlDefault(line: string): string {
  const column = /^\s*`(?:[^`]|``)+` /.exec(line);
  if (column === null) return line;
  const rest = line.slice(column[0].length);
  const long = /^((tiny|medium|long)?(text|blob)|json)\b/i.test(rest);
  for (const { 0: text, index, groups } of rest.matchAll(DEFAULT)) {
    const { literal, call } = groups!;
    const at = index + text.length;
    const wrapped = (value: string): string =>
      `${column[0]}${rest.slice(0, index)}DEFAULT (${value})${rest.slice(index + 'DEFAULT '.length + value.length)}`;
    if (literal !== undefined) return long ? wrapped(literal) : line;
    if (call === undefined) continue;
    return /^current_timestamp$/i.test(call) ? line : wrapped(`${call}${bracket(rest.slice(at - 1))}`);
  }
  return line;
}

const DEFAULT = new RegExp(`\\bDEFAULT (?:(?<literal>${TEXT})|(?<call>\\w+)\\()|${TEXT}|${NAME}`, 'gi');

/** Up to the bracket that closes the first. */
function bracket(text: string): string {
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(SIGN)) {
    if (sign === '(') depth += 1;
    else if (sign === ')') depth -= 1;
    if (depth === 0) return text.slice(0, index + 1);
  }
  return text;
}

const SIGN = new RegExp(`${TEXT}|${NAME}|[()]`, 'g');
