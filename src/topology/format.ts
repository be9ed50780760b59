/**
 * A YAML text laid out in one way: two spaces a level, one space after `:` and `,` and inside `{ }`, at most one blank
 * line, no space at line ends. Order, quotes, line breaks, comments, anchors and blank lines between parts stay.
 *
 * A comment behind a value keeps its column while there is room, so that comments under each other stay so.
 * Rule kept here: what the text means is what it meant; `formatText` makes sure of that before it answers.
 */
/* eslint @typescript-eslint/switch-exhaustiveness-check: ["error", { "considerDefaultExhaustiveForUnions": true }] -- the kinds of tokens are the parser's, not ours */
import type { CST } from 'yaml';
import { Parser } from 'yaml';
import type { Diagnostic } from '../model/diagnostic.ts';
import { finding } from './finding.ts';
import { LayoutWriter } from './layout-writer.ts';
import { parseFile } from './parse.ts';
import { sameMeaning } from './same-meaning.ts';
import { startOf } from './tree.ts';

export interface Formatted {
  /** Null when the file cannot be formatted. */
  readonly text: string | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** What has syntax errors is left alone, with the findings. */
export function formatText(file: string, text: string): Formatted {
  const { diagnostics } = parseFile(file, text);
  const unreadable = diagnostics.filter(({ code }) => code === 'OT1001' || code === 'OT1003');
  if (unreadable.length > 0) return { text: null, diagnostics: unreadable };
  const lines = text.replaceAll('\r\n', '\n');
  const written = layOut(lines);
  const again = written === null ? null : layOut(written);
  if (written === null || again !== written || !sameMeaning(lines, written)) {
    const summary = 'the file is written in a way that cannot be laid out exactly';
    const detail = 'It is left as it is. Plainer YAML can be: no block texts with tabs, no keys behind `?`.';
    return { text: null, diagnostics: [finding({ code: 'OT1009', summary, detail, range: startOf(file) })] };
  }
  return { text: isCrLf(text) ? written.replaceAll('\n', '\r\n') : written, diagnostics: [] };
}

/** As most of its lines end. */
function isCrLf(text: string): boolean {
  const all = text.split('\n').length - 1;
  return all > 0 && text.split('\r\n').length - 1 > all / 2;
}

/** Null for what this has no layout for. */
function layOut(text: string): string | null {
  const layout = new Layout(text);
  for (const token of new Parser().parse(text)) if (!layout.top(token)) return null;
  return layout.done();
}

/** A block that is open: the column of its items in the text as it was, and as it is written. */
interface Block {
  readonly was: number;
  readonly column: number;
  readonly above: Block | null;
}

/** Columns of what begins a line. */
interface Columns {
  readonly block: Block;
  /** Of the next token. */
  readonly own: number;
  /** Of further lines of a text, and of a collection in brackets. */
  readonly further: number;
}

const ROOT: Block = { was: 0, column: 0, above: null };

class Layout {
  readonly #writer: LayoutWriter;

  constructor(text: string) {
    this.#writer = new LayoutWriter(text);
  }

  done(): string {
    return this.#writer.done();
  }

  /** False for what is no part of a readable document. */
  top(token: CST.Token): boolean {
    const at: Columns = { block: ROOT, own: 0, further: 0 };
    switch (token.type) {
      case 'document':
        this.#all(token.start, at);
        if (token.value !== undefined) this.#value(token.value, at);
        this.#all(token.end, at);
        return true;
      case 'directive':
        this.#writer.raw(token.source);
        return true;
      case 'doc-end':
        this.#writer.raw(token.source);
        this.#all(token.end, at);
        return true;
      case 'error':
        return false;
      case 'byte-order-mark':
        return true;
      default:
        if (!('source' in token)) return false;
        this.#one(token as CST.SourceToken, at);
        return true;
    }
  }

  #all(tokens: readonly CST.SourceToken[] | undefined, at: Columns): void {
    for (const token of tokens ?? []) this.#one(token, at);
  }

