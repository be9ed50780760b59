/**
 * The texts of the files with anything hidden that looks like a secret written by mistake, since findings quote the
 * lines they are about.
 *
 * Rule kept here: lengths and lines stay, so that every place still fits.
 */

import type { SourceRange } from '../model/diagnostic.ts';
import type { SourceFile } from './read.ts';
import type { MapTree, Tree } from './tree.ts';
import { child } from './tree.ts';

/** Keys whose value is a reference to a secret, and must be nothing else. */
const SECRET_KEYS = new Set(['password', 'token', 'webhook', 'slack', 'secret']);
const SECRET_LINE = /(\b(?:password|passwd|token|webhook|slack|secret)["']?[ \t]*:[ \t]+)([^\s{&*#|>][^\n]*)/gi;
const URL_SECRET = /([\w.%+-]:)([^\s/@:'",]+)(?=@[\w[])/g;

export function withoutSecrets(files: readonly SourceFile[], root: MapTree | null): SourceFile[] {
  const ranges = root === null ? [] : secretRanges(root);
  return files.map((file) => {
    const own = ranges.filter((range) => range.file === file.path);
    const masked = own.reduce(hideRange, file.text);
    const hide = (_: string, before: string, secret: string): string => `${before}${hideInLine(secret)}`;
    return { path: file.path, text: masked.replaceAll(SECRET_LINE, hide).replaceAll(URL_SECRET, hide) };
  });
}

function secretRanges(tree: Tree): SourceRange[] {
  switch (tree.kind) {
    case 'scalar':
      return [];
    case 'list':
      return tree.items.flatMap(secretRanges);
    case 'map':
      return tree.entries.flatMap(({ key, value }) => (SECRET_KEYS.has(key) ? literalsOf(value) : secretRanges(value)));
    default:
      return tree satisfies never;
  }
}

/** Everything below a secret's key but the names that `env` and `file` give. */
function literalsOf(tree: Tree): SourceRange[] {
  if (tree.kind === 'scalar') return [tree.range];
  if (tree.kind === 'list') return tree.items.flatMap(literalsOf);
  const references = new Set<Tree | undefined>([child(tree, 'env'), child(tree, 'file')]);
  return tree.entries.flatMap(({ value }) =>
    references.has(value) && value.kind === 'scalar' ? [] : literalsOf(value),
  );
}

function hideRange(text: string, range: SourceRange): string {
  const lines = text.split('\n');
  for (let line = range.line; line <= Math.min(range.endLine, lines.length); line++) {
    const whole = lines[line - 1]!;
    const start = line === range.line ? range.column - 1 : 0;
    const end = line === range.endLine ? range.endColumn - 1 : whole.length;
    lines[line - 1] = whole.slice(0, start) + stars(whole.slice(start, end)) + whole.slice(end);
  }
  return lines.join('\n');
}

/** In a map on one line the secret ends where the next key begins. */
function hideInLine(text: string): string {
  const end =
    /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(text)?.[0].length ??
    /,\s+[\w-]+\s*:|\s#|\s*\}/.exec(text)?.index ??
    text.length;
  return stars(text.slice(0, end)) + text.slice(end);
}

function stars(text: string): string {
  return text.replaceAll(/[^\s]/g, '*');
}
