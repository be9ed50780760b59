/**
 * A line of CREATE TABLE as words, so that what stands in texts and names is never taken for a keyword.
 *
 * Servers print one line for each column, key and constraint, and what follows the closing bracket as the last lines; names
 * are printed as they are, with the line breaks in them.
 */

/** Texts, names in backticks, the two ends of a comment that counts for some versions, words, spaces, and single marks. */
const WORD = /'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\/\*!\d*|\*\/|\w+|\s+|[^\w\s]/gs;

export function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** The lines of a statement. A name may have a line break in it, and so may a text of some servers: those end no line. */
export function linesOf(text: string): string[] {
  const lines = [''];
  for (const word of wordsOf(text)) {
    const [first = '', ...more] = isQuoted(word) ? [word] : word.split('\n');
    lines[lines.length - 1] += first;
    lines.push(...more);
  }
  return lines;
}

/** What is more than a space, for comparing; names and texts stay as they are. */
export function keyOf(word: string | undefined): string {
  return word === undefined || isQuoted(word) ? (word ?? '') : word.toUpperCase();
}

/** Where the next word that is no space stands, `at` included. */
export function skipSpaces(words: readonly string[], at: number): number {
  let index = at;
  while (index < words.length && /^\s/.test(words[index]!)) index += 1;
  return index;
}

/** Whether these keywords follow each other from here, and where they end; -1 when they do not. */
export function endOf(words: readonly string[], at: number, ...keys: readonly string[]): number {
  let index = at;
  for (const key of keys) {
    index = skipSpaces(words, index);
    if (keyOf(words[index]) !== key) return -1;
    index += 1;
  }
  return index;
}

/** Behind the bracket that closes the one at `open`. */
export function closed(words: readonly string[], open: number): number {
  let depth = 0;
  for (let index = open; index < words.length; index += 1) {
    if (words[index] === '(') depth += 1;
    else if (words[index] === ')') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return words.length;
}

/** What stands at `from`, a name in backticks, without them; null for anything else. */
export function nameAt(words: readonly string[], from: number): string | null {
  const word = words[skipSpaces(words, from)];
  return word?.startsWith('`') ? word.slice(1, -1).replaceAll('``', '`') : null;
}

/**
 * Every word in turn: `change` says what stands for the words from one place on, and where it goes on; null leaves the
 * word as it is.
 */
export function rewritten(
  words: readonly string[],
  change: (at: number) => { readonly to: string; readonly next: number } | null,
): string {
  let text = '';
  for (let at = 0; at < words.length; ) {
    const changed = isQuoted(words[at]!) ? null : change(at);
    text += changed === null ? words[at]! : changed.to;
    at = changed === null ? at + 1 : changed.next;
  }
  return text;
}

function isQuoted(word: string): boolean {
  return word.startsWith("'") || word.startsWith('`');
}
