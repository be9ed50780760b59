import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadTexts } from '../../src/topology/load.ts';
import type { SchemaNode } from './reference.ts';
import { referencePage } from './reference.ts';

const schema = JSON.parse(readFileSync('schema/topology.schema.json', 'utf8')) as SchemaNode;
const PAGE = 'docs/reference/topology.md';

describe('the reference', () => {
  it('is what the schema says', () => {
    const page = referencePage(schema);
    if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
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

describe('the guide', () => {
  const guide = readFileSync('docs/topology.md', 'utf8');
  const examples = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);

  it('shows topologies that are valid', () => {
    expect(examples.length).toBeGreaterThan(3);
    const sections = (text: string): Map<string, string> =>
      new Map(
        (text.match(/^[a-z][\w-]*:.*\n(?:(?![a-z]).*\n)*/gm) ?? []).map((part) => [/^[^:]+/.exec(part)![0], part]),
      );
    const whole = sections(examples[0]!);
    for (const example of examples) {
      // A part stands for the same sections of the whole.
      const part = sections(example);
      const text = [...new Map([...part, ...[...whole].filter(([name]) => !part.has(name))]).values()].join('');
      expect(loadTexts([{ path: 'guide.yaml', text }]).diagnostics, text).toEqual([]);
    }
  });
});
