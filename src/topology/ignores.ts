/**
 * `# otter:ignore CODE reason`: a finding that is known and stays.
 *
 * Rule kept here: only warnings can be ignored, each with a reason; an error is what cannot be carried out or would
 * write wrong rows. A comment that ignores nothing is a finding itself, so that none outlives its cause.
 */
import { explain } from '../model/codes.ts';
import type { Diagnostic, SourceRange, TextEdit } from '../model/diagnostic.ts';
import { commentsOf } from './comments.ts';
import { finding } from './finding.ts';

export interface IgnoreComment {
  readonly code: string;
  readonly reason: string;
  readonly range: SourceRange;
  /** The line that it is about. */
  readonly line: number;
  /** How the comment goes away. */
  readonly removal: TextEdit;
}

export interface ReadIgnores {
  readonly comments: readonly IgnoreComment[];
  readonly diagnostics: readonly Diagnostic[];
}

const WORD = 'otter:ignore';
const FORM = /^#\s*otter:ignore\s+(OT\d{4})\b[\s:,-]*(.*)$/u;

export function readIgnores(file: string, text: string): ReadIgnores {
  if (!text.includes(WORD)) return { comments: [], diagnostics: [] };
  const lines = text.split('\n');
  const starts = startsOf(lines);
  const next = nextLines(lines);
  let index = 0;
  const comments: IgnoreComment[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const { text: written, offset } of commentsOf(text)) {
    if (!new RegExp(`^#\\s*${WORD}(?![\\w-])`).test(written)) continue;
    while (index + 1 < starts.length && starts[index + 1]! <= offset) index++;
    const column = offset - starts[index]! + 1;
    const shown = written.trimEnd();
    const range = { file, line: index + 1, column, endLine: index + 1, endColumn: column + shown.length };
    const [, code, reason = ''] = FORM.exec(shown) ?? [];
    const problem =
      code === undefined
        ? 'the comment names no code'
        : explain(code) === undefined
          ? `\`${code}\` is not a code of otter`
          : reason === ''
            ? `the comment does not say why \`${code}\` is ignored`
            : null;
    if (code === undefined || problem !== null) {
      const detail = 'Write `# otter:ignore CODE reason`.';
      diagnostics.push(finding({ code: 'OT1070', severity: 'warning', summary: problem ?? '', detail, range }));
      continue;
    }
    const alone = lines[index]!.slice(0, column - 1).trim() === '';
    const line = alone ? next[index]! : index + 1;
    comments.push({ code, reason, range, line, removal: removal(range, lines, index, alone) });
  }
  return { comments, diagnostics };
}

/** The findings as the comments have it; and what is wrong with the comments. */
export function ignoring(
  findings: readonly Diagnostic[],
  comments: readonly IgnoreComment[],
): { readonly findings: readonly Diagnostic[]; readonly misused: readonly Diagnostic[] } {
  if (comments.length === 0) return { findings, misused: [] };
  const byPlace = new Map(
    comments.map((comment) => [placeOf(comment.code, comment.range.file, comment.line), comment]),
  );
  const misused: Diagnostic[] = [];
  const marked = findings.map((found) => {
    const comment =
      found.range === null ? undefined : byPlace.get(placeOf(found.code, found.range.file, found.range.line));
    if (comment === undefined) return found;
    if (found.severity !== 'error') return { ...found, ignored: { reason: comment.reason, range: comment.range } };
    const summary = `\`${found.code}\` is an error, which cannot be ignored`;
    const related = [{ message: 'the error', range: found.range! }];
    misused.push(finding({ code: 'OT1071', severity: 'warning', summary, range: comment.range, related }));
    return found;
  });
  return { findings: marked, misused };
}

/** Comments with nothing to ignore among the findings, of the codes that were looked for. */
export function unusedIgnores(
  findings: readonly Diagnostic[],
  comments: readonly IgnoreComment[],
  lookedFor: (code: string) => boolean,
): Diagnostic[] {
  const there = new Set(
    findings.flatMap(({ code, range }) => (range === null ? [] : [placeOf(code, range.file, range.line)])),
  );
  return comments
    .filter(({ code, range, line }) => lookedFor(code) && !there.has(placeOf(code, range.file, line)))
    .map(({ code, range, removal: edit }) =>
      finding({
        code: 'OT1072',
        severity: 'warning',
        summary: `there is no \`${code}\` here to ignore`,
        range,
        fix: { title: 'Remove the comment.', edits: [edit] },
      }),
    );
}

function placeOf(code: string, file: string, line: number): string {
  return `${code} ${line} ${file}`;
}

function startsOf(lines: readonly string[]): number[] {
  const starts: number[] = [];
  let at = 0;
  for (const line of lines) {
    starts.push(at);
    at += line.length + 1;
  }
  return starts;
}

/** For each line the next that is more than a comment, counted from 1; at the end the line itself. */
function nextLines(lines: readonly string[]): number[] {
  const next: number[] = new Array<number>(lines.length);
  let below: number | null = null;
  for (let i = lines.length - 1; i >= 0; i--) {
    next[i] = below ?? i + 1;
    if (/^\s*[^\s#]/.test(lines[i]!)) below = i + 1;
  }
  return next;
}

/** With its line when it has one of its own, else with the space before it. */
function removal(range: SourceRange, lines: readonly string[], index: number, alone: boolean): TextEdit {
  const line = lines[index]!;
  if (alone && index + 1 < lines.length)
    return { range: { ...range, column: 1, endLine: range.line + 1, endColumn: 1 }, text: '' };
  const before = line.slice(0, range.column - 1).trimEnd().length;
  return { range: { ...range, column: before + 1 }, text: '' };
}
