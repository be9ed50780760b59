/** Modules beside a topology travel in it. */
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bounded, loadProcessor } from '../../src/executor/processors.ts';
import { attributesOf } from '../../src/planner/attributes.ts';
import { canonical } from '../../src/planner/canonical.ts';
import { loadTopology } from '../../src/topology/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'otter-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEXT = 'export default (row) => row;\n';
const TOPOLOGY = `version: 1
name: shop
regions: { here: {} }
nodes: { n: { region: here, listen: "127.0.0.1:7401" } }
databases:
  a: { region: here, engine: mysql, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: A } }
  b: { region: here, engine: mysql, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: B } }
channels:
  c:
    from: a
    to: b
    tables:
      - { from: shop.one, process: ./processors/same.mjs }
      - { from: shop.two, process: ./processors/same.mjs }
`;

function load(module: string) {
  mkdirSync(join(folder, 'processors'), { recursive: true });
  writeFileSync(join(folder, 'processors', 'same.mjs'), module);
  writeFileSync(join(folder, 'topology.yaml'), TOPOLOGY);
  return loadTopology(join(folder, 'topology.yaml'));
}

it('once, however many tables go through it; a plan shows that it has changed, and no text', () => {
  const { topology, diagnostics, unbuilt } = load(TEXT);
  expect([diagnostics, unbuilt]).toEqual([[], []]);
  const channel = topology!.channel['c']!;
  const digest = hash('sha256', TEXT);
  expect(channel.processors).toEqual({ [digest]: TEXT });
  expect(channel.tables[1]?.rows).toEqual({ process: { module: './processors/same.mjs', digest } });
  const other = load(`${TEXT}// changed`).topology!.channel['c']!;
  const changes = attributesOf('channel', canonical(channel), canonical(other));
  expect(changes.map(({ path, before }) => [path, before])).toEqual(
    ['one', 'two'].map((name) => [
      `tables[shop.${name}].process`,
      `./processors/same.mjs (sha256 ${digest.slice(0, 12)})`,
    ]),
  );
});

it('one that is too large, or empty of a function, is refused where it stands', () => {
  expect(load(`export default 1; // ${'x'.repeat(65_536)}`).diagnostics).toMatchObject([
    { code: 'OT1059', detail: 'It is larger than 64 KiB.' },
    { code: 'OT1059' },
  ]);
});

it('a node runs the text that the topology names, and no other', () => {
  const ref = (text: string) => ({ module: 'm.mjs', digest: hash('sha256', text) });
  const run = (text: string | undefined, as = text, env = {}): unknown => loadProcessor(ref(as ?? ''), text, env);
  expect(run(TEXT)).toBeTypeOf('function');
  expect(() => run(TEXT, TEXT, { OTTER_PROCESSORS: 'off' })).toThrow('this node runs none');
  expect(() => run('export default (row) => null;', 'another')).toThrow('its text is not in the state store');
  expect(() => run('export default 1;')).toThrow('its default export is no function');
  expect(() => run('export default (row => ;')).toThrow('m.mjs cannot be run: SyntaxError');
  expect(() => run("import 'no-such-package'; export default () => null;")).toThrow('cannot be run: Error');
  const endless = 'for (;;); export default () => null;';
  const refusal = (timeoutMs: number): unknown => {
    try {
      return loadProcessor(ref(endless), endless, {}, timeoutMs);
    } catch (error) {
      return error;
    }
  };
  expect(refusal(50)).toMatchObject({ message: 'm.mjs cannot be run: it does not come back when it is loaded' });
  expect(refusal(1e9), 'it is not tried again').toBe(refusal(50));
  expect(() => run('await 1; export default () => null;')).toThrow('m.mjs cannot be run');
});

it('what never returns is ended, whatever it catches; what returns or throws does so', () => {
  expect(bounded(() => 7)).toBe(7);
  expect(bounded(() => bounded(() => 8) + 1)).toBe(9);
  const thrown = new TypeError('its own');
  expect(() =>
    bounded(() => {
      throw thrown;
    }),
  ).toThrow(thrown);
  const endless = (): never => {
    for (;;) {
      try {
        for (;;);
      } finally {
        for (;;);
      }
    }
  };
  expect(() => bounded(endless, 20)).toThrow('a module that `process` names took more than 0.02 s');
  expect(bounded(() => 'goes on')).toBe('goes on');
});
