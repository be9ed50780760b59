/**
 * Findings drawn: as text with the lines they are about, as JSON, as SARIF, as annotations of GitHub and GitLab.
 *
 * Rule kept here: one value is behind all of them; whatever stands in a user's file, what is printed is one line per line
 * and moves no cursor.
 */
import type { Diagnostic, Severity, SourceRange } from '../model/diagnostic.ts';
import { UnreachableError } from '../model/error.ts';
import { diagnosticsGithub, diagnosticsGitlab } from './annotations.ts';
import { diagnosticsJson } from './diagnostics-json.ts';
import { moreOf } from './finding-words.ts';
import { diagnosticsSarif } from './sarif.ts';
import { clip, displayWidth, printable } from './width.ts';

export const DIAGNOSTIC_FORMATS = ['text', 'json', 'github', 'gitlab', 'sarif'] as const;
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
    case 'gitlab':
      return `${JSON.stringify(diagnosticsGitlab(diagnostics), null, 2)}\n`;
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
  const counting = diagnostics.filter(({ ignored }) => ignored === undefined);
  const shown = counting.slice(0, SHOWN_MAX);
  const blocks = shown.map((finding) => {
    const places = [finding.range, ...finding.related.map((one) => one.range)].flatMap((range) => range ?? []);
    const gutter = Math.max(1, ...places.map((range) => String(range.line).length));
    const lines = [
      `${paint(finding.severity, `${finding.severity}[${finding.code}]`)}: ${paint('bold', printable(finding.summary))}`,
    ];
    if (finding.range !== null) lines.push(...quote(finding.range, finding.severity, '-->', '', gutter, view, paint));
    for (const { message, range } of finding.related)
      lines.push(...quote(range, 'info', ':::', message, gutter, view, paint));
    for (const line of moreOf(finding)) lines.push(`${' '.repeat(gutter)} ${paint('place', '=')} ${printable(line)}`);
    return `${lines.join('\n')}\n`;
  });
  const more = counting.length - shown.length;
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
