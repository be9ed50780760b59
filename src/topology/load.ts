/**
 * A path to a topology: read, variables, shape, meaning, in that order, with all findings of all steps.
 *
 * Rule kept here: there is a topology exactly when there is no error; every object in it can be traced to its place.
 */

import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';
import { hasErrors } from '../model/diagnostic.ts';
import type { Topology } from '../model/topology.ts';
import { check } from './check.ts';
import { inReadingOrder } from './finding.ts';
import { withProcessors } from './processors.ts';
import type { ReadModule, SourceFile, Sources } from './read.ts';
import { readModule, readSchema, readTexts, readTopology } from './read.ts';
import { resolve, SECTIONS } from './resolve.ts';
import { withoutSecrets } from './secrets.ts';
import { graded } from './severity.ts';
import type { MapTree, Path } from './tree.ts';
import { child, keyPlace, locate, valuePlace } from './tree.ts';
import { unbuilt } from './unbuilt.ts';
import type { Validator } from './validate.ts';
import { compileSchema, validate } from './validate.ts';
import type { VariableSources } from './variables.ts';
import { fillIn } from './variables.ts';

export interface LoadedTopology {
  /** Null when there is an error among the findings. */
  readonly topology: Topology | null;
  /** Shape and meaning, in reading order. */
  readonly diagnostics: readonly Diagnostic[];
  /** What this version does not do yet: with an error among them plan and apply refuse, `validate` only warns. */
  readonly unbuilt: readonly Diagnostic[];
  /**
   * Where an object stands (`channel.shop`, `pipeline.shop/hz>ca`, `table.shop/shop.orders`), or one of its attributes: a path in the file
   * (`conflict.policy`, `tables[2].to`) or in the resolved object. The nearest place that exists; null for an
   * unknown object.
   */
  readonly sourceOf: (address: string, attributePath?: string | Path) => SourceRange | null;
  /** Names of the declared variables. */
  readonly vars: readonly string[];
  /** What was read, for quoting: without secrets that were written by mistake. */
  readonly files: readonly SourceFile[];
}

export function loadTopology(path: string, sources: VariableSources = {}): LoadedTopology {
  return load(readTopology(path), sources, readModule);
}

/** The same for texts in memory. */
export function loadTexts(files: readonly SourceFile[], sources: VariableSources = {}): LoadedTopology {
  return load(readTexts(files), sources, () => ({ problem: 'Files are not opened here.' }));
}

let validator: Validator | undefined;

function load(read: Sources, sources: VariableSources, modules: ReadModule): LoadedTopology {
  const files = withoutSecrets(read.files, read.root);
  const order = files.map((file) => file.path);
  if (read.root === null) {
    return {
      topology: null,
      diagnostics: inReadingOrder(once(read.diagnostics), order),
      unbuilt: [],
      sourceOf: () => null,
      vars: [],
      files,
    };
  }
  validator ??= compileSchema(readSchema());
  const filled = fillIn(read.root, sources);
  const shaped = validate(filled.root, validator);
  const { root } = shaped;
  const { topology: resolved, diagnostics: unread } = withProcessors(
    resolve(shaped.value, shaped.broken),
    root,
    modules,
  );
  const diagnostics = inReadingOrder(
    graded(
      once([
        ...read.diagnostics,
        ...filled.diagnostics,
        ...shaped.diagnostics,
        ...check(resolved, root, shaped.broken),
        ...unread,
      ]),
      resolved,
    ),
    order,
  );
  const topology = hasErrors(diagnostics) ? null : resolved;
  return {
    topology,
    diagnostics,
    unbuilt:
      topology === null
        ? []
        : inReadingOrder(
            graded(
              unbuilt(topology, (path) => valuePlace(root, path)),
              topology,
            ),
            order,
          ),
    sourceOf: (address, attribute) => sourceOf(root, address, attribute),
    vars: filled.names,
    files,
  };
}

/** What an anchor brings to several places is said once. */
function once(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const said = new Set<string>();
  return diagnostics.filter(({ code, summary, range }) => {
    const key = JSON.stringify([code, summary, range]);
    return !said.has(key) && said.add(key);
  });
}

function sourceOf(root: MapTree, address: string, attribute: string | Path = []): SourceRange | null {
  const base = pathOf(root, address);
  if (base === null) return null;
  const steps = typeof attribute === 'string' ? attribute.split(/[.[\]]+/).filter((step) => step !== '') : attribute;
  return keyPlace(root, [...base, ...steps.flatMap(writtenKeys)]);
}

function pathOf(root: MapTree, address: string): Path | null {
  const [, kind, name] = /^([a-z]+)\.(.+)$/s.exec(address) ?? [];
  if (kind === undefined || name === undefined) return null;
  if (kind === 'table') return tablePath(root, name);
  if (kind === 'pipeline') return pathOf(root, `channel.${name.split('/')[0]}`);
  if (kind === 'policy') return locate(root, [name]).depth === 1 ? [name] : null;
  if (!Object.hasOwn(SECTIONS, kind)) return null;
  const path: Path = [SECTIONS[kind as keyof typeof SECTIONS], name];
  return locate(root, path).depth === 2 ? path : null;
}

/** `CHANNEL/schema.table`, as the entry names it. */
function tablePath(root: MapTree, name: string): Path | null {
  const slash = name.indexOf('/');
  const path: Path = ['channels', name.slice(0, slash), 'tables'];
  const tables = locate(root, path);
  if (slash < 0 || tables.depth < 3 || tables.tree.kind !== 'list') return null;
  const wanted = name.slice(slash + 1);
  const index = tables.tree.items.findIndex((item) => {
    const from = item.kind === 'map' ? child(item, 'from') : item;
    return from?.kind === 'scalar' && from.value === wanted;
  });
  return index < 0 ? null : [...path, index];
}

/** Attributes of the resolved object as the file spells them. */
function writtenKeys(step: string | number): Path {
  switch (step) {
    case 'onError':
      return ['on_error'];
    // The ends of a channel stand in the channel itself.
    case 'direction':
    case 'inert':
      return [];
    default:
      return [step];
  }
}
