/**
 * An expression of a topology (`where`, `columns.set`) cut into words, as MySQL reads them in its usual mode: names bare or in
 * backticks, texts in single quotes with `''` and backslashes, exact numbers, `x'..'` bytes.
 * Source: MySQL manual, "Literal Values" and "Schema Object Names".
 */

export type Word =
  /** A bare word: a name, a keyword or a function. */
  | { readonly kind: 'word'; readonly text: string; readonly at: number; readonly end: number }
  /** A name in backticks. */
  | { readonly kind: 'name'; readonly text: string; readonly at: number; readonly end: number }
  | { readonly kind: 'text'; readonly text: string; readonly at: number; readonly end: number }
  /** Decimal digits as written, perhaps with a point and an exponent. */
  | { readonly kind: 'number'; readonly text: string; readonly at: number; readonly end: number }
  /** Hexadecimal digits, small, an even number of them. */
  | { readonly kind: 'bytes'; readonly text: string; readonly at: number; readonly end: number }
  | { readonly kind: 'sign'; readonly text: string; readonly at: number; readonly end: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number; readonly end: number };

/** Why an expression cannot be read, and where in its text (UTF-16 units). */
export class ExpressionProblem extends Error {
  readonly at: number;
  readonly end: number;

  constructor(problem: string, at: number, end: number = at + 1) {
    super(problem);
    this.name = 'ExpressionProblem';
    this.at = at;
    this.end = end;
  }
}

const SPACE = /[ \t\r\n]+/y;
const WORD = /[A-Za-z_$\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?/y;
const BYTES = /[xX]'([0-9A-Fa-f]*)'|0x([0-9A-Fa-f]+)/y;
const NAME = /`((?:[^`]|``)+)`/y;
const TEXT = /'((?:[^'\\]|''|\\[\s\S])*)'/y;
const SIGN = /<=>|<=|>=|<>|!=|\|\||&&|[=<>+\-*/%(),]/y;

/** `%` and `_` keep their backslash, which LIKE reads. */
const ESCAPED: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  '%': '\\%',
  _: '\\_',
};

/** @throws ExpressionProblem */
export function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  while (at < text.length) {
    const space = take(SPACE);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const word = wordAt(text, at, take);
    words.push(word);
    at = word.end;
  }
  words.push({ kind: 'end', text: '', at, end: at });
  return words;
}

function wordAt(text: string, at: number, take: (pattern: RegExp) => RegExpExecArray | null): Word {
  const bytes = take(BYTES);
  if (bytes !== null) {
    const digits = (bytes[1] ?? bytes[2]!).toLowerCase();
    if (digits.length % 2 === 1)
      throw new ExpressionProblem('bytes have an even number of digits', at, at + bytes[0].length);
    return { kind: 'bytes', text: digits, at, end: at + bytes[0].length };
  }
  const word = take(WORD);
  if (word !== null) return { kind: 'word', text: word[0], at, end: at + word[0].length };
  const number = take(NUMBER);
  if (number !== null) {
    const end = at + number[0].length;
    if (/[A-Za-z_$\u0080-\uffff]/.test(text[end] ?? ''))
      throw new ExpressionProblem('a name that begins with a digit stands in backticks', at, end + 1);
    return { kind: 'number', text: number[0], at, end };
  }
  const name = take(NAME);
  if (name !== null) return { kind: 'name', text: name[1]!.replaceAll('``', '`'), at, end: at + name[0].length };
  const quoted = take(TEXT);
  if (quoted !== null) {
    const plain = quoted[1]!.replace(/''|\\([\s\S])/g, (all, escaped: string | undefined) =>
      all === "''" ? "'" : (ESCAPED[escaped!] ?? escaped!),
    );
    return { kind: 'text', text: plain, at, end: at + quoted[0].length };
  }
  const sign = take(SIGN);
  if (sign !== null) return { kind: 'sign', text: sign[0], at, end: at + sign[0].length };
  throw strange(text, at);
}

function strange(text: string, at: number): ExpressionProblem {
  const found = text.charAt(at);
  switch (found) {
    case "'":
    case '`':
      return new ExpressionProblem(`a quote ${found} without its end`, at, text.length);
    case '"':
      return new ExpressionProblem('texts stand in single quotes, odd names in backticks', at);
    case '!':
      return new ExpressionProblem('write NOT', at);
    case '.':
      return new ExpressionProblem('columns stand without their table', at);
    case '@':
      return new ExpressionProblem('variables of a server have no place here', at);
    default:
      return new ExpressionProblem(`\`${String.fromCodePoint(text.codePointAt(at)!)}\` has no meaning here`, at);
  }
}
