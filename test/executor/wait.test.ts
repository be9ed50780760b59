/** Waiting until what was applied runs, against a store in memory in which the test reports as nodes do. */
import { expect, test } from 'vitest';
import { waitForNodes } from '../../src/executor/apply.ts';
import type { FailedPipeline } from '../../src/executor/wait.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { ErrorRecord, NodeRecord, OwnerRecord, PipelineRecord } from '../../src/model/records.ts';
import { nodeKey, ownerKey, statusKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, NOTHING, planned, SHOP } from '../planner/world.ts';

const never = new AbortController().signal;
const OTHER_TABLES = loaded(SHOP.replace('shop.stock', 'shop.stuff'));

async function report(store: StateStore, records: Readonly<Record<string, unknown>>): Promise<void> {
  const puts = Object.entries(records).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  await store.commit({ conditions: [], puts, deletes: [] });
}

async function applied(): Promise<StateStore> {
  const store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  return store;
}

const node = { instance: 'i', databases: [], pipelines: {} } as unknown as NodeRecord;
const owner = (name: string): OwnerRecord => ({ node: name, instance: 'i', advertise: '' });
const WEST = { [nodeKey('t', 'a1')]: node, [ownerKey('t', 'hz')]: owner('a1') };
const BOTH = { ...WEST, [nodeKey('t', 'b1')]: node, [ownerKey('t', 'ca')]: owner('b1') };
const TO_CA = statusKey('t', 'pipeline', 'shop/hz>ca');
const TO_HZ = statusKey('t', 'pipeline', 'shop/ca>hz');

const REFUSED: ErrorRecord = { code: 'OT4003', message: 'the login was refused', hint: 'Look at the password.' };
const BEHIND: ErrorRecord = { code: 'OT5024', message: 'shop/ca>hz has not begun', hint: null };
const as = (
  phase: PipelineRecord['phase'],
  observedGeneration = 1,
  error: ErrorRecord | null = null,
): PipelineRecord => ({
  observedGeneration,
  phase,
  position: null,
  error,
  node: 'b1',
  updatedMs: 0,
});
const FAILED: FailedPipeline = { pipeline: 'shop/ca>hz', node: 'b1', ...REFUSED };

test('it names the nodes to start, and ends when every pipeline is reported at its generation', async () => {
  await using store = await applied();
  const options = { store, topology: 't', signal: never };
  const nobody = { hope: false, error: null };
  expect(await waitForNodes({ ...options, timeoutMs: 1 })).toEqual({
    late: true,
    running: [],
    failed: [],
    missing: [
      { node: 'b1', database: 'ca', pipeline: 'shop/hz>ca', ...nobody },
      { node: 'a1', database: 'hz', pipeline: 'shop/hz>ca', ...nobody },
      { node: 'a1', database: 'hz', pipeline: 'shop/ca>hz', ...nobody },
      { node: 'b1', database: 'ca', pipeline: 'shop/ca>hz', ...nobody },
    ],
    silent: ['a1', 'b1'],
  });
  const lines: string[] = [];
  const outcome = await waitForNodes({
    ...options,
    timeoutMs: 30_000,
    onProgress: (line) => {
      lines.push(line);
      if (lines.length === 1) void report(store, { ...BOTH, [TO_CA]: as('copying'), [TO_HZ]: as('streaming') });
    },
  });
  expect(outcome).toEqual({ late: false, running: ['shop/hz>ca', 'shop/ca>hz'], failed: [], missing: [], silent: [] });
  expect(lines).toEqual([
    'Waiting for shop/hz>ca, shop/ca>hz; not running, to start: `otter node b1`, `otter node a1`.',
  ]);
  // A change of the channel: what is reported is older than that.
  await applying(store, await planned(store, OTHER_TABLES));
  expect(await waitForNodes({ ...options, timeoutMs: 1 })).toMatchObject({
    late: true,
    running: [],
    missing: [
      { node: 'b1', pipeline: 'shop/hz>ca', hope: true },
      { node: 'a1', pipeline: 'shop/ca>hz', hope: true },
    ],
  });
});