  #one(token: CST.SourceToken, at: Columns): void {
    switch (token.type) {
      case 'space':
        return;
      case 'newline':
        this.#writer.newline(token.source.split('\n').length - 1);
        return;
      case 'comment':
        this.#writer.comment(token, at.own);
        return;
      default:
        this.#writer.word(token.type, token.source, at.own);
    }
  }

  #value(token: CST.Token, at: Columns): void {
    switch (token.type) {
      case 'block-map':
        this.#map(token, at);
        return;
      case 'block-seq':
        this.#list(token, at);
        return;
      case 'flow-collection':
        this.#flow(token, at);
        return;
      case 'block-scalar':
        for (const prop of token.props) this.#prop(prop, at);
        this.#writer.block(token.source, at.further, indicated(token, at));
        return;
      case 'alias':
      case 'scalar':
      case 'single-quoted-scalar':
      case 'double-quoted-scalar':
        this.#writer.text(token.type, token.source, at.own, at.further);
        this.#all(token.end, at);
        return;
      default:
        throw new RangeError(`a ${token.type} has no layout`);
    }
  }

  #map({ items, indent }: CST.BlockMap, at: Columns): void {
    const block: Block = { was: indent, column: at.own, above: at.block };
    const here: Columns = { block, own: block.column, further: block.column + 2 };
    const inside: Columns = { ...here, own: here.further };
    for (const { start, key, sep, value } of items) {
      const ends = key === undefined && sep === undefined && value === undefined;
      for (const token of start) this.#one(token, ends && token.type === 'comment' ? outward(token, here) : here);
      if (key != null) this.#value(key, here);
      for (const token of sep ?? []) this.#one(token, token.type === 'map-value-ind' ? here : inside);
      if (value !== undefined) this.#value(value, inside);
    }
  }

  #list({ items, indent }: CST.BlockSequence, at: Columns): void {
    const block: Block = { was: indent, column: at.own, above: at.block };
    const here: Columns = { block, own: block.column, further: block.column + 2 };
    const inside: Columns = { ...here, own: here.further };
    for (const { start, value } of items) {
      const mark = start.findIndex(({ type }) => type === 'seq-item-ind');
      for (const [i, token] of start.entries()) {
        const ends = mark < 0 && token.type === 'comment';
        this.#one(token, ends ? outward(token, here) : mark >= 0 && i > mark ? inside : here);
      }
      if (value !== undefined) this.#value(value, inside);
    }
  }

  #flow(flow: CST.FlowCollection, at: Columns): void {
    this.#writer.word(flow.start.type, flow.start.source, at.own);
    const closing = Math.max(this.#writer.indentation(), at.further);
    const here: Columns = { block: at.block, own: closing + 2, further: closing + 2 };
    for (const { start, key, sep, value } of flow.items) {
      this.#all(start, here);
      if (key != null) this.#value(key, here);
      this.#all(sep, here);
      if (value !== undefined) this.#value(value, here);
    }
    for (const token of flow.end) {
      const closes = token.type === 'flow-map-end' || token.type === 'flow-seq-end';
      this.#one(token, closes ? { ...here, own: closing } : at);
    }
  }

  /** Of a block text: how far it is indented is said anew where it has to be said. */
  #prop(prop: CST.Token, at: Columns): void {
    const token = prop as CST.SourceToken;
    if (prop.type === 'block-scalar-header') this.#writer.word(prop.type, token.source.replace(/[1-9]/, '2'), at.own);
    else this.#one(token, at);
  }
}

/** The column of a block text's lines as they were, where it is said; else null. */
function indicated(token: CST.BlockScalar, { block }: Columns): number | null {
  const header = token.props.find(({ type }) => type === 'block-scalar-header') as CST.SourceToken | undefined;
  const digit = /[1-9]/.exec(header?.source ?? '')?.[0];
  return digit === undefined ? null : block.was + Number(digit);
}

/** A comment at the end of a block belongs to the block that it is indented like. */
function outward(comment: CST.SourceToken, at: Columns): Columns {
  let block: Block = at.block;
  const indent = 'indent' in comment ? Number(comment.indent) : block.was;
  while (block.above !== null && indent < block.was) block = block.above;
  return { ...at, own: block.column };
}
