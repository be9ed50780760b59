/** A topology that somebody wrote to do harm: it is refused, soon, and runs nothing. */
import { expect, test } from 'vitest';
import { loadTexts } from '../../src/topology/load.ts';

const findings = (text: string) => loadTexts([{ path: 'a.yaml', text }]).diagnostics;

/** Nine levels of nine references each: 387 million values from a few hundred bytes. */
function bomb(write: (level: number, below: string) => string): string {
  return Array.from({ length: 9 }, (_, level) => write(level, level === 0 ? 'x' : `*a${level - 1}`)).join('\n');
}

test.each([
  ['lists', bomb((level, below) => `k${level}: &a${level} [${Array(9).fill(below).join(', ')}]`)],
  [
    'mappings',
    bomb(
      (level, below) =>
        `k${level}: &a${level} { ${Array.from({ length: 9 }, (_, i) => `m${i}: ${below}`).join(', ')} }`,
    ),
  ],
  [
    'merge keys',
    bomb((level, below) =>
      level === 0
        ? 'k0: &a0 { x: 1 }'
        : `k${level}: &a${level} { y: ${below}, <<: [${Array(9).fill(below).join(', ')}] }`,
    ),
  ],
])('aliases that multiply, in %s', (_, text) => {
  const before = process.memoryUsage().heapUsed;
  const found = findings(`version: 1\nname: shop\nvars:\n${text.replaceAll(/^/gm, '  ')}\n`);
  expect(found.length).toBeGreaterThan(0);
  expect(found.every(({ severity }) => severity === 'error')).toBe(true);
  // 387 million values would be gigabytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(300 << 20);
});

test.each([
  ['an alias of itself', 'vars: &a { b: *a }\n', 'OT1005'],
  ['lists a thousand deep', `vars: ${'['.repeat(1_000)}${']'.repeat(1_000)}\n`, 'OT1003'],
  [
    'mappings a thousand deep',
    `vars:\n${Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}\n`,
    'OT1003',
  ],
  ['more than a mebibyte', `# ${'x'.repeat(1 << 20)}\n`, 'OT1003'],
])('%s', (_, text, code) => {
  expect(findings(`version: 1\nname: shop\n${text}`).map((one) => one.code)).toContain(code);
});

test('tags make nothing but a finding', () => {
  Reflect.deleteProperty(globalThis, 'harmed');
  for (const tag of [
    '!!js/function "function () { globalThis.harmed = 1 }"',
    '!!python/object/apply:os.system ["id"]',
    '!<tag:yaml.org,2002:js/undefined> x',
    '!!binary aGVsbG8=',
  ]) {
    const { topology, diagnostics } = loadTexts([{ path: 'a.yaml', text: `version: 1\nname: ${tag}\n` }]);
    expect([topology, diagnostics.length > 0]).toEqual([null, true]);
  }
  expect(Object.hasOwn(globalThis, 'harmed')).toBe(false);
});

test('names that mean something to JavaScript mean nothing here', () => {
  const text = `version: 1
name: shop
regions: { a: {} }
nodes: { __proto__: { region: a, listen: "127.0.0.1:1" } }
databases: { constructor: { region: a, engine: mysql, endpoints: ["h:1"], user: u, password: { env: P } } }
`;
  findings(text);
  expect(({} as { region?: unknown }).region).toBeUndefined();
  expect(Object.hasOwn(Object.prototype, 'region')).toBe(false);
});