test('a failure is told at once and only once, while others are waited for', async () => {
  await using store = await applied();
  await report(store, { ...BOTH, [TO_HZ]: as('failed', 1, REFUSED) });
  const told: (FailedPipeline | string)[] = [];
  const outcome = await waitForNodes({
    store,
    topology: 't',
    signal: never,
    timeoutMs: 30_000,
    onFailed: (failed) => told.push(failed),
    onProgress: (line) => {
      told.push(line);
      // Looked at several times before the other one comes.
      setTimeout(() => void report(store, { [TO_CA]: as('streaming') }), 1_000);
    },
  });
  expect(told).toEqual([FAILED, 'Waiting for shop/hz>ca.']);
  expect(outcome).toEqual({ late: false, running: ['shop/hz>ca'], failed: [FAILED], missing: [], silent: [] });
});

test('a node that the topology has no more does not count as owner', async () => {
  await using store = await applied();
  await report(store, { ...BOTH, [TO_CA]: as('streaming'), [TO_HZ]: as('streaming') });
  const options = { store, topology: 't', signal: never, timeoutMs: 1 };
  expect(await waitForNodes(options)).toMatchObject({ late: false, missing: [] });
  await applying(store, await planned(store, loaded(SHOP.replaceAll('b1', 'b2'))));
  const { missing } = await waitForNodes(options);
  expect([...new Set(missing.map(({ node: to, pipeline }) => `${to} ${pipeline}`))]).toEqual([
    'b2 shop/hz>ca',
    'b2 shop/ca>hz',
  ]);
});

test('what failed before the change says nothing of it', async () => {
  await using store = await applied();
  await report(store, { ...BOTH, [TO_CA]: as('streaming'), [TO_HZ]: as('failed', 1, REFUSED) });
  const options = { store, topology: 't', signal: never, timeoutMs: 1 };
  expect(await waitForNodes(options)).toMatchObject({ late: false, failed: [FAILED] });
  await applying(store, await planned(store, OTHER_TABLES));
  expect(await waitForNodes(options)).toMatchObject({ late: true, failed: [] });
});

test('once something failed, nodes that do not run are not waited for; those that run are', async () => {
  await using store = await applied();
  await report(store, { ...WEST, [nodeKey('t', 'b1')]: node, [TO_HZ]: as('failed', 1, REFUSED) });
  const options = { store, topology: 't', signal: never, startMs: 0 };
  // ca has no owner yet, and b1, which runs, may take it.
  expect(await waitForNodes({ ...options, timeoutMs: 50 })).toMatchObject({ late: true });
  await report(store, { [ownerKey('t', 'ca')]: owner('b1') });
  await store.commit({ conditions: [], puts: [], deletes: [nodeKey('t', 'b1')] });
  const outcome = await waitForNodes({ ...options, timeoutMs: 60_000 });
  expect(outcome).toMatchObject({ late: false, running: [], missing: [{ node: 'b1' }, { node: 'b1' }] });
  // It may be starting at this moment.
  expect(await waitForNodes({ ...options, startMs: 30_000, timeoutMs: 50 })).toMatchObject({ late: true });
});

test('a pipeline that follows one that failed is not waited for; what keeps a pipeline is told', async () => {
  await using store = await applied();
  await report(store, { ...BOTH, [TO_CA]: as('pending', 0, BEHIND) });
  const lines: string[] = [];
  const options = { store, topology: 't', signal: never, onProgress: (line: string) => lines.push(line) };
  expect(await waitForNodes({ ...options, timeoutMs: 1 })).toMatchObject({ late: true });
  expect(lines).toContain('shop/hz>ca does not run yet: OT5024: shop/ca>hz has not begun');
  await report(store, { [TO_HZ]: as('failed', 1, REFUSED) });
  expect(await waitForNodes({ ...options, timeoutMs: 60_000 })).toEqual({
    late: false,
    running: [],
    failed: [FAILED],
    missing: [{ node: 'b1', database: 'ca', pipeline: 'shop/hz>ca', hope: false, error: BEHIND }],
    silent: [],
  });
});

