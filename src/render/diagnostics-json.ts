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
    /** Of the object that it is about (`channel.shop`), for waivers; null where that is none. */
    readonly address: string | null;
    readonly related: readonly (PlaceJson & { readonly message: string })[];
    /** What `otter validate --fix` would write: the text in place of what stands there. */
    readonly fix: { readonly title: string; readonly edits: readonly (PlaceJson & { readonly text: string })[] } | null;
    /** A comment in the file says why it stays, or a waiver in `rules`, and until which day; such a finding is not counted. */
    readonly ignored: { readonly reason: string; readonly until: string | null; readonly place: PlaceJson } | null;
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
    findings: diagnostics.map(({ code, severity, summary, detail, range, address = null, related, fix, ignored }) => ({
      code,
      severity,
      summary,
      detail,
      place: range === null ? null : placeJson(range),
      address,
      related: related.map((one) => ({ message: one.message, ...placeJson(one.range) })),
      fix:
        fix === undefined
          ? null
          : { title: fix.title, edits: fix.edits.map((edit) => ({ ...placeJson(edit.range), text: edit.text })) },
      ignored:
        ignored === undefined
          ? null
          : { reason: ignored.reason, until: ignored.until ?? null, place: placeJson(ignored.range) },
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
