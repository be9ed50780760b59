/**
 * Fixes carried out in texts, again and again until none is left: one mistake often hides the next.
 *
 * Rule kept here: a round after which a file cannot be read that could be before is taken back.
 */
import type { Diagnostic, TextEdit } from '../model/diagnostic.ts';

const ROUNDS_MAX = 10;

export interface Mended {
  /** The files that are different now, by their paths. */
  readonly texts: ReadonlyMap<string, string>;
  /** The findings that were mended, in the order in which that happened. */
  readonly mended: readonly Diagnostic[];
}

/**
 * `find`: the findings with these texts in place of the files'. `read`: the text of a file as it is. Both see lines and
 * columns alike.
 */
export function mend(
  find: (texts: ReadonlyMap<string, string>) => readonly Diagnostic[],
  read: (path: string) => string,
): Mended {
  let texts: ReadonlyMap<string, string> = new Map();
  let found = find(texts);
  const mended: Diagnostic[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { edits, answered } = together(found);
    if (answered.length === 0) break;
    const next = new Map(texts);
    for (const [path, some] of edits) next.set(path, edited(texts.get(path) ?? read(path), some));
    const after = find(next);
    if (!isBetter(found, after)) break;
    mended.push(...answered);
    [texts, found] = [next, after];
  }
  return { texts, mended };
}

/** A text with these edits, which do not overlap. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const offset = (line: number, column: number): number =>
    Math.min((starts[line - 1] ?? text.length) + column - 1, text.length);
  return edits
    .map(({ range, text: written }) => ({
      at: offset(range.line, range.column),
      end: offset(range.endLine, range.endColumn),
      written,
    }))
    .sort((a, b) => b.at - a.at || b.end - a.end)
    .reduce((whole, { at, end, written }) => whole.slice(0, at) + written + whole.slice(end), text);
}

/** The fixes that can be carried out at once, by file; the same one twice is one. */
function together(found: readonly Diagnostic[]): {
  readonly edits: ReadonlyMap<string, TextEdit[]>;
  readonly answered: readonly Diagnostic[];
} {
  const edits = new Map<string, TextEdit[]>();
  const answered: Diagnostic[] = [];
  for (const finding of found) {
    if (finding.fix === undefined || finding.ignored !== undefined) continue;
    const fresh = finding.fix.edits.filter(
      (edit) => !(edits.get(edit.range.file) ?? []).some((one) => same(one, edit)),
    );
    const clashes = fresh.some((edit) => (edits.get(edit.range.file) ?? []).some((one) => overlaps(one, edit)));
    if (clashes) continue;
    if (fresh.length > 0) answered.push(finding);
    for (const edit of fresh) edits.set(edit.range.file, [...(edits.get(edit.range.file) ?? []), edit]);
  }
  return { edits, answered };
}

function same(one: TextEdit, other: TextEdit): boolean {
  return one.text === other.text && JSON.stringify(one.range) === JSON.stringify(other.range);
}

/** Also those that touch at one point, whose order would count. */
function overlaps({ range: a }: TextEdit, { range: b }: TextEdit): boolean {
  const before = (line: number, column: number, otherLine: number, otherColumn: number): boolean =>
    line < otherLine || (line === otherLine && column < otherColumn);
  return (
    !before(a.endLine, a.endColumn, b.line, b.column) &&
    !before(b.endLine, b.endColumn, a.line, a.column) &&
    !(a.endLine === b.line && a.endColumn === b.column && !isEmpty(a) && !isEmpty(b)) &&
    !(b.endLine === a.line && b.endColumn === a.column && !isEmpty(a) && !isEmpty(b))
  );
}

function isEmpty(range: TextEdit['range']): boolean {
  return range.line === range.endLine && range.column === range.endColumn;
}

function isBetter(before: readonly Diagnostic[], after: readonly Diagnostic[]): boolean {
  const unreadable = (found: readonly Diagnostic[]): number => found.filter(({ code }) => code === 'OT1001').length;
  return unreadable(after) <= unreadable(before);
}
