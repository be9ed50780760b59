/** How the rooms of this wing make a finding. */
import type { Code } from '../model/codes.ts';
import type { Diagnostic, Fix, Severity, SourceRange, TextEdit } from '../model/diagnostic.ts';
import { SECTIONS } from './resolve.ts';
import type { Path, Place, ScalarTree, Tree } from './tree.ts';
import { keyPlace, locate, valuePlace } from './tree.ts';
import { asPlain, asScalar } from './written-scalar.ts';

export interface FindingFacts {
  readonly code: Code;
  readonly summary: string;
  readonly detail?: string | undefined;
  readonly range: SourceRange | null;
  readonly severity?: Severity | undefined;
  readonly related?: Diagnostic['related'] | undefined;
  readonly fix?: Fix | undefined;
  readonly address?: string | undefined;
}

export function finding(facts: FindingFacts): Diagnostic {
  return {
    code: facts.code,
    severity: facts.severity ?? 'error',
    summary: facts.summary,
    detail: facts.detail ?? '',
    range: facts.range,
    related: facts.related ?? [],
    ...(facts.fix === undefined ? {} : { fix: facts.fix }),
    ...(facts.address === undefined ? {} : { address: facts.address }),
  };
}

/** The address of the object that a path leads to, or into. */
export function addressAt([section, name]: Path): string | undefined {
  const kind = Object.entries(SECTIONS).find(([, one]) => one === section)?.[0];
  if (kind !== undefined) return name === undefined ? undefined : `${kind}.${name}`;
  return ['guards', 'rules', 'history'].includes(String(section)) ? `policy.${section}` : undefined;
}

export interface TreeFindingFacts extends Omit<FindingFacts, 'range' | 'fix' | 'address'> {
  readonly path: Path;
  /** What is underlined. */
  readonly at: 'key' | 'value';
  /** Only this part of a text [UTF-16 units], where the file has it on one line as it is. */
  readonly part?: { readonly at: number; readonly end: number } | undefined;
  /** What belongs in place of the key, the text or the part of it: the fix, where the file has it as it is. Null for none. */
  readonly instead?: string | number | boolean | null | undefined;
  /** Any other fix. */
  readonly fix?: Fix | undefined;
}

/** A finding at a path of the tree; what brought the value there, an alias or a variable, is shown too. */
export function findingAt(root: Tree, facts: TreeFindingFacts): Diagnostic {
  const { path, at, part, instead = null, ...rest } = facts;
  const place = locate(root, path);
  const whole = at === 'key' ? keyPlace(root, path) : valuePlace(root, path);
  const range = part === undefined ? whole : partOf(place.tree, whole, part);
  const used = place.via === undefined ? [] : [{ message: 'used here', range: place.via }];
  const edit = instead === null || place.depth < path.length ? null : edited(place, at, range, whole, instead);
  const fix = rest.fix ?? (edit === null ? undefined : { title: `Write \`${instead}\`.`, edits: [edit] });
  const made = place.from.map(({ message, range: there }) => ({ message, range: there }));
  const related = [...(facts.related ?? []), ...made, ...used];
  const secrets = place.from.flatMap(({ secret = '' }) => (secret === '' ? [] : [secret]));
  const hide = (text: string): string => secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
  const words = { summary: hide(rest.summary), detail: hide(rest.detail ?? '') };
  return finding({ ...rest, ...words, range, related, fix, address: addressAt(path) });
}

function edited(
  { tree, keyRange }: Place,
  at: 'key' | 'value',
  range: SourceRange,
  whole: SourceRange,
  instead: string | number | boolean,
): TextEdit | null {
  if (at === 'key') return keyRange === null ? null : { range: keyRange, text: asPlain(String(instead)) };
  if (tree.kind !== 'scalar' || tree.filled === true || tree.range !== whole) return null;
  if (range !== whole) return { range, text: String(instead) };
  return { range: interior(tree, instead), text: asScalar(instead, tree, interior(tree, instead) !== tree.range) };
}

/** What is between the quotes, when what comes in their place can stand there too. */
function interior(tree: ScalarTree, instead: string | number | boolean): SourceRange {
  const { range, value } = tree;
  const quoted = range.endColumn - range.column - String(value).length === 2 && range.line === range.endLine;
  if (!quoted || typeof value !== 'string' || typeof instead !== 'string' || /['"\\]/.test(instead)) return range;
  return { ...range, column: range.column + 1, endColumn: range.endColumn - 1 };
}

function partOf(
  tree: Tree,
  range: SourceRange,
  { at, end }: { readonly at: number; readonly end: number },
): SourceRange {
  if (tree.kind !== 'scalar' || typeof tree.value !== 'string' || tree.filled === true) return range;
  if (range.line !== range.endLine) return range;
  const around = range.endColumn - range.column - tree.value.length;
  // Neither plain nor in quotes: something is escaped, or a variable stood there.
  if (around !== 0 && around !== 2) return range;
  const start = range.column + around / 2;
  return { ...range, column: start + at, endColumn: Math.max(start + end, start + at + 1) };
}

/** Findings in the order in which a person reads the files; those without a place first. */
export function inReadingOrder(findings: readonly Diagnostic[], files: readonly string[]): Diagnostic[] {
  const rank = (d: Diagnostic): [number, number, number] =>
    d.range === null ? [-1, 0, 0] : [files.indexOf(d.range.file), d.range.line, d.range.column];
  return findings
    .map((found, index) => ({ found, index, rank: rank(found) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2] || a.index - b.index)
    .map(({ found }) => found);
}
