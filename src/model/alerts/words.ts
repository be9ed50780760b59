/** The words of the `when` of an alert, and what is wrong with one. */

/** What is wrong with a condition, where [UTF-16 units], and what was likely meant. */
export class ConditionProblem extends Error {
  readonly at: number;
  readonly end: number;
  /** What may stand in the place of that part; null for what nobody knows. */
  readonly instead: string | null;

  constructor(message: string, at: number, end: number, instead: string | null = null) {
    super(message);
    [this.at, this.end, this.instead] = [at, end, instead];
  }
}

export interface Word {
  readonly kind: 'word' | 'number' | 'sign' | 'text' | 'end';
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

const WORD = /^[A-Za-z_][A-Za-z0-9_]*/;
const NUMBER = /^(?:\d+(?:\.\d+)?|\.\d+)[A-Za-z%]*(?:\s*\/\s*[A-Za-z]+)?/;
const SIGN = /^(?:>=|<=|!=|<>|==|!~|=~|>|<|=|~)/;
const TEXT = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')/s;

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; ; ) {
    at += /^\s*/.exec(text.slice(at))![0].length;
    if (at >= text.length) return [...words, { kind: 'end', text: '', at, end: at }];
    const rest = text.slice(at);
    const found = (
      [
        ['text', TEXT],
        ['number', NUMBER],
        ['word', WORD],
        ['sign', SIGN],
      ] as const
    ).flatMap(([kind, form]) => {
      const match = form.exec(rest);
      return match === null ? [] : [{ kind, match }];
    })[0];
    if (found === undefined) {
      const quote = /^["']/.test(rest);
      throw new ConditionProblem(
        quote ? 'the text in quotes does not end' : `\`${[...rest][0]}\` does not belong here`,
        at,
        quote ? text.length : at + [...rest][0]!.length,
      );
    }
    const { kind, match } = found;
    const end = at + match[0].length;
    // Within quotes only a quote needs a backslash; every other one is the expression's.
    const inner = (match[1] ?? match[2])?.replace(/\\(["'])/g, '$1');
    words.push({ kind, text: kind === 'text' ? inner! : match[0], at, end });
    at = end;
  }
}
