/**
 * The language in which table entries name tables: `schema.table`, where a part may be a name, hold `*` and `?`, or
 * be numbered shards (`item_[00-31]`); a table part may be `/regex/`; `/regex/` alone is matched with the whole
 * `schema.table`. Odd names stand in backquotes or double quotes.
 *
 * Rule kept here: `overlap` may say yes too often, never no wrongly; loops are refused on its word.
 */
import { RE2JS, RE2JSException } from 're2js';
import { OtterError } from './error.ts';

export interface ShardRange {
  readonly prefix: string;
  readonly suffix: string;
  readonly first: number;
  readonly count: number;
  /** Digits that numbers are padded to with zeros; 1 for none. */
  readonly width: number;
}

export type WildcardToken =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' };

export type NamePart =
  | { readonly kind: 'name'; readonly text: string }
  | ({ readonly kind: 'shards' } & ShardRange)
  | { readonly kind: 'wildcard'; readonly tokens: readonly WildcardToken[]; readonly expression: RegExp }
  | { readonly kind: 'regex'; readonly expression: Expression };

/** What tells whether a whole name is meant. */
export interface Expression {
  test(name: string): boolean;
}

export type TablePattern =
  | { readonly kind: 'parts'; readonly schema: NamePart; readonly table: NamePart }
  | { readonly kind: 'regex'; readonly expression: Expression };

export type ParsedPattern =
  | { readonly ok: true; readonly pattern: TablePattern }
  | {
      readonly ok: false;
      readonly problem: string;
      /** How it is meant, when there is one answer. */
      readonly instead?: string | undefined;
    };

const SHARDS_MAX = 100_000;
const ENUMERATED_MAX = 4096;
const STARS_MAX = 4;
const PATTERN_CHARS_MAX = 512;
const REMEMBERED_MAX = 100_000;

/** Characters that an unquoted name may not hold. */
const ODD = /[\s.*?[\]/`"'\\,;()\p{Cc}]/u;

const remembered = new Map<string, ParsedPattern>();

/** Parses a table entry; the same text gives the same object. */
export function parsePattern(text: string): ParsedPattern {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  const parsed = parse(text);
  remembered.set(text, parsed);
  return parsed;
}

/** @throws OtterError OT1050 when the text is no pattern; topologies that passed `validate` hold none such. */
export function tablePattern(text: string): TablePattern {
  const parsed = parsePattern(text);
  if (parsed.ok) return parsed.pattern;
  throw new OtterError('OT1050', `\`${text}\` is not a table name: ${parsed.problem}`);
}

/** Whether the table is meant. Names compare exactly, as the server prints them. */
export function matches(pattern: string | TablePattern, schema: string, table: string): boolean {
  const p = typeof pattern === 'string' ? tablePattern(pattern) : pattern;
  if (p.kind === 'regex') return p.expression.test(`${schema}.${table}`);
  return partMatches(p.schema, schema) && partMatches(p.table, table);
}

/** Whether some table may be meant by both. Exact but for regular expressions and very long ranges, where it says yes. */
export function overlap(one: string | TablePattern, other: string | TablePattern): boolean {
  const a = typeof one === 'string' ? tablePattern(one) : one;
  const b = typeof other === 'string' ? tablePattern(other) : other;
  if (a === b) return true;
  if (a.kind === 'parts' && b.kind === 'parts') {
    return partsOverlap(a.schema, b.schema) && partsOverlap(a.table, b.table);
  }
  const [regex, parts] = a.kind === 'regex' ? [a, b] : [b, a];
  if (parts.kind === 'regex') return true;
  const schemas = enumerate(parts.schema);
  const tables = enumerate(parts.table);
  if (schemas === null || tables === null || schemas.length * tables.length > ENUMERATED_MAX) return true;
  return schemas.some((schema) => tables.some((table) => matches(regex, schema, table)));
}

/**
 * How exact a pattern is: a smaller number wins where several match. The vaguer part decides, then the other:
 * name, shards, wildcard, regex.
 */
export function vagueness(pattern: TablePattern): number {
  if (pattern.kind === 'regex') return 3 * 8 + 6;
  const schema = RANK[pattern.schema.kind];
  const table = RANK[pattern.table.kind];
  return Math.max(schema, table) * 8 + schema + table;
}

const RANK = { name: 0, shards: 1, wildcard: 2, regex: 3 } as const satisfies Record<NamePart['kind'], number>;

/** The name when the pattern means exactly one table. */
export function singleName(pattern: TablePattern): { readonly schema: string; readonly table: string } | null {
  if (pattern.kind === 'regex' || pattern.schema.kind !== 'name' || pattern.table.kind !== 'name') return null;
  return { schema: pattern.schema.text, table: pattern.table.text };
}

