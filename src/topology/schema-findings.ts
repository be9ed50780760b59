/**
 * What the schema found, in words: one finding per mistake, at the key or value that is wrong.
 *
 * Rule kept here: a secret that was written by mistake is never repeated in a message.
 */
import type { ErrorObject } from 'ajv';
import type { Code } from '../model/codes.ts';
import type { Diagnostic, Fix } from '../model/diagnostic.ts';
import { didYouMean, listed, nearest, onlyNearest } from '../model/suggest.ts';
import { findingAt } from './finding.ts';
import { type SchemaPart, schemaAt } from './schema-place.ts';
import type { MapTree, Path, Tree } from './tree.ts';
import { child, locate } from './tree.ts';

const FINDINGS_MAX = 500;
const KEYS_COMPARED_MAX = 100;

/** Where a key would be at home, for keys that stand in the wrong place. */
const HOMES: Readonly<Record<string, string>> = {
  channel: 'a channel',
  table: 'a table entry',
  columns: '`columns` of a table entry',
  conflict: '`conflict`',
  database: 'a database',
  node: 'a node',
  fileSet: 'a file set',
  alert: 'an alert',
};

type Schema = Readonly<Record<string, unknown>>;

interface Context {
  readonly root: MapTree;
  readonly errors: readonly ErrorObject[];
  /** Of the errors those about unknown keys, by the place of the map. */
  readonly unknownKeys: ReadonlyMap<string, readonly ErrorObject[]>;
  readonly schema: Schema;
}

interface Words {
  readonly code: Code;
  readonly summary: string;
  readonly detail?: string;
  readonly path: Path;
  readonly at: 'key' | 'value';
  /** What belongs there, when there is one answer. */
  readonly instead?: string | number | boolean | null;
  readonly fix?: Fix | undefined;
}

export function findingsOf(root: MapTree, errors: readonly ErrorObject[], schema: Schema): Diagnostic[] {
  const unknownKeys = new Map<string, ErrorObject[]>();
  for (const error of errors) {
    if (error.keyword !== 'additionalProperties') continue;
    const there = unknownKeys.get(error.instancePath);
    if (there === undefined) unknownKeys.set(error.instancePath, [error]);
    else there.push(error);
  }
  const context: Context = { root, errors, unknownKeys, schema };
  const told = new Set<string>();
  const wrongKinds = new Set(errors.filter((e) => e.keyword === 'type').map((e) => e.instancePath));
  return errors.slice(0, FINDINGS_MAX).flatMap((error) => {
    // A value of the wrong kind breaks other rules too, which is no news.
    if (error.keyword !== 'type' && wrongKinds.has(error.instancePath) && error.propertyName === undefined) return [];
    const words = wordsFor(error, context);
    const key = words === null ? '' : `${words.code} ${words.path.join('/')} ${words.summary}`;
    if (words === null || told.has(key)) return [];
    told.add(key);
    return [findingAt(root, words)];
  });
}

/** Path of the value that an error is about. */
export function errorPath(error: Pick<ErrorObject, 'instancePath' | 'propertyName'>): Path {
  const steps = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return error.propertyName === undefined ? steps : [...steps, error.propertyName];
}

/** `channels.shop.tables[2].to` */
export function formatPath(path: Path, root: Tree): string {
  let here: Tree | undefined = root;
  let text = '';
  for (const step of path) {
    text += here?.kind === 'list' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
    here = child(here, step);
  }
  return text;
}

