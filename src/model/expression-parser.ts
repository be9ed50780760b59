/**
 * Expressions of a topology read with the precedence that SQL gives its operators ("Operator Precedence" in the MySQL manual).
 *
 * Rule kept: what is not understood is a problem with its place, never passed over; no tree is deeper than `DEPTH_MAX`.
 */
import { type Comparison, type Expression, FUNCTIONS, type FunctionName, type Sum, type When } from './expression.ts';
import { ExpressionProblem, type Word, wordsOf } from './expression-words.ts';
import { nearest } from './suggest.ts';

export { ExpressionProblem } from './expression-words.ts';

const SYNONYMS: Readonly<Record<string, FunctionName>> = {
  ifnull: 'coalesce',
  ceil: 'ceiling',
  lcase: 'lower',
  ucase: 'upper',
  substr: 'substring',
  mid: 'substring',
  character_length: 'char_length',
  dayofmonth: 'day',
};

/** Words that are no columns unless they stand in backticks. */
const KEYWORDS = new Set(
  'and or not is null true false in between like escape div mod case when then else end xor regexp rlike interval select binary collate as from where exists default'.split(
    ' ',
  ),
);

export const EXPRESSION_CHARS_MAX = 4_000;
const DEPTH_MAX = 200;
const COMPARISONS = new Set(['=', '<=>', '<>', '!=', '<', '<=', '>', '>=']);

/** @throws ExpressionProblem */
export function parseExpression(text: string): Expression {
  if (text.length > EXPRESSION_CHARS_MAX)
    throw new ExpressionProblem(`longer than ${EXPRESSION_CHARS_MAX} characters`, 0);
  return new Parser(wordsOf(text)).whole();
}

