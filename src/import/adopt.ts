/**
 * What was applied, written back into the files that declare it: values are changed where they stand, and comments stay.
 *
 * Rules: what a variable or an anchor gives is not overwritten, since it says more than the one value; it is told. Into an
 * environment (`over`) only what it is to say otherwise is written, and what is to be nothing there takes away what lies below.
 */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { narrow, putBack, remember } from './put-back.ts';

export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** One attribute as plans name it: `conflict.policy`, `tables[shop.orders].to`. */
export interface AdoptedAttribute {
  readonly path: string;
  /** As it was applied; null, '' or an empty list: not at all. */
  readonly value: Plain;
}

export interface Adoption {
  readonly address: string;
  /** Key of the topology, `channels`. */
  readonly section: string;
  readonly name: string;
  /** Null: it is not applied, so it goes from the files. */
  readonly attributes: readonly AdoptedAttribute[] | null;
}

export interface AdoptedText {
  readonly text: string;
  /** What could not be written, in words. */
  readonly left: readonly string[];
}

/**
 * @param text of the file that declares the objects, or is to
 * @param over whether the file lies over others: lists of tables are whole ones then (`tables`)
 */
export function adopt(text: string, adoptions: readonly Adoption[], over = false): AdoptedText {
  const document = parseDocument(text, { merge: false, version: '1.2' });
  const read = remember(document);
  const left: string[] = [];
  for (const { address, section, name, attributes } of adoptions) {
    if (attributes === null) {
      if (document.hasIn([section, name]) || !over) document.deleteIn([section, name]);
      else document.setIn([section, name], document.createNode(null));
      continue;
    }
    // Taken away there: what lies below is what counts, and what is to be otherwise shows then.
    if (over && isBlank(document.getIn([section, name], true))) {
      document.deleteIn([section, name]);
      continue;
    }
    const object = objectAt(document, section, name);
    if (object === null) {
      left.push(`${address}: it comes from an anchor`);
      continue;
    }
    for (const attribute of attributes) {
      const problem = write(document, object, attribute, over);
      if (problem !== null) left.push(`${address} ${attribute.path}: ${problem}`);
    }
  }
  const indent = indentOf(text);
  return { text: putBack(text, document, read, indent) ?? laidOut(text, document, indent), left };
}

function indentOf(text: string): number {
  return Math.max(2, /^( +)\S/m.exec(text)?.[1]?.length ?? 2);
}

