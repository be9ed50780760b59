/** How the rooms of this wing make a finding. */
import type { Code } from '../model/codes.ts';
import type { Diagnostic, Severity, SourceRange } from '../model/diagnostic.ts';
import type { Path, Tree } from './tree.ts';
import { keyPlace, locate, valuePlace } from './tree.ts';

export interface FindingFacts {
  readonly code: Code;
  readonly summary: string;
  readonly detail?: string | undefined;
  readonly range: SourceRange | null;
  readonly severity?: Severity | undefined;
  readonly related?: Diagnostic['related'] | undefined;
}

export function finding(facts: FindingFacts): Diagnostic {
  return {
    code: facts.code,
    severity: facts.severity ?? 'error',
    summary: facts.summary,
    detail: facts.detail ?? '',
    range: facts.range,
    related: facts.related ?? [],
  };
}

export interface TreeFindingFacts extends Omit<FindingFacts, 'range'> {
  readonly path: Path;
  /** What is underlined. */
  readonly at: 'key' | 'value';
  /** Only this part of a text [UTF-16 units], where the file has it on one line as it is. */
  readonly part?: { readonly at: number; readonly end: number } | undefined;
}

/** A finding at a path of the tree; when an alias brought the value there, the alias is shown too. */
export function findingAt(root: Tree, facts: TreeFindingFacts): Diagnostic {
  const { path, at, part, ...rest } = facts;
  const whole = at === 'key' ? keyPlace(root, path) : valuePlace(root, path);
  const range = part === undefined ? whole : partOf(locate(root, path).tree, whole, part);
  const { via } = locate(root, path);
  const used = via === undefined ? [] : [{ message: 'used here', range: via }];
  return finding({ ...rest, range, related: [...(facts.related ?? []), ...used] });
}

function partOf(
  tree: Tree,
  range: SourceRange,
  { at, end }: { readonly at: number; readonly end: number },
): SourceRange {
  if (tree.kind !== 'scalar' || typeof tree.value !== 'string' || range.line !== range.endLine) return range;
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