class Parser {
  readonly #words: readonly Word[];
  #next = 0;
  #depth = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  whole(): Expression {
    const expression = this.#or();
    const { kind } = this.#word;
    if (kind !== 'end') throw this.#unexpected('the end, or AND or OR');
    return expression;
  }

  get #word(): Word {
    return this.#words[this.#next]!;
  }

  /** The end of the word before. */
  get #end(): number {
    return this.#words[this.#next - 1]!.end;
  }

  #is(text: string): boolean {
    const word = this.#word;
    return (word.kind === 'word' || word.kind === 'sign') && word.text.toLowerCase() === text;
  }

  #take(...texts: readonly string[]): boolean {
    const all = texts.every((text, i) => {
      const word = this.#words[this.#next + i];
      return (word?.kind === 'word' || word?.kind === 'sign') && word.text.toLowerCase() === text;
    });
    if (all) this.#next += texts.length;
    return all;
  }

  #want(text: string): void {
    if (!this.#take(text)) throw this.#unexpected(text.toUpperCase());
  }

  #unexpected(wanted: string): ExpressionProblem {
    const { kind, text, at, end } = this.#word;
    const found = kind === 'end' ? 'the text ends' : kind === 'text' ? 'a text stands' : `\`${text}\` stands`;
    return new ExpressionProblem(`${found} where ${wanted} is expected`, at, Math.max(end, at + 1));
  }

  #deeper<T>(work: () => T): T {
    if (++this.#depth > DEPTH_MAX) throw new ExpressionProblem('too many brackets inside each other', this.#word.at);
    const result = work();
    this.#depth -= 1;
    return result;
  }

  /** Operators of one rank, of which the tree leans left; long chains count as deep. */
  #chain(
    operand: () => Expression,
    operator: () => ((left: Expression, right: Expression) => Expression) | null,
  ): Expression {
    let left = operand();
    const depth = this.#depth;
    for (let join = operator(); join !== null; join = operator()) {
      if (++this.#depth > DEPTH_MAX) throw new ExpressionProblem('too many operators in one row', this.#word.at);
      left = join(left, operand());
    }
    this.#depth = depth;
    return left;
  }

  #or(): Expression {
    return this.#chain(
      () => this.#and(),
      () => {
        if (this.#is('||')) throw new ExpressionProblem('write OR, or concat(a, b)', this.#word.at, this.#word.end);
        if (this.#is('xor')) throw new ExpressionProblem('XOR is not known here', this.#word.at, this.#word.end);
        return this.#take('or') ? (left, right) => ({ kind: 'or', left, right, at: left.at, end: right.end }) : null;
      },
    );
  }

  #and(): Expression {
    return this.#chain(
      () => this.#not(),
      () => {
        if (this.#is('&&')) throw new ExpressionProblem('write AND', this.#word.at, this.#word.end);
        return this.#take('and') ? (left, right) => ({ kind: 'and', left, right, at: left.at, end: right.end }) : null;
      },
    );
  }

  #not(): Expression {
    const { at } = this.#word;
    if (!this.#take('not')) return this.#predicate();
    const of = this.#deeper(() => this.#not());
    return { kind: 'not', of, at, end: of.end };
  }

  #predicate(): Expression {
    const left = this.#sum();
    const { at } = left;
    const word = this.#word;
    if (word.kind === 'sign' && COMPARISONS.has(word.text)) {
      this.#next += 1;
      const right = this.#sum();
      const sign = (word.text === '!=' ? '<>' : word.text) as Comparison;
      return this.#alone({ kind: 'compare', sign, left, right, at, end: right.end });
    }
    if (this.#take('is')) {
      const no = this.#take('not');
      const what = (['null', 'true', 'false'] as const).find((each) => this.#take(each));
      if (what === undefined) throw this.#unexpected('NULL, TRUE or FALSE');
      return this.#alone(this.#negated(no, { kind: 'is', of: left, what, at, end: this.#end }));
    }
    const no = this.#take('not');
    if (this.#take('between')) {
      const low = this.#sum();
      this.#want('and');
      const high = this.#sum();
      const end = high.end;
      const from: Expression = { kind: 'compare', sign: '>=', left, right: low, at, end };
      const to: Expression = { kind: 'compare', sign: '<=', left, right: high, at, end };
      return this.#alone(this.#negated(no, { kind: 'and', left: from, right: to, at, end }));
    }
    if (this.#take('in')) {
      this.#want('(');
      const list = this.#list();
      return this.#alone(this.#negated(no, { kind: 'in', of: left, list, at, end: this.#end }));
    }
    if (this.#take('like')) {
      const pattern = this.#text();
      const by = this.#take('escape') ? this.#text() : '\\';
      if ([...by].length !== 1) throw new ExpressionProblem('ESCAPE wants one character', at, this.#end);
      return this.#alone(this.#negated(no, { kind: 'like', of: left, pattern, escape: by, at, end: this.#end }));
    }
    if (no) throw this.#unexpected('IN, LIKE or BETWEEN');
    return left;
  }

  #negated(no: boolean, of: Expression): Expression {
    return no ? { kind: 'not', of, at: of.at, end: of.end } : of;
  }

  /** Servers read `a = b = c` in a way that hardly anybody means. */
  #alone(predicate: Expression): Expression {
    const word = this.#word;
    if ((word.kind === 'sign' && COMPARISONS.has(word.text)) || this.#is('is'))
      throw new ExpressionProblem('put one of two comparisons in brackets', word.at, word.end);
    return predicate;
  }

  #text(): string {
    const word = this.#word;
    if (word.kind !== 'text') throw this.#unexpected('a text in single quotes');
    this.#next += 1;
    return word.text;
  }

  #sum(): Expression {
    return this.#chain(
      () => this.#product(),
      () => this.#joined(['+', '-']),
    );
  }

  #product(): Expression {
    return this.#chain(
      () => this.#sign(),
      () => this.#joined(['*', '/', '%', 'div', 'mod']),
    );
  }

  #joined(signs: readonly string[]): ((left: Expression, right: Expression) => Expression) | null {
    const found = signs.find((sign) => this.#take(sign));
    if (found === undefined) return null;
    const sign = (found === 'mod' ? '%' : found) as Sum;
    return (left, right) => ({ kind: 'sum', sign, left, right, at: left.at, end: right.end });
  }

  #sign(): Expression {
    const { at } = this.#word;
    if (this.#take('+')) return this.#deeper(() => this.#sign());
    if (!this.#take('-')) return this.#primary();
    const of = this.#deeper(() => this.#sign());
    return { kind: 'minus', of, at, end: of.end };
  }

  #primary(): Expression {
    const word = this.#word;
    const { at, end } = word;
    switch (word.kind) {
      case 'number':
        this.#next += 1;
        return { kind: 'number', digits: word.text, at, end };
      case 'text':
        this.#next += 1;
        return { kind: 'text', text: word.text, at, end };
      case 'bytes':
        this.#next += 1;
        return { kind: 'bytes', hex: word.text, at, end };
      case 'name':
        this.#next += 1;
        return { kind: 'column', name: word.text, at, end };
      case 'word':
        return this.#named(word);
      case 'sign':
      case 'end': {
        if (!this.#take('(')) throw this.#unexpected('a column, a constant or a function');
        const inner = this.#deeper(() => this.#or());
        this.#want(')');
        return { ...inner, at, end: this.#end };
      }
      default:
        return word satisfies never;
    }
  }

  #named({ text, at, end }: Word): Expression {
    const small = text.toLowerCase();
    const after = this.#words[this.#next + 1]!;
    if (after.kind === 'sign' && after.text === '(' && (!KEYWORDS.has(small) || small === 'mod'))
      return this.#call(small);
    if (this.#take('null')) return { kind: 'null', at, end };
    if (this.#take('true')) return { kind: 'truth', value: true, at, end };
    if (this.#take('false')) return { kind: 'truth', value: false, at, end };
    if (this.#take('case')) return this.#case(at);
    if (KEYWORDS.has(small)) throw this.#unexpected('a column, a constant or a function');
    this.#next += 1;
    return { kind: 'column', name: text, at, end };
  }

  #call(small: string): Expression {
    const { at, end } = this.#word;
    this.#next += 2;
    const args = this.#is(')') && this.#take(')') ? [] : this.#list();
    if (small === 'mod' && args.length === 2)
      return { kind: 'sum', sign: '%', left: args[0]!, right: args[1]!, at, end: this.#end };
    const name = Object.hasOwn(SYNONYMS, small) ? SYNONYMS[small]! : small;
    if (!Object.hasOwn(FUNCTIONS, name)) {
      const known = Object.keys(FUNCTIONS);
      const near = nearest(small, known);
      const hint = near === null ? `there are ${known.join(', ')}` : `did you mean ${near}?`;
      throw new ExpressionProblem(`there is no function ${small} here; ${hint}`, at, end);
    }
    const [least, most] = FUNCTIONS[name as FunctionName];
    if (args.length < least || args.length > most) {
      const wanted = least === most ? `${least}` : `${least} to ${most}`;
      throw new ExpressionProblem(`${small} takes ${wanted} arguments, not ${args.length}`, at, this.#end);
    }
    return { kind: 'call', name: name as FunctionName, args, at, end: this.#end };
  }

  #case(at: number): Expression {
    const subject = this.#is('when') ? null : this.#deeper(() => this.#or());
    const whens: When[] = [];
    while (this.#take('when')) {
      const asked = this.#deeper(() => this.#or());
      this.#want('then');
      const gives = this.#deeper(() => this.#or());
      const when: Expression =
        subject === null
          ? asked
          : { kind: 'compare', sign: '=', left: subject, right: asked, at: asked.at, end: asked.end };
      whens.push({ when, gives });
    }
    if (whens.length === 0) throw this.#unexpected('WHEN');
    const otherwise = this.#take('else') ? this.#deeper(() => this.#or()) : null;
    this.#want('end');
    return { kind: 'case', whens, otherwise, at, end: this.#end };
  }

  /** Up to the closing bracket. */
  #list(): Expression[] {
    const list = [this.#deeper(() => this.#or())];
    while (this.#take(',')) list.push(this.#deeper(() => this.#or()));
    this.#want(')');
    return list;
  }
}
