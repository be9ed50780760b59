/**
 * Findings where code is reviewed: GitHub's workflow commands and GitLab's code quality report. Those that are ignored
 * are left out.
 */
import { createHash } from 'node:crypto';
import type { Diagnostic, Severity, SourceRange } from '../model/diagnostic.ts';
import { moreOf } from './finding-words.ts';
import { printable } from './width.ts';

const GITHUB_LEVEL = { error: 'error', warning: 'warning', info: 'notice' } as const satisfies Record<Severity, string>;

/** Workflow commands, one line each, which GitHub shows beside the lines of a pull request. */
export function diagnosticsGithub(diagnostics: readonly Diagnostic[]): string {
  const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const lines = counting(diagnostics).map((finding) => {
    const { code, severity, range } = finding;
    const place =
      range === null
        ? []
        : [
            `file=${property(printable(range.file))}`,
            `line=${range.line}`,
            `endLine=${range.endLine}`,
            ...columns(range),
          ];
    const properties = [...place, `title=${property(code)}`].join(',');
    return `::${GITHUB_LEVEL[severity]} ${properties}::${data(said(finding))}\n`;
  });
  return lines.join('');
}

/** GitHub takes columns only of places within one line, and counts the last one in. */
function columns(range: SourceRange): string[] {
  if (range.line !== range.endLine) return [];
  return [`col=${range.column}`, `endColumn=${Math.max(range.endColumn - 1, range.column)}`];
}

const GITLAB_LEVEL = { error: 'critical', warning: 'minor', info: 'info' } as const satisfies Record<Severity, string>;

/** One entry of a report in the form of GitLab's (and Code Climate's) code quality. */
export interface GitlabIssue {
  readonly description: string;
  readonly check_name: string;
  /** The same finding has the same one in the next run, also when lines above it came or went. */
  readonly fingerprint: string;
  readonly severity: 'info' | 'minor' | 'critical';
  readonly location: {
    /** What is about no file stands at `.`. */
    readonly path: string;
    readonly lines: { readonly begin: number; readonly end: number };
  };
}

export function diagnosticsGitlab(diagnostics: readonly Diagnostic[]): GitlabIssue[] {
  const seen = new Map<string, number>();
  return counting(diagnostics).map((finding) => {
    const { code, severity, summary, range } = finding;
    const path = (range?.file ?? '.').replace(/^\.\//, '');
    const same = JSON.stringify([code, path, summary]);
    const nth = (seen.get(same) ?? 0) + 1;
    seen.set(same, nth);
    return {
      description: inOneLine(said(finding)),
      check_name: code,
      fingerprint: createHash('sha256').update(`${same} ${nth}`).digest('hex'),
      severity: GITLAB_LEVEL[severity],
      location: { path, lines: { begin: range?.line ?? 1, end: range?.endLine ?? 1 } },
    };
  });
}

function counting(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.filter(({ ignored }) => ignored === undefined);
}

/** Sentences, one behind the other: GitLab shows no line ends. */
function inOneLine(text: string): string {
  const [first = '', ...rest] = text.split('\n');
  return rest.reduce((line, next) => `${line}${/[.?!:]$/.test(line) ? '' : '.'} ${next}`, first);
}

/** All that a reviewer should know, since an annotation has one place only. */
function said(finding: Diagnostic): string {
  const { summary, related } = finding;
  const places = related.map(({ message, range }) => `${range.file}:${range.line}:${range.column}: ${message}`);
  return [summary, ...moreOf(finding), ...places].map(printable).join('\n');
}
