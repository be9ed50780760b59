/**
 * To which table a table goes: a rule's `from` and `to` patterns, applied to a name.
 *
 * Rule kept here: when `reversalProblem` finds nothing, mapping there and back is the identity; two-way channels
 * rest on that.
 */
import assert from 'node:assert/strict';
import type { NamePart, TablePattern, WildcardToken } from './table-pattern.ts';
import { matches, overlap, shardIndex, shardName, singleName, tablePattern } from './table-pattern.ts';

/** A table entry as far as names go; `to` null keeps the name. */
export interface NameRule {
  readonly from: string;
  readonly to: string | null;
}

export interface MappedName {
  readonly schema: string;
  readonly table: string;
}

/**
 * The name at the target. A single name in `to` merges what matches; shards go by their index; wildcards carry what
 * they matched; a part that is `*` alone keeps the source's.
 */
export function mapName(rule: NameRule, schema: string, table: string): MappedName {
  if (rule.to === null) return { schema, table };
  const from = tablePattern(rule.from);
  const to = tablePattern(rule.to);
  assert(matches(from, schema, table), 'a rule maps only tables that it matches');
  assert(to.kind === 'parts' && mappingProblem(from, to) === null, 'the topology was checked');
  const index = from.kind === 'parts' ? shardIndexOf(from, schema, table) : 0;
  const tables = to.table.kind === 'shards' ? to.table.count : 1;
  return {
    schema: mapPart(from.kind === 'parts' ? from.schema : null, to.schema, schema, Math.floor(index / tables)),
    table: mapPart(from.kind === 'parts' ? from.table : null, to.table, table, index % tables),
  };
}

/** Whether several tables may go into one. */
export function mergesTables({ from, to }: NameRule): boolean {
  return to !== null && singleName(tablePattern(from)) === null && singleName(tablePattern(to)) !== null;
}

export function inverse(rule: NameRule): NameRule {
  return rule.to === null ? rule : { from: rule.to, to: rule.from };
}

/** Why the rule does not say where each table goes, or null. */
export function mappingProblem(from: TablePattern, to: TablePattern): string | null {
  if (to.kind === 'regex' || to.table.kind === 'regex') return 'a target cannot be a regular expression';
  const wanted = shardCount(to);
  const given = from.kind === 'parts' ? shardCount(from) : null;
  if (wanted !== null && given === null) return 'the target is a numbered range but the source is not';
  if (wanted !== null && wanted !== given) {
    return `the source is ${given} numbered ${given === 1 ? 'table' : 'tables'} and the target is ${wanted}`;
  }
  for (const side of ['schema', 'table'] as const) {
    const part = to[side];
    if (part.kind !== 'wildcard' || isLoneStar(part)) continue;
    const source = from.kind === 'parts' ? from[side] : null;
    if (source === null || source.kind !== 'wildcard' || wildcardsOf(source) !== wildcardsOf(part)) {
      return `the wildcards in the target's ${side} have no counterpart in the source's`;
    }
  }
  return null;
}

/** Why a table would not find its way back, or null. */
export function reversalProblem(rule: NameRule): string | null {
  if (rule.to === null) return null;
  const from = tablePattern(rule.from);
  const to = tablePattern(rule.to);
  if (from.kind === 'regex' || from.table.kind === 'regex') {
    return 'a regular expression cannot be renamed in both directions';
  }
  if (to.kind === 'regex' || to.table.kind === 'regex') return 'a target cannot be a regular expression';
  if (shardCount(from) !== null && shardCount(to) === null) return 'many tables would be merged into one';
  for (const side of ['schema', 'table'] as const) {
    const [one, other] = [from[side], to[side]];
    if (one.kind === 'wildcard' && other.kind !== 'wildcard') return 'many tables would be merged into one';
    if (one.kind !== 'wildcard' && other.kind === 'wildcard') {
      return `the wildcards in the target's ${side} have no counterpart in the source's`;
    }
    if (one.kind !== 'wildcard' || other.kind !== 'wildcard') continue;
    if (isLoneStar(one) !== isLoneStar(other))
      return '`*` alone keeps the whole name; write the fixed part on both sides';
    if (one.tokens.filter((t) => t.kind === 'any').length > 1)
      return 'with two stars in one part a name can be split in several ways';
  }
  return null;
}

/** Why two entries of a two-way channel get into each other's way, or null. Both are reversible on their own. */
export function pairProblem(one: NameRule, other: NameRule): string | null {
  const oneTo = one.to ?? one.from;
  const otherTo = other.to ?? other.from;
  if (!overlap(one.from, other.from) && !overlap(oneTo, otherTo)) return null;
  if (one.from === oneTo && other.from === otherTo) return null;
  const single = singleName(tablePattern(one.from)) !== null ? one : other;
  const broad = single === one ? other : one;
  const here = singleName(tablePattern(single.from));
  const there = singleName(tablePattern(single.to ?? single.from));
  if (here === null || there === null) return 'their patterns meet, and which table belongs to which cannot be told';
  if (matches(broad.from, here.schema, here.table) && !isSame(mapName(broad, here.schema, here.table), there)) {
    return 'at the first database both mean the same table, at the second different ones';
  }
  const back = inverse(broad);
  if (matches(back.from, there.schema, there.table) && !isSame(mapName(back, there.schema, there.table), here)) {
    return 'at the second database both mean the same table, at the first different ones';
  }
  return null;
}

function isSame(a: MappedName, b: MappedName): boolean {
  return a.schema === b.schema && a.table === b.table;
}

function isLoneStar(part: NamePart): boolean {
  return part.kind === 'wildcard' && part.tokens.length === 1 && part.tokens[0]!.kind === 'any';
}

function wildcardsOf(part: { readonly tokens: readonly WildcardToken[] }): string {
  return part.tokens.map((t) => (t.kind === 'text' ? '' : t.kind === 'any' ? '*' : '?')).join('');
}

/** How many tables the numbered ranges of a name make, or null when it has none. */
function shardCount(pattern: TablePattern): number | null {
  if (pattern.kind === 'regex') return null;
  const { schema, table } = pattern;
  if (schema.kind !== 'shards' && table.kind !== 'shards') return null;
  return (schema.kind === 'shards' ? schema.count : 1) * (table.kind === 'shards' ? table.count : 1);
}

function shardIndexOf(pattern: { schema: NamePart; table: NamePart }, schema: string, table: string): number {
  const high = pattern.schema.kind === 'shards' ? shardIndex(pattern.schema, schema) : 0;
  const low = pattern.table.kind === 'shards' ? shardIndex(pattern.table, table) : 0;
  return high * (pattern.table.kind === 'shards' ? pattern.table.count : 1) + low;
}

function mapPart(from: NamePart | null, to: NamePart, name: string, index: number): string {
  switch (to.kind) {
    case 'name':
      return to.text;
    case 'shards':
      return shardName(to, index);
    case 'wildcard': {
      if (isLoneStar(to)) return name;
      assert(from?.kind === 'wildcard');
      const captured = from.expression.exec(name)?.slice(1) ?? [];
      let next = 0;
      return to.tokens.map((token) => (token.kind === 'text' ? token.text : captured[next++]!)).join('');
    }
    case 'regex':
      assert.fail('a target is never a regular expression');
      break;
    default:
      return to satisfies never;
  }
}
