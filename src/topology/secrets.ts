/**
 * The texts of the files with anything hidden that looks like a secret written by mistake, since findings quote the
 * lines they are about.
 *
 * Rule kept here: lengths and lines stay, so that every place still fits.
 */

import type { SourceRange } from '../model/diagnostic.ts';
import type { SourceFile } from './read.ts';
import type { MapTree, Tree } from './tree.ts';

/** Keys whose value is a reference to a secret, and must be nothing else. */
export const SECRET_KEYS: ReadonlySet<string> = new Set([
  'password',
  'token',
  'webhook',
  'slack',
  'secret',
  'mask_key',
]);
const SECRET_LINE =
  /((?<![\w-])[\w-]*(?:password|passwd|token|webhook|slack|secret|mask_key)["']?[ \t]*:[ \t]+)([^\s{&*#|>][^\n]*)/gi;
const URL_SECRET = /([\w.%+-]:)([^\s/@:'",]+)(?=@[\w[])/g;
const QUERY_SECRET = /([?&;][\w-]*=)([^\s&;"']+)/g;

/**
 * @param roots the trees that were made of them, also the one with its variables filled in
 * @param known places of secrets beside those that their keys tell of
 */
export function withoutSecrets(
  files: readonly SourceFile[],
  roots: readonly (MapTree | null)[],
  known: readonly SourceRange[] = [],
): SourceFile[] {
  const ranges = [...known, ...roots.flatMap((root) => (root === null ? [] : secretRanges(root)))];
  return files.map((file) => {
    const own = ranges.filter((range) => range.file === file.path);
    const masked = own.reduce(hideRange, file.text);
    const hide = (_: string, before: string, secret: string): string => `${before}${hideInLine(secret)}`;
    return {
      path: file.path,
      text: masked.replaceAll(SECRET_LINE, hide).replaceAll(URL_SECRET, hide).replaceAll(QUERY_SECRET, hide),
    };
  });
}

function secretRanges(tree: Tree): SourceRange[] {
  switch (tree.kind) {
    case 'scalar':
      return [];
    case 'list':
      return tree.items.flatMap(secretRanges);
    case 'map':
      return tree.entries.flatMap(({ key, value }) => secretsAt(key, value));
    default:
      return tree satisfies never;
  }
}

function secretsAt(key: string, value: Tree): SourceRange[] {
  if (SECRET_KEYS.has(key)) return literalsOf(value);
  // The key of a certificate, in place of the file that holds it.
  return key === 'key' && value.kind === 'scalar' && !isReference('file', value)
    ? literalsOf(value)
    : secretRanges(value);
}

/** As the schema has it: what `env` and `file` give is shown only when it can be no secret. */
const REFERENCE = {
  env: /^[A-Za-z_][A-Za-z0-9_]*$|\$\{var\./,
  file: /^(?!-----BEGIN|[A-Za-z]+:\/\/)/,
} as const;

/** Everything below a secret's key but the names that `env` and `file` give. */
function literalsOf(tree: Tree): SourceRange[] {
  if (tree.kind === 'scalar') {
    // Of what a variable gave, the text with `${var.NAME}` may be seen.
    const made = (tree.from ?? []).flatMap(({ isValue, range }) => (isValue === true ? [range] : []));
    return tree.filled === true ? made : [tree.range, ...made];
  }
  if (tree.kind === 'list') return tree.items.flatMap(literalsOf);
  return tree.entries.flatMap(({ key, value }) => (isReference(key, value) ? [] : literalsOf(value)));
}

function isReference(key: string, value: Tree): boolean {
  return (key === 'env' || key === 'file') && value.kind === 'scalar' && REFERENCE[key].test(String(value.value ?? ''));
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
