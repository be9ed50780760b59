/**
 * A changed YAML document written over the text that it was read from: what was not changed keeps its spaces, line by line,
 * however it is indented, and what is new stands as its neighbours do.
 *
 * Rule kept here: what comes out says what the document says, or nothing comes out, and whoever asked lays it out anew.
 */
import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  YAMLMap,
  YAMLSeq,
} from 'yaml';

type Block = YAMLMap | YAMLSeq;

/** Where an item of a block stands: what is before it, with its comments, and its lines. */
interface Place {
  readonly from: number;
  readonly begin: number;
  /** Behind the end of its last line. */
  readonly end: number;
}

/** Blank lines, comments, anchors and tags of what is to come. */
const LEAD = /(?:[ \t]*(?:[&!]\S+)?[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*/y;

/** @param indent of what is new and goes over several lines */
export function putBack(text: string, document: Document, before: Remembered, indent: number): string | null {
  const root = document.contents as unknown;
  if (!isBlock(root) || !before.items.has(root)) return null;
  const body = new PutBack(text, before, indent).block(root, 0);
  if (body === null) return null;
  const written = body.text + text.slice(body.end);
  const again = parseDocument(written, { merge: false, version: '1.2' });
  const said = (one: Document): string => JSON.stringify(one.toJS());
  return again.errors.length === 0 && said(again) === said(document) ? written : null;
}

/** What a document said before it was changed. */
export interface Remembered {
  /** Of pairs, and of items of lists. */
  readonly said: ReadonlyMap<unknown, string>;
  /** Of blocks. */
  readonly items: ReadonlyMap<Block, readonly unknown[]>;
  /** Where the values of pairs stand that are on one line and nothing else's. */
  readonly values: ReadonlyMap<unknown, readonly [number, number]>;
}

export function remember(document: Document): Remembered {
  const said = new Map<unknown, string>();
  const items = new Map<Block, readonly unknown[]>();
  const values = new Map<unknown, readonly [number, number]>();
  const visit = (node: unknown): void => {
    if (!isBlock(node)) return;
    items.set(node, [...node.items]);
    for (const item of node.items) {
      said.set(item, sayingOf(item));
      const value = valueIn(item);
      if (
        isPair(item) &&
        isNode(value) &&
        !isBlock(value) &&
        value.range != null &&
        !hasProperties(value) &&
        !isBlank(value)
      )
        values.set(item, [value.range[0], value.range[1]]);
      visit(value);
    }
  };
  visit(document.contents);
  return { said, items, values };
}

class PutBack {
  readonly #text: string;
  readonly #before: Remembered;
  readonly #indent: number;
  readonly #lineBreak: string;

  constructor(text: string, before: Remembered, indent: number) {
    this.#text = text;
    this.#before = before;
    this.#indent = indent;
    this.#lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  }

  /** The items as they are to be; null where they cannot be put into the lines. `from`: behind what leads to the block. */
  block(block: Block, from: number): { readonly text: string; readonly end: number } | null {
    const start = this.#lead(from);
    const column = this.#columnOf(start);
    const beside = this.#text.slice(start - column, start).trim() !== '';
    // What is left of the line of its key is not the first item's.
    const head = beside || column === start ? from : this.#text.indexOf('\n', from) + 1;
    const places = this.#places(block, head);
    const [first] = places.values();
    if (first === undefined) return null;
    // The first stands on the line of something else (`- from: a`), and another would have to go there.
    if (beside && !places.has(block.items[0])) return null;
    if (beside && places.get(block.items[0]) !== first) return null;
    let text = this.#text.slice(from, head);
    for (const item of block.items) {
      const place = places.get(item);
      const own = place === undefined ? this.#rendered(item, column) : this.#item(item, place, column);
      text += (text === '' || text.endsWith('\n') ? '' : this.#lineBreak) + own;
    }
    return { text, end: [...places.values()].at(-1)!.end };
  }

  #places(block: Block, from: number): Map<unknown, Place> {
    const places = new Map<unknown, Place>();
    let at = from;
    for (const item of this.#before.items.get(block) ?? []) {
      const begin = this.#lead(at);
      const end = this.#lineEnd(this.#endOf(item, begin));
      places.set(item, { from: at, begin, end });
      at = end;
    }
    return places;
  }

  /** Where what comes next begins. */
  #lead(at: number): number {
    LEAD.lastIndex = at;
    LEAD.test(this.#text);
    return LEAD.lastIndex;
  }

  #item(item: unknown, place: Place, column: number): string {
    const { from, begin, end } = place;
    if (this.#before.said.get(item) === sayingOf(item)) return this.#text.slice(from, end);
    const value = valueIn(item);
    if (isBlock(value) && this.#before.items.has(value) && value.items.length > 0) {
      const start = isPair(item) ? this.#behindKey(item) : begin + 1;
      const inner = start === null ? null : this.block(value, start);
      if (inner !== null) return this.#text.slice(from, start!) + inner.text;
    }
    const stands = this.#before.values.get(item);
    const shown = stands === undefined || !isNode(value) ? null : this.#onOneLine(value);
    if (stands !== undefined && shown !== null)
      return this.#text.slice(from, stands[0]) + shown + this.#text.slice(stands[1], end);
    const lines = this.#rendered(item, column).split('\n');
    // Comments above it are in the text already.
    const own = lines.slice(lines.findIndex((line) => !/^\s*#/.test(line))).join('\n');
    return this.#text.slice(from, begin) + own.trimStart();
  }

  /** With its line end. */
  #rendered(item: unknown, column: number): string {
    const holder = isPair(item) ? new YAMLMap() : new YAMLSeq();
    holder.items.push(item as never);
    const lines = narrow(this.#said(holder)).trimEnd().split('\n');
    return lines.map((line) => `${line === '' ? '' : ' '.repeat(column)}${line}${this.#lineBreak}`).join('');
  }

  /** Null where it takes several. */
  #onOneLine(value: NonNullable<Pair['value']>): string | null {
    if (!isNode(value) || hasProperties(value)) return null;
    const { comment, commentBefore } = value;
    Object.assign(value, { comment: null, commentBefore: null });
    const text = narrow(this.#said(value)).trim();
    Object.assign(value, { comment, commentBefore });
    return text.includes('\n') ? null : text;
  }

  #said(contents: unknown): string {
    const holder = new Document();
    holder.contents = contents as never;
    return holder.toString({ lineWidth: 0, indent: this.#indent, verifyAliasOrder: false });
  }

  /** Where the last thing that an item says ends. */
  #endOf(item: unknown, begin: number): number {
    const value = valueIn(item);
    if (isBlock(value)) {
      const last = (this.#before.items.get(value) ?? value.items).at(-1);
      if (last !== undefined) return this.#endOf(last, begin);
    }
    const stood = this.#before.values.get(item);
    if (stood !== undefined) return stood[1];
    if (isNode(value) && value.range != null && !isBlank(value)) return value.range[1];
    return isPair(item) && isNode(item.key) && item.key.range != null ? item.key.range[1] : begin + 1;
  }

  #behindKey({ key }: Pair): number | null {
    const end = isNode(key) && key.range != null ? key.range[1] : null;
    const colon = end === null ? -1 : this.#text.indexOf(':', end);
    return end !== null && /^\s*$/.test(this.#text.slice(end, colon)) ? colon + 1 : null;
  }

  #lineEnd(at: number): number {
    if (this.#text[at - 1] === '\n') return at;
    const end = this.#text.indexOf('\n', at);
    return end < 0 ? this.#text.length : end + 1;
  }

  #columnOf(at: number): number {
    return at - (this.#text.lastIndexOf('\n', at - 1) + 1);
  }
}

function isBlock(node: unknown): node is Block {
  return (isMap(node) || isSeq(node)) && node.flow !== true;
}

function valueIn(item: unknown): unknown {
  return isPair(item) ? item.value : item;
}

/** Nothing is written there. */
function isBlank(node: unknown): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === '';
}

function hasProperties(node: unknown): boolean {
  return (
    isNode(node) && !isAlias(node) && ((node as { anchor?: string }).anchor !== undefined || node.tag !== undefined)
  );
}

/** All that a text says of a node, whatever its layout. */
function sayingOf(node: unknown): string {
  if (isPair(node)) return `${sayingOf(node.key)}: ${sayingOf(node.value)}`;
  if (isAlias(node)) return `*${node.source}`;
  if (isCollection(node)) return `${node.anchor ?? ''}${isMap(node) ? '{' : '['}${node.items.map(sayingOf).join(', ')}`;
  return isScalar(node) ? `${node.anchor ?? ''} ${typeof node.value} ${JSON.stringify(node.value)}` : '';
}

/** `[a, b]`, as lists are written by people; what stands in quotes is left alone. */
export function narrow(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\[ | \]/g, (part) =>
    part === '[ ' ? '[' : part === ' ]' ? ']' : part,
  );
}
