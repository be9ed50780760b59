/**
 * `CREATE TABLE`, as a server prints it, in its parts: one line for each column, key and constraint, then what follows the
 * closing bracket. What a line is goes by its first words; one that is not known here leaves the whole unread.
 */
import { endOf, keyOf, linesOf, nameAt, skipSpaces, wordsOf } from './create-words.ts';

export interface Part {
  /** Of the column, key or constraint; `PRIMARY` for the primary key. */
  readonly name: string;
  /** Without the comma. */
  readonly line: string;
}

export interface CreateParts {
  readonly columns: readonly Part[];
  /** Indexes, the primary key included. */
  readonly keys: readonly Part[];
  readonly foreignKeys: readonly Part[];
  readonly checks: readonly Part[];
  /** By name in capitals: `ENGINE` to `InnoDB`, `DEFAULT CHARSET` to `utf8mb4`; without AUTO_INCREMENT. */
  readonly options: ReadonlyMap<string, string>;
  /** From `PARTITION BY` on; empty where there are none. */
  readonly partitions: string;
}

/** Without the number that the next row gets, which changes with every row. */
export function withoutCounter(create: string): string {
  const tailAt = create.lastIndexOf('\n)');
  if (tailAt < 0) return create;
  return create.slice(0, tailAt) + create.slice(tailAt).replace(/^(\n\)(?:\s+ENGINE=\w+)?)\s+AUTO_INCREMENT=\d+/, '$1');
}

/** Null when something of it is not known here. @param create what SHOW CREATE TABLE prints */
export function partsOf(create: string): CreateParts | null {
  const lines = linesOf(create);
  const tailAt = lines.findIndex((line) => line.startsWith(')'));
  if (tailAt < 0) return null;
  const parts = { columns: [] as Part[], keys: [] as Part[], foreignKeys: [] as Part[], checks: [] as Part[] };
  for (const printed of lines.slice(1, tailAt)) {
    const line = printed.trim().replace(/,$/, '');
    const words = wordsOf(line);
    const column = nameAt(words, 0);
    if (column !== null) parts.columns.push({ name: column, line });
    else {
      const found = keyPart(line, words);
      if (found === null) return null;
      parts[found.kind].push(found.part);
    }
  }
  const tail = lines.slice(tailAt).join('\n').slice(1);
  const partitionAt = tail.search(/(\/\*!\d*\s*)?\bPARTITION\s+BY\b/);
  const options = optionsOf(partitionAt < 0 ? tail : tail.slice(0, partitionAt));
  if (options === null) return null;
  return { ...parts, options, partitions: partitionAt < 0 ? '' : tail.slice(partitionAt).trim() };
}

type Kind = 'keys' | 'foreignKeys' | 'checks';

function keyPart(line: string, words: readonly string[]): { readonly kind: Kind; readonly part: Part } | null {
  if (endOf(words, 0, 'PRIMARY', 'KEY') >= 0) return { kind: 'keys', part: { name: 'PRIMARY', line } };
  for (const kind of ['UNIQUE', 'FULLTEXT', 'SPATIAL', null]) {
    const from = kind === null ? endOf(words, 0, 'KEY') : endOf(words, 0, kind, 'KEY');
    const name = from < 0 ? null : nameAt(words, from);
    if (name !== null) return { kind: 'keys', part: { name, line } };
  }
  const from = endOf(words, 0, 'CONSTRAINT');
  const name = from < 0 ? null : nameAt(words, from);
  if (name === null) return null;
  const behind = skipSpaces(words, from) + 1;
  if (endOf(words, behind, 'FOREIGN', 'KEY') >= 0) return { kind: 'foreignKeys', part: { name, line } };
  return endOf(words, behind, 'CHECK') >= 0 ? { kind: 'checks', part: { name, line } } : null;
}

/** Options whose names are of several words. */
const LONG_NAMES = ['DEFAULT CHARSET', 'DATA DIRECTORY', 'INDEX DIRECTORY'];

function optionsOf(tail: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  const words = wordsOf(tail).filter((word) => !/^\s+$/.test(word));
  for (let at = 0; at < words.length; ) {
    const two = `${keyOf(words[at])} ${keyOf(words[at + 1])}`;
    const name = LONG_NAMES.includes(two) ? two : keyOf(words[at]);
    const equals = at + name.split(' ').length;
    if (!/^[A-Z_ ]+$/.test(name) || words[equals] !== '=') return null;
    const value = words[equals + 1];
    if (value === undefined) return null;
    at = equals + 2;
    // `UNION=(a,b)` and the like are not taken apart.
    if (value === '(') return null;
    found.set(name, value);
  }
  found.delete('AUTO_INCREMENT');
  return found;
}
