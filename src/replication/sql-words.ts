/**
 * The words of a statement of the log in its plain form (`Statement.plain`: no comments, names in backticks or bare, texts
 * empty), and names with or without their schema.
 */

export interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

interface Word {
  readonly text: string;
  /** In capitals, empty for what is quoted: a name is no keyword. */
  readonly key: string;
}

/** Reads a statement word by word, names included. */
export class WordReader {
  readonly #words: readonly Word[];
  readonly #schema: string;
  #index = 0;

  constructor(plain: string, defaultSchema: string) {
    this.#words = words(plain);
    this.#schema = defaultSchema;
    while (this.at('(') || this.at(';')) this.#index += 1;
  }

  get ended(): boolean {
    return this.#index >= this.#words.length;
  }

  at(key: string, ahead = 0): boolean {
    return this.#words[this.#index + ahead]?.key === key;
  }

  /** Passes these words if they are next. */
  take(...keys: readonly string[]): boolean {
    const found = keys.every((key, ahead) => this.at(key, ahead));
    if (found) this.#index += keys.length;
    return found;
  }

  /** In capitals; empty for what is quoted. */
  next(): string {
    const word = this.#words[this.#index];
    this.#index += 1;
    return word?.key ?? '';
  }

  /** Behind the next such word. */
  skipTo(key: string): void {
    while (!this.ended && !this.take(key)) this.#index += 1;
  }

  /** The words up to the next comma that stands in no brackets, and those in brackets left out; goes on behind it. */
  part(): string[] {
    const keys: string[] = [];
    for (let depth = 0; !this.ended; this.#index += 1) {
      if (depth === 0 && this.take(',')) break;
      if (this.at('(')) depth += 1;
      else if (this.at(')')) depth -= 1;
      else if (depth === 0) keys.push(this.#words[this.#index]!.key);
    }
    return keys;
  }

  name(): NamedTable {
    // MariaDB: a name behind a dot alone is one of the session's schema.
    this.take('.');
    const first = this.#words[this.#index]?.text ?? '';
    this.#index += 1;
    if (!this.take('.')) return { schema: this.#schema, name: first };
    const second = this.#words[this.#index]?.text ?? '';
    this.#index += 1;
    return { schema: first, name: second };
  }

  everyName(): NamedTable[] {
    const names: NamedTable[] = [];
    while (!this.ended) names.push(this.name());
    return names;
  }
}

/** Every sign counts, so that nothing is passed over that might say something. */
const TOKEN = /''|`(?<back>(?:[^`]|``)+)`|(?<bare>[\p{L}\p{N}_$\u0080-\uffff]+)|(?<sign>\S)/gu;

/** Texts are left out, so they are no names. */
function words(plain: string): Word[] {
  const found: Word[] = [];
  for (const { groups } of plain.matchAll(TOKEN)) {
    const { back, bare, sign } = groups as Partial<Record<string, string>>;
    if (back !== undefined) found.push({ text: back.replaceAll('``', '`'), key: '' });
    else if (bare !== undefined) found.push({ text: bare, key: bare.toUpperCase() });
    else if (sign !== undefined) found.push({ text: sign, key: sign });
  }
  return found;
}
