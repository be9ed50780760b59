/**
 * An environment laid over a topology: maps come together key by key, however deep; texts, numbers and lists take the
 * place of what was there; `null` takes a key away.
 *
 * Rule kept here: what is replaced stays known as the related place of what replaces it; nothing that an environment
 * says has no effect unseen.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import { didYouMean, onlyNearest } from '../model/suggest.ts';
import { finding } from './finding.ts';
import type { MapTree, Path, Tree, TreeEntry } from './tree.ts';
import { asPlain } from './written-scalar.ts';

export interface Overlaid {
  readonly root: MapTree;
  readonly diagnostics: readonly Diagnostic[];
}

/** `isChoice`: whether the map at this path has one key of several, so that another one replaces the map. */
export function overlay(base: MapTree, over: MapTree, isChoice: (path: Path) => boolean): Overlaid {
  const diagnostics: Diagnostic[] = [];
  // Anchors are a file's own; what it includes was read with it.
  const own = over.entries.filter(({ key }) => !key.startsWith('x-') && key !== 'include' && key !== '$schema');
  return { root: merged(base, { ...over, entries: own }, [], isChoice, diagnostics), diagnostics };
}

function merged(
  base: MapTree,
  over: MapTree,
  path: Path,
  isChoice: (path: Path) => boolean,
  diagnostics: Diagnostic[],
): MapTree {
  const entries = new Map(base.entries.map((entry) => [entry.key, entry]));
  for (const entry of over.entries) {
    const before = entries.get(entry.key);
    const { value } = entry;
    const here: Path = [...path, entry.key];
    if (before === undefined) {
      if (isNull(value)) diagnostics.push(nothingToRemove(base, entry, here));
      else entries.set(entry.key, entry);
    } else if (isNull(value)) entries.delete(entry.key);
    else if (value.kind === 'scalar' && value.blank === true) continue;
    else if (value.kind === 'map' && before.value.kind === 'map' && !isOther(before.value, value, here, isChoice))
      entries.set(entry.key, { ...before, value: merged(before.value, value, here, isChoice, diagnostics) });
    else entries.set(entry.key, { ...entry, value: replacing(value, before) });
  }
  return { ...base, entries: [...entries.values()] };
}

/** Written as `null` or `~`. Where nothing is written, as in a section of comments, nothing is meant. */
function isNull(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null && tree.blank !== true;
}

function isOther(before: MapTree, after: MapTree, path: Path, isChoice: (path: Path) => boolean): boolean {
  return isChoice(path) && after.entries.some(({ key }) => before.entries.every((entry) => entry.key !== key));
}

function replacing(value: Tree, before: TreeEntry): Tree {
  const range = before.value.kind === 'scalar' && before.value.blank !== true ? before.value.range : before.keyRange;
  const place = { message: 'in place of this', range };
  return { ...value, from: [...(value.from ?? []), ...(before.value.from ?? []), place] };
}

function nothingToRemove(base: MapTree, { key, keyRange, value }: TreeEntry, path: Path): Diagnostic {
  const known = base.entries.map((entry) => entry.key);
  const near = onlyNearest(key, known);
  return finding({
    code: 'OT1008',
    summary: `there is no \`${path.join('.')}\` to remove`,
    detail: didYouMean(key, known),
    range: value.kind === 'scalar' && value.via !== undefined ? value.via : keyRange,
    fix: near === null ? undefined : { title: `Write \`${near}\`.`, edits: [{ range: keyRange, text: asPlain(near) }] },
  });
}
