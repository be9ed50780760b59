/**
 * The `when` of an alert: `lag > 30s and phase = streaming or error ~ "deadlock"`. What can be asked is in `facts.ts`.
 *
 * A condition is tests joined by `and`, and those by `or`; there are no brackets. Regular expressions are RE2's, which take
 * time linear in the text.
 */
import { RE2JS, RE2JSException } from 're2js';
import { didYouMean, listed, nearest } from '../suggest.ts';
import { ALERT_FACTS, type AlertFact, WATCHED, type Watched } from './facts.ts';
import { type Comparison, MEASURES, measured, type NumberType, type Pattern, type Test } from './tests.ts';
import { ConditionProblem, type Word, wordsOf } from './words.ts';

export type { Test } from './tests.ts';

/** One of them holds, and of that all tests. */
export interface Condition {
  readonly any: readonly (readonly Test[])[];
}

export const CONDITION_CHARS_MAX = 1_000;

/** @throws ConditionProblem */
export function parseCondition(text: string, watched: Watched): Condition {
  if (text.length > CONDITION_CHARS_MAX)
    throw new ConditionProblem(`longer than ${CONDITION_CHARS_MAX} characters`, 0, text.length);
  return new Parser(wordsOf(text), watched).whole();
}

/** Facts that a condition asks. */
export function factsIn({ any }: Condition): readonly string[] {
  return [...new Set(any.flat().map(({ fact }) => fact))];
}

class Parser {
  readonly #words: readonly Word[];
  readonly #facts: Readonly<Record<string, AlertFact>>;
  readonly #watched: Watched;
  #next = 0;

  constructor(words: readonly Word[], watched: Watched) {
    this.#words = words;
    this.#watched = watched;
    this.#facts = ALERT_FACTS[watched];
  }

  whole(): Condition {
    const any: Test[][] = [];
    do {
      const all: Test[] = [];
      do all.push(this.#test());
      while (this.#take('and'));
      any.push(all);
    } while (this.#take('or'));
    if (this.#word.kind !== 'end') throw this.#unexpected('`and`, `or` or the end');
    return { any };
  }

  get #word(): Word {
    return this.#words[this.#next]!;
  }

  #take(word: string): boolean {
    const { kind, text } = this.#word;
    if (kind !== 'word' || text.toLowerCase() !== word) return false;
    this.#next += 1;
    return true;
  }

  #unexpected(wanted: string): ConditionProblem {
    const { kind, text, at, end } = this.#word;
    const found = kind === 'end' ? 'the condition ends' : kind === 'text' ? 'a text stands' : `\`${text}\` stands`;
    return new ConditionProblem(`${found} where ${wanted} is expected`, at, Math.max(end, at + 1));
  }

  #test(): Test {
    const name = this.#word;
    if (name.kind !== 'word') throw this.#unexpected('what is asked');
    const fact = Object.hasOwn(this.#facts, name.text) ? this.#facts[name.text] : undefined;
    if (fact === undefined) throw this.#unknown(name);
    this.#next += 1;
    const sign = this.#sign();
    switch (fact.type) {
      case 'truth':
        if (sign !== null) throw new ConditionProblem(`\`${name.text}\` stands alone`, sign.at, sign.end);
        return { kind: 'is', fact: name.text };
      case 'text':
        if (sign === null) return { kind: 'is', fact: name.text };
        return this.#search(name.text, sign);
      case 'word':
        return this.#oneOf(name, fact.words ?? [], sign);
      case 'duration':
      case 'size':
      case 'count':
      case 'rate':
        return this.#compare(name, fact.type, sign);
      default:
        return fact.type satisfies never;
    }
  }

  #sign(): Word | null {
    const word = this.#word;
    if (word.kind !== 'sign') return null;
    this.#next += 1;
    return word;
  }

  #unknown({ text, at, end }: Word): ConditionProblem {
    const elsewhere = WATCHED.filter((kind) => Object.hasOwn(ALERT_FACTS[kind], text));
    const of = this.#watched === 'files' ? 'a file set' : `a ${this.#watched}`;
    const names = Object.keys(this.#facts);
    if (elsewhere.length > 0) {
      const where = elsewhere.map((kind) => `\`${kind}\``).join(' or ');
      return new ConditionProblem(`\`${text}\` is asked of ${where}; of ${of} there are ${listed(names)}`, at, end);
    }
    const near = nearest(text, names);
    return new ConditionProblem(`nothing of ${of} is called \`${text}\`. ${didYouMean(text, names)}`, at, end, near);
  }

  #search(fact: string, { text: sign, at, end }: Word): Test {
    if (sign !== '~' && sign !== '!~' && sign !== '=~')
      throw new ConditionProblem(`\`${fact}\` is searched with \`~\``, at, end, '~');
    const word = this.#word;
    if (word.kind !== 'text') throw this.#unexpected('a regular expression in quotes');
    this.#next += 1;
    return { kind: 'text', fact, sign: sign === '!~' ? '!~' : '~', pattern: patternOf(word) };
  }

  /** `copy failed` is `copy = failed`. */
  #oneOf({ text: fact }: Word, words: readonly string[], sign: Word | null): Test {
    if (sign !== null && !['=', '==', '!=', '<>'].includes(sign.text))
      throw new ConditionProblem(`\`${fact}\` is one of a few words: write \`=\` or \`!=\``, sign.at, sign.end, '=');
    const word = this.#word;
    if (word.kind !== 'word' && word.kind !== 'text') throw this.#unexpected(`one of ${listed(words)}`);
    if (!words.includes(word.text)) {
      const near = word.kind === 'word' ? nearest(word.text, words) : null;
      const meant = near === null ? `there are ${listed(words)}` : `did you mean \`${near}\`?`;
      throw new ConditionProblem(`\`${word.text}\` is no \`${fact}\`; ${meant}`, word.at, word.end, near);
    }
    this.#next += 1;
    const not = sign?.text === '!=' || sign?.text === '<>';
    return { kind: 'word', fact, sign: not ? '!=' : '=', word: word.text };
  }

  #compare({ text: fact, end }: Word, type: NumberType, sign: Word | null): Test {
    const { example } = MEASURES[type];
    if (sign === null || sign.text.includes('~')) {
      const [at, to] = sign === null ? [this.#word.at, Math.max(this.#word.end, end)] : [sign.at, sign.end];
      throw new ConditionProblem(`\`${fact}\` is compared, like \`${fact} > ${example}\``, at, Math.max(to, at + 1));
    }
    const word = this.#word;
    if (word.kind !== 'number') throw this.#unexpected(`a number like \`${example}\``);
    this.#next += 1;
    const comparison = { '==': '=', '<>': '!=' }[sign.text] ?? sign.text;
    return measured(word, type, { fact, sign: comparison as Comparison });
  }
}

function patternOf({ text: source, at, end }: Word): Pattern {
  try {
    const expression = RE2JS.compile(source, RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL);
    return { source, found: (text) => expression.matcher(text).find() };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // The flags that were set above are nothing that somebody wrote.
    const reason = error.message.replace(/^error parsing regexp: /, '').replace('(?s)(?i)', '');
    throw new ConditionProblem(`the regular expression cannot be read (${reason})`, at, end);
  }
}
