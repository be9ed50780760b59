/**
 * Where a person can be in the dashboard: eight screens, and what is opened within them. A path of places is what Esc goes back along.
 * Pure names; what is shown there is `pages.ts`.
 */

export const SCREENS = ['overview', 'channels', 'nodes', 'conflicts', 'files', 'alerts', 'runs', 'events'] as const;
export type Screen = (typeof SCREENS)[number];

export type Place =
  | { readonly kind: Screen }
  /** Of one channel, or all of them. */
  | { readonly kind: 'pipelines'; readonly name: string | null }
  | { readonly kind: 'pipeline'; readonly name: string }
  /** Of a channel. */
  | { readonly kind: 'tables'; readonly name: string }
  | { readonly kind: 'node'; readonly name: string }
  /** By its id, `hz:42`. */
  | { readonly kind: 'conflict'; readonly name: string }
  | { readonly kind: 'run'; readonly name: string }
  /** By its address. */
  | { readonly kind: 'yaml'; readonly name: string };

export type PlaceKind = Place['kind'];

/** From the screen to where the person is. */
export type Path = readonly [Place, ...Place[]];

/** The same for the same place; what is kept of a place (the choice, the filter) is kept under it. */
export function placeKey(place: Place): string {
  return 'name' in place ? `${place.kind} ${place.name ?? ''}` : place.kind;
}

export function hereOf(path: Path): Place {
  return path.at(-1)!;
}

/** Which of the tabs the path belongs to. */
export function screenOf(path: Path): Screen {
  const [{ kind }] = path;
  return SCREENS.find((screen) => screen === kind) ?? 'channels';
}

/** A way there for who names a place without walking to it: what contains it lies before it. */
export function pathTo(place: Place): Path {
  const { kind } = place;
  const channels: Place = { kind: 'channels' };
  if (kind === 'pipelines') return [channels, place];
  if (kind === 'tables') return [channels, { kind: 'pipelines', name: place.name }, place];
  if (kind === 'pipeline') return [channels, { kind: 'pipelines', name: place.name.replace(/\/.*$/s, '') }, place];
  if (kind === 'node') return [{ kind: 'nodes' }, place];
  if (kind === 'conflict') return [{ kind: 'conflicts' }, place];
  if (kind === 'run') return [{ kind: 'runs' }, place];
  return kind === 'yaml' ? [{ kind: 'overview' }, place] : [place];
}