/** A name as one would write it in a topology: quoted where it has to be. */
export function formatName(schema: string, table: string): string {
  const part = (text: string): string => (text === '' || ODD.test(text) ? `\`${text.replaceAll('`', '``')}\`` : text);
  return `${part(schema)}.${part(table)}`;
}

export function shardName(part: ShardRange, index: number): string {
  return `${part.prefix}${String(part.first + index).padStart(part.width, '0')}${part.suffix}`;
}

/** Index of the shard with this name, or -1. */
export function shardIndex(part: ShardRange, text: string): number {
  const { prefix, suffix } = part;
  if (text.length <= prefix.length + suffix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return -1;
  const index = Number(text.slice(prefix.length, text.length - suffix.length)) - part.first;
  if (!Number.isInteger(index) || index < 0 || index >= part.count) return -1;
  return shardName(part, index) === text ? index : -1;
}

function partMatches(part: NamePart, text: string): boolean {
  switch (part.kind) {
    case 'name':
      return part.text === text;
    case 'shards':
      return shardIndex(part, text) >= 0;
    case 'wildcard':
    case 'regex':
      return part.expression.test(text);
    default:
      return part satisfies never;
  }
}

function enumerate(part: NamePart): string[] | null {
  if (part.kind === 'name') return [part.text];
  if (part.kind !== 'shards' || part.count > ENUMERATED_MAX) return null;
  return Array.from({ length: part.count }, (_, index) => shardName(part, index));
}

function partsOverlap(a: NamePart, b: NamePart): boolean {
  const fewer = a.kind === 'shards' && b.kind === 'shards' && a.count > b.count ? [b, a] : [a, b];
  for (const [x, y] of [fewer, [...fewer].reverse()] as [NamePart, NamePart][]) {
    const names = enumerate(x);
    if (names !== null) return names.some((name) => partMatches(y, name));
  }
  return a.kind === 'wildcard' && b.kind === 'wildcard' ? wildcardsOverlap(a.tokens, b.tokens) : true;
}

type Letter = string | 'any' | 'one';

function wildcardsOverlap(a: readonly WildcardToken[], b: readonly WildcardToken[]): boolean {
  if (!agree(textAt(a, 0), textAt(b, 0), 'start') || !agree(textAt(a, -1), textAt(b, -1), 'end')) return false;
  // One ends where the other begins.
  if ((isAny(a, 0) && isAny(b, -1)) || (isAny(b, 0) && isAny(a, -1))) return true;
  const x = letters(a);
  const y = letters(b);
  // reach[j]: the rest of x from the present i and the rest of y from j have a common text.
  let later: boolean[] = [];
  for (let i = x.length; i >= 0; i--) {
    const reach: boolean[] = new Array<boolean>(y.length + 1).fill(false);
    for (let j = y.length; j >= 0; j--) {
      if (i === x.length && j === y.length) reach[j] = true;
      else if (x[i] === 'any') reach[j] = later[j]! || (j < y.length && reach[j + 1]!);
      else if (y[j] === 'any') reach[j] = reach[j + 1]! || (i < x.length && later[j]!);
      else if (i < x.length && j < y.length) {
        reach[j] = (x[i] === 'one' || y[j] === 'one' || x[i] === y[j]) && later[j + 1]!;
      }
    }
    later = reach;
  }
  return later[0]!;
}

/** What every name begins with (0) or ends with (-1). */
function textAt(tokens: readonly WildcardToken[], at: 0 | -1): string {
  const token = tokens.at(at);
  return token?.kind === 'text' ? token.text : '';
}

function isAny(tokens: readonly WildcardToken[], at: 0 | -1): boolean {
  return tokens.at(at)?.kind === 'any';
}

function agree(one: string, other: string, where: 'start' | 'end'): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return where === 'start' ? long.startsWith(short) : long.endsWith(short);
}

/** One entry per character; a literal character is kept with a leading space so that it is never taken for a token. */
function letters(tokens: readonly WildcardToken[]): Letter[] {
  return tokens.flatMap((token) => (token.kind === 'text' ? [...token.text].map((c) => ` ${c}`) : [token.kind]));
}

function parse(text: string): ParsedPattern {
  const bad = (problem: string): ParsedPattern => {
    const padded = text.replace(/\[(\d{1,9})-(\d{1,9})\]/g, asWide);
    return padded !== text && /leading zero/.test(problem)
      ? { ok: false, problem, instead: padded }
      : { ok: false, problem };
  };
  if (text.length > PATTERN_CHARS_MAX) return bad(`it is longer than ${PATTERN_CHARS_MAX} characters`);
  if (text.length > 2 && text.startsWith('/') && text.endsWith('/')) {
    const expression = regex(text);
    return typeof expression === 'string' ? bad(expression) : { ok: true, pattern: { kind: 'regex', expression } };
  }
  const schema = takePart(text);
  if (typeof schema === 'string') return bad(schema);
  if (schema.rest === '') return bad('a schema and a table are wanted, as in `shop.orders`');
  if (!schema.rest.startsWith('.')) return bad(`unexpected \`${schema.rest[0]}\``);
  const table = takePart(schema.rest.slice(1));
  if (typeof table === 'string') return bad(table);
  if (table.rest !== '') {
    return bad(
      table.rest.startsWith('.')
        ? 'it has more than two parts; quote a name that contains a dot'
        : `unexpected \`${table.rest[0]}\``,
    );
  }
  if (schema.part.kind === 'regex')
    return bad('a regular expression stands for the table, or alone for both: `/shop\\.log_.*/`');
  return { ok: true, pattern: { kind: 'parts', schema: schema.part, table: table.part } };
}

function takePart(text: string): { part: NamePart; rest: string } | string {
  const quote = text[0];
  if (quote === '`' || quote === '"') {
    const end = new RegExp(`^${quote}((?:[^${quote}]|${quote}${quote})*)${quote}(?!${quote})`).exec(text);
    if (end === null) return 'the quoted name does not end';
    const name = end[1]!.replaceAll(quote + quote, quote);
    return name === '' ? 'a name is empty' : { part: { kind: 'name', text: name }, rest: text.slice(end[0].length) };
  }
  if (quote === '/') {
    const end = text.lastIndexOf('/');
    const expression = end < 2 ? 'the regular expression does not end with `/`' : regex(text.slice(0, end + 1));
    return typeof expression === 'string'
      ? expression
      : { part: { kind: 'regex', expression }, rest: text.slice(end + 1) };
  }
  const raw = /^(?:\[[^\]]*\]|[^.])*/u.exec(text)![0];
  const part = plainPart(raw);
  return typeof part === 'string' ? part : { part, rest: text.slice(raw.length) };
}

