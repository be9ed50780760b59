/**
 * How wide a text is on a terminal, and texts made safe to show there.
 */

const TAB = '    ';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

/** Columns that the text takes; combining marks take none, CJK and emoji two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += ZERO_WIDTH.test(segment) ? 0 : WIDE.test(segment) ? 2 : 1;
  }
  return width;
}

/** Without control characters: a tab is spaces, anything else that would move the cursor a sign for it. */
export function printable(text: string): string {
  return text.replaceAll('\t', TAB).replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** Lines of at most this width, at least one; broken wherever a line is full, since values have no words. */
export function wrap(text: string, widthMax: number): string[] {
  const lines: string[] = [];
  let line = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    const more = displayWidth(segment);
    if (width + more > widthMax && line !== '') {
      lines.push(line);
      line = '';
      width = 0;
    }
    line += segment;
    width += more;
  }
  return [...lines, line];
}

export interface Clipped {
  readonly text: string;
  /** Where the marked part stands in `text`. */
  readonly start: number;
  readonly end: number;
}

/** A line made printable and, when long, cut to what is around the marked part. */
export function clip(line: string, start: number, end: number, widthMax: number): Clipped {
  const [before, marked, after] = [line.slice(0, start), line.slice(start, end), line.slice(end)].map(printable) as [
    string,
    string,
    string,
  ];
  const body = cut(marked, widthMax);
  const room = widthMax - displayWidth(body);
  const head =
    displayWidth(before) + displayWidth(after) <= room
      ? before
      : cutStart(before, Math.max(room - displayWidth(after), Math.floor(room / 2)));
  const tail = cut(after, Math.max(0, widthMax - displayWidth(body) - displayWidth(head)));
  return { text: head + body + tail, start: head.length, end: head.length + body.length };
}

function cut(text: string, widthMax: number): string {
  if (text.length <= widthMax && displayWidth(text) <= widthMax) return text;
  let kept = '';
  let width = 1;
  for (const { segment } of graphemes.segment(text.slice(0, widthMax * 8))) {
    width += displayWidth(segment);
    if (width > widthMax) break;
    kept += segment;
  }
  return `${kept}…`;
}

function cutStart(text: string, widthMax: number): string {
  if (widthMax < 2) return text === '' ? '' : '…';
  if (text.length <= widthMax && displayWidth(text) <= widthMax) return text;
  const segments = [...graphemes.segment(text.slice(-widthMax * 8))].map((one) => one.segment);
  const kept: string[] = [];
  let width = 1;
  for (const segment of segments.reverse()) {
    width += displayWidth(segment);
    if (width > widthMax) break;
    kept.unshift(segment);
  }
  return `…${kept.join('')}`;
}
