/** The reference of the topology language, made from the schema and from the list of what is not built. */
import { UNBUILT } from '../../src/topology/unbuilt.ts';

export interface SchemaNode {
  readonly $ref?: string;
  readonly allOf?: readonly SchemaNode[];
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
}

/** Sections of the page: definition, heading. Every definition with keys has one. */
const PAGES: readonly (readonly [definition: string, heading: string])[] = [
  ['variable', 'vars.NAME'],
  ['region', 'regions.NAME'],
  ['node', 'nodes.NAME'],
  ['database', 'databases.NAME'],
  ['tls', 'tls'],
  ['secret', 'References to secrets'],
  ['channel', 'channels.NAME'],
  ['table', 'channels.NAME.tables[]'],
  ['columns', 'columns of a table'],
  ['conflict', 'conflict'],
  ['fileSet', 'files.NAME'],
  ['alert', 'alerts.NAME'],
  ['receiver', 'notify.NAME'],
  ['guards', 'guards'],
  ['history', 'history'],
  ['rule', 'rules.NAME'],
  ['waiver', 'rules.NAME.waive[]'],
  ['move', 'moved[]'],
  ['link', 'link'],
  ['linkTls', 'link.tls'],
];

export function referencePage(schema: SchemaNode): string {
  const definitions = schema.definitions ?? {};
  const unlisted = Object.entries(definitions).filter(
    ([name, d]) => d.properties !== undefined && !PAGES.some(([page]) => page === name),
  );
  if (unlisted.length > 0)
    throw new Error(`definitions without a section: ${unlisted.map(([name]) => name).join(', ')}`);
  return [
    '# Reference: the topology language',
    '',
    '<!-- Made from schema/topology.schema.json: OTTER_UPDATE=1 npx vitest run test/topology/reference.test.ts -->',
    '',
    `${schema.description} How to write one is in [topology.md](../topology.md).`,
    '',
    'Keys in **bold** must be given. Names are small letters, digits, `-` and `_`, begin with a letter and have at most 63 characters. Keys at the top level that begin with `x-` are ignored and hold anchors.',
    '',
    '## Top level',
    '',
    ...keys(schema, definitions),
    ...PAGES.flatMap(([name, heading]) => {
      const definition = definitions[name];
      if (definition === undefined) throw new Error(`no definition ${name}`);
      return [`## ${heading}`, '', definition.description ?? '', '', ...keys(definition, definitions)];
    }),
    '## What is not built yet',
    '',
    'These are understood and validated, and do nothing yet. `validate` mentions them. Where it says *refused*, leaving the key out of account would change which rows, values or files are written, so `plan` and `apply` end with 4; the others are warnings.',
    '',
    '| key | | meanwhile |',
    '| --- | --- | --- |',
    ...Object.values(UNBUILT).map(
      ({ key, severity, missing }) =>
        `| ${cell(code(key))} | ${severity === 'error' ? 'refused' : 'warning'} | ${missing} |`,
    ),
    '',
  ].join('\n');
}

function keys(node: SchemaNode, definitions: Readonly<Record<string, SchemaNode>>, prefix = ''): string[] {
  const rows = rowsOf(node, definitions, prefix);
  return ['| key | value | default | |', '| --- | --- | --- | --- |', ...rows, ''];
}

function rowsOf(node: SchemaNode, definitions: Readonly<Record<string, SchemaNode>>, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, written]) => {
    const property = resolved(written, definitions);
    const required = node.required?.includes(key) === true && prefix === '';
    const name = required ? `**${code(key)}**` : code(prefix + key);
    const example = property.examples?.[0];
    const shown = example === undefined ? '' : ` Example: ${code(inline(example))}`;
    const fallback = property.default === undefined ? '' : code(inline(property.default));
    const row = `| ${name} | ${cell(valueWords(property))} | ${cell(fallback)} | ${cell((property.description ?? '') + shown)} |`;
    // Keys of a map that has no section of its own stand below it.
    const own = written.$ref === undefined && written.allOf === undefined && property.properties !== undefined;
    return [row, ...(own ? rowsOf(property, definitions, `${key}.`) : [])];
  });
}

function resolved(node: SchemaNode, definitions: Readonly<Record<string, SchemaNode>>): SchemaNode {
  const ref = node.$ref ?? node.allOf?.[0]?.$ref;
  return ref === undefined ? node : { ...definitions[ref.replace('#/definitions/', '')], ...node };
}

function valueWords(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => code(String(value))).join(', ');
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    array: 'list',
    object: 'map',
    boolean: '`true`, `false`',
    integer: 'whole number',
  };
  const types = [node.type ?? []].flat().filter((type) => type !== 'null');
  return types.map((type) => words[type] ?? type).join(' or ');
}

/** As it would stand in a flow map. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, one]) => `${key}: ${inline(one)}`)
      .join(', ')} }`.replace('{  }', '{}');
  }
  const text = String(value);
  return typeof value === 'string' && (text === '' || /^[[*{'"]|[:#] /.test(text)) ? JSON.stringify(text) : text;
}

function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
