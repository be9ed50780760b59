/** Findings as JSON, for programs. */
import type { Diagnostic, Severity, SourceRange } from '../model/diagnostic.ts';

/** The shape of `otter validate --format json`. */
export interface DiagnosticsJson {
  readonly format_version: 1;
  readonly errors: number;
  readonly warnings: number;
  readonly findings: readonly {
    readonly code: string;
    readonly severity: Severity;
    readonly summary: string;
    readonly detail: string;
    readonly place: PlaceJson | null;
    readonly related: readonly (PlaceJson & { readonly message: string })[];
    /** What `otter validate --fix` would write: the text in place of what stands there. */
    readonly fix: { readonly title: string; readonly edits: readonly (PlaceJson & { readonly text: string })[] } | null;
    /** A comment in the file says why it stays; such a finding is not counted. */
    readonly ignored: { readonly reason: string; readonly place: PlaceJson } | null;
  }[];
}

interface PlaceJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly end_line: number;
  readonly end_column: number;
}

export function diagnosticsJson(diagnostics: readonly Diagnostic[]): DiagnosticsJson {
  const count = (wanted: Severity): number =>
    diagnostics.filter(({ severity, ignored }) => severity === wanted && ignored === undefined).length;
  return {
    format_version: 1,
    errors: count('error'),
    warnings: count('warning'),
    findings: diagnostics.map(({ code, severity, summary, detail, range, related, fix, ignored }) => ({
      code,
      severity,
      summary,
      detail,
      place: range === null ? null : placeJson(range),
      related: related.map((one) => ({ message: one.message, ...placeJson(one.range) })),
      fix:
        fix === undefined
          ? null
          : { title: fix.title, edits: fix.edits.map((edit) => ({ ...placeJson(edit.range), text: edit.text })) },
      ignored: ignored === undefined ? null : { reason: ignored.reason, place: placeJson(ignored.range) },
    })),
  };
}

function placeJson(range: SourceRange): PlaceJson {
  return {
    file: range.file,
    line: range.line,
    column: range.column,
    end_line: range.endLine,
    end_column: range.endColumn,
  };
}
