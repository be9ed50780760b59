/**
 * One file's text to a tree with places: syntax errors, keys defined twice, anchors, aliases and merge keys.
 *
 * Rule kept here: any text gives a tree or findings, never an exception, and never more than a bounded tree, however
 * its aliases multiply.
 */

import type { Alias, Document, Node, Pair, YAMLMap } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Diagnostic, Fix, SourceRange } from '../model/diagnostic.ts';
import { finding } from './finding.ts';
import { quotesAround, syntaxFindings } from './syntax-findings.ts';
import type { MapTree, ScalarValue, Tree, TreeEntry } from './tree.ts';
import { startOf } from './tree.ts';

export const FILE_CHARS_MAX = 1024 * 1024;
const VALUES_MAX = 100_000;
const DEPTH_MAX = 40;
/** More open brackets than this are refused before the parser, whose recursion they would exhaust. */
const BRACKETS_MAX = 500;

const CORE_TAGS = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((tag) => `tag:yaml.org,2002:${tag}`),
);

export interface ParsedFile {
  /** Null when the file is empty or cannot be read. */
  readonly tree: MapTree | null;
  readonly diagnostics: readonly Diagnostic[];
}

export function parseFile(file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const at = (start: number, end: number): SourceRange => {
    const from = lines.linePos(Math.min(start, text.length));
    const to = lines.linePos(Math.min(Math.max(end, start), text.length));
    return {
      file,
      line: Math.max(from.line, 1),
      column: Math.max(from.col, 1),
      endLine: Math.max(to.line, 1),
      endColumn: Math.max(to.col, 1),
    };
  };
  const start = startOf(file);
  if (!text.includes('\n') && text.trimEnd().includes('\r')) {
    const detail = 'Save it with LF, or CRLF, at the line ends.';
    return refused(finding({ code: 'OT1001', summary: 'the lines end with CR alone', detail, range: start }));
  }
  if (text.length > FILE_CHARS_MAX) {
    return refused(
      finding({ code: 'OT1003', summary: `the file is larger than ${FILE_CHARS_MAX / 1024} KiB`, range: start }),
    );
  }
  const tooDeep = finding({ code: 'OT1003', summary: 'the file is nested too deeply', range: start });
  if (openBracketsMax(text) > BRACKETS_MAX) return refused(tooDeep);
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      lineCounter: lines,
      stringKeys: true,
      uniqueKeys: false,
      merge: false,
      version: '1.2',
      prettyErrors: false,
      logLevel: 'silent',
    });
  } catch (error) {
    if (error instanceof RangeError) return refused(tooDeep);
    return refused(finding({ code: 'OT1001', summary: 'the file cannot be read as YAML', range: start }));
  }
  const [document, second] = documents as Document.Parsed[];
  if (document === undefined) return { tree: null, diagnostics: [] };
  const diagnostics = syntaxFindings(document, text, at);
  if (second !== undefined) {
    const range = at(second.range[0], second.range[0] + 3);
    diagnostics.push(
      finding({
        code: 'OT1001',
        summary: 'a topology file holds one document',
        detail: 'What follows `---` belongs in a file of its own.',
        range,
      }),
    );
  }
  if (diagnostics.length > 0) return { tree: null, diagnostics };
  const reader = new TreeReader(document, at);
  try {
    return reader.root();
  } catch (error) {
    if (error instanceof TooLarge)
      return refused(finding({ code: 'OT1003', summary: error.message, range: error.range }));
    if (error instanceof RangeError) return refused(tooDeep);
    throw error;
  }
}

function refused(diagnostic: Diagnostic): ParsedFile {
  return { tree: null, diagnostics: [diagnostic] };
}

class TooLarge extends Error {
  readonly range: SourceRange;
  constructor(message: string, range: SourceRange) {
    super(message);
    this.range = range;
  }
}

/** Holds what has been read so far, to keep the bound over the whole file. */
class TreeReader {
  readonly #document: Document.Parsed;
  readonly #at: (start: number, end: number) => SourceRange;
  readonly #diagnostics: Diagnostic[] = [];
  /** Anchors seen so far, in the order of the text, since an alias means the last one before it. */
  readonly #anchors = new Map<string, Node>();
  readonly #expanding = new Set<Node>();
  #values = 0;

  constructor(document: Document.Parsed, at: (start: number, end: number) => SourceRange) {
    this.#document = document;
    this.#at = at;
  }