test('a change of a database alone: nodes that have not carried it out are waited for', async () => {
  await using store = await applied();
  const settled = (settledSerial: number, more: object = {}): object => ({ ...node, settledSerial, ...more });
  await report(store, { ...BOTH, [nodeKey('t', 'a1')]: settled(1), [nodeKey('t', 'b1')]: settled(1) });
  await report(store, { [TO_CA]: as('streaming'), [TO_HZ]: as('streaming') });
  const options = { store, topology: 't', signal: never, timeoutMs: 1 };
  // a1 took hz over from b1 and has not said anything of it.
  expect(await waitForNodes(options)).toMatchObject({ late: true, missing: [{ node: 'a1', pipeline: 'shop/ca>hz' }] });
  await report(store, { [TO_HZ]: { ...as('streaming'), node: 'a1' } });
  expect(await waitForNodes(options)).toMatchObject({ late: false, missing: [] });
  await applying(store, await planned(store, loaded(SHOP.replace('user: otter', 'user: badger'))));
  expect(await waitForNodes(options)).toMatchObject({ late: true, missing: [{ node: 'b1' }, { node: 'a1' }] });
  // What failed before may be what was just mended.
  await report(store, { [TO_HZ]: { ...as('failed', 1, REFUSED), node: 'a1' } });
  expect(await waitForNodes(options)).toMatchObject({ late: true, failed: [] });
  await report(store, { [TO_HZ]: { ...as('streaming'), node: 'a1' } });
  // The site of hz has begun anew, and what it says of itself is newer than what it wrote down before.
  const pending = { 'shop/ca>hz': { ...as('pending'), error: REFUSED } };
  await report(store, { [nodeKey('t', 'b1')]: settled(2), [nodeKey('t', 'a1')]: settled(2, { pipelines: pending }) });
  expect(await waitForNodes(options)).toMatchObject({
    late: true,
    running: ['shop/hz>ca'],
    missing: [{ node: 'a1', pipeline: 'shop/ca>hz', error: REFUSED }],
  });
  const failed = { 'shop/ca>hz': { ...as('failed'), error: REFUSED } };
  await report(store, { [nodeKey('t', 'a1')]: settled(2, { pipelines: failed }) });
  expect(await waitForNodes(options)).toMatchObject({ late: false, failed: [{ node: 'a1', code: 'OT4003' }] });
  await report(store, { [nodeKey('t', 'a1')]: settled(2) });
  expect(await waitForNodes(options)).toMatchObject({ late: false, failed: [], missing: [] });
});

test('a node that owns nothing is waited for too, unless it can own nothing', async () => {
  await using store = memoryStore();
  const SPARE = SHOP.replace('nodes:\n', 'nodes:\n  a2: { region: a, listen: "10.0.0.9:7401" }\n');
  await applying(store, await planned(store, loaded(SPARE)));
  await report(store, { ...BOTH, [TO_CA]: as('streaming'), [TO_HZ]: as('streaming') });
  const options = { store, topology: 't', signal: never, timeoutMs: 1 };
  await report(store, { [nodeKey('t', 'a2')]: { ...node, settledSerial: 0 } });
  expect(await waitForNodes(options)).toMatchObject({ late: true, missing: [{ node: 'a2', pipeline: 'node.a2' }] });
  await report(store, { [nodeKey('t', 'a2')]: { ...node, settledSerial: 0, error: REFUSED } });
  expect(await waitForNodes(options)).toMatchObject({ late: false, missing: [], silent: ['a2'] });
});

test('after a destroy, waiting ends when nodes hold nothing, or there are none', async () => {
  await using store = await applied();
  const { [ownerKey('t', 'hz')]: _, [nodeKey('t', 'a1')]: __, ...east } = BOTH;
  await report(store, { ...east, [TO_CA]: as('streaming') });
  await applying(store, await planned(store, NOTHING, { destroy: true }));
  const options = { store, topology: 't', signal: never, timeoutMs: 1 };
  expect(await waitForNodes(options)).toMatchObject({
    late: true,
    failed: [],
    missing: [{ node: 'b1', database: 'ca', pipeline: 'shop/hz>ca' }],
  });
  await store.commit({ conditions: [], puts: [], deletes: [nodeKey('t', 'b1')] });
  const lines: string[] = [];
  const onProgress = (line: string) => lines.push(line);
  expect(await waitForNodes({ ...options, onProgress })).toMatchObject({
    late: false,
    failed: [],
    missing: [],
    silent: [],
  });
  expect(lines).toEqual([]);
});
