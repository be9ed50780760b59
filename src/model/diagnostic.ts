/** Findings about a user's files: values with a place, collected, never thrown one by one. */
import type { Code } from './codes.ts';

/** A place in a text file. Lines and columns count from 1; `end` is exclusive. */
export interface SourceRange {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export type Severity = 'error' | 'warning' | 'info';

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  /** One sentence without a full stop: what is wrong. */
  readonly summary: string;
  /** More sentences, or what to do; may be empty. */
  readonly detail: string;
  readonly range: SourceRange | null;
  /** Other places that belong to the finding (the first definition of a key defined twice, an anchor). */
  readonly related: readonly { readonly message: string; readonly range: SourceRange }[];
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}