/** Null for errors that only repeat what another one says better. */
function wordsFor(error: ErrorObject, context: Context): Words | null {
  const { root } = context;
  const path = errorPath(error);
  const name = formatPath(path, root);
  const here = path.length === 0 ? 'the topology' : `\`${name}\``;
  const schema = (typeof error.parentSchema === 'object' ? error.parentSchema : {}) as Schema;
  const params = error.params as Readonly<Record<string, unknown>>;
  const message = schema['errorMessage'] ?? schema['patternErrorMessage'];
  const secret = error.schemaPath.includes('/definitions/secret/');
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey([...path, String(params['additionalProperty'])], here, schema, context);
    case 'required':
      return missing(String(params['missingProperty']), path, here, error, context);
    case 'type': {
      const value = locate(root, path).tree;
      const kind = valueKind(value);
      if (secret && value.kind === 'scalar' && value.value !== null) {
        const detail = 'Write `{ env: NAME }` or `{ file: /path }`; the secret itself never stands in a topology.';
        return { code: 'OT1016', summary: `${here} is written in the file`, detail, path, at: 'value' };
      }
      const wanted = [params['type']].flat().map((type) => KINDS[String(type)] ?? String(type));
      const summary = kind === 'nothing' ? `${here} has no value` : `${here} is ${kind}`;
      const detail = `Wanted: ${wanted.filter((w) => w !== 'nothing').join(' or ')}.`;
      return {
        code: 'OT1012',
        summary,
        detail,
        path,
        at: 'value',
        ...otherKind(value, [params['type']].flat(), schema, schemaAt(context.schema, [...path, 0])),
      };
    }
    case 'enum': {
      const allowed = (params['allowedValues'] as unknown[]).map(String);
      const { tree } = locate(root, path);
      const given = tree.kind === 'scalar' ? String(tree.value) : '';
      const near = nearest(given, allowed);
      const detail = `${near === null ? '' : `Did you mean \`${near}\`? `}Allowed: ${listed(allowed)}.`;
      const instead = onlyNearest(given, allowed);
      return { code: 'OT1013', summary: `\`${given}\` is not allowed for ${here}`, detail, path, at: 'value', instead };
    }
    case 'false schema':
      return excluded(path, error, context);
    case 'pattern': {
      if (secret || error.schemaPath.includes('/definitions/tls/')) {
        const detail = `${capital(String(message))}. If the secret itself stands here: it never does in a topology; write \`{ env: NAME }\` or \`{ file: /path }\`, and change it if the file was shared.`;
        return { code: 'OT1016', summary: `${here} looks like the secret itself`, detail, path, at: 'value' };
      }
      const isKey = error.propertyName !== undefined;
      const code = isKey || String(message).startsWith('names ') ? 'OT1030' : 'OT1014';
      const given = isKey ? error.propertyName : code === 'OT1030' ? error.data : null;
      const what =
        typeof given === 'string' ? `\`${given}\` cannot be a name here` : `${here} is not written as wanted`;
      return {
        code,
        summary: what,
        detail: `${capital(String(message ?? error.message))}.`,
        path,
        at: isKey ? 'key' : 'value',
      };
    }
    case 'minProperties':
    case 'maxProperties':
      if (message === undefined) return { code: 'OT1014', summary: `${here} is an empty map`, path, at: 'key' };
      return { code: 'OT1015', summary: `${here} wants ${String(message)}`, path, at: 'key' };
    case 'propertyNames':
    case 'if':
      return null;
    default:
      return {
        code: 'OT1014',
        summary: `${here} ${limit(error.keyword, params) ?? String(error.message)}`,
        path,
        at: 'value',
      };
  }
}

