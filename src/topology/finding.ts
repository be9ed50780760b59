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
}

/** A finding at a path of the tree; when an alias brought the value there, the alias is shown too. */
export function findingAt(root: Tree, facts: TreeFindingFacts): Diagnostic {
  const { path, at, ...rest } = facts;
  const range = at === 'key' ? keyPlace(root, path) : valuePlace(root, path);
  const { via } = locate(root, path);
  const used = via === undefined ? [] : [{ message: 'used here', range: via }];
  return finding({ ...rest, range, related: [...(facts.related ?? []), ...used] });
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
