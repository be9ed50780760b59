/**
 * The shape of a topology: the tree against the JSON Schema, with every finding at its place.
 *
 * Rule kept here: what passes can be read by `resolve.ts` without asking again; what does not is named in `broken`,
 * so that the rest is still checked and nothing false is said about what refers to it.
 */

import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import type { Diagnostic } from '../model/diagnostic.ts';
import { errorPath, findingsOf } from './schema-findings.ts';
import type { MapTree, Path, Tree } from './tree.ts';
import { locate, plain, replaceScalar } from './tree.ts';
import { asType } from './variables.ts';

export interface ValidatedTree {
  /** With the types that the schema wants where variables gave the values. */
  readonly root: MapTree;
  readonly value: Readonly<Record<string, unknown>>;
  /** `section/name` of everything that has a finding and cannot be resolved. */
  readonly broken: ReadonlySet<string>;
  readonly diagnostics: readonly Diagnostic[];
}

export interface Validator {
  readonly validate: ValidateFunction;
  readonly schema: Readonly<Record<string, unknown>>;
}

export function compileSchema(schema: Readonly<Record<string, unknown>>): Validator {
  const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true, verbose: true });
  ajv.addVocabulary(['errorMessage', 'patternErrorMessage', 'otherNames']);
  return { validate: ajv.compile(schema), schema };
}

export function validate(tree: MapTree, validator: Validator): ValidatedTree {
  let root = tree;
  let errors = run(root, validator);
  const typed = errors.reduce<MapTree>((t, error) => retyped(t, error), root);
  if (typed !== root) {
    root = typed;
    errors = run(root, validator);
  }
  const broken = new Set<string>();
  const unknowns = unknownPaths(root);
  for (const path of [...errors.map(errorPath), ...unknowns]) {
    if (path.length >= 2) broken.add(`${path[0]}/${path[1]}`);
    else if (path.length === 1) broken.add(String(path[0]));
  }
  const told = errors.filter((error) => !unknowns.some((path) => startsWith(errorPath(error), path)));
  const value = plain(root) as Record<string, unknown>;
  return { root, value, broken, diagnostics: findingsOf(root, told, validator.schema) };
}

function run(root: MapTree, validator: Validator): readonly ErrorObject[] {
  return validator.validate(plain(root)) ? [] : (validator.validate.errors ?? []);
}

/** A value from a variable takes the type that the schema wants, when its text can be read so. */
function retyped(root: MapTree, error: ErrorObject): MapTree {
  if (error.keyword !== 'type') return root;
  const path = errorPath(error);
  const { tree, depth } = locate(root, path);
  if (depth !== path.length || tree.kind !== 'scalar') return root;
  const wanted = error.params['type'] as string | readonly string[];
  for (const type of typeof wanted === 'string' ? [wanted] : wanted) {
    const other = asType(tree, type);
    if (other !== null) return replaceScalar(root, path, other) as MapTree;
  }
  return root;
}

function unknownPaths(tree: Tree, path: Path = []): Path[] {
  switch (tree.kind) {
    case 'scalar':
      return tree.unknown === true ? [path] : [];
    case 'list':
      return tree.items.flatMap((item, i) => unknownPaths(item, [...path, i]));
    case 'map':
      return tree.entries.flatMap((entry) => unknownPaths(entry.value, [...path, entry.key]));
    default:
      return tree satisfies never;
  }
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, i) => String(path[i]) === String(step));
}
