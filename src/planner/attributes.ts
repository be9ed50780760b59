/**
 * Objects as their files spell them, and the attributes in which two differ.
 *
 * Rules: a table entry is told from its neighbours by `from`, not by its place, so an added table is one added line; a
 * list of plain values is one attribute. Two objects that differ at all differ in at least one attribute.
 */
import type { Kind } from '../model/topology.ts';
import { canonicalText } from './canonical.ts';
import type { AttributeChange, Json } from './change.ts';

type Fields = Readonly<Record<string, Json>>;

/** @param names the old and the new one of an object that was renamed */
export function attributesOf(
  kind: Kind,
  before: Json,
  after: Json,
  names: readonly [string, string] | null = null,
): AttributeChange[] {
  const [old, young] = [before, after].map((spec) => (spec === null ? null : written(kind, spec as Fields)));
  const found: AttributeChange[] =
    names === null ? [] : [{ path: 'name', action: 'change', before: names[0], after: names[1] }];
  if (before !== null && canonicalText(before) === canonicalText(after)) return found;
  compareFields('', omit(old ?? {}, 'tables'), omit(young ?? {}, 'tables'), found);
  compareTables(tablesOf(old ?? null), tablesOf(young ?? null), found);
  // Two spellings of nothing (an empty list, none) are two values all the same.
  if (found.length === (names === null ? 0 : 1) && old !== null && young !== null) {
    found.push({ path: '(spelling)', action: 'change', before, after });
  }
  return found;
}

function compareFields(base: string, before: Fields, after: Fields, found: AttributeChange[]): void {
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    const path = base === '' ? key : `${base}.${key}`;
    const [old, young] = [valueAt(before, key), valueAt(after, key)];
    if (isFields(old) || isFields(young)) {
      // An empty one says something: `tls: {}` is TLS with what the system trusts.
      const comesOrGoes = (old === null && isEmptyMap(young)) || (young === null && isEmptyMap(old));
      if ((isFields(old) || old === null) && (isFields(young) || young === null) && !comesOrGoes) {
        compareFields(path, old ?? {}, young ?? {}, found);
        continue;
      }
    }
    compareValues(path, old, young, found);
  }
}

function compareValues(path: string, old: Json, young: Json, found: AttributeChange[]): void {
  if (isNothing(old) && isNothing(young)) return;
  if (canonicalText(old) === canonicalText(young)) return;
  const action = isNothing(old) ? 'add' : isNothing(young) ? 'remove' : 'change';
  found.push({ path, action, before: old, after: young });
}

function compareTables(
  before: readonly Fields[] | null,
  after: readonly Fields[] | null,
  found: AttributeChange[],
): void {
  const crowded = crowdedNames(before ?? [], after ?? []);
  const [old, young] = [named(before ?? [], crowded), named(after ?? [], crowded)];
  for (const [name, entry] of old) {
    const other = young.get(name);
    if (other === undefined)
      found.push({ path: `tables[${name}]`, action: 'remove', before: short(entry), after: null });
    else compareFields(`tables[${name}]`, omit(entry, 'from'), omit(other, 'from'), found);
  }
  for (const [name, entry] of young) {
    if (!old.has(name)) found.push({ path: `tables[${name}]`, action: 'add', before: null, after: short(entry) });
  }
  // The first entry that names a table counts, so their order is a difference too.
  const stayed = (names: Iterable<string>): string[] => [...names].filter((name) => old.has(name) && young.has(name));
  const [was, is] = [stayed(old.keys()), stayed(young.keys())];
  if (canonicalText(was) !== canonicalText(is))
    found.push({ path: 'tables', action: 'change', before: was, after: is });
}

/** Names that stand in several entries of one side. */
function crowdedNames(...sides: readonly (readonly Fields[])[]): ReadonlySet<string> {
  return new Set(
    sides.flatMap((side) => {
      const seen = new Set<string>();
      return side.map((entry) => String(entry['from'])).filter((name) => seen.has(name) || !seen.add(name));
    }),
  );
}

function named(entries: readonly Fields[], crowded: ReadonlySet<string>): Map<string, Fields> {
  const result = new Map<string, Fields>();
  for (const entry of entries) {
    const from = String(entry['from']);
    const base = crowded.has(from) ? `${from} > ${String(entry['to'] ?? from)}` : from;
    let name = base;
    for (let n = 2; result.has(name); n++) name = `${base} #${n}`;
    result.set(name, entry);
  }
  return result;
}

/** An entry as one writes it: the name alone when there is no more to say. */
function short(entry: Fields): Json {
  const said = Object.keys(entry).filter((key) => !isUnsaid(entry[key]!));
  return said.length === 1 ? (entry['from'] ?? null) : Object.fromEntries(said.map((key) => [key, entry[key]!]));
}

/** Nothing, or fields of which nothing is said. */
function isUnsaid(value: Json): boolean {
  if (!isFields(value)) return isNothing(value);
  for (const key in value) if (!isUnsaid(value[key]!)) return false;
  return true;
}

/** An object as a file would have it, without what says nothing; its own key is not in it. */
export function spelledOut(kind: Kind, spec: Json): Json {
  const all = written(kind, spec as Fields);
  const tables = tablesOf(all);
  return tables === null ? said(all) : said({ ...(omit(all, 'tables') as Fields), tables: tables.map(short) });
}

function said(value: Json): Json {
  if (Array.isArray(value)) return value.map(said);
  if (!isFields(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => !isUnsaid(inner) || isEmptyMap(inner));
  return Object.fromEntries(kept.map(([key, inner]) => [key, said(inner)]));
}

function tablesOf(spec: Fields | null): readonly Fields[] | null {
  const tables = spec?.['tables'];
  return Array.isArray(tables) ? (tables as Fields[]).map(writtenTable) : null;
}

/** Keys of the resolved object as the file has them. */
function written(kind: Kind, spec: Fields): Fields {
  if (kind !== 'channel') return spec;
  // Of modules the digests tell that stand in the entries.
  const { direction, onError, maskKey, processors: _, dryRun, inert, ...rest } = spec;
  const ends = omit((direction ?? {}) as Fields, 'kind');
  return {
    ...rest,
    ...ends,
    on_error: onError ?? null,
    mask_key: maskKey ?? null,
    dry_run: dryRun ?? null,
    ...((inert ?? {}) as Fields),
  };
}

function writtenTable(entry: Fields): Fields {
  const { columns, rows, ...rest } = entry;
  const { set, mask, process, ...others } = (rows ?? {}) as Fields;
  const all = { ...((columns ?? {}) as Fields), set: set ?? null, mask: mask ?? null };
  return { ...rest, columns: all, ...others, process: moduleText(process ?? null) };
}

/** `./processors/orders.mjs (sha256 0123456789ab)`. */
function moduleText(process: Json): Json {
  if (!isFields(process)) return null;
  return `${String(process['module'])} (sha256 ${String(process['digest']).slice(0, 12)})`;
}

function omit(fields: Fields, key: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([one]) => one !== key));
}

/** Names of columns are anything, also `constructor`. */
function valueAt(fields: Fields, key: string): Json {
  return Object.hasOwn(fields, key) ? fields[key]! : null;
}

function isFields(value: Json): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmptyMap(value: Json): boolean {
  return isFields(value) && Object.keys(value).length === 0;
}

function isNothing(value: Json): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}
