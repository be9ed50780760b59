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

/** What stands in the range becomes this text. An empty range inserts. */
export interface TextEdit {
  readonly range: SourceRange;
  readonly text: string;
}

/** The one mechanical answer to a finding. */
export interface Fix {
  /** A sentence, with its full stop or question mark. */
  readonly title: string;
  /** In one file or several; they do not overlap. */
  readonly edits: readonly TextEdit[];
}

/** A comment in the file says that the finding is known, and why it stays; or a waiver in `rules`, and until when. */
export interface Ignored {
  readonly reason: string;
  /** The comment, or the waiver. */
  readonly range: SourceRange;
  /** Of a waiver: its last day, in UTC (`2027-01-31`). */
  readonly until?: string | undefined;
}

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  /** One sentence without a full stop: what is wrong. */
  readonly summary: string;
  /** More sentences, or what to do; may be empty. */
  readonly detail: string;
  readonly range: SourceRange | null;
  /** Of the object that it is about: `channel.shop`. Absent where that is none. */
  readonly address?: string | undefined;
  /** Other places that belong to the finding (the first definition of a key defined twice, an anchor). */
  readonly related: readonly RelatedPlace[];
  /** Absent where a person has to choose. */
  readonly fix?: Fix | undefined;
  /** Absent when it counts. Never set of an error. */
  readonly ignored?: Ignored | undefined;
}

export interface RelatedPlace {
  readonly message: string;
  readonly range: SourceRange;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}