function unknownKey(path: Path, parent: string, schema: Schema, { root, schema: whole }: Context): Words {
  const key = String(path.at(-1));
  const known = Object.keys((schema['properties'] as object | undefined) ?? {}).filter((k) => k !== '$schema');
  const homes = Object.entries(whole['definitions'] as Record<string, Schema>)
    .filter(
      ([name, definition]) =>
        Object.hasOwn(HOMES, name) && Object.hasOwn((definition['properties'] as object | undefined) ?? {}, key),
    )
    .map(([name]) => HOMES[name]!);
  const summary = `unknown key \`${key}\` in ${parent}`;
  const taken = (word: string | null): boolean =>
    word === null || child(locate(root, path.slice(0, -1)).tree, word) !== undefined;
  const other = known.find((name) => otherNames(schema, name).includes(key.toLowerCase()));
  if (other !== undefined) {
    const detail = `Here it is called \`${other}\`.`;
    return { code: 'OT1010', summary, detail, path, at: 'key', instead: taken(other) ? null : other };
  }
  const glued = /^([a-z_]+):(\S+)$/.exec(key);
  if (glued !== null && known.includes(glued[1]!) && !taken(glued[1]!)) {
    const { tree, keyRange } = locate(root, path);
    const blank = tree.kind === 'scalar' && tree.blank === true && keyRange !== null && tree.via === undefined;
    const edits = blank ? [{ range: keyRange, text: `${glued[1]}: ${glued[2]}` }] : [];
    const fix = blank ? { title: `Write \`${glued[1]}: ${glued[2]}\`.`, edits } : undefined;
    return { code: 'OT1010', summary, detail: 'A space is missing after `:`.', path, at: 'key', fix };
  }
  const near = nearest(key, known);
  const detail =
    near === null && homes.length > 0 ? `\`${key}\` is a key of ${homes.join(' and of ')}.` : didYouMean(key, known);
  const only = key.includes(':') ? null : onlyNearest(key, known);
  return { code: 'OT1010', summary, detail, path, at: 'key', instead: taken(only) ? null : only };
}

/** What the same thing is called elsewhere. */
function otherNames(schema: Schema, key: string): readonly string[] {
  const properties = schema['properties'] as Readonly<Record<string, Schema>> | undefined;
  return (properties?.[key]?.['otherNames'] as readonly string[] | undefined) ?? [];
}

const WORDS_OF_BEFORE: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  no: false,
  off: false,
  false: false,
};

