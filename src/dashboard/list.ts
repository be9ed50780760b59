/** A list on a screen: what of it is let through by the filter, how it is sorted, which row is chosen, what Enter on it leads to. */
import type { Paint } from './paint.ts';
import type { Place } from './places.ts';
import { type Column, firstShown, sortedRows, tableLines } from './table.ts';
import { type Line, line, span, wrap } from './text.ts';
import { chosenOf, filterOf, sortingOf, type View } from './view.ts';

export interface ListOf<T> {
  readonly rows: readonly T[];
  /** What is chosen by; the only one of its kind. */
  readonly name: (row: T) => string;
  /** What the filter looks at. */
  readonly texts: (row: T) => readonly string[];
  readonly columns: readonly Column<T>[];
  /** What is said where there is no row, in a sentence. */
  readonly none: string;
  readonly open?: (row: T) => Place | null;
  /** The address of the thing, for keys that are about it. */
  readonly about?: (row: T) => string | null;
  /** What more is said of the chosen row beneath the list, where there is room. */
  readonly more?: (row: T, paint: Paint) => Line[];
}

/** The same for rows of any kind. */
export interface List {
  /** Of the rows that are shown, in their order. */
  readonly names: readonly string[];
  /** That it can be sorted by. */
  readonly sortable: number;
  readonly open: (name: string) => Place | null;
  readonly about: (name: string | null) => string | null;
  /** At most `height` lines; a height that nobody reaches gives them all. */
  readonly draw: (height: number, paint: Paint) => Line[];
}

/** What is said beneath leaves a list its title and so many rows. */
const ROWS_LEAST = 5;

export function list<T>(of: ListOf<T>, view: View): List {
  const sortable = of.columns.filter(({ by }) => by !== undefined);
  const sorting = sortingOf(view);
  const by = sorting === null ? undefined : sortable[sorting.column];
  const filter = filterOf(view);
  const passed = of.rows.filter((row) => matches(filter, of.texts(row)));
  const rows = by?.by === undefined ? passed : sortedRows(passed, by.by, sorting!.down);
  const names = rows.map(of.name);
  const rowOf = (name: string | null): T | undefined => (name === null ? undefined : rows[names.indexOf(name)]);
  return {
    names,
    sortable: sortable.length,
    open: (name) => {
      const row = rowOf(name);
      return row === undefined ? null : (of.open?.(row) ?? null);
    },
    about: (name) => {
      const row = rowOf(name);
      return row === undefined ? null : (of.about?.(row) ?? null);
    },
    draw: (height, paint) => {
      if (rows.length === 0) return nothing(of, filter, paint);
      const { glyphs, columns: width } = paint;
      const chosen = names.indexOf(chosenOf(view, names) ?? '');
      const more = of.more === undefined || chosen < 0 ? [] : spaced(of.more(rows[chosen]!, paint));
      const kept = more.slice(0, Math.max(0, Math.min(more.length, Math.floor(height / 2), height - ROWS_LEAST)));
      const left = height - kept.length;
      const fits = rows.length <= left - 1;
      const room = fits ? left : Math.max(2, left - 1);
      const sign = sorting?.down === true ? glyphs.down : glyphs.up;
      const sorted = by === undefined ? null : { title: by.title, sign };
      const lines = tableLines({ columns: of.columns, rows, chosen, sorted }, width, room, glyphs);
      const where = fits ? [] : [whereLine(rows.length, chosen, Math.max(1, room - 1))];
      return [...lines, ...where, ...kept];
    },
  };
}

function spaced(lines: Line[]): Line[] {
  return lines.length === 0 ? [] : [[], ...lines];
}

function nothing<T>({ rows, none, columns }: ListOf<T>, filter: string, { columns: width }: Paint): Line[] {
  const text = rows.length === 0 ? none : `None of ${rows.length} matches "${filter}".`;
  return [
    line(span(`  ${columns[0]?.title ?? ''}`, 'dim')),
    ...wrap(text, Math.max(20, width - 4)).map((one) => line(span(`  ${one}`, 'dim'))),
  ];
}

function whereLine(total: number, index: number, room: number): Line {
  const first = firstShown(total, index, room);
  return line(span(`  ${first + 1} to ${Math.min(total, first + room)} of ${total}`, 'dim'));
}

function matches(filter: string, texts: readonly string[]): boolean {
  const wanted = filter.trim().toLowerCase();
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted));
}
