/** docs/guards.md names every limit, every built-in rule and everything that a condition can ask, as the program has it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CODES } from '../../src/model/codes.ts';
import { CHANGE_FACTS, OBJECT_FACTS } from '../../src/model/rule-facts.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { BASE } from '../topology/example.ts';

const page = readFileSync('docs/guards.md', 'utf8');

test('facts, codes and limits', () => {
  for (const [name, { is }] of Object.entries({ ...CHANGE_FACTS, ...OBJECT_FACTS }))
    expect(page).toContain(`| \`${name}\` | ${is} |\n`);
  for (const code of Object.keys(CODES).filter((one) => /^OT21\d\d$/.test(one))) expect(page).toContain(`\`${code}\``);
  const schema = JSON.parse(readFileSync('schema/topology.schema.json', 'utf8')) as {
    definitions: { guards: { properties: object } };
  };
  for (const key of Object.keys(schema.definitions.guards.properties)) expect(page).toContain(`${key}:`);
});

test('its examples are valid', () => {
  for (const [, yaml] of page.matchAll(/```yaml\n([\s\S]*?)```/g)) {
    const { diagnostics } = loadTexts([{ path: 'a.yaml', text: `${BASE}${yaml!}` }]);
    expect(diagnostics).toEqual([]);
  }
});
