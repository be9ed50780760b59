/** Findings as a log in SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"). */
import { explain } from '../model/codes.ts';
import type { Diagnostic, Fix, Ignored, Severity, SourceRange } from '../model/diagnostic.ts';

const SARIF_LEVEL = { error: 'error', warning: 'warning', info: 'note' } as const satisfies Record<Severity, string>;

/** A log in SARIF 2.1.0, as code scanning takes it. */
export function diagnosticsSarif(diagnostics: readonly Diagnostic[], version = ''): Record<string, unknown> {
  const codes = [...new Set(diagnostics.map((d) => d.code))].sort();
  const rules = codes.map((code) => {
    const about = explain(code);
    return {
      id: code,
      ...(about === undefined
        ? {}
        : {
            shortDescription: { text: about.title },
            fullDescription: { text: about.meaning },
            help: { text: about.action },
          }),
    };
  });
  const results = diagnostics.map(({ code, severity, summary, detail, range, related, fix, ignored }) => ({
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: SARIF_LEVEL[severity],
    message: { text: detail === '' ? `${summary}.` : `${summary}. ${detail}` },
    ...(range === null ? {} : { locations: [sarifLocation(range)] }),
    ...(related.length === 0
      ? {}
      : {
          relatedLocations: related.map((one, id) => ({
            id,
            ...sarifLocation(one.range),
            message: { text: one.message },
          })),
        }),
    ...(fix === undefined ? {} : { fixes: [sarifFix(fix)] }),
    ...(ignored === undefined
      ? {}
      : {
          suppressions: [
            { kind: 'inSource', justification: reasonOf(ignored), location: sarifLocation(ignored.range) },
          ],
        }),
  }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'otter', ...(version === '' ? {} : { version }), rules } },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
}

function reasonOf({ reason, until }: Ignored): string {
  return until === undefined ? reason : `${reason} (until ${until})`;
}

function sarifFix({ title, edits }: Fix): Record<string, unknown> {
  const files = [...new Set(edits.map(({ range }) => range.file))];
  return {
    description: { text: title },
    artifactChanges: files.map((file) => ({
      artifactLocation: { uri: uriOf(file) },
      replacements: edits
        .filter(({ range }) => range.file === file)
        .map(({ range, text }) => ({ deletedRegion: regionOf(range), insertedContent: { text } })),
    })),
  };
}

function sarifLocation(range: SourceRange): Record<string, unknown> {
  return { physicalLocation: { artifactLocation: { uri: uriOf(range.file) }, region: regionOf(range) } };
}

/** Relative where the path is: to where otter ran, which in CI is the checkout. */
function uriOf(file: string): string {
  const path = file.toWellFormed().split(/[\\/]/).map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${path}` : path.replace(/^(?:\.\/)+/, '');
}

function regionOf({ line, column, endLine, endColumn }: SourceRange): Record<string, number> {
  return { startLine: line, startColumn: column, endLine, endColumn };
}
