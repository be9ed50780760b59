/**
 * Findings drawn: as text with the lines they are about, as JSON, as GitHub annotations, as SARIF.
 *
 * Rule kept here: whatever stands in a user's file, what is printed is one line per line and moves no cursor.
 */
import { explain } from '../model/codes.ts';
import type { Diagnostic, Severity, SourceRange } from '../model/diagnostic.ts';
import { UnreachableError } from '../model/error.ts';
import { clip, displayWidth, printable } from './width.ts';

export const DIAGNOSTIC_FORMATS = ['text', 'json', 'github', 'sarif'] as const;
export type DiagnosticFormat = (typeof DIAGNOSTIC_FORMATS)[number];

export interface DiagnosticsView {
  /** Texts that findings are about, for quoting. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** Escape sequences for colour; off by default. */
  readonly colour?: boolean | undefined;
  /** Version of otter, named in SARIF. */
  readonly version?: string | undefined;
}

/** Findings in one of the formats of `otter validate --format`, ending in a line end unless there is nothing to say. */
export function renderDiagnostics(
  format: DiagnosticFormat,
  diagnostics: readonly Diagnostic[],
  view: DiagnosticsView,
): string {
  switch (format) {
    case 'text':
      return diagnosticsText(diagnostics, view);
    case 'json':
      return `${JSON.stringify(diagnosticsJson(diagnostics), null, 2)}\n`;
    case 'github':
      return diagnosticsGithub(diagnostics);
    case 'sarif':
      return `${JSON.stringify(diagnosticsSarif(diagnostics, view.version), null, 2)}\n`;
    default:
      throw new UnreachableError(format);
  }
}

const SHOWN_MAX = 50;
const QUOTED_WIDTH_MAX = 160;
const PAINT = {
  error: '\u001b[1;31m',
  warning: '\u001b[1;33m',
  info: '\u001b[1;36m',
  place: '\u001b[34m',
  bold: '\u001b[1m',
} as const;

/** As compilers show findings: place, code, what is wrong, the line underlined, further places, what to do. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], view: DiagnosticsView): string {
  const paint = (kind: keyof typeof PAINT, text: string): string =>
    view.colour === true ? `${PAINT[kind]}${text}\u001b[0m` : text;
  const shown = diagnostics.slice(0, SHOWN_MAX);
  const blocks = shown.map((finding) => {
    const places = [finding.range, ...finding.related.map((one) => one.range)].flatMap((range) => range ?? []);
    const gutter = Math.max(1, ...places.map((range) => String(range.line).length));
    const lines = [
      `${paint(finding.severity, `${finding.severity}[${finding.code}]`)}: ${paint('bold', printable(finding.summary))}`,
    ];
    if (finding.range !== null) lines.push(...quote(finding.range, finding.severity, '-->', '', gutter, view, paint));
    for (const { message, range } of finding.related)
      lines.push(...quote(range, 'info', ':::', message, gutter, view, paint));
    if (finding.detail !== '') {
      for (const line of finding.detail.split('\n'))
        lines.push(`${' '.repeat(gutter)} ${paint('place', '=')} ${printable(line)}`);
    }
    return `${lines.join('\n')}\n`;
  });
  const more = diagnostics.length - shown.length;
  return [...blocks, ...(more > 0 ? [`… and ${more} more\n`] : [])].join('\n');
}

function quote(
  range: SourceRange,
  severity: Severity,
  arrow: string,
  message: string,
  gutter: number,
  view: DiagnosticsView,
  paint: (kind: keyof typeof PAINT, text: string) => string,
): string[] {
  const margin = ' '.repeat(gutter);
  const said = message === '' ? '' : ` ${printable(message)}`;
  const head = `${margin}${paint('place', arrow)} ${printable(range.file)}:${range.line}:${range.column}`;
  const text = lineOf(range, view);
  // A place at the very start stands for the whole file.
  if (text === null || isWholeFile(range)) return [`${head}${said}`];
  const end = range.endLine === range.line ? Math.max(range.endColumn - 1, range.column) : text.length;
  const shown = clip(text, range.column - 1, end, QUOTED_WIDTH_MAX);
  const before = displayWidth(shown.text.slice(0, shown.start));
  const under = Math.max(1, displayWidth(shown.text.slice(shown.start, shown.end).trimEnd()));
  const bar = paint('place', '|');
  const carets = paint(severity, (severity === 'info' ? '-' : '^').repeat(under));
  return [
    head,
    `${margin} ${bar}`,
    `${paint('place', String(range.line).padStart(gutter))} ${bar} ${shown.text}`.trimEnd(),
    `${margin} ${bar} ${' '.repeat(before)}${carets}${said}`,
  ];
}

function lineOf(range: SourceRange, view: DiagnosticsView): string | null {
  const text = view.files.find((file) => file.path === range.file)?.text;
  return text?.split(/\r?\n/)[range.line - 1] ?? null;
}

function isWholeFile(range: SourceRange): boolean {
  return range.line === 1 && range.column === 1 && range.endLine === 1 && range.endColumn === 1;
}

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
  return {
    format_version: 1,
    errors: diagnostics.filter((d) => d.severity === 'error').length,
    warnings: diagnostics.filter((d) => d.severity === 'warning').length,
    findings: diagnostics.map(({ code, severity, summary, detail, range, related }) => ({
      code,
      severity,
      summary,
      detail,
      place: range === null ? null : placeJson(range),
      related: related.map((one) => ({ message: one.message, ...placeJson(one.range) })),
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

const GITHUB_LEVEL = { error: 'error', warning: 'warning', info: 'notice' } as const satisfies Record<Severity, string>;

/** Workflow commands, one line each, which GitHub shows beside the lines of a pull request. */
export function diagnosticsGithub(diagnostics: readonly Diagnostic[]): string {
  const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const lines = diagnostics.map(({ code, severity, summary, detail, range }) => {
    const place =
      range === null
        ? []
        : [`file=${property(range.file)}`, `line=${range.line}`, `endLine=${range.endLine}`, ...columns(range)];
    const properties = [...place, `title=${property(code)}`].join(',');
    return `::${GITHUB_LEVEL[severity]} ${properties}::${data(detail === '' ? summary : `${summary}\n${detail}`)}\n`;
  });
  return lines.join('');
}

/** GitHub takes columns only of places within one line, and counts the last one in. */
function columns(range: SourceRange): string[] {
  if (range.line !== range.endLine) return [];
  return [`col=${range.column}`, `endColumn=${Math.max(range.endColumn - 1, range.column)}`];
}

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
  const results = diagnostics.map(({ code, severity, summary, detail, range, related }) => ({
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

function sarifLocation(range: SourceRange): Record<string, unknown> {
  const uri = range.file.toWellFormed().split(/[\\/]/).map(encodeURIComponent).join('/');
  const region = {
    startLine: range.line,
    startColumn: range.column,
    endLine: range.endLine,
    endColumn: range.endColumn,
  };
  return { physicalLocation: { artifactLocation: { uri }, region } };
}