/** The same value as the kind that is wanted, where it is only written in another way. */
function otherKind(
  tree: Tree,
  wanted: readonly unknown[],
  schema: Schema,
  items: SchemaPart | undefined,
): Pick<Words, 'instead' | 'fix'> {
  if (tree.kind !== 'scalar' || tree.value === null) return {};
  const text = String(tree.value);
  if (wanted.includes('boolean') && Object.hasOwn(WORDS_OF_BEFORE, text.toLowerCase()))
    return { instead: WORDS_OF_BEFORE[text.toLowerCase()]! };
  if (wanted.includes('integer') && /^\d{1,15}$/.test(text)) return { instead: Number(text) };
  const { range } = tree;
  if (tree.filled === true || range.line !== range.endLine) return {};
  const around = (before: string, after: string): Fix['edits'] => [
    { range: { ...range, endColumn: range.column }, text: before },
    { range: { ...range, column: range.endColumn }, text: after },
  ];
  if (wanted.includes('string')) return { fix: { title: 'Put quotes around it.', edits: around('"', '"') } };
  const one = [items?.type].flat().includes('string') && schema['minItems'] !== 2;
  if (!wanted.includes('array') || !one || typeof tree.value !== 'string') return {};
  const title = 'Put brackets around it, for a list of one.';
  const isQuoted = range.endColumn - range.column === text.length + 2;
  if (isQuoted || !/[[\]{},]/.test(text)) return { fix: { title, edits: around('[', ']') } };
  return /["\\]/.test(text) ? {} : { fix: { title, edits: around('["', '"]') } };
}

function missing(key: string, path: Path, here: string, error: ErrorObject, context: Context): Words | null {
  const detail = descriptionOf(error, key);
  const meant = isDirection(error) ? [key, 'between'] : [key];
  if (meant.some((one) => isMisspelt(one, error.instancePath, path, context))) return null;
  if (!isDirection(error)) {
    const fix = key === 'version' && path.length === 0 ? firstLine(context.root, 'version: 1') : undefined;
    return { code: 'OT1011', summary: `${here} has no \`${key}\``, detail, path, at: 'key', fix };
  }
  const both = context.errors.filter(
    (e) => e.instancePath === error.instancePath && isDirection(e) && e.keyword === 'required',
  );
  if (both.length < 2) {
    return {
      code: 'OT1011',
      summary: `${here} has no \`${key}\``,
      detail: 'One-way wants both `from` and `to`.',
      path,
      at: 'key',
    };
  }
  if (key !== 'from') return null;
  const direction = 'Two-way: `between: [a, b]`. One-way: `from: a` and `to: b`.';
  return {
    code: 'OT1011',
    summary: `${here} has neither \`between\` nor \`from\` and \`to\``,
    detail: direction,
    path,
    at: 'key',
  };
}

/** An unknown key beside it is what it was meant to be, which is said there. Among very many none is looked for. */
function isMisspelt(key: string, at: string, path: Path, { unknownKeys, root }: Context): boolean {
  const { tree } = locate(root, path);
  if (tree.kind !== 'map' || tree.entries.length > KEYS_COMPARED_MAX) return false;
  return (unknownKeys.get(at) ?? []).some((error) => {
    const schema = error.parentSchema as Schema;
    const known = Object.keys((schema['properties'] as object | undefined) ?? {});
    const free = known.filter((one) => child(tree, one) === undefined);
    const unknown = String(error.params['additionalProperty']);
    return otherNames(schema, key).includes(unknown.toLowerCase()) || onlyNearest(unknown, free) === key;
  });
}

/** Put before the first key, where that begins a line. */
function firstLine(root: MapTree, line: string): Fix | undefined {
  const first = root.entries[0]?.keyRange;
  if (first === undefined || first.column !== 1 || root.range.line !== first.line) return undefined;
  const range = { ...first, endLine: first.line, endColumn: 1 };
  return { title: `Add \`${line}\`.`, edits: [{ range, text: `${line}\n` }] };
}

function isDirection(error: ErrorObject): boolean {
  return /\/(then|else)\//.test(error.schemaPath);
}

function excluded(path: Path, error: ErrorObject, context: Context): Words | null {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const chosen = context.errors.find((e) => e.keyword === 'if' && errorPath(e).join('/') === parent.join('/'));
  const schema = (chosen?.parentSchema ?? {}) as Readonly<Record<string, Schema>>;
  const branch = String(chosen?.params['failingKeyword'] ?? '');
  // Without any direction, that is what to say first.
  const undirected = context.errors.filter(
    (e) => e.keyword === 'required' && isDirection(e) && e.instancePath === chosen?.instancePath,
  );
  if (undirected.length > 1) return null;
  const detail = `${capital(String(schema[branch]?.['errorMessage'] ?? error.message))}.`;
  const owner = formatPath(parent, context.root);
  return { code: 'OT1015', summary: `\`${key}\` does not belong in \`${owner}\``, detail, path, at: 'key' };
}

function descriptionOf(error: ErrorObject, key: string): string {
  const properties = (error.parentSchema as { properties?: Record<string, Schema> } | undefined)?.properties;
  const description = properties?.[key]?.['description'];
  return typeof description === 'string' ? description : '';
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'a map',
  boolean: '`true` or `false`',
  integer: 'a whole number',
  number: 'a number',
  null: 'nothing',
};

function valueKind(tree: Tree): string {
  if (tree.kind !== 'scalar') return tree.kind === 'list' ? 'a list' : 'a map';
  if (tree.value === null) return 'nothing';
  return { string: 'a text', number: 'a number', boolean: '`true` or `false`' }[
    typeof tree.value as 'string' | 'number' | 'boolean'
  ];
}

function limit(keyword: string, params: Readonly<Record<string, unknown>>): string | null {
  const bound = Number(params['limit']);
  const words: Readonly<Record<string, string>> = {
    minItems: bound === 1 ? 'is an empty list' : `wants at least ${bound} entries`,
    minLength: bound === 1 ? 'is empty' : `is shorter than ${bound} characters`,
    minimum: `is less than ${bound}`,
    maximum: `is more than ${bound}`,
    uniqueItems: `has an entry twice (numbers ${Number(params['j']) + 1} and ${Number(params['i']) + 1})`,
  };
  return words[keyword] ?? null;
}

function capital(text: string): string {
  return text.startsWith('`') ? text : text.charAt(0).toUpperCase() + text.slice(1);
}
