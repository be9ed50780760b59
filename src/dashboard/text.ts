/**
 * Lines of styled text as plain values, so that every screen is a pure function that tests can read.
 * A tone says what a word means; `theme.ts` says what it looks like. Nothing here knows a terminal.
 */

/** What a piece of text means; colours are only one way to show it. */
export type Tone = 'plain' | 'dim' | 'strong' | 'accent' | 'good' | 'busy' | 'warn' | 'bad' | 'chosen';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One row of the screen. */
export type Line = readonly Span[];

export const BLANK: Line = [];

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone };
}

export function line(...parts: readonly (Span | string)[]): Line {
  return parts.map((part) => (typeof part === 'string' ? span(part) : part));
}

/** The text without its tones. */
export function lineText(of: Line): string {
  return of
    .map((part) => part.text)
    .join('')
    .trimEnd();
}

/** Text from outside (messages of servers, names of files) without anything that could move a cursor or turn the direction of a line. */
export function printable(text: string): string {
  return text
    .replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
}

/** Columns that a text takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char.codePointAt(0)!);
  return width;
}

export function lineWidth(of: Line): number {
  return of.reduce((width, part) => width + textWidth(part.text), 0);
}

/** At most `width` columns; what was cut off is shown by `mark`. */
export function cut(text: string, width: number, mark: string): string {
  if (textWidth(text) <= width) return text;
  const room = width - textWidth(mark);
  if (room < 0) return '';
  let kept = '';
  let used = 0;
  for (const char of text) {
    used += charWidth(char.codePointAt(0)!);
    if (used > room) break;
    kept += char;
  }
  return kept + mark;
}

/** Exactly `width` columns: cut or filled up with spaces. */
export function fitted(of: Line, width: number, mark: string, align: 'left' | 'right' = 'left'): Line {
  const natural = lineWidth(of);
  const gap = span(' '.repeat(Math.max(0, width - natural)));
  if (natural <= width) return align === 'left' ? [...of, gap] : [gap, ...of];
  const kept: Span[] = [];
  let room = width;
  for (const part of of) {
    if (room <= 0) break;
    const partWidth = textWidth(part.text);
    const last = partWidth > room || (partWidth === room && part !== of.at(-1));
    const text = last ? cut(`${part.text}${mark}`, room, mark) : part.text;
    kept.push(span(text, part.tone));
    room -= textWidth(text);
    if (last) break;
  }
  return [...kept, span(' '.repeat(Math.max(0, room)))];
}

/** Something at the left edge and something at the right one; the left gives way. */
export function apart(left: Line, right: Line, width: number, mark: string): Line {
  const room = width - lineWidth(right) - 1;
  if (room < 1) return fitted(left, width, mark);
  return [...fitted(left, room, mark), span(' '), ...right];
}

/** Words in rows of at most `width` columns; a longer word is broken. */
export function wrap(text: string, width: number): string[] {
  const rows: string[] = [];
  let row = '';
  for (const word of printable(text).split(/\s+/)) {
    let rest = word;
    if (row !== '' && textWidth(row) + 1 + textWidth(rest) <= width) {
      row += ` ${rest}`;
      continue;
    }
    if (row !== '') rows.push(row);
    while (textWidth(rest) > width) {
      const head = cut(rest, Math.max(1, width), '');
      if (head === '') break;
      rows.push(head);
      rest = rest.slice(head.length);
    }
    row = rest;
  }
  return row === '' ? rows : [...rows, row];
}

function charWidth(code: number): 0 | 1 | 2 {
  if (code < 0x300) return 1;
  if (code <= 0x36f || code === 0x200b || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}
