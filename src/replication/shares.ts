/**
 * Which lane a row is written in, where a pipeline has several: each writes its share of the rows by itself.
 *
 * Rule kept: two changes of which the second could not be made without the first, or makes something else of it, go to one
 * lane, where they keep their order. So rows of a table are divided by their primary key only where nothing but the key ties
 * them; what foreign keys, triggers, other unique keys or doubt about the key ties goes to one lane as a whole.
 * The lane is a function of the row, of the number of lanes and of what is recorded here, and of nothing else.
 */
import { isAmong } from '../model/column-names.ts';
import type { LoadTable } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type ColumnShape, tableName } from '../model/row.ts';
import type { RowSpec } from '../model/topology.ts';
import { mayMerge } from './key-fit.ts';
import { ruleFor } from './names.ts';

/** How the rows of a source table are divided; kept as JSON. Lanes are counted from 1. */
export type Share =
  | { readonly to: string; readonly lane: number }
  | {
      /** Target table, `schema.table`. */
      readonly to: string;
      /** The columns of its key by their names at the source; `text`: it compares as a text does. */
      readonly key: readonly { readonly column: string; readonly text: boolean }[];
    };

/** What must be the same when rows are divided a second time. */
export interface Division {
  readonly lanes: number;
  /** By source table, `schema.table`; of others no lane has written anything. */
  readonly tables: Readonly<Record<string, Share>>;
}

/** @param fkChecks whether the target's server checks foreign keys, so that rows must come in an order that they allow */
export function divisionOf(
  tables: Iterable<LoadTable>,
  lanes: number,
  { fkChecks, spec }: { readonly fkChecks: boolean; readonly spec: PipelineSpec },
): Division {
  const all = [...tables];
  const groupOf = ties(all, fkChecks);
  const shares = all.map((table): [string, Share] => {
    const to = tableName(table.target);
    const group = groupOf(to);
    const key = group === null ? keyOf(table, spec) : null;
    return [tableName(table.source), key === null ? { to, lane: laneOf(hash(SEED, group ?? to), lanes) } : { to, key }];
  });
  return { lanes, tables: Object.fromEntries(shares.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** Triggers may write anywhere. */
const TRIGGERS = '';

/** By target table the name of the group that it is tied to; null: to none. */
function ties(tables: readonly LoadTable[], fkChecks: boolean): (to: string) => string | null {
  const above = new Map<string, string>();
  const top = (name: string): string => {
    const next = above.get(name);
    return next === undefined || next === name ? name : top(next);
  };
  // The least name of a group stands for it, whatever the order in which its tables are looked at.
  const tie = (one: string, other: string): void => {
    const [a, b] = [top(one), top(other)];
    const [least, most] = a < b ? [a, b] : [b, a];
    above.set(most, least);
    above.set(least, least);
  };
  for (const { target } of tables) {
    const name = tableName(target);
    if (target.triggers.length > 0) tie(name, TRIGGERS);
    if (!fkChecks) continue;
    for (const { parentSchema, parentTable } of target.foreignKeys)
      tie(name, tableName({ schema: parentSchema, name: parentTable }));
    for (const child of target.referencedBy) tie(name, child);
  }
  return (to) => (above.has(to) ? top(to) : null);
}

/** Null: two rows with one key might not look so, or something else than the key ties them. */
function keyOf(table: LoadTable, spec: PipelineSpec): { column: string; text: boolean }[] | null {
  const { source, target, key, columns } = table;
  if (key.length === 0 || target.uniques.length > 0 || mayMerge(table)) return null;
  const rows = ruleFor(spec.tables, source.schema, source.name)?.rows;
  const parts = key.map((index) => {
    const from = source.columns[index]!;
    const made = from.computed === true || isMade(rows, [from.name, columns[index]!.name]);
    const kind = made ? null : kindOf(from, columns[index]!);
    return kind === null ? null : { column: from.name, text: kind === 'text' };
  });
  return parts.every((part) => part !== null) ? parts : null;
}

/** Whether a key is made on its way: by other rules another time. */
function isMade(rows: RowSpec | undefined, names: readonly string[]): boolean {
  if (rows === undefined) return false;
  const made = [...Object.keys(rows.set ?? {}), ...Object.keys(rows.mask ?? {})];
  return rows.process !== undefined || names.some((name) => isAmong(made, name));
}

/** Types of which one value has one literal, and two values are never one to the key of a column of the same type. */
const EXACT = /^(decimal|date|datetime|timestamp|time|year|bit|binary|varbinary|enum|set|uuid|inet4|inet6)\b/;
const WHOLE = /^(tiny|small|medium|big)?int\b/;

/** Collations to which texts of `PLAIN_TEXT` are equal only when they are so but for the case of letters. */
const PLAIN_COLLATION =
  /^((utf8|utf8mb3|utf8mb4|ascii|latin1)_(bin|general_ci|general_cs|nopad_bin|general_nopad_ci)|latin1_swedish_ci|(utf8|utf8mb3|utf8mb4)_unicode(_520)?(_nopad)?_ci|utf8mb4_0900_(bin|ai_ci|as_ci|as_cs)|(utf8mb3_|utf8mb4_)?uca1400(_nopad)?_(ai|as)_(ci|cs))$/;

function kindOf(from: ColumnShape, there: ColumnShape): 'exact' | 'text' | null {
  const [had, has] = [from.type.toLowerCase(), there.type.toLowerCase()];
  if (WHOLE.test(had) && WHOLE.test(has)) return 'exact';
  if (/^(var)?char\b/.test(had) && /^(var)?char\b/.test(has))
    return PLAIN_COLLATION.test((there.collation ?? '').toLowerCase()) ? 'text' : null;
  return had === has && EXACT.test(had) ? 'exact' : null;
}

/** Literals of texts without spaces, accents and signs that some collations pass over. */
const PLAIN_TEXT = /^'[0-9A-Za-z_.:@-]*'$/;

/** FNV-1a, 32 bits. */
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

/** @returns null where the text has characters that may be equal to others */
export function hashKeyPart(sum: number, literal: string | null, text: boolean): number | null {
  if (!text || literal === null) return hash(sum, literal ?? 'NULL');
  return PLAIN_TEXT.test(literal) ? hash(sum, literal.toLowerCase()) : null;
}

export function hash(sum: number, text: string): number {
  let h = sum;
  for (let at = 0; at < text.length; at += 1) h = Math.imul(h ^ text.charCodeAt(at), PRIME);
  return Math.imul(h ^ 0xff, PRIME);
}

export function seedOf(to: string): number {
  return hash(SEED, to);
}

/** Also keys that differ in their last digits only are spread evenly. */
export function laneOf(sum: number, lanes: number): number {
  let h = sum ^ (sum >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  return ((h >>> 0) % lanes) + 1;
}
