/**
 * Many numbered tables as one pattern: `order_item_0` to `order_item_31` are `order_item_[0-31]`.
 *
 * Rule: a pattern means exactly the tables that it was made of, none that is not there and none that was left out.
 */
import type { TableName } from '../model/inspection.ts';
import { formatName } from '../model/table-pattern.ts';

export interface Folded {
  /** As a topology spells it. */
  readonly pattern: string;
  readonly tables: readonly TableName[];
}

/** Fewer stand on a line each: a pattern would be no shorter. */
const SHARDS_MIN = 3;
/** A part with one of these is quoted, and a range cannot be. */
const ODD = /[^\w$-]/u;

/** Sorted by schema and name, numbers by their size. */
export function fold(tables: readonly TableName[]): Folded[] {
  const sorted = [...tables].sort(byName);
  const groups = Map.groupBy(sorted, ({ schema, name }) => {
    const number = numbered(name);
    return JSON.stringify(number === null ? [schema, name] : [schema, number.prefix, number.suffix]);
  });
  return [...groups.values()].flatMap((group) => foldGroup(group)).sort((a, b) => byName(a.tables[0]!, b.tables[0]!));
}

interface Numbered {
  readonly prefix: string;
  readonly digits: string;
  readonly suffix: string;
}

/** By the last number in the name. */
function numbered(name: string): Numbered | null {
  const [, prefix, digits, suffix] = /^(.*?)(\d{1,9})(\D*)$/su.exec(name) ?? [];
  if (prefix === undefined || digits === undefined || suffix === undefined) return null;
  if (ODD.test(prefix) || ODD.test(suffix) || /\d$/.test(prefix)) return null;
  return { prefix, digits, suffix };
}

function foldGroup(group: readonly TableName[]): Folded[] {
  const runs: TableName[][] = [];
  for (const table of group) {
    const run = runs.at(-1);
    if (run !== undefined && follows(run, table)) run.push(table);
    else runs.push([table]);
  }
  return runs.flatMap((run): Folded[] => {
    const [first, last] = [numbered(run[0]!.name), numbered(run.at(-1)!.name)];
    if (run.length < SHARDS_MIN || first === null || last === null) return run.map(single);
    const schema = formatName(run[0]!.schema, 'x').slice(0, -2);
    return [{ pattern: `${schema}.${first.prefix}[${first.digits}-${last.digits}]${first.suffix}`, tables: run }];
  });
}

/** Whether the next number comes, written as those before it: `09` and `10` after `00`, but no `010` and no `7` after `06`. */
function follows(run: readonly TableName[], { name }: TableName): boolean {
  const [first, before, next] = [numbered(run[0]!.name), numbered(run.at(-1)!.name), numbered(name)];
  if (first === null || before === null || next === null || next.prefix !== first.prefix) return false;
  const padded = first.digits.length > 1 && first.digits.startsWith('0');
  const written = padded ? next.digits.length === first.digits.length : String(Number(next.digits)) === next.digits;
  return written && Number(next.digits) === Number(before.digits) + 1;
}

function single(table: TableName): Folded {
  return { pattern: formatName(table.schema, table.name), tables: [table] };
}

/** `t_2` before `t_10`. */
function byName(a: TableName, b: TableName): number {
  return compare(a.schema, b.schema) || compare(a.name, b.name);
}

const natural = new Intl.Collator('en', { numeric: true });

function compare(a: string, b: string): number {
  return natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
