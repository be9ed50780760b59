import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatText } from '../../src/topology/format.ts';
import { loadTexts } from '../../src/topology/load.ts';
import type { SchemaNode } from './reference.ts';
import { referencePage } from './reference.ts';
import { writtenTypes } from './written-types.ts';

const schema = JSON.parse(readFileSync('schema/topology.schema.json', 'utf8')) as SchemaNode;
const PAGE = 'docs/reference/topology.md';
const TYPES = 'src/topology/written.ts';

describe('the reference', () => {
  it('is what the schema says', () => {
    const page = referencePage(schema);
    if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });

  it('and the types are what the schema says', () => {
    const types = writtenTypes(schema);
    if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(TYPES, types);
    expect(readFileSync(TYPES, 'utf8')).toBe(types);
  });

  it('names every key', () => {
    const page = readFileSync(PAGE, 'utf8');
    const missing: string[] = [];
    const visit = (node: SchemaNode | boolean | undefined, path: string): void => {
      if (typeof node !== 'object') return;
      for (const [key, property] of Object.entries(node.properties ?? {})) {
        if (!new RegExp(`^\\| \\**\`(?:[a-z_]+\\.)?${key.replace('$', '\\$')}\``, 'm').test(page))
          missing.push(`${path}.${key}`);
        expect(
          typeof property !== 'object' || (property.description ?? property.$ref),
          `${path}.${key} is explained`,
        ).toBeTruthy();
        visit(property, `${path}.${key}`);
      }
      visit(node.additionalProperties, path);
      visit(node.items, path);
    };
    visit(schema, '');
    for (const [name, definition] of Object.entries(schema.definitions ?? {})) visit(definition, name);
    expect(missing).toEqual([]);
  });
});

describe('an editor', () => {
  it('has a description of every key; a default or the word for it where it may be left out; an example where the value is free', () => {
    const lacking: string[] = [];
    const visit = (node: SchemaNode, path: string): void => {
      for (const [key, property] of Object.entries(node.properties ?? {})) {
        const here = `${path}.${key}`;
        const name = (property.$ref ?? property.allOf?.[0]?.$ref)?.replace('#/definitions/', '');
        const whole = { ...(name === undefined ? {} : schema.definitions?.[name]), ...property };
        const description = whole.description ?? '';
        if (!/^[A-Z`].*[.:]$/s.test(description)) lacking.push(`${here}: description`);
        const isFree =
          whole.enum === undefined && ![whole.type].flat().includes('boolean') && whole.properties === undefined;
        if (isFree && (whole.examples ?? []).length === 0) lacking.push(`${here}: example`);
        const mayBeLeftOut = node.required?.includes(key) !== true && path !== '' && whole.properties === undefined;
        if (
          mayBeLeftOut &&
          whole.default === undefined &&
          !/Default: |[Ww]ithout it|One-way: the|Two-way: the|exactly one of|way: the/.test(description)
        )
          lacking.push(`${here}: default`);
        visit(property, here);
      }
      if (typeof node.additionalProperties === 'object') visit(node.additionalProperties, `${path}.*`);
      if (node.items !== undefined) visit(node.items, `${path}[]`);
    };
    visit(schema, '');
    for (const [name, definition] of Object.entries(schema.definitions ?? {})) visit(definition, name);
    expect(lacking).toEqual([]);
  });
});

describe('the guide', () => {
  const guide = readFileSync('docs/topology.md', 'utf8');
  const examples = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);

  it('shows files as they are laid out', () => {
    for (const example of examples) expect(formatText('guide.yaml', example).text).toBe(example);
  });

  it('shows topologies that are valid', () => {
    expect(examples.length).toBeGreaterThan(3);
    const sections = (text: string): Map<string, string> =>
      new Map(
        (text.match(/^[a-z][\w-]*:.*\n(?:(?![a-z]).*\n)*/gm) ?? []).map((part) => [/^[^:]+/.exec(part)![0], part]),
      );
    const whole = sections(examples[0]!);
    for (const example of examples) {
      if (example.startsWith('# topologies/shop/env/')) {
        const laid = loadTexts([{ path: 'guide.yaml', text: examples[0]! }], {}, [{ path: 'env.yaml', text: example }]);
        expect(laid.diagnostics, example).toEqual([]);
        continue;
      }
      // A part stands for the same sections of the whole.
      const part = sections(example);
      const text = [...new Map([...part, ...[...whole].filter(([name]) => !part.has(name))]).values()].join('');
      expect(loadTexts([{ path: 'guide.yaml', text }]).diagnostics, text).toEqual([]);
    }
  });
});
