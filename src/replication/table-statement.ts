/**
 * What a statement of the log does to tables, as far as a reader must know: which it makes, and which it changes or takes
 * away without a row in the log.
 *
 * Read by words, with comments out of the way, since the log has statements as people wrote them. Rule kept: a statement
 * of a kind that is not known here counts as one that changes every table it names; passing over it could lose rows.
 */

export type TableStatement =
  | { readonly kind: 'creates'; readonly tables: readonly NamedTable[] }
  /** `made`: names under which a table appears that was there before under another. */
  | { readonly kind: 'alters'; readonly tables: readonly NamedTable[]; readonly made: readonly NamedTable[] }
  | { readonly kind: 'drops-schema'; readonly schema: string };

interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

interface Word {
  readonly text: string;
  /** In capitals, empty for what is quoted: a name is no keyword. */
  readonly key: string;
}

/** Verbs that change neither the structure nor the rows of a table. */
const HARMLESS = new Set([
  ...['ANALYZE', 'OPTIMIZE', 'REPAIR', 'CHECK', 'CHECKSUM', 'FLUSH', 'GRANT', 'REVOKE', 'SET', 'INSTALL', 'UNINSTALL'],
  ...[
    'CACHE',
    'LOCK',
    'UNLOCK',
    'START',
    'STOP',
    'RESET',
    'CHANGE',
    'PURGE',
    'USE',
    'SHOW',
    'BINLOG',
    'SHUTDOWN',
    'KILL',
  ],
]);

/** Null when the statement changes no table (grants, users, views, routines …). */
export function tableStatement(sql: string, defaultSchema: string): TableStatement | null {
  const reader = new Reader(words(sql), defaultSchema);
  if (reader.take('SET', 'STATEMENT')) reader.skipTo('FOR');
  const verb = reader.next();
  switch (verb) {
    case 'CREATE': {
      const replaces = reader.take('OR', 'REPLACE');
      if (reader.take('TABLE')) {
        reader.take('IF', 'NOT', 'EXISTS');
        const tables = [reader.name()];
        return replaces ? alters(tables) : { kind: 'creates', tables };
      }
      return onIndex(reader);
    }
    case 'ALTER':
      while (reader.take('ONLINE') || reader.take('OFFLINE') || reader.take('IGNORE'));
      return reader.take('TABLE') ? altered(reader) : null;
    case 'TRUNCATE':
      reader.take('TABLE');
      return alters([reader.name()]);
    case 'DROP':
      if (reader.take('TABLE') || reader.take('TABLES')) return alters(list(reader));
      if (reader.take('DATABASE') || reader.take('SCHEMA')) {
        reader.take('IF', 'EXISTS');
        return { kind: 'drops-schema', schema: reader.name().name };
      }
      return onIndex(reader);
    case 'RENAME':
      return reader.take('TABLE') || reader.take('TABLES') ? renamed(reader) : null;
    case '':
      return null;
    default:
      return HARMLESS.has(verb) ? null : alters(reader.everyName());
  }
}

function alters(tables: readonly NamedTable[], made: readonly NamedTable[] = []): TableStatement {
  return { kind: 'alters', tables, made };
}

/** `… INDEX name … ON table`; whatever else is made or dropped is no table. */
function onIndex(reader: Reader): TableStatement | null {
  while (reader.take('UNIQUE') || reader.take('FULLTEXT') || reader.take('SPATIAL') || reader.take('ONLINE'));
  if (!reader.take('INDEX')) return null;
  reader.skipTo('ON');
  return alters([reader.name()]);
}

function altered(reader: Reader): TableStatement {
  reader.take('IF', 'EXISTS');
  const tables = [reader.name()];
  const made: NamedTable[] = [];
  for (; !reader.ended; reader.next()) {
    if (reader.take('RENAME')) {
      if (['COLUMN', 'INDEX', 'KEY', 'CONSTRAINT'].some((what) => reader.at(what))) continue;
      while (reader.take('TO') || reader.take('AS') || reader.take('='));
      made.push(reader.name());
    } else if (reader.take('TO', 'TABLE')) made.push(reader.name());
    else if (reader.take('WITH', 'TABLE') || reader.take('CONVERT', 'TABLE')) tables.push(reader.name());
  }
  return alters(tables, made);
}

function list(reader: Reader): NamedTable[] {
  reader.take('IF', 'EXISTS');
  const tables = [reader.name()];
  while (reader.take(',')) tables.push(reader.name());
  return tables;
}

function renamed(reader: Reader): TableStatement {
  reader.take('IF', 'EXISTS');
  const tables: NamedTable[] = [];
  const made: NamedTable[] = [];
  do {
    tables.push(reader.name());
    reader.skipTo('TO');
    made.push(reader.name());
  } while (reader.take(','));
  return alters(tables, made);
}

class Reader {
  readonly #words: readonly Word[];
  readonly #schema: string;
  #index = 0;

  constructor(list: readonly Word[], defaultSchema: string) {
    this.#words = list;
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

  next(): string {
    const word = this.#words[this.#index];
    this.#index += 1;
    return word?.key ?? '';
  }

  /** Behind the next such word. */
  skipTo(key: string): void {
    while (!this.ended && !this.take(key)) this.#index += 1;
  }

  name(): NamedTable {
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

const TOKEN = new RegExp(
  [
    '(?<open>\\/\\*M?!\\d*)',
    '(?<comment>\\/\\*[\\s\\S]*?\\*\\/|--(?=\\s|$)[^\\n]*|#[^\\n]*)',
    '(?<close>\\*\\/)',
    "(?<text>'(?:[^'\\\\]|\\\\[\\s\\S]|'')*')",
    '(?<back>`(?:[^`]|``)+`)',
    '(?<double>"(?:[^"]|"")+")',
    '(?<bare>[\\w$\\u0080-\\uffff]+)',
    '(?<sign>[.,;=()])',
  ].join('|'),
  'gu',
);

/** What stands in a comment for some versions only counts as said. Texts are left out, so they are no names. */
function words(sql: string): Word[] {
  const found: Word[] = [];
  for (const { groups } of sql.matchAll(TOKEN)) {
    const { back, double, bare, sign } = groups as Partial<Record<string, string>>;
    if (back !== undefined) found.push({ text: back.slice(1, -1).replaceAll('``', '`'), key: '' });
    else if (double !== undefined) found.push({ text: double.slice(1, -1).replaceAll('""', '"'), key: '' });
    else if (bare !== undefined) found.push({ text: bare, key: bare.toUpperCase() });
    else if (sign !== undefined) found.push({ text: sign, key: sign });
  }
  return found;
}
