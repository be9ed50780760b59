/**
 * What was written, as a tree in which everything knows its place. Files, anchors and merge keys are already one
 * tree; the rooms after `read.ts` see no YAML.
 *
 * Rule kept here: every path of keys and indexes, also one that leads nowhere, has a place to point at.
 */
import type { RelatedPlace, SourceRange } from '../model/diagnostic.ts';

export type ScalarValue = string | number | boolean | null;

interface Placed {
  /** The value itself. */
  readonly range: SourceRange;
  /** Where the alias or merge key stands that brought this value here; `range` is then at the anchor. */
  readonly via?: SourceRange | undefined;
  /** What else made the value what it is: a variable, the value that an environment replaces. */
  readonly from?: readonly MadeFrom[] | undefined;
}

export interface MadeFrom extends RelatedPlace {
  /** The value itself stands there. */
  readonly isValue?: boolean | undefined;
  /** What a variable gave that is named like a secret: no finding says it. */
  readonly secret?: string | undefined;
}

export interface TreeEntry {
  readonly key: string;
  readonly keyRange: SourceRange;
  readonly value: Tree;
}

export type MapTree = Placed & { readonly kind: 'map'; readonly entries: readonly TreeEntry[] };
export type ListTree = Placed & { readonly kind: 'list'; readonly items: readonly Tree[] };
export type ScalarTree = Placed & {
  readonly kind: 'scalar';
  readonly value: ScalarValue;
  /** A variable gave the value, so it may still take the type that the schema wants. */
  readonly variable?: boolean | undefined;
  /** Its variables were not found, which was reported; nothing more is said about this value. */
  readonly unknown?: boolean | undefined;
  /** It holds what variables gave, so it is not as the file has it. */
  readonly filled?: boolean | undefined;
  /** Nothing was written, which is null all the same. */
  readonly blank?: boolean | undefined;
};
export type Tree = MapTree | ListTree | ScalarTree;

export type Path = readonly (string | number)[];

export interface Place {
  /** The deepest value on the path that exists. */
  readonly tree: Tree;
  /** Key of that value, null for list items and the root. */
  readonly keyRange: SourceRange | null;
  /** How many steps of the path exist. */
  readonly depth: number;
  /** The nearest alias on the way. */
  readonly via: SourceRange | undefined;
  /** All that made what is on the way, the outermost first. */
  readonly from: readonly MadeFrom[];
}

export function child(tree: Tree | undefined, key: string | number): Tree | undefined {
  if (tree?.kind === 'map') return entryOf(tree, String(key))?.value;
  return tree?.kind === 'list' ? tree.items[Number(key)] : undefined;
}

const LARGE_ENTRIES = 32;
const byKey = new WeakMap<MapTree, ReadonlyMap<string, TreeEntry>>();

/** Maps of hundreds of channels are asked thousands of times. */
function entryOf(map: MapTree, key: string): TreeEntry | undefined {
  if (map.entries.length < LARGE_ENTRIES) return map.entries.find((entry) => entry.key === key);
  let known = byKey.get(map);
  if (known === undefined) {
    // Of a key that is there twice the first.
    known = new Map([...map.entries].reverse().map((entry) => [entry.key, entry]));
    byKey.set(map, known);
  }
  return known.get(key);
}

/** Follows the path as far as it goes. */
export function locate(root: Tree, path: Path): Place {
  let place: Place = { tree: root, keyRange: null, depth: 0, via: root.via, from: root.from ?? [] };
  for (const step of path) {
    const here: Tree = place.tree;
    const entry = here.kind === 'map' ? entryOf(here, String(step)) : undefined;
    const value = entry?.value ?? (here.kind === 'list' ? here.items[Number(step)] : undefined);
    if (value === undefined) break;
    place = {
      tree: value,
      keyRange: entry?.keyRange ?? null,
      depth: place.depth + 1,
      via: value.via ?? place.via,
      from: value.from === undefined ? place.from : [...place.from, ...value.from],
    };
  }
  return place;
}

/** What is about a file as a whole stands at its start. */
export function startOf(file: string): SourceRange {
  return { file, line: 1, column: 1, endLine: 1, endColumn: 1 };
}

/** Where to underline the key at this path; of a list item, the item. */
export function keyPlace(root: Tree, path: Path): SourceRange {
  const { tree, keyRange, depth } = locate(root, path);
  return keyRange ?? (depth === 0 ? startOf(tree.range.file) : tree.range);
}

/** Where to underline the value at this path: a scalar itself, of maps and lists the key, which is shorter. */
export function valuePlace(root: Tree, path: Path): SourceRange {
  const { tree, depth } = locate(root, path);
  return depth === path.length && tree.kind === 'scalar' ? tree.range : keyPlace(root, path);
}

/** The tree as plain values. Maps have no prototype, so that a key may be called anything. */
export function plain(tree: Tree): unknown {
  switch (tree.kind) {
    case 'scalar':
      return tree.value;
    case 'list':
      return tree.items.map(plain);
    case 'map': {
      const map = Object.create(null) as Record<string, unknown>;
      for (const entry of tree.entries) map[entry.key] = plain(entry.value);
      return map;
    }
    default:
      return tree satisfies never;
  }
}

/** A tree with one scalar put in place of another. */
export function replaceScalar(tree: Tree, path: Path, value: ScalarTree): Tree {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (tree.kind === 'map') {
    const entries = tree.entries.map((e) =>
      e.key === String(step) ? { ...e, value: replaceScalar(e.value, rest, value) } : e,
    );
    return { ...tree, entries };
  }
  if (tree.kind !== 'list') return tree;
  return {
    ...tree,
    items: tree.items.map((item, i) => (i === Number(step) ? replaceScalar(item, rest, value) : item)),
  };
}
