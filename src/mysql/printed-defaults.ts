/**
 * Whether the default that a server prints for a column is the one that it has: rows that are there get it when the column
 * is new, each server's own rows by its own definition.
 *
 * Both families print a FLOAT with six digits. MariaDB prints bytes as they are, also those that are no text, and for letters
 * outside of the first plane a question mark; MySQL prints both in hex, but in expressions, where it puts question marks
 * too. A DOUBLE is printed with all its digits. Rule kept: where what was printed may stand for several values, it is none.
 */
import { keyOf, skipSpaces, wordsOf } from './create-words.ts';

const BYTES = /^(BINARY|VARBINARY|(TINY|MEDIUM|LONG)?BLOB)$/;
const TEXTS = /^(CHAR|VARCHAR|(TINY|MEDIUM|LONG)?TEXT|ENUM|SET|JSON)$/;

/** Why the default may be another one than is printed, or null. @param line of a column, as SHOW CREATE TABLE has it */
export function blurredDefault(line: string): string | null {
  const words = wordsOf(line);
  const typeAt = skipSpaces(words, skipSpaces(words, 0) + 1);
  const at = words.findIndex((word) => keyOf(word) === 'DEFAULT');
  if (at < 0) return null;
  const value = words[skipSpaces(words, at + 1)] ?? '';
  const inBrackets = value === '(';
  const text = words.slice(at + 1).find((word) => word.startsWith("'") || keyOf(word) === 'COMMENT') ?? '';
  const type = keyOf(words[typeAt]);
  if (type === 'FLOAT' && words[skipSpaces(words, typeAt + 1)] !== '(' && !inBrackets && !isNothing(words, at + 1))
    return 'of which its server prints no more than six digits';
  if (BYTES.test(type) && text.startsWith("'") && text.includes('\ufffd'))
    return 'of bytes that its server does not print';
  if (TEXTS.test(type) && text.startsWith("'") && text.includes('?'))
    return 'with a question mark, which its server may have printed for another letter';
  return null;
}

/** NULL, or a number that is printed as zero, which no other one is. */
function isNothing(words: readonly string[], from: number): boolean {
  const value = words
    .slice(from)
    .join('')
    .trim()
    .match(/^'?(NULL|-?\d+(\.\d*)?(e[-+]?\d+)?)'?(?=\s|$)/i)?.[1];
  return value !== undefined && (value.toUpperCase() === 'NULL' || Number(value) === 0);
}
