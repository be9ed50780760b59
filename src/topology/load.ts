/**
 * A path to a topology: read, environment, variables, shape, meaning, in that order, with all findings of all steps.
 *
 * Rule kept here: there is a topology exactly when there is no error; every object in it can be traced to its place.
 */

import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';
import { hasErrors } from '../model/diagnostic.ts';
import type { Topology } from '../model/topology.ts';
import { NAME_PATTERN } from '../model/topology.ts';
import { check } from './check.ts';
import { inReadingOrder } from './finding.ts';
import type { IgnoreComment } from './ignores.ts';
import { ignoring, readIgnores } from './ignores.ts';
import { overlay } from './overlay.ts';
import { withProcessors } from './processors.ts';
import type { ReadModule, SourceFile, Sources, Texts } from './read.ts';
import { readEnvironment, readModule, readSchema, readTexts, readTopology } from './read.ts';
import { resolve, SECTIONS } from './resolve.ts';
import { schemaAt } from './schema-place.ts';
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
  /** Comments that ignore findings; what they say is in the findings already. */
  readonly ignores: readonly IgnoreComment[];
  /**
   * Where an object stands (`channel.shop`, `pipeline.shop/hz>ca`, `table.shop/shop.orders`), or one of its attributes: a path in the file
   * (`conflict.policy`, `tables[2].to`) or in the resolved object. The nearest place that exists; null for an
   * unknown object.
   */
  readonly sourceOf: (address: string, attributePath?: string | Path) => SourceRange | null;
  /** Names of the declared variables. */
  readonly vars: readonly string[];
  /** Addresses of what is declared, also where there are errors: `channel.shop`. */
  readonly addresses: readonly string[];
  /** The name, also where there are errors elsewhere; null when it cannot be read. */
  readonly name: string | null;
  /** Findings from elsewhere, as `rules` have it. */
  readonly graded: (findings: readonly Diagnostic[]) => readonly Diagnostic[];
  /** What was read, for quoting: without secrets that were written by mistake. */
  readonly files: readonly SourceFile[];
}

export interface LoadOptions extends VariableSources {
  /** The environment that is laid over the topology. */
  readonly environment?: string | undefined;
  /** Texts that stand for those of files, by path. */
  readonly texts?: Texts | undefined;
  /** `2026-11-30`, in UTC, for waivers; left out none counts. */
  readonly today?: string | undefined;
}

export function loadTopology(path: string, options: LoadOptions = {}): LoadedTopology {
  const { environment, texts } = options;
  const over = environment === undefined ? null : readEnvironment(path, environment, texts);
  return load(readTopology(path, texts), over, options, readModule);
}

/** The same for texts in memory; `environment`: the texts of one. */
export function loadTexts(
  files: readonly SourceFile[],
  sources: LoadOptions = {},
  environment: readonly SourceFile[] | null = null,
): LoadedTopology {
  const over = environment === null ? null : readTexts(environment);
  return load(readTexts(files), over, sources, () => ({ problem: 'Files are not opened here.' }));
}

let validator: Validator | undefined;

function load(base: Sources, over: Sources | null, options: LoadOptions, modules: ReadModule): LoadedTopology {
  validator ??= compileSchema(readSchema());
  const varFiles = (options.varFiles ?? []).map(({ path, text }) => ({ path, text: options.texts?.get(path) ?? text }));
  const read = over === null ? base : together(base, over, validator.schema);
  const filled = read.root === null ? null : fillIn(read.root, { ...options, varFiles });
  const files = withoutSecrets(
    [...read.files, ...varFiles],
    [base.root, over?.root ?? null, filled?.root ?? null],
    filled?.secrets,
  );
  const order = files.map((file) => file.path);
  const comments = read.files.map((file) => readIgnores(file.path, file.text));
  const ignores = comments.flatMap((one) => one.comments);
  const unheeded = comments.flatMap((one) => one.diagnostics);
  if (filled === null) {
    return {
      topology: null,
      diagnostics: inReadingOrder(once([...read.diagnostics, ...unheeded]), order),
      unbuilt: [],
      ignores,
      sourceOf: () => null,
      vars: [],
      addresses: [],
      name: null,
      graded: (findings) => findings,
      files,
    };
  }
  const shaped = validate(filled.root, validator);
  const { root } = shaped;
  const { topology: resolved, diagnostics: unread } = withProcessors(
    resolve(shaped.value, shaped.broken),
    root,
    modules,
  );
  const byRules = (findings: readonly Diagnostic[]): Diagnostic[] =>
    graded(findings, resolved, {
      today: options.today,
      placeOf: (code, index) => keyPlace(root, ['rules', code, 'waive', index]),
    });
  const found = byRules(
    once([
      ...read.diagnostics,
      ...filled.diagnostics,
      ...shaped.diagnostics,
      ...check(resolved, root, shaped.broken),
      ...unread,
    ]),
  );
  const topology = hasErrors(found) ? null : resolved;
  const notBuilt = topology === null ? [] : byRules(unbuilt(topology, (path) => valuePlace(root, path)));
  const heeded = ignoring(found, ignores);
  const heededUnbuilt = ignoring(notBuilt, ignores);
  const misused = [...unheeded, ...heeded.misused, ...heededUnbuilt.misused];
  return {
    topology,
    diagnostics: inReadingOrder([...heeded.findings, ...misused], order),
    unbuilt: inReadingOrder(heededUnbuilt.findings, order),
    ignores,
    sourceOf: (address, attribute) => sourceOf(root, address, attribute),
    vars: filled.names,
    addresses: addressesOf(root),
    name: nameOf(root),
    graded: byRules,
    files,
  };
}

/** An environment laid over the topology, with the findings of both. */
function together(base: Sources, over: Sources, schema: Validator['schema']): Sources {
  const files = [...base.files, ...over.files];
  const diagnostics = [...base.diagnostics, ...over.diagnostics];
  if (base.root === null || over.root === null) {
    // A file of comments only lays nothing over it.
    const empty =
      over.diagnostics.length > 0 && over.diagnostics.every(({ code, range }) => code === 'OT1006' && range !== null);
    return empty ? { ...base, files } : { files, root: null, diagnostics };
  }
  const laid = overlay(base.root, over.root, (path) => schemaAt(schema, path)?.maxProperties === 1);
  return { files, root: laid.root, diagnostics: [...diagnostics, ...laid.diagnostics] };
}

function addressesOf(root: MapTree): string[] {
  return Object.entries(SECTIONS).flatMap(([kind, section]) => {
    const tree = child(root, section);
    return tree?.kind === 'map' ? tree.entries.map(({ key }) => `${kind}.${key}`) : [];
  });
}

function nameOf(root: MapTree): string | null {
  const tree = child(root, 'name');
  return tree?.kind === 'scalar' && typeof tree.value === 'string' && NAME_PATTERN.test(tree.value) ? tree.value : null;
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