function plainPart(raw: string): NamePart | string {
  if (raw === '') return 'a part of the name is empty';
  const range = /^([^[\]]*)\[([^\]]*)\]([^[\]]*)$/u.exec(raw);
  if (range !== null) return shards(range[1]!, range[2]!, range[3]!);
  const odd = ODD.exec(raw.replace(/[*?]/g, ''));
  if (odd !== null) {
    return /[[\]]/.test(odd[0])
      ? 'one range like `[0-31]` is possible in each part'
      : `\`${odd[0]}\` stands only in quoted names`;
  }
  if (!/[*?]/.test(raw)) return { kind: 'name', text: raw };
  if (raw.split('*').length - 1 > STARS_MAX) return `more than ${STARS_MAX} stars in one part`;
  if (raw.includes('**')) return '`**` means no more than `*`';
  const tokens = (raw.match(/[*?]|[^*?]+/gu) ?? []).map(
    (token): WildcardToken =>
      token === '*' ? { kind: 'any' } : token === '?' ? { kind: 'one' } : { kind: 'text', text: token },
  );
  return { kind: 'wildcard', tokens, expression: new RegExp(`^${tokens.map(tokenSource).join('')}$`, 'su') };
}

function tokenSource(token: WildcardToken): string {
  switch (token.kind) {
    case 'any':
      return '(.*)';
    case 'one':
      return '(.)';
    case 'text':
      return token.text.replace(/[\\^$.*+?()[\]{}|/-]/g, (c) => (c === '-' ? '\\x2d' : `\\${c}`));
    default:
      return token satisfies never;
  }
}

function shards(prefix: string, range: string, suffix: string): NamePart | string {
  const ends = /^(\d{1,9})-(\d{1,9})$/.exec(range);
  if (ends === null) return `\`[${range}]\` is not a range like \`[0-31]\``;
  if (ODD.test(prefix) || ODD.test(suffix)) return 'a range cannot be mixed with wildcards or odd characters';
  const [low, high] = [ends[1]!, ends[2]!];
  const padded = low.length > 1 && low.startsWith('0');
  if ((padded || (high.length > 1 && high.startsWith('0'))) && low.length !== high.length) {
    return `\`[${range}]\` has a leading zero; give both ends the same number of digits`;
  }
  const count = Number(high) - Number(low) + 1;
  if (count < 1) return `\`[${range}]\` runs backwards`;
  if (count > SHARDS_MAX) return `\`[${range}]\` is more than ${SHARDS_MAX} tables`;
  return { kind: 'shards', prefix, suffix, first: Number(low), count, width: padded ? low.length : 1 };
}

/** A range with a leading zero, both ends with the same number of digits. */
function asWide(range: string, low: string, high: string): string {
  if (!/^0\d/.test(low) && !/^0\d/.test(high)) return range;
  const width = Math.max(low.length, high.length);
  return `[${low.padStart(width, '0')}-${high.padStart(width, '0')}]`;
}

function regex(text: string): Expression | string {
  try {
    return bounded(new RegExp(`^(?:${text.slice(1, -1)})$`, 'su'));
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*\/[a-z]*: /su, '') : 'invalid';
    return `the regular expression is not valid (${reason})`;
  }
}

/** The same in time linear in the name's length; only what looks around or back to what it found is left as it is. */
function bounded(expression: RegExp): Expression {
  // What it would take for something else.
  if (/\\[ksS]|\[:|\(\?[a-z-]+:/.test(expression.source)) return expression;
  try {
    const linear = RE2JS.compile(RE2JS.translateRegExp(expression), RE2JS.DOTALL);
    return { test: (name) => linear.test(name) };
  } catch (error) {
    if (error instanceof RE2JSException) return expression;
    throw error;
  }
}