  root(): ParsedFile {
    const { contents } = this.#document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return { tree: null, diagnostics: [] };
    const tree = this.#read(contents, 0);
    if (tree.kind !== 'map') {
      const summary = 'a topology is a map of keys, like `version: 1`';
      return {
        tree: null,
        diagnostics: [...this.#diagnostics, finding({ code: 'OT1012', summary, range: tree.range })],
      };
    }
    return { tree, diagnostics: this.#diagnostics };
  }

  #range(node: Node): SourceRange {
    const range = node.range ?? [0, 0, 0];
    return this.#at(range[0], range[1]);
  }

  #read(node: Node | null, depth: number): Tree {
    if (node === null) return { kind: 'scalar', value: null, range: this.#at(0, 0), blank: true };
    const range = this.#range(node);
    if (++this.#values > VALUES_MAX) throw new TooLarge(`the file makes more than ${VALUES_MAX} values`, range);
    if (depth > DEPTH_MAX) throw new TooLarge(`the file is nested deeper than ${DEPTH_MAX} levels`, range);
    if (isAlias(node)) return this.#alias(node, range, depth);
    if (node.tag !== undefined && !CORE_TAGS.has(node.tag)) {
      const tag = node.tag.replace('tag:yaml.org,2002:', '!!');
      this.#diagnostics.push(
        finding({ code: 'OT1001', summary: `the tag \`${tag}\` has no use in a topology`, range }),
      );
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return { kind: 'map', entries: this.#entries(node, depth), range };
    if (isSeq(node))
      return { kind: 'list', items: node.items.map((item) => this.#read(item as Node | null, depth + 1)), range };
    const value = isScalar(node) ? scalar(node.value) : null;
    return value === null && isScalar(node) && node.source === ''
      ? { kind: 'scalar', value, range, blank: true }
      : { kind: 'scalar', value, range };
  }

  #alias(alias: Alias, range: SourceRange, depth: number): Tree {
    const target = this.#anchors.get(alias.source);
    const broken = (summary: string, detail = '', fix?: Fix): Tree => {
      this.#diagnostics.push(finding({ code: 'OT1005', summary, detail, range, fix }));
      // Nothing more is said of what it might have been.
      return { kind: 'scalar', value: null, range, unknown: true };
    };
    if (target === undefined) {
      const summary = `no anchor \`&${alias.source}\` stands before this`;
      // As a pattern of tables would be written.
      return /[.[\]?/]/.test(alias.source) && !/["\\]/.test(alias.source)
        ? broken(summary, 'A text that begins with `*` stands in quotes.', quotesAround(range))
        : broken(summary);
    }
    if (this.#expanding.has(target)) return broken(`the anchor \`&${alias.source}\` contains itself`);
    this.#expanding.add(target);
    const tree = this.#read(target, depth + 1);
    this.#expanding.delete(target);
    return { ...tree, via: range };
  }

  #entries(map: YAMLMap, depth: number): TreeEntry[] {
    const own = new Map<string, TreeEntry>();
    const merged = new Map<string, TreeEntry>();
    if (map.anchor !== undefined) this.#expanding.add(map);
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      const keyRange = this.#range(pair.key);
      const value =
        pair.value === null
          ? { kind: 'scalar' as const, value: null, range: keyRange, blank: true }
          : this.#read(pair.value, depth + 1);
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        this.#merge(value, keyRange, merged);
        continue;
      }
      const first = own.get(key);
      if (first !== undefined) {
        const related = [{ message: 'first defined here', range: first.keyRange }];
        this.#diagnostics.push(
          finding({ code: 'OT1004', summary: `the key \`${key}\` is defined twice`, range: keyRange, related }),
        );
        continue;
      }
      own.set(key, { key, keyRange, value });
    }
    if (map.anchor !== undefined) this.#expanding.delete(map);
    // What stands in the map itself wins over what is merged into it.
    return [...own.values(), ...[...merged.values()].filter((entry) => !own.has(entry.key))];
  }

  #merge(value: Tree, keyRange: SourceRange, into: Map<string, TreeEntry>): void {
    const maps = value.kind === 'list' ? value.items : [value];
    for (const map of maps) {
      if (map.kind !== 'map') {
        // An unknown alias was reported already.
        if (map.via !== undefined || map.kind !== 'scalar' || map.value !== null || map.range === keyRange) {
          this.#diagnostics.push(finding({ code: 'OT1005', summary: '`<<` merges maps only', range: keyRange }));
        }
        continue;
      }
      const via = map.via ?? keyRange;
      for (const entry of map.entries) {
        if (!into.has(entry.key)) into.set(entry.key, { ...entry, value: { ...entry.value, via } });
      }
    }
  }
}

function scalar(value: unknown): ScalarValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  return String(value);
}

/** An upper bound of the depth of flow collections and of compact block sequences (`- - - x`). */
function openBracketsMax(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth);
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
  }
  for (const run of text.matchAll(/(?:[-?:][ \t]+){2,}/g)) deepest = Math.max(deepest, run[0].length / 2);
  return deepest;
}
