/**
 * Whether the default that a server prints for a column is the one that it has: rows that are there get it when the column
 * is new, each server's own rows by its own definition.
 *
 * Both families print a FLOAT with six digits. MariaDB prints bytes as they are, also those that are no text, and for letters
 * outside of the first plane a question mark; MySQL prints both in hex, but in expressions, where it puts question marks
 * too. A DOUBLE is printed with all its digits. What the statement said that made the column tells whether a FLOAT is the number
 * that was printed. Rule kept: where what was printed may stand for several values, it is none.
 */
import { keyOf, skipSpaces, wordsOf } from './create-words.ts';

const BYTES = /^(BINARY|VARBINARY|(TINY|MEDIUM|LONG)?BLOB)$/;
const TEXTS = /^(CHAR|VARCHAR|(TINY|MEDIUM|LONG)?TEXT|ENUM|SET|JSON)$/;

/**
 * Why the default may be another one than is printed, or null.
 * @param line of a column, as SHOW CREATE TABLE has it
 * @param said the number that its statement gave it; undefined: not known
 */
export function blurredDefault(line: string, said?: number): string | null {
  const words = wordsOf(line);
  const typeAt = skipSpaces(words, skipSpaces(words, 0) + 1);
  const at = words.findIndex((word) => keyOf(word) === 'DEFAULT');
  if (at < 0) return null;
  const value = words[skipSpaces(words, at + 1)] ?? '';
  const inBrackets = value === '(';
  const text = words.slice(at + 1).find((word) => word.startsWith("'") || keyOf(word) === 'COMMENT') ?? '';
  const type = keyOf(words[typeAt]);
  if (type === 'FLOAT' && words[skipSpaces(words, typeAt + 1)] !== '(' && !inBrackets && !isPlain(words, at + 1, said))
    return 'of which its server prints no more than six digits';
  if (BYTES.test(type) && text.startsWith("'") && text.includes('\ufffd'))
    return 'of bytes that its server does not print';
  if (TEXTS.test(type) && text.startsWith("'") && text.includes('?'))
    return 'with a question mark, which its server may have printed for another letter';
  return null;
}

/** NULL, a number that is printed as zero, which no other one is, or the one that was said. */
function isPlain(words: readonly string[], from: number, said: number | undefined): boolean {
  const value = words
    .slice(from)
    .join('')
    .trim()
    .match(/^'?(NULL|-?\d+(\.\d*)?(e[-+]?\d+)?)'?(?=\s|$)/i)?.[1];
  if (value === undefined) return false;
  if (value.toUpperCase() === 'NULL' || Number(value) === 0) return true;
  return said !== undefined && Math.fround(Number(value)) === Math.fround(said);
}
