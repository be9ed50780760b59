/** How a person looks at what the dashboard knows: where they are, what is chosen, filtered and sorted there. Pure steps from one view to the next. */
import {
  hereOf,
  type Path,
  type Place,
  type PlaceKind,
  pathTo,
  placeKey,
  SCREENS,
  type Screen,
  screenOf,
} from './places.ts';

export interface Sorting {
  /** Index of the column. */
  readonly column: number;
  /** The largest first. */
  readonly down: boolean;
}

/** What keys go into, other than keys themselves. */
export type Typing = 'filter' | 'command';

export interface View {
  readonly path: Path;
  readonly help: boolean;
  readonly typing: Typing | null;
  /** What is typed: a command, or the answer to a question. */
  readonly typed: string;
  /** By place; names, so that the choice stays when rows come and go. */
  readonly chosen: Readonly<Record<string, string>>;
  readonly filters: Readonly<Record<string, string>>;
  readonly sorts: Readonly<Partial<Record<PlaceKind, Sorting>>>;
  /** First line of a page that is longer than the screen. */
  readonly scroll: number;
  /** What was wrong with the last key, in the place of the footer until the next. */
  readonly said: string | null;
  readonly quit: boolean;
}

export const FIRST_VIEW: View = {
  path: [{ kind: 'overview' }],
  help: false,
  typing: null,
  typed: '',
  chosen: {},
  filters: {},
  sorts: {},
  scroll: 0,
  said: null,
  quit: false,
};

/** Of a word that is asked for: the longest name of a pipeline and more. */
export const TYPED_MAX = 300;

export function here(view: View): Place {
  return hereOf(view.path);
}

export function filterOf(view: View): string {
  return view.filters[placeKey(here(view))] ?? '';
}

export function sortingOf(view: View): Sorting | null {
  return view.sorts[here(view).kind] ?? null;
}

/** The chosen name, or the first when it is not listed any more. */
export function chosenOf(view: View, names: readonly string[]): string | null {
  const name = view.chosen[placeKey(here(view))];
  return name !== undefined && names.includes(name) ? name : (names[0] ?? null);
}

export function filtered(view: View, filter: string): View {
  return { ...view, filters: { ...view.filters, [placeKey(here(view))]: filter } };
}

export function onScreen(view: View, screen: Screen): View {
  return at(view, [{ kind: screen }]);
}

export function nextScreen(view: View, by: 1 | -1): View {
  const index = SCREENS.indexOf(screenOf(view.path));
  return onScreen(view, SCREENS[(index + by + SCREENS.length) % SCREENS.length]!);
}

/** Inside of where one is. */
export function opened(view: View, place: Place): View {
  return at(view, [...view.path, place]);
}

/** From anywhere. */
export function wentTo(view: View, place: Place): View {
  return at(view, pathTo(place));
}

/** Help, a filter, what is opened, the screen: whichever is there is left first. */
export function back(view: View): View {
  if (view.help) return { ...view, help: false };
  if (filterOf(view) !== '') return filtered(view, '');
  const [first, ...inner] = view.path;
  return inner.length > 0 ? at(view, [first, ...inner.slice(0, -1)]) : onScreen(view, 'overview');
}

export function moved(view: View, by: number, names: readonly string[]): View {
  const from = names.indexOf(chosenOf(view, names) ?? '');
  const name = names[Math.min(names.length - 1, Math.max(0, from + by))];
  return name === undefined ? view : { ...view, chosen: { ...view.chosen, [placeKey(here(view))]: name } };
}

/** Within a page of so many lines, of which the last stays on the screen. */
export function scrolled(view: View, by: number, lines: number): View {
  return { ...view, scroll: Math.max(0, Math.min(Math.max(0, lines - 1), view.scroll + by)) };
}

/** By the next column, and after the last as they come. */
export function sortedByNext(view: View, columns: number): View {
  const { kind } = here(view);
  const column = (sortingOf(view)?.column ?? -1) + 1;
  const { [kind]: _, ...others } = view.sorts;
  return { ...view, sorts: column < columns ? { ...others, [kind]: { column, down: false } } : others };
}

export function sortedAround(view: View): View {
  const { kind } = here(view);
  const sorting = sortingOf(view) ?? { column: 0, down: false };
  return { ...view, sorts: { ...view.sorts, [kind]: { ...sorting, down: !sorting.down } } };
}

function at(view: View, path: Path): View {
  return { ...view, path, help: false, scroll: 0 };
}
