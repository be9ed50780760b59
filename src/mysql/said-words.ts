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

/** Without what MariaDB's `SET STATEMENT variable = value FOR` sets for the statement that follows. */
export function withoutSettings(said: string): string {
  if (!/^\s*SET\b/i.test(said)) return said;
  const words = new SaidWords(said);
  const settings = words.behind(0, 'SET', 'STATEMENT');
  const statement = settings < 0 ? -1 : words.find('FOR', settings);
  return statement < 0 ? said : words.text(words.skip(statement + 1));
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

/**
 * Columns that an ALTER TABLE gives other names, those that it drops, and the numbers that it gives the rows that are there in
 * columns of FLOAT which it adds, of which a server prints no more than six digits.
 */
export function columnsSaid(said: string): {
  readonly renamed: Readonly<Record<string, string>>;
  readonly dropped: readonly string[];
  readonly floats: Readonly<Record<string, number>>;
} {
  const words = new SaidWords(said);
  // No plain object, of which one name could not be set.
  const renamed = Object.create(null) as Record<string, string>;
  const dropped: string[] = [];
  const floats = Object.create(null) as Record<string, number>;
  const table = alterTable(words);
  if (table < 0) return { renamed, dropped, floats };
  const ifExists = (at: number): number => {
    const behind = words.behind(at, 'IF', 'EXISTS');
    return behind < 0 ? at : behind;
  };
  for (const [from, to] of words.parts(behindWait(words, words.behindName(table)))) {
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
    } else {
      const float = floatSaid(words, from, to);
      if (float !== null) floats[float.name] = float.value;
    }
  }
  for (const [old, now] of Object.entries(renamed)) if (old === now) delete renamed[old];
  return { renamed, dropped, floats };
}

const NUMBER = /^\s*('?)([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\1(?=\s|$)/i;

/** A column of FLOAT that is added with a number for its default; several in brackets are not looked at. */
function floatSaid(
  words: SaidWords,
  from: number,
  to: number,
): { readonly name: string; readonly value: number } | null {
  const add = words.behind(from, 'ADD');
  if (add < 0) return null;
  const column = words.behind(add, 'COLUMN');
  const exists = words.behind(column < 0 ? add : column, 'IF', 'NOT', 'EXISTS');
  const name = words.skip(exists >= 0 ? exists : column < 0 ? add : column);
  if (words.behind(name + 1, 'FLOAT') < 0) return null;
  const value = words.find('DEFAULT', name + 1);
  const said = value < 0 || value >= to ? null : NUMBER.exec(words.text(value + 1, to));
  return said === null ? null : { name: words.name(name), value: Number(said[2]) };
}

const BESIDE = ['INDEX', 'KEY', 'PRIMARY', 'FOREIGN', 'CONSTRAINT', 'CHECK', 'PARTITION', 'SYSTEM', 'PERIOD'];

/** MariaDB: how long to wait for a lock stands before the first action, without a comma. */
export function behindWait(words: SaidWords, at: number): number {
  const nowait = words.behind(at, 'NOWAIT');
  if (nowait >= 0) return nowait;
  const wait = words.behind(at, 'WAIT');
  return wait < 0 ? at : words.skip(wait) + 1;
}
