/**
 * What the value of an expression hangs on besides its row: settings of the session that writes. Such an expression, of a
 * generated column or a check, may come to another value in otter's session than in the one that wrote at the source.
 *
 * Rule kept: what is not plainly free of a setting counts as bound by it. Arithmetic, texts, JSON and comparisons are free;
 * a value that does not fit is an error in otter's sessions, and no matter of this.
 */
import type { ColumnShape, SessionSetting } from '../model/row.ts';

/** Of a generated column or of what a check compares. */
export interface Bound {
  /** As `printedExpression` gives it: names in backticks, texts in quotes. */
  readonly expression: string;
  /** Type of the column that keeps it; null: none does. */
  readonly type: string | null;
}

/** What stands in information_schema, where MySQL writes it as if it stood in a text. */
export function printedExpression(text: string, family: 'mariadb' | 'mysql'): string {
  return family === 'mysql' ? text.replace(/\\(.)/gs, '$1') : text;
}

/** @param columns of its table */
export function settingsOf({ expression, type }: Bound, columns: readonly ColumnShape[]): readonly SessionSetting[] {
  const words = wordsIn(expression);
  const named = new Set(words.flatMap((word) => (word.startsWith('`') ? [nameOf(word)] : [])));
  const used = columns.filter(({ name }) => named.has(name.toLowerCase()));
  const found: readonly (readonly [SessionSetting, boolean])[] = [
    ['time_zone', readsClock(words, used) || isTimestamp(type ?? '')],
    ['lc_time_names', namesDays(words)],
    ['default_week_format', calls(words, 'WEEK').some((args) => args.length < 2)],
    ['div_precision_increment', words.includes('/') && !(used.length > 0 && used.every(isFloating))],
    ['sql_mode', subtractsUnsigned(words, used) || used.some(isPadded) || cutsTime(type ?? '', used)],
  ];
  return found.flatMap(([setting, bound]) => (bound ? [setting] : []));
}

/** Without spaces; words in capitals, texts with their quotes. */
function wordsIn(expression: string): readonly string[] {
  const found = expression.match(/'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|[\p{L}\p{N}_$]+|\S/gsu) ?? [];
  return found.map((word) => (/^['`]/.test(word) ? word : word.toUpperCase()));
}

function nameOf(word: string): string {
  return word.slice(1, -1).replaceAll('``', '`').toLowerCase();
}

/** Arguments of every call of a function, as words. */
function calls(words: readonly string[], name: string): (readonly (readonly string[])[])[] {
  return words.flatMap((word, at) => (word === name && words[at + 1] === '(' ? [argumentsAt(words, at + 2)] : []));
}

function argumentsAt(words: readonly string[], from: number): readonly (readonly string[])[] {
  const found: string[][] = [[]];
  for (let at = from, depth = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === ')' && depth === 0) break;
    if (word === '(') depth += 1;
    else if (word === ')') depth -= 1;
    if (word === ',' && depth === 0) found.push([]);
    else found.at(-1)!.push(word);
  }
  return found;
}

/** A TIMESTAMP is read in the session's zone, but by UNIX_TIMESTAMP and AT TIME ZONE; others become moments in it. */
function readsClock(words: readonly string[], used: readonly ColumnShape[]): boolean {
  const moments = new Set(used.flatMap(({ name, type }) => (isTimestamp(type) ? [name.toLowerCase()] : [])));
  const isMoment = (word: string | undefined): boolean => word?.startsWith('`') === true && moments.has(nameOf(word));
  return words.some((word, at) => {
    if (word === 'FROM_UNIXTIME' || (word.startsWith("'") && word.toUpperCase() === "'SYSTEM'")) return true;
    if (word === 'UNIX_TIMESTAMP') return !(isMoment(words[at + 2]) && words[at + 3] === ')');
    if (!isMoment(word)) return false;
    const zoned = words.slice(at + 1, at + 4).join(' ') === 'AT TIME ZONE';
    return !zoned && !(words[at - 2] === 'UNIX_TIMESTAMP' && words[at + 1] === ')');
  });
}

/** Names of days and months are in the session's language, unless the call says in which. */
function namesDays(words: readonly string[]): boolean {
  if (words.some((word, at) => /^(DAYNAME|MONTHNAME|TO_CHAR)$/.test(word) && words[at + 1] === '(')) return true;
  return calls(words, 'DATE_FORMAT').some((args) => {
    if (args.length > 2) return false;
    const format = (args[1] ?? []).filter((word) => !/^(_\w+|[()])$/.test(word));
    return format.length !== 1 || !format[0]!.startsWith("'") || /%[MWab]/.test(format[0]!);
  });
}

/** NO_UNSIGNED_SUBTRACTION */
function subtractsUnsigned(words: readonly string[], used: readonly ColumnShape[]): boolean {
  return words.includes('-') && used.some(({ type }) => /int\b.*\b(unsigned|zerofill)/i.test(type));
}

/** PAD_CHAR_TO_FULL_LENGTH */
function isPadded({ type }: ColumnShape): boolean {
  return /^char\b/i.test(type);
}

/** TIME_TRUNCATE_FRACTIONAL, TIME_ROUND_FRACTIONAL */
function cutsTime(type: string, used: readonly ColumnShape[]): boolean {
  return isTime(type) && used.some((column) => isTime(column.type) && digits(column.type) > digits(type));
}

function isTime(type: string): boolean {
  return /^(time|datetime|timestamp)\b/i.test(type);
}

function digits(type: string): number {
  return Number(/\((\d)\)/.exec(type)?.[1] ?? 0);
}

function isTimestamp(type: string): boolean {
  return /^timestamp\b/i.test(type);
}

function isFloating({ type }: ColumnShape): boolean {
  return /^(float|double|real)\b/i.test(type);
}
