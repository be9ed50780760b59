/**
 * A path to one tree: a file or a directory of files, with what they include, read and merged; and the files of an
 * environment to a tree of their own.
 *
 * The only room of this wing that opens files. Rule kept here: whatever the bytes, the answer is a tree and findings;
 * how much is read is bounded.
 */
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';
import { didYouMean } from '../model/suggest.ts';
import { finding } from './finding.ts';
import { mergeFiles } from './merge.ts';
import { FILE_CHARS_MAX, parseFile } from './parse.ts';
import type { MapTree } from './tree.ts';
import { child, startOf } from './tree.ts';

const FILES_MAX = 256;
const TOTAL_BYTES_MAX = 8 * 1024 * 1024;
const MODULE_BYTES_MAX = 64 * 1024;
const TOPOLOGY_FILE = /\.ya?ml$/;

export interface SourceFile {
  /** As it is shown to people: relative when the path that was given is. */
  readonly path: string;
  readonly text: string;
}

export interface Sources {
  readonly files: readonly SourceFile[];
  /** Null when there is nothing to look at further. */
  readonly root: MapTree | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Texts that stand for those of files, by path. */
export type Texts = ReadonlyMap<string, string>;

/** Reads the topology at a path. */
export function readTopology(path: string, texts: Texts = new Map()): Sources {
  const reading = new Reading(texts, path);
  reading.path(path, null);
  return reading.done(path);
}

/** The folder with the environments of the topology at a path. */
function environmentFolder(path: string): string {
  return join(isFolder(path) ? path : dirname(path), 'env');
}

/** Names of the environments of the topology at a path, sorted. */
export function environments(path: string): string[] {
  const folder = environmentFolder(path);
  const names = namesIn(folder).flatMap((name) => {
    const file = /^([^.].*)\.ya?ml$/.exec(name)?.[1];
    return file !== undefined ? [file] : !name.startsWith('.') && isFolder(join(folder, name)) ? [name] : [];
  });
  return [...new Set(names)].filter((name) => ENVIRONMENT.test(name)).sort();
}

/** No path in disguise. */
const ENVIRONMENT = /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/;

/** What an environment of the topology at a path lays over it: `env/NAME.yaml`, or the files of `env/NAME/`. */
export function readEnvironment(path: string, name: string, texts: Texts = new Map()): Sources {
  const folder = environmentFolder(path);
  const there = ['.yaml', '.yml', '']
    .map((ending) => join(folder, `${name}${ending}`))
    .filter((one) => existsSync(one));
  const [first, second] = ENVIRONMENT.test(name) ? there : [];
  const known = environments(path);
  const refused = (code: 'OT1007' | 'OT1004', summary: string, detail: string): Sources => ({
    files: [],
    root: null,
    diagnostics: [finding({ code, summary, detail, range: null })],
  });
  if (first === undefined) {
    const detail = known.length === 0 ? `\`${folder}\` holds none.` : didYouMean(name, known);
    return refused('OT1007', `there is no environment \`${name}\` of \`${path}\``, detail);
  }
  if (second !== undefined) {
    const summary = `\`${first}\` and \`${second}\` are both the environment \`${name}\``;
    return refused('OT1004', summary, 'Keep one of the two.');
  }
  return readTopology(first, texts);
}

/** What cannot be looked at is none. */
function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return isFolder(folder) ? readdirSync(folder) : [];
  } catch {
    return [];
  }
}

/** Takes texts that are already in memory, as an editor or a test has them; what they include is not opened. */
export function readTexts(files: readonly SourceFile[]): Sources {
  const reading = new Reading(new Map());
  for (const file of files) reading.text(file);
  return reading.done(files[0]?.path ?? '');
}

/** A module beside a file of the topology: its text, and the digest of it. */
export type ReadModule = (
  file: string,
  module: string,
) => { readonly text: string; readonly digest: string } | { readonly problem: string };

export const readModule: ReadModule = (file, module) => {
  try {
    const path = isAbsolute(module) ? module : join(dirname(file), module);
    const stat = statSync(path);
    if (!stat.isFile()) return { problem: 'It is no file.' };
    if (stat.size > MODULE_BYTES_MAX) return { problem: `It is larger than ${MODULE_BYTES_MAX / 1024} KiB.` };
    const text = decode(readFileSync(path));
    return text === null ? { problem: 'It is not a text in UTF-8.' } : { text, digest: hash('sha256', text) };
  } catch (error) {
    return { problem: `${reason(error)}.` };
  }
};

