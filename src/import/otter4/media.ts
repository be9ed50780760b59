/**
 * Otter 4's names of tables in the language of table entries: single names, numbered shards, regular expressions.
 *
 * Rule: an entry means the tables that Otter 4 meant and sends them where it sent them, or it is refused in words. Where an
 * expression says no more than a wildcard does, the wildcard is written; it tells capitals apart, as servers on Linux do, which
 * Otter 4 did not.
 */
import { mappingProblem } from '../../model/table-mapping.ts';
import { parsePattern } from '../../model/table-pattern.ts';

type Mode =
  | { readonly kind: 'single'; readonly text: string }
  | {
      readonly kind: 'shards';
      readonly prefix: string;
      readonly names: readonly string[];
      readonly range: string;
      readonly suffix: string;
    }
  /** `wildcard` is null where it takes the expression itself. */
  | { readonly kind: 'regex'; readonly text: string; readonly wildcard: string | null };

export interface Names {
  readonly namespace: string;
  readonly name: string;
}

export type Entry = { readonly from: string; readonly to: string | null } | { readonly problem: string };

/** More numbered tables are not spelled out in an expression. */
const ALTERNATIVES_MAX = 64;

/** A pair's two media as the `from` and `to` of an entry. */
export function entryOf(source: Names, target: Names): Entry {
  const from = { schema: modeOf(source.namespace), table: modeOf(source.name) };
  const to = { schema: modeOf(target.namespace), table: modeOf(target.name) };
  const spelled = sourceText(from.schema, from.table);
  if (typeof spelled !== 'string') return spelled;
  const parsed = parsePattern(spelled);
  if (!parsed.ok) return { problem: `${source.namespace}.${source.name} cannot be said here: ${parsed.problem}` };
  const kept = keeps(from.schema, to.schema) && keeps(from.table, to.table);
  const goal = kept ? spelled : `${targetPart(from.schema, to.schema)}.${targetPart(from.table, to.table)}`;
  if (goal === spelled) return { from: spelled, to: null };
  const there = parsePattern(goal);
  if (!there.ok) return { problem: `${target.namespace}.${target.name} cannot be said here: ${there.problem}` };
  const problem = mappingProblem(parsed.pattern, there.pattern);
  return problem === null ? { from: spelled, to: goal } : { problem };
}

/** How exact a pair is in Otter 4: what is lower goes first. */
export function vaguenessOf(source: Names, target: Names): number {
  const score: Readonly<Record<Mode['kind'], number>> = { single: 0, shards: 1, regex: 3 };
  return [source.namespace, source.name, target.namespace, target.name]
    .map((text) => score[modeOf(text).kind])
    .reduce((sum, one) => sum + one, 0);
}

function modeOf(text: string): Mode {
  const [, prefix, first, last, suffix] = /^(.*)\[(\d+)-(\d+)\](.*)$/su.exec(text) ?? [];
  if (prefix !== undefined && first !== undefined && last !== undefined && suffix !== undefined) {
    const padded = first.length === last.length && first.startsWith('0');
    const [low, high] = [Number(first), Number(last)];
    // Without zeros on both sides there are none in the names, however the ends are written.
    const range = padded ? `[${first}-${last}]` : `[${low}-${high}]`;
    const count = Math.max(0, Math.min(high - low + 1, ALTERNATIVES_MAX + 1));
    const names = Array.from({ length: count }, (_, i) => {
      const digits = String(low + i);
      return `${prefix}${padded ? digits.padStart(first.length, '0') : digits}${suffix}`;
    });
    return { kind: 'shards', prefix, names, range, suffix };
  }
  return /[*?+|(){}[\]\\$^.]/u.test(text)
    ? { kind: 'regex', text, wildcard: wildcardOf(text) }
    : { kind: 'single', text };
}

/** Null where a wildcard would not say the same. */
function wildcardOf(regex: string): string | null {
  let rest = regex.replace(/^\^/, '').replace(/\$$/, '');
  let wildcard = '';
  while (rest !== '') {
    const [taken, sign] = /^(?:\(\.\*\)|\.\*)/.test(rest)
      ? [/^(?:\(\.\*\)|\.\*)/.exec(rest)![0], '*']
      : /^(?:\(\.\+\)|\.\+)/.test(rest)
        ? [/^(?:\(\.\+\)|\.\+)/.exec(rest)![0], '?*']
        : /^\.(?![*+?{])/.test(rest)
          ? ['.', '?']
          : /^[\w-](?![*+?{])/.test(rest)
            ? [rest[0]!, rest[0]!]
            : [null, ''];
    if (taken === null) return null;
    wildcard += sign;
    rest = rest.slice(taken.length);
  }
  return wildcard.replaceAll(/\*{2,}/g, '*');
}

function sourceText(schema: Mode, table: Mode): string | { readonly problem: string } {
  const plain = partText(schema);
  if (plain !== null) {
    const name = partText(table);
    if (name !== null) return `${plain}.${name}`;
    return `${plain}./${insensitive((table as { readonly text: string }).text)}/`;
  }
  const [one, other] = [expressionOf(schema), expressionOf(table)];
  if (one === null || other === null) {
    return {
      problem: `a range of more than ${ALTERNATIVES_MAX} numbers beside a regular expression cannot be said here`,
    };
  }
  return `/${insensitive(`(?:${one})\\.(?:${other})`)}/`;
}

/** As Otter 4 compares. */
function insensitive(expression: string): string {
  return `(?i:${expression})`;
}

/** Null for what only an expression can say. */
function partText(mode: Mode): string | null {
  switch (mode.kind) {
    case 'single':
      return quoted(mode.text);
    case 'shards':
      return `${mode.prefix}${mode.range}${mode.suffix}`;
    case 'regex':
      return mode.wildcard;
    default:
      return mode satisfies never;
  }
}

function quoted(name: string): string {
  return /^[\w$-]+$/u.test(name) ? name : `\`${name.replaceAll('`', '``')}\``;
}

function expressionOf(mode: Mode): string | null {
  switch (mode.kind) {
    case 'single':
      return escaped(mode.text);
    case 'shards':
      return mode.names.length > ALTERNATIVES_MAX ? null : mode.names.map(escaped).join('|');
    case 'regex':
      return mode.text;
    default:
      return mode satisfies never;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** Whether the name at the target is the one at the source. */
function keeps(from: Mode, to: Mode): boolean {
  if (to.kind === 'regex') return true;
  return to.kind === from.kind && partText(to) === partText(from);
}

/** A target that is an expression keeps the name of the source. */
function targetPart(from: Mode, to: Mode): string {
  if (to.kind !== 'regex') return partText(to)!;
  return partText(from) ?? '*';
}