/** Where it cannot be put into the lines: all of it anew, but that lines keep their spaces which say what they said before. */
function laidOut(text: string, document: Document, indent: number): string {
  const indentSeq = !/^( *)[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*#[^\n]*\n)*\1- /m.test(text);
  const key = (line: string): string =>
    `${/^ */.exec(line)![0].length} ${line
      .trim()
      .replaceAll(/\s*([[\]{},#])\s*/g, '$1')
      .replaceAll(/\s+/g, ' ')}`;
  const before = new Map(text.split('\n').map((line) => [key(line), line]));
  const lines = document.toString({ lineWidth: 0, indent, indentSeq }).split('\n');
  return lines.map((line) => before.get(key(line)) ?? narrow(line)).join('\n');
}

/** Made where it is not there; null where the file has only a reference to it. */
function objectAt(document: Document, section: string, name: string): YAMLMap | null {
  const there = document.getIn([section, name], true);
  if (isMap(there)) return there;
  if (there !== undefined && !isBlank(there)) return null;
  if (isAlias(document.get(section, true))) return null;
  document.setIn([section, name], document.createNode({}));
  return document.getIn([section, name], true) as YAMLMap;
}

/** `a:`, with nothing behind it, or null. */
function isBlank(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

/** Null when it is written. */
function write(document: Document, object: YAMLMap, { path, value }: AdoptedAttribute, over: boolean): string | null {
  if (/(^|\.)process$/.test(path)) return 'a module is not in the state as a file';
  if (/^(link|processors|\(spelling\))/.test(path)) return 'it does not stand in the object itself';
  const [, table, rest] = /^tables\[(.*)\](?:\.(.+))?$/s.exec(path) ?? [];
  if (table !== undefined) return writeTable(document, object, table, rest ?? null, value);
  if (path === 'tables' && !over) return putInOrder(object, value);
  return set(document, object, path.split('.'), value, over);
}

function writeTable(
  document: Document,
  object: YAMLMap,
  table: string,
  rest: string | null,
  value: Plain,
): string | null {
  const tables = object.get('tables', true);
  if (tables !== undefined && !isSeq(tables)) return 'its tables come from an anchor';
  const index = tables === undefined ? -1 : tables.items.findIndex((item) => nameOf(item) === table);
  if (rest === null) {
    if (isNothing(value)) {
      if (index < 0) return 'no entry of this name is there';
      tables!.items.splice(index, 1);
      return null;
    }
    if (tables === undefined) {
      object.set('tables', document.createNode([said(value)]));
    } else tables.add(flow(document, value));
    return null;
  }
  if (index < 0) return 'no entry of this name is there';
  const item = tables!.items[index];
  if (isAlias(item)) return 'it comes from an anchor';
  // A name alone becomes an entry with more to say.
  const entry = isMap(item) ? item : (flow(document, { from: table }) as YAMLMap);
  if (isScalar(item)) Object.assign(entry, { commentBefore: item.commentBefore, comment: item.comment });
  tables!.items[index] = entry;
  return set(document, entry, rest.split('.'), value);
}

/** @param value names of the entries, as they are to stand */
function putInOrder(object: YAMLMap, value: Plain): string | null {
  const tables = object.get('tables', true);
  if (!isSeq(tables)) return 'its tables come from an anchor';
  const byName = new Map(tables.items.map((item) => [nameOf(item), item]));
  const names = Array.isArray(value) ? value.map(String) : [];
  const same = names.length === tables.items.length && names.every((name) => byName.has(name));
  if (!same || byName.size !== names.length) return 'the order of the entries: put them in order by hand';
  tables.items.splice(0, names.length, ...names.map((name) => byName.get(name)!));
  return null;
}

function set(document: Document, object: YAMLMap, path: readonly string[], value: Plain, over = false): string | null {
  let map = object;
  for (const key of path.slice(0, -1)) {
    const next = map.get(key, true);
    if (isAlias(next)) return 'it comes from an anchor';
    if (isMap(next)) map = next;
    else {
      if (isNothing(value) && !over) return null;
      const made = flow(document, {}) as YAMLMap;
      map.set(key, made);
      map = made;
    }
  }
  const key = path.at(-1)!;
  const there = map.get(key, true);
  if (isAlias(there)) return 'it comes from an anchor';
  if (mentionsVariable(there)) return 'a variable gives it';
  if (there === undefined && map.has('<<')) return 'it may come from an anchor (`<<`)';
  if (isNothing(value) && over && !map.has(key)) map.set(key, document.createNode(null));
  else if (isNothing(value)) map.delete(key);
  else if (isScalar(there) && typeof alone(value) !== 'object') there.value = alone(value);
  else if (isSeq(there) && Array.isArray(value)) {
    // Items that stay do so with what is said about them.
    const byText = new Map(there.items.map((item) => [JSON.stringify(isNode(item) ? item.toJSON() : item), item]));
    there.items = value.map(
      (one: Plain) => byText.get(JSON.stringify(one)) ?? document.createNode(one, { flow: true }),
    );
  } else {
    const made = flow(document, value);
    if (isNode(there)) Object.assign(made, { commentBefore: there.commentBefore, comment: there.comment });
    map.set(key, made);
  }
  return null;
}

/** A list of one is written as the one where it was. */
function alone(value: Plain): Plain {
  return Array.isArray(value) && value.length === 1 ? (value as readonly Plain[])[0]! : value;
}

/** Whether what stands at this path of a file is a variable's, or in part. */
export function isGiven(text: string, path: readonly string[]): boolean {
  return mentionsVariable(parseDocument(text, { merge: false, version: '1.2' }).getIn(path, true));
}

function mentionsVariable(node: unknown): boolean {
  if (isScalar(node)) return typeof node.value === 'string' && node.value.includes('${var.');
  if (isSeq(node)) return node.items.some(mentionsVariable);
  return isMap(node) && node.items.some(({ value }) => mentionsVariable(value));
}

/** What is new stands on one line. */
function flow(document: Document, value: Plain) {
  return document.createNode(said(value), { flow: true });
}

/** What is applied has every key; a file has those that say something. */
function said(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(said);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, one]) => [key, said(one)] as const);
  return Object.fromEntries(entries.filter(([, one]) => !isNothing(one) && !isEmptyMap(one)));
}

function isEmptyMap(value: Plain): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function nameOf(item: unknown): string | null {
  if (isScalar(item)) return String(item.value);
  return isMap(item) ? String(item.get('from')) : null;
}

function isNothing(value: Plain): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}