/** The schema that ships with this version, as JSON. */
export function readSchema(): Record<string, unknown> {
  const path = fileURLToPath(new URL('../../schema/topology.schema.json', import.meta.url));
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

/** Holds what was read so far, so that a file that is included twice counts once. */
class Reading {
  readonly #files: SourceFile[] = [];
  readonly #trees: MapTree[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  readonly #texts: Texts;
  /** What a person named, which may be any file; null: nothing is opened. */
  readonly #given: string | null;
  #bytes = 0;

  constructor(texts: Texts, given: string | null = null) {
    this.#texts = texts;
    this.#given = given;
  }

  /** `from` is the place of the include that names the path, null for the path of the command line. */
  path(path: string, from: SourceRange | null): void {
    try {
      const stat = statSync(path);
      if (stat.isDirectory()) this.#directory(path, from);
      else if (stat.isFile()) this.#file(path, stat.size, from);
      else this.#unreadable(path, 'it is neither a file nor a directory', from);
    } catch (error) {
      this.#unreadable(path, reason(error), from);
    }
  }

  text(file: SourceFile): MapTree | null {
    this.#files.push(file);
    const { tree, diagnostics } = parseFile(file.path, file.text);
    this.#diagnostics.push(...diagnostics);
    if (tree !== null) this.#trees.push(tree);
    return tree;
  }

  done(path: string): Sources {
    const files = this.#files;
    const [first, ...others] = this.#trees;
    if (first === undefined) {
      const summary = files.length === 0 ? `\`${path}\` holds no topology` : 'there is nothing in the topology';
      const range = files[0] === undefined ? null : startOf(files[0].path);
      const empty = this.#diagnostics.length === 0 ? [finding({ code: 'OT1006', summary, range })] : [];
      return { files, root: null, diagnostics: [...this.#diagnostics, ...empty] };
    }
    const merged = mergeFiles(first, others);
    return { files, root: merged.root, diagnostics: [...this.#diagnostics, ...merged.diagnostics] };
  }

  #directory(path: string, from: SourceRange | null): void {
    const names = readdirSync(path)
      .filter((name) => /^[^.].*\.ya?ml$/.test(name))
      .sort();
    if (names.length === 0) {
      const summary = `the directory \`${path}\` holds no topology`;
      this.#diagnostics.push(
        finding({ code: 'OT1006', summary, detail: 'Files named `*.yaml` or `*.yml` are read.', range: from }),
      );
    }
    for (const name of names) this.path(join(path, name), from);
  }

  #file(path: string, size: number, from: SourceRange | null): void {
    const identity = realpathSync(path);
    // Findings show lines: what others write, links too, must not bring any file of this machine to light.
    if (path !== this.#given && !TOPOLOGY_FILE.test(identity)) {
      this.#unreadable(
        path,
        'only files named `*.yaml` or `*.yml` are, also where a link leads',
        from ?? startOf(path),
      );
      return;
    }
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    // Characters are never more than bytes, so what is let through here is measured again where it is parsed.
    this.#bytes += size;
    if (size > 4 * FILE_CHARS_MAX || this.#bytes > TOTAL_BYTES_MAX || this.#seen.size > FILES_MAX) {
      const summary = `with \`${path}\` the topology is too large`;
      const detail = `At most ${FILES_MAX} files of ${FILE_CHARS_MAX / 1024} KiB are read, ${TOTAL_BYTES_MAX / 1024 / 1024} MiB in all.`;
      this.#diagnostics.push(finding({ code: 'OT1003', summary, detail, range: from ?? startOf(path) }));
      return;
    }
    const bytes = readFileSync(path);
    const text = this.#texts.get(path) ?? decode(bytes);
    const nul = text?.indexOf('\0') ?? -1;
    if (text === null || nul >= 0) {
      const why =
        text !== null || isUtf16(bytes)
          ? 'it holds NUL bytes, as UTF-16 does; save it in UTF-8'
          : 'it is not a text in UTF-8';
      this.#unreadable(path, why, from ?? placeAfter(path, text?.slice(0, nul) ?? readablePart(bytes)));
      return;
    }
    const tree = this.text({ path, text });
    if (tree !== null) this.#includes(path, tree);
  }

  #includes(path: string, tree: MapTree): void {
    const include = child(tree, 'include');
    if (include === undefined) return;
    // Anything but texts is refused by the schema.
    for (const item of include.kind === 'list' ? include.items : [include]) {
      if (item.kind !== 'scalar' || typeof item.value !== 'string' || item.value === '') continue;
      if (item.value.includes('${')) {
        const summary = 'variables are not filled in here';
        this.#diagnostics.push(finding({ code: 'OT1022', summary, range: item.range }));
        continue;
      }
      this.path(isAbsolute(item.value) ? item.value : join(dirname(path), item.value), item.range);
    }
  }

  #unreadable(path: string, why: string, from: SourceRange | null): void {
    this.#diagnostics.push(finding({ code: 'OT1002', summary: `\`${path}\` cannot be read: ${why}`, range: from }));
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function isUtf16(bytes: Uint8Array): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}

/** What stands before the first byte that is not UTF-8: the decoder keeps back what is not whole yet. */
function readablePart(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  try {
    for (const byte of bytes) text += decoder.decode(Uint8Array.of(byte), { stream: true });
  } catch {
    // That byte is the place.
  }
  return text;
}

function placeAfter(file: string, before: string): SourceRange {
  const lines = before.split('\n');
  const [line, column] = [lines.length, lines.at(-1)!.length + 1];
  return { file, line, column, endLine: line, endColumn: column };
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or directory',
    ENOTDIR: 'a part of the path is not a directory',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ELOOP: 'its links lead in a circle',
    ENAMETOOLONG: 'the path is too long',
  };
  return Object.hasOwn(words, code) ? words[code]! : code === '' ? 'reading failed' : `reading failed (${code})`;
}
