/** A table that fits: columns that matter least are left out first, one may take the room that is left. */
import { BLANK, fitted, type Line, lineWidth, span, textWidth } from './text.ts';
import type { Glyphs } from './theme.ts';

export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Cells never make the column narrower than this, so that changing numbers do not move their neighbours. */
  readonly width?: number;
  /** Takes what is left of the row, up to this much in all. */
  readonly growTo?: number;
  /** Columns with a higher number go first when there is no room; 0 stays. */
  readonly drop: number;
  readonly cell: (row: T, width: number) => Line;
  /** What rows are sorted by; without it they cannot be by this column. */
  readonly by?: (row: T) => number | string | null;
}

export interface Table<T> {
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** Index into `rows`, or null when nothing can be chosen. */
  readonly chosen: number | null;
  /** The title of the column that they are sorted by, and its sign. */
  readonly sorted?: { readonly title: string; readonly sign: string } | null;
}

const GAP = 2;
const MARK = 2;

/** The title row and as many rows as `height` allows, scrolled so that the chosen one is seen. */
export function tableLines<T>(table: Table<T>, width: number, height: number, glyphs: Glyphs): Line[] {
  const { columns, widths } = layout(table, width - MARK);
  const room = Math.max(1, height - 1);
  const first = firstShown(table.rows.length, table.chosen, room);
  const shown = table.rows.slice(first, first + room);
  const title = columns.map((column, i) => {
    const sign = table.sorted?.title === column.title ? table.sorted.sign : '';
    return fitted([span(column.title, 'dim'), span(sign, 'accent')], widths[i]!, glyphs.more, column.align);
  });
  const lines = [row(BLANK, title)];
  for (const [index, item] of shown.entries()) {
    const chosen = first + index === table.chosen;
    const mark = chosen ? [span(glyphs.chosen, 'accent')] : BLANK;
    const cells = columns.map((column, i) =>
      fitted(column.cell(item, widths[i]!), widths[i]!, glyphs.more, column.align),
    );
    // What else is told by a colour stays told by it.
    if (chosen) cells[0] = (cells[0] ?? BLANK).map(({ text }) => span(text, 'chosen'));
    lines.push(row(fitted(mark, MARK, ''), cells));
  }
  return lines;
}

/** First row shown; the chosen row stays in view, in the middle where the table is longer than the screen. */
export function firstShown(rows: number, chosen: number | null, room: number): number {
  return Math.min(Math.max(0, (chosen ?? 0) - Math.floor(room / 2)), Math.max(0, rows - room));
}

function row(mark: Line, cells: readonly Line[]): Line {
  const gap = span(' '.repeat(GAP));
  return [...fitted(mark, MARK, ''), ...cells.flatMap((cell, index) => (index === 0 ? cell : [gap, ...cell]))];
}

function layout<T>(table: Table<T>, width: number): { columns: readonly Column<T>[]; widths: number[] } {
  let columns = [...table.columns];
  const natural = new Map(columns.map((column) => [column, naturalWidth(column, table.rows)]));
  const total = (): number => columns.reduce((sum, column) => sum + natural.get(column)! + GAP, -GAP);
  while (total() > width) {
    const worst = columns.reduce((a, b) => (b.drop >= a.drop ? b : a));
    if (worst.drop === 0) break;
    columns = columns.filter((column) => column !== worst);
  }
  const widths = columns.map((column) => natural.get(column)!);
  // What cannot be dropped gives way from the left: the name, which the detail shows whole.
  if (total() > width) widths[0] = Math.max(4, widths[0]! - (total() - width));
  const growing = columns.flatMap((column, index) => (column.growTo === undefined ? [] : [index]));
  let left = width - (widths.reduce((sum, one) => sum + one + GAP, -GAP) || 0);
  for (const [order, index] of growing.entries()) {
    const share = Math.floor(left / (growing.length - order));
    const more = Math.max(0, Math.min(share, columns[index]!.growTo! - widths[index]!));
    widths[index] = widths[index]! + more;
    left -= more;
  }
  return { columns, widths };
}

function naturalWidth<T>(column: Column<T>, rows: readonly T[]): number {
  const least = Math.max(textWidth(column.title), column.width ?? 0);
  if (column.growTo !== undefined) return least;
  return rows.reduce((widest, item) => Math.max(widest, lineWidth(column.cell(item, least))), least);
}

/** Rows with nothing to sort by come last either way. */
export function sortedRows<T>(rows: readonly T[], by: (row: T) => number | string | null, down: boolean): readonly T[] {
  const keyed = rows.map((row) => ({ row, key: by(row) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    const order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    return down ? -order : order;
  });
  return keyed.map(({ row }) => row);
}
