/**
 * `${var.NAME}` filled in, anywhere in the texts of the tree.
 *
 * A text that is one variable and nothing else keeps the variable's YAML type and may still change it to what the
 * schema wants (`--var lanes=4` is a number where a number is wanted). `$${` is a literal `${`. Keys are never filled
 * in: they are names that addresses are made of.
 */
import { parseDocument } from 'yaml';
import type { Diagnostic, Fix, SourceRange } from '../model/diagnostic.ts';
import { isSecretName } from '../model/secret-name.ts';
import { didYouMean, onlyNearest } from '../model/suggest.ts';
import { finding, findingAt } from './finding.ts';
import { parseFile } from './parse.ts';
import { SECRET_KEYS } from './secrets.ts';
import type { MadeFrom, MapTree, ScalarTree, ScalarValue, Tree } from './tree.ts';
import { child, keyPlace } from './tree.ts';

export interface VariableSources {
  /** From `--var NAME=VALUE`. */
  readonly vars?: Readonly<Record<string, string>> | undefined;
  /** Texts of `--var-file`, later ones win. */
  readonly varFiles?: readonly { readonly path: string; readonly text: string }[] | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface FilledTree {
  readonly root: MapTree;
  /** Names of the declared variables, sorted. */
  readonly names: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** Where values of variables stand that are named like secrets. */
  readonly secrets: readonly SourceRange[];
}

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const FILLED_CHARS_MAX = 64 * 1024;

interface Variables {
  readonly values: ReadonlyMap<string, ScalarValue>;
  readonly names: readonly string[];
  /** Where each value comes from. */
  readonly places: ReadonlyMap<string, MadeFrom>;
  readonly secrets: readonly SourceRange[];
}

export function fillIn(root: MapTree, sources: VariableSources): FilledTree {
  const diagnostics: Diagnostic[] = [];
  const variables = valuesOf(root, sources, diagnostics);
  const entries = root.entries.map((entry) =>
    entry.key === 'vars' || entry.key === 'include'
      ? entry
      : { ...entry, value: fill(entry.value, variables, diagnostics) },
  );
  return { root: { ...root, entries }, names: variables.names, diagnostics, secrets: variables.secrets };
}

/** The same scalar as the other types it may stand for; the schema says which of them is wanted. */
export function asType(scalar: ScalarTree, type: string): ScalarTree | null {
  const { value } = scalar;
  if (scalar.variable !== true) return null;
  if (type === 'string')
    return value === null || typeof value === 'string' ? null : { ...scalar, value: String(value) };
  if (typeof value !== 'string') return null;
  const read = coreValue(value);
  const fits = type === 'integer' ? Number.isInteger(read) : typeof read === type;
  return fits ? { ...scalar, value: read } : null;
}

function valuesOf(root: MapTree, sources: VariableSources, diagnostics: Diagnostic[]): Variables {
  const declared = child(root, 'vars');
  const values = new Map<string, ScalarValue>();
  const places = new Map<string, MadeFrom>();
  const secrets: SourceRange[] = [];
  const give = (name: string, value: ScalarValue, place: MadeFrom): void => {
    values.set(name, value);
    places.set(name, isSecretName(name) ? { ...place, secret: String(value) } : place);
    if (place.isValue === true && isSecretName(name)) secrets.push(place.range);
  };
  const given = (name: string, value: string, by: string): void =>
    give(name, value, { message: `${by} gives \`${name}\`, declared here`, range: keyPlace(root, ['vars', name]) });
  const names = declared?.kind === 'map' ? declared.entries.map((entry) => entry.key).sort() : [];
  for (const entry of declared?.kind === 'map' ? declared.entries : []) {
    const fallback = child(entry.value, 'default');
    if (fallback?.kind !== 'scalar' || fallback.value === null) continue;
    if (typeof fallback.value === 'string' && fallback.value.includes('${')) {
      const summary = `the default of \`${entry.key}\` refers to something`;
      const detail = 'A default is a value; variables are not filled in here.';
      diagnostics.push(
        findingAt(root, { code: 'OT1022', summary, detail, path: ['vars', entry.key, 'default'], at: 'value' }),
      );
    }
    const message = `the default of \`${entry.key}\``;
    give(entry.key, fallback.value, { message, range: fallback.range, isValue: true });
  }
  for (const name of names) {
    const spelled = [`OTTER_VAR_${name}`, `OTTER_VAR_${name.toUpperCase().replaceAll('-', '_')}`];
    const variable = spelled.find((one) => sources.env?.[one] !== undefined);
    if (variable === undefined) continue;
    given(name, sources.env![variable]!, `${variable} in the environment`);
  }
  const known = (name: string, range: SourceRange | null, where: string): boolean => {
    if (names.includes(name)) return true;
    const summary = `${where} gives a value to \`${name}\`, which \`vars\` does not declare`;
    const near = onlyNearest(name, names);
    const fix =
      near === null || range === null ? undefined : { title: `Write \`${near}\`.`, edits: [{ range, text: near }] };
    diagnostics.push(finding({ code: 'OT1020', summary, detail: didYouMean(name, names), range, fix }));
    return false;
  };
  for (const file of sources.varFiles ?? []) {
    const { tree, diagnostics: found } = parseFile(file.path, file.text);
    diagnostics.push(...found);
    for (const { key, keyRange, value } of tree?.entries ?? []) {
      if (value.kind !== 'scalar' || value.value === null) {
        diagnostics.push(
          finding({ code: 'OT1023', summary: `the value of \`${key}\` is not a single value`, range: value.range }),
        );
      } else if (known(key, keyRange, `\`${file.path}\``)) {
        give(key, value.value, { message: `the value of \`${key}\``, range: value.range, isValue: true });
      }
    }
  }
  for (const [name, text] of Object.entries(sources.vars ?? {})) {
    if (!known(name, null, '`--var`')) continue;
    given(name, text, '--var');
  }
  return { values, names, places, secrets };
}

/** Keys that say where something is, and nothing of what is there; and those at which a secret itself is an error. */
const POINTERS: ReadonlySet<string> = new Set(['env', 'file', 'ca', 'cert', 'key', ...SECRET_KEYS]);

/** @param points whether the value only says where something is */
function fill(tree: Tree, variables: Variables, diagnostics: Diagnostic[], points = false): Tree {
  switch (tree.kind) {
    case 'map':
      return {
        ...tree,
        entries: tree.entries.map((e) => ({
          ...e,
          value: fill(e.value, variables, diagnostics, POINTERS.has(e.key)),
        })),
      };
    case 'list':
      return { ...tree, items: tree.items.map((item) => fill(item, variables, diagnostics)) };
    case 'scalar':
      return typeof tree.value === 'string' && tree.value.includes('${')
        ? fillText(tree, tree.value, variables, diagnostics, points)
        : tree;
    default:
      return tree satisfies never;
  }
}

function fillText(
  scalar: ScalarTree,
  text: string,
  variables: Variables,
  diagnostics: Diagnostic[],
  points: boolean,
): ScalarTree {
  const report = (
    code: 'OT1003' | 'OT1020' | 'OT1021' | 'OT1022',
    summary: string,
    detail: string,
    right: string | null = null,
    inside = '',
  ): void => {
    const related = scalar.via === undefined ? [] : [{ message: 'used here', range: scalar.via }];
    const fix = right === null ? undefined : textFix(scalar, text, inside, `\${var.${right}}`);
    diagnostics.push(finding({ code, summary, detail, range: scalar.range, related, fix }));
  };
  const from: MadeFrom[] = [];
  const lookUp = (inside: string, closed: boolean): ScalarValue | undefined => {
    const name = /^\s*var\.([A-Za-z][A-Za-z0-9_-]*)\s*$/.exec(inside)?.[1];
    if (name === undefined || !closed) {
      report(
        'OT1022',
        `\`\${${inside}${closed ? '}' : ''}\` is not \`\${var.NAME}\``,
        'For a literal `${` write `$${`.',
        closed && variables.names.includes(inside.trim()) ? inside.trim() : null,
        inside,
      );
    } else if (!variables.names.includes(name)) {
      const near = onlyNearest(name, variables.names);
      const summary = `no variable is called \`${name}\``;
      report('OT1020', summary, didYouMean(name, variables.names), near, inside);
    } else if (!variables.values.has(name)) {
      report('OT1021', `the variable \`${name}\` has no value`, `Pass \`--var ${name}=VALUE\`, or give it a default.`);
    } else {
      if (!points && isSecretName(name)) {
        const summary = `\`${name}\` is named like a secret, and stands where it is stored and shown`;
        const detail =
          'Plans, history and the state store have it as it is. Write `{ env: NAME }` where a secret is wanted.';
        diagnostics.push(finding({ code: 'OT1024', severity: 'warning', summary, detail, range: scalar.range }));
      }
      const place = variables.places.get(name);
      if (place !== undefined && !from.includes(place)) from.push(place);
      return variables.values.get(name);
    }
    return undefined;
  };
  const made = (value: ScalarValue, more: Partial<ScalarTree> = {}): ScalarTree => {
    const places = [...(scalar.from ?? []), ...from];
    return { ...scalar, value, filled: true, ...(places.length === 0 ? {} : { from: places }), ...more };
  };
  const whole = /^\$\{([^}]*)\}$/.exec(text);
  if (whole !== null) {
    const value = lookUp(whole[1]!, true);
    return value === undefined ? { ...scalar, unknown: true } : made(value, { variable: true });
  }
  let unknown = false;
  let chars = 0;
  const filled = text.replaceAll(REFERENCE, (found, inside: string | undefined) => {
    if (inside === undefined) return '${';
    const value = lookUp(inside, found.endsWith('}'));
    unknown ||= value === undefined;
    const written = String(value ?? '');
    chars += written.length;
    // What is beyond is refused, so it need not be made.
    return chars > FILLED_CHARS_MAX ? '' : written;
  });
  if (chars > FILLED_CHARS_MAX || filled.length > FILLED_CHARS_MAX) {
    report('OT1003', 'the text becomes too long', 'Its variables hold more than a topology may.');
    return { ...scalar, unknown: true };
  }
  return unknown ? { ...scalar, unknown: true } : made(filled);
}

/** Another reference in place of `${inside}`, where the file has the text on one line as it is. */
function textFix(scalar: ScalarTree, text: string, inside: string, reference: string): Fix | undefined {
  const { range } = scalar;
  const around = range.endColumn - range.column - text.length;
  const at = text.indexOf(`\${${inside}}`);
  if (range.line !== range.endLine || (around !== 0 && around !== 2) || at < 0) return undefined;
  const column = range.column + around / 2 + at;
  const place = { ...range, column, endColumn: column + inside.length + 3 };
  return { title: `Write \`${reference}\`.`, edits: [{ range: place, text: reference }] };
}

/** A text as YAML would read it without quotes. */
function coreValue(text: string): ScalarValue {
  const trimmed = text.trim();
  if (trimmed.length > 40) return text;
  const value: unknown = parseDocument(trimmed, { version: '1.2', logLevel: 'silent' }).toJS();
  return typeof value === 'number' || typeof value === 'boolean' ? value : text;
}
