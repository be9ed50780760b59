import { expect, test } from 'vitest';
import type { NodeAnswer, PipelineFigures } from '../../src/model/records.ts';
import { recordsFromNodes } from '../../src/observe/from-nodes.ts';
import { statusReport } from '../../src/observe/status.ts';
import { loadTexts } from '../../src/topology/load.ts';

const NOW = 1_767_225_600_000;
const TEXT = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B } }
channels:
  shop: { from: a, to: b, tables: [shop.orders] }
  later: { from: b, to: a, tables: [shop.later] }
`;

const FIGURES: PipelineFigures = {
  phase: 'streaming',
  observedGeneration: 3,
  lagMs: 12,
  position: 'mariadb:0-1-9',
  rowsApplied: 7,
  rowsPerSecond: 1,
  conflicts: 0,
  drift: 0,
  copy: null,
  error: null,
  waiting: null,
};

function answer(node: string, database: string, more: Partial<NodeAnswer> = {}): NodeAnswer {
  const record = {
    instance: node,
    region: 'east',
    advertise: '127.0.0.1:7402',
    version: '1',
    startedMs: NOW,
    pid: 1,
    host: 'h',
    databases: [database],
    rssBytes: 1,
    error: null,
    pipelines: { 'shop/a>b': FIGURES },
    updatedMs: NOW,
  };
  return { topology: 'main', node, record, serial: 4, generations: { shop: 3 }, ...more };
}

function reported(answers: readonly NodeAnswer[]) {
  const { topology } = loadTexts([{ path: 'main.yaml', text: TEXT }]);
  return statusReport(recordsFromNodes(topology!, answers), NOW);
}

test('what the nodes say makes a report: figures, owners, serial and generations', () => {
  const report = reported([answer('east-1', 'b')]);
  expect(report).toMatchObject({ topology: 'main', serial: 4, applying: null });
  // A channel that no node knows was not applied.
  expect(report.channels).toMatchObject([
    { name: 'shop', ready: true, generation: 3, pipelines: [{ name: 'shop/a>b', node: 'east-1', lag_ms: 12 }] },
  ]);
  expect(report.nodes.map(({ name, alive }) => [name, alive])).toEqual([
    ['east-1', true],
    ['west-1', false],
  ]);
});

test('answers of another topology, or of a node that the files do not know, are left out', () => {
  const report = reported([answer('east-1', 'b', { topology: 'other' }), answer('gone-1', 'b')]);
  expect(report.channels).toEqual([]);
  expect(report.nodes.every(({ alive }) => !alive)).toBe(true);
});

test('what was renamed is told by its new name, which nodes know', () => {
  const names = [
    { kind: 'channel', kept: 'mart', shown: 'shop' },
    { kind: 'database', kept: 'old', shown: 'b' },
  ] as const;
  const told = answer('east-1', 'old', { names, generations: { mart: 3 } });
  const record = { ...told.record, pipelines: { 'mart/a>old': FIGURES } };
  const report = reported([{ ...told, record }]);
  expect(report.nodes.find(({ name }) => name === 'east-1')!.databases).toEqual(['b']);
  expect(report.channels).toMatchObject([
    { name: 'shop', generation: 3, pipelines: [{ name: 'shop/a>b', phase: 'streaming', node: 'east-1' }] },
  ]);
});
