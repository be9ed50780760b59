/**
 * A statement as it was said (`Statement.said`), word by word with its spaces, so that a name in it can be exchanged and the
 * rest stays as it is.
 */

/** Texts, names in backticks, words, spaces, and single signs; together everything. */
const WORD = /'(?:[^'\\]|\\[\s\S]|'')*'|`(?:[^`]|``)*`|[\p{L}\p{N}_$\u0080-\uffff]+|\s+|[\s\S]/gu;

export class SaidWords {
  readonly #words: readonly string[];

  constructor(said: string) {
    this.#words = said.match(WORD) ?? [];
  }

  get length(): number {
    return this.#words.length;
  }

  /** In capitals; empty for texts, quoted names and spaces. */
  key(at: number): string {
    const word = this.#words[at] ?? '';
    return /^['`\s]/.test(word) ? '' : word.toUpperCase();
  }

  /** Where the next word that is no space stands, `at` included. */
  skip(at: number): number {
    let index = at;
    while (index < this.#words.length && /^\s/.test(this.#words[index]!)) index += 1;
    return index;
  }

  /** Behind these keywords, when they come next; else -1. */
  behind(at: number, ...keys: readonly string[]): number {
    let index = at;
    for (const key of keys) {
      index = this.skip(index);
      if (this.key(index) !== key) return -1;
      index += 1;
    }
    return index;
  }

  /** Behind whichever of these come next, as long as any does. */
  behindAny(at: number, keys: readonly string[]): number {
    let index = at;
    for (let next = this.skip(index); keys.includes(this.key(next)); next = this.skip(index)) index = next + 1;
    return index;
  }

  /** Behind the name, with its schema or without, that comes next. */
  behindName(at: number): number {
    let index = this.skip(this.key(this.skip(at)) === '.' ? this.skip(at) + 1 : at) + 1;
    const dot = this.skip(index);
    if (this.key(dot) === '.') index = this.skip(dot + 1) + 1;
    return index;
  }

  /** A name without its backticks. */
  name(at: number): string {
    const word = this.#words[this.skip(at)] ?? '';
    return word.startsWith('`') ? word.slice(1, -1).replaceAll('``', '`') : word;
  }

  /** Where the keyword stands outside of brackets, from `at` on; -1: nowhere. */
  find(key: string, at: number): number {
    let depth = 0;
    for (let index = at; index < this.#words.length; index += 1) {
      const here = this.key(index);
      if (here === '(') depth += 1;
      else if (here === ')') depth -= 1;
      else if (depth === 0 && here === key) return index;
    }
    return -1;
  }

  has(...keys: readonly string[]): boolean {
    return this.#words.some((_, at) => keys.includes(this.key(at)));
  }

  text(from: number, to = this.#words.length): string {
    return this.#words.slice(from, to).join('');
  }

  /** The parts between commas outside of brackets, as places where each begins and ends. */
  parts(from: number): (readonly [from: number, to: number])[] {
    const found: [number, number][] = [];
    for (let at = from; at < this.#words.length; ) {
      const comma = this.find(',', at);
      found.push([at, comma < 0 ? this.#words.length : comma]);
      at = comma < 0 ? this.#words.length : comma + 1;
    }
    return found;
  }
}

/** Behind `ALTER TABLE`, before the name; -1: it is none. */
export function alterTable(words: SaidWords): number {
  const verb = words.behind(0, 'ALTER');
  if (verb < 0) return -1;
  const table = words.behind(words.behindAny(verb, ['ONLINE', 'OFFLINE', 'IGNORE']), 'TABLE');
  if (table < 0) return -1;
  const exists = words.behind(table, 'IF', 'EXISTS');
  return exists < 0 ? table : exists;
}

/** The table that a CREATE TABLE takes as its model; `schema` null: the session's. Null: it takes none. */
export function likeSaid(said: string): { readonly schema: string | null; readonly name: string } | null {
  const words = new SaidWords(said);
  const table = words.behind(0, 'CREATE', 'TABLE');
  if (table < 0) return null;
  const exists = words.behind(table, 'IF', 'NOT', 'EXISTS');
  const behind = words.behindName(exists < 0 ? table : exists);
  const bracket = words.behind(behind, '(');
  const like = words.behind(bracket < 0 ? behind : bracket, 'LIKE');
  if (like < 0) return null;
  const dot = words.skip(words.skip(like) + 1);
  if (words.key(dot) !== '.') return { schema: null, name: words.name(like) };
  return { schema: words.name(like), name: words.name(dot + 1) };
}

/** Columns that an ALTER TABLE gives other names, and those that it drops. */
export function columnsSaid(said: string): {
  readonly renamed: Readonly<Record<string, string>>;
  readonly dropped: readonly string[];
} {
  const words = new SaidWords(said);
  // No plain object, of which one name could not be set.
  const renamed = Object.create(null) as Record<string, string>;
  const dropped: string[] = [];
  const table = alterTable(words);
  if (table < 0) return { renamed, dropped };
  const ifExists = (at: number): number => {
    const behind = words.behind(at, 'IF', 'EXISTS');
    return behind < 0 ? at : behind;
  };
  for (const [from] of words.parts(behindWait(words, words.behindName(table)))) {
    const change = words.behind(from, 'CHANGE');
    const rename = words.behind(from, 'RENAME', 'COLUMN');
    const drop = words.behind(from, 'DROP');
    if (change >= 0) {
      const column = words.behind(change, 'COLUMN');
      const old = ifExists(column < 0 ? change : column);
      renamed[words.name(old)] = words.name(words.skip(old) + 1);
    } else if (rename >= 0) {
      const old = ifExists(rename);
      const to = words.behind(words.skip(old) + 1, 'TO');
      if (to >= 0) renamed[words.name(old)] = words.name(to);
    } else if (drop >= 0 && !BESIDE.includes(words.key(words.skip(drop)))) {
      const column = words.behind(drop, 'COLUMN');
      dropped.push(words.name(ifExists(column < 0 ? drop : column)));
    }
  }
  for (const [old, now] of Object.entries(renamed)) if (old === now) delete renamed[old];
  return { renamed, dropped };
}

const BESIDE = ['INDEX', 'KEY', 'PRIMARY', 'FOREIGN', 'CONSTRAINT', 'CHECK', 'PARTITION', 'SYSTEM', 'PERIOD'];

/** MariaDB: how long to wait for a lock stands before the first action, without a comma. */
export function behindWait(words: SaidWords, at: number): number {
  const nowait = words.behind(at, 'NOWAIT');
  if (nowait >= 0) return nowait;
  const wait = words.behind(at, 'WAIT');
  return wait < 0 ? at : words.skip(wait) + 1;
}
