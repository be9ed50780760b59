/** The types of a topology as it is written, made from the schema. */
import type { SchemaNode } from './reference.ts';

export function writtenTypes(schema: SchemaNode): string {
  const definitions = Object.entries(schema.definitions ?? {}).filter(([, one]) => one.properties !== undefined);
  const known = new Map(definitions);
  return [
    '/**',
    ' * A topology as the schema lets it be written.',
    ' *',
    ' * Made from schema/topology.schema.json: OTTER_UPDATE=1 npx vitest run test/topology/reference.test.ts',
    ' */',
    '',
    ...interfaceOf('Topology', schema, known),
    ...definitions.flatMap(([name, definition]) => ['', ...interfaceOf(capital(name), definition, known)]),
    '',
  ].join('\n');
}

type Known = ReadonlyMap<string, SchemaNode>;

function interfaceOf(name: string, node: SchemaNode, known: Known): string[] {
  return [`/** ${node.description ?? ''} */`, `export interface Written${name} {`, ...members(node, known, '  '), '}'];
}

function members(node: SchemaNode, known: Known, margin: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, property]) => {
    const name = /^[a-z_$]\w*$/i.test(key) ? key : `'${key}'`;
    const mark = node.required?.includes(key) === true ? '' : '?';
    const description = property.description === undefined ? [] : [`${margin}/** ${property.description} */`];
    return [...description, `${margin}readonly ${name}${mark}: ${typeOf(property, known, margin)};`];
  });
}

function typeOf(node: SchemaNode, known: Known, margin: string): string {
  const name = (node.$ref ?? node.allOf?.[0]?.$ref)?.replace('#/definitions/', '');
  if (name !== undefined) {
    const definition = known.get(name);
    if (definition === undefined) return 'string';
    return union(types(definition).map((type) => (type === 'object' ? `Written${capital(name)}` : plain(type))));
  }
  if (node.enum !== undefined)
    return union(node.enum.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))));
  return union(
    types(node).map((type) => {
      if (type === 'array') return `readonly ${grouped(typeOf(node.items ?? {}, known, margin))}[]`;
      if (type !== 'object') return plain(type);
      if (node.properties !== undefined) return ['{', ...members(node, known, `${margin}  `), `${margin}}`].join('\n');
      const values =
        typeof node.additionalProperties === 'object' ? typeOf(node.additionalProperties, known, margin) : 'unknown';
      return `Readonly<Record<string, ${values}>>`;
    }),
  );
}

function types(node: SchemaNode): string[] {
  return [node.type ?? []].flat();
}

function plain(type: string): string {
  return type === 'integer' ? 'number' : type;
}

function union(parts: readonly string[]): string {
  return parts.length === 0 ? 'unknown' : [...new Set(parts)].join(' | ');
}

function grouped(type: string): string {
  return /[ |]/.test(type) ? `(${type})` : type;
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
