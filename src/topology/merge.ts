/**
 * The files of a topology as one tree: maps of the top level come together key by key, lists one after the other;
 * anything that stands twice is shown with both places.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import { finding } from './finding.ts';
import type { MapTree, Tree, TreeEntry } from './tree.ts';

export interface MergedFiles {
  readonly root: MapTree;
  readonly diagnostics: readonly Diagnostic[];
}

/** `first` is the tree whose place stands for the whole. */
export function mergeFiles(first: MapTree, others: readonly MapTree[]): MergedFiles {
  const diagnostics: Diagnostic[] = [];
  const sections = new Map<string, TreeEntry>();
  for (const entry of [first, ...others].flatMap((tree) => tree.entries)) {
    const known = sections.get(entry.key);
    if (known === undefined) sections.set(entry.key, entry);
    // Each file has its own anchors, and has said its own includes already.
    else if (entry.key.startsWith('x-') || entry.key === 'include' || entry.key === '$schema') continue;
    else sections.set(entry.key, { ...known, value: joined(known, entry, diagnostics) });
  }
  return { root: { ...first, entries: [...sections.values()] }, diagnostics };
}

function joined(one: TreeEntry, other: TreeEntry, diagnostics: Diagnostic[]): Tree {
  const [a, b] = [one.value, other.value];
  // A section whose entries are all commented out adds nothing.
  if (b.kind === 'scalar' && b.value === null && a.kind !== 'scalar') return a;
  if (a.kind === 'scalar' && a.value === null && b.kind !== 'scalar') return b;
  if (a.kind === 'list' && b.kind === 'list') return { ...a, items: [...a.items, ...b.items] };
  if (a.kind !== 'map' || b.kind !== 'map') {
    diagnostics.push(twice(one, other));
    return a;
  }
  const entries = [...a.entries];
  for (const entry of b.entries) {
    const known = entries.find((e) => e.key === entry.key);
    if (known === undefined) entries.push(entry);
    else diagnostics.push(twice(known, entry, `${one.key}.`));
  }
  return { ...a, entries };
}

function twice(first: TreeEntry, second: TreeEntry, prefix = ''): Diagnostic {
  return finding({
    code: 'OT1004',
    summary: `\`${prefix}${second.key}\` is defined twice`,
    range: second.keyRange,
    related: [{ message: 'first defined here', range: first.keyRange }],
  });
}
