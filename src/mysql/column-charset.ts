/**
 * The character set of a column whose line names none: it is the table's, so that a change of the table's may change columns
 * of which every line stays as it was (`CONVERT TO CHARACTER SET`).
 */
import { closed, keyOf, skipSpaces, wordsOf } from './create-words.ts';

const TEXTS = new Set(['CHAR', 'VARCHAR', 'TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT', 'ENUM', 'SET']);

/**
 * The line with the character set that it has from its table; as it is where it names one itself, or has none.
 * @param line of a column, as SHOW CREATE TABLE prints it
 * @param options of its table
 */
export function withCharset(line: string, options: ReadonlyMap<string, string>): string {
  const charset = options.get('DEFAULT CHARSET');
  const words = wordsOf(line);
  const typeAt = skipSpaces(words, 1);
  if (charset === undefined || !TEXTS.has(keyOf(words[typeAt])) || charsetIn(line) !== '') return line;
  const behind = skipSpaces(words, typeAt + 1);
  const end = words[behind] === '(' ? closed(words, behind) : typeAt + 1;
  const collation = options.get('COLLATE');
  const said = ` CHARACTER SET ${charset}${collation === undefined ? '' : ` COLLATE ${collation}`}`;
  return `${words.slice(0, end).join('')}${said}${words.slice(end).join('')}`;
}

/** What a line says of character set and collation, as it is printed; empty where it says nothing. */
export function charsetIn(line: string): string {
  return /\bCHARACTER SET \w+( COLLATE \w+)?|\bCOLLATE \w+/i.exec(outside(wordsOf(line)))?.[0] ?? '';
}

/** What does not stand in brackets or quotes. */
function outside(words: readonly string[]): string {
  let depth = 0;
  return words
    .filter((word) => {
      if (word === '(') depth += 1;
      else if (word === ')') depth -= 1;
      return depth === 0 && !/^['"`]/.test(word);
    })
    .join('');
}
