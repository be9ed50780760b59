/**
 * What the parser of YAML says of a text, in words for people: one finding for a mistake, not one for each of its
 * consequences.
 */
import type { Document, Scalar, YAMLError } from 'yaml';
import { isScalar, visit } from 'yaml';
import type { Diagnostic, Fix, SourceRange } from '../model/diagnostic.ts';
import { finding } from './finding.ts';

const FINDINGS_MAX = 20;

export function syntaxFindings(
  document: Document.Parsed,
  text: string,
  at: (start: number, end: number) => SourceRange,
): Diagnostic[] {
  const found: Diagnostic[] = [];
  let last = Number.NEGATIVE_INFINITY;
  const problems = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  for (const problem of problems) {
    const { line } = at(problem.pos[0], problem.pos[1]);
    // What the parser stumbles over next, on this line or the one below, is the same mistake.
    const follows = line - last <= 1;
    last = line;
    if (follows || found.length >= FINDINGS_MAX) continue;
    found.push(wordsFor(problem, document, text, at));
  }
  return found;
}

function wordsFor(
  { code, message, pos: [start, end] }: YAMLError,
  document: Document.Parsed,
  text: string,
  at: (start: number, end: number) => SourceRange,
): Diagnostic {
  const range = at(start, end);
  const say = (summary: string, facts: { detail?: string; range?: SourceRange; fix?: Fix } = {}): Diagnostic =>
    finding({ code: 'OT1001', summary, range, ...facts });
  if (code === 'MISSING_CHAR' && /quote/.test(message)) {
    const open = openQuote(document, start);
    if (open !== null) return say('the quotes that begin here do not end', { range: at(open, open + 1) });
  }
  if (code === 'BAD_SCALAR_START') {
    const word = /^[^\s,[\]{}"\\]+/.exec(text.slice(start, start + 200))?.[0] ?? '';
    const sign = text.slice(start, start + 1);
    const whole = at(start, start + word.length);
    const fix =
      word === '' || text.slice(start + word.length, start + word.length + 1).trim() !== ''
        ? undefined
        : quotesAround(whole);
    return say(`a text cannot begin with \`${sign}\` without quotes`, fix === undefined ? {} : { fix });
  }
  if (code === 'NON_STRING_KEY')
    return say('a key must be a text', {
      detail: 'Perhaps a line is indented too little, or a `:` or a line break is missing.',
    });
  if (/^Flow (?:map|sequence) in (?:block|flow) collection/i.test(message)) {
    const [closing, opening] = /sequence/.test(message) ? [']', '['] : ['}', '{'];
    const detail = `Everything between \`${opening}\` and \`${closing}\` is indented more than the key; perhaps one \`${closing}\` is missing, or \`#\` begins a comment.`;
    return say(`the \`${opening}\` above does not end before this`, { detail });
  }
  if (code === 'BLOCK_AS_IMPLICIT_KEY' || code === 'BAD_COLLECTION_TYPE')
    return say('the line is not indented like what it belongs to', {
      detail: 'Entries of one list, and keys of one map, begin in the same column.',
    });
  return say(sentence(message));
}

/** Puts double quotes around what stands there. */
export function quotesAround(range: SourceRange): Fix {
  const edits = [
    { range: { ...range, endLine: range.line, endColumn: range.column }, text: '"' },
    { range: { ...range, line: range.endLine, column: range.endColumn }, text: '"' },
  ];
  return { title: 'Put quotes around it.', edits };
}

/** Where the text in quotes begins that goes on until this offset. */
function openQuote(document: Document.Parsed, offset: number): number | null {
  let found: number | null = null;
  visit(document, {
    Scalar: (_, node: Scalar) => {
      if (!isScalar(node) || !/^QUOTE/.test(node.type ?? '') || node.range == null) return;
      if (node.range[0] < offset && node.range[1] >= offset) found = node.range[0];
    },
  });
  return found;
}

/** The parser's sentence, with a small first letter and without a full stop or the line it quotes. */
function sentence(message: string): string {
  const first = (message.split('\n')[0] ?? '').replace(/[.:]$/, '');
  const shown = first.length > 200 ? `${first.slice(0, 200)}…` : first;
  return /^[A-Z][a-z]|^A /.test(shown) ? shown.charAt(0).toLowerCase() + shown.slice(1) : shown;
}
