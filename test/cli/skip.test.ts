/** `otter skip`: what it refuses, what it asks for, and what it leaves in the state store for a node; the node is played. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditRecord } from '../../src/model/records.ts';
import { nodeKey, ownerKey, skipKey } from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { type Ended, type Habits, person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: P } }
  b: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: P } }
channels:
  one: { from: a, to: b, tables: [one.t] }
  both: { between: [a, b], tables: [both.t] }
`;
const STOPPED = {
  phase: 'failed',
  position: 'mariadb:0-1-6',
  error: { code: 'OT5016', message: 'b refuses the row id=1 of one.t', hint: null, transaction: '0-1-7' },
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-skip-'));
  await writeFile(join(folder, 'main.yaml'), TOPOLOGY);
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function otter(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  const url = `file:${join(folder, 'state.db')}`;
  return person(['-t', join(folder, 'main.yaml'), '--state', url, ...args], { env: { P: 'x' }, ...habits });
}

async function stands(figures: object): Promise<void> {
  await using store = openStore(`file:${join(folder, 'state.db')}`);
  const node = { instance: 'i', databases: ['b'], pipelines: { 'one/a>b': figures, 'both/a>b': STOPPED } };
  const puts = { [nodeKey('main', 'west-1')]: node, [ownerKey('main', 'b')]: { node: 'west-1', instance: 'i' } };
  const entries = Object.entries(puts).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  await store.commit({ conditions: [], puts: entries, deletes: [] });
}

async function recorded(): Promise<unknown> {
  await using store = openStore(`file:${join(folder, 'state.db')}`);
  const [entry] = (await store.list(skipKey('main', 'one/a>b'))).entries;
  return entry === undefined ? null : JSON.parse(entry.value);
}

test.each([
  ['a channel', 'one', {}, STOPPED],
  ['two-way', 'both/a:b', {}, STOPPED],
  ['one that runs', 'one/a:b', {}, { phase: 'streaming', position: 'mariadb:0-1-6', error: null }],
  [
    'one that has stopped otherwise',
    'one/a:b',
    {},
    { ...STOPPED, error: { code: 'OT5015', message: 'm', hint: null } },
  ],
  ['another transaction', 'one/a:b', { transaction: '0-1-8' }, STOPPED],
])('%s is refused', async (_, address, { transaction }: { transaction?: string }, figures) => {
  await stands(figures);
  const ended = await otter(['skip', address, ...(transaction === undefined ? [] : ['--transaction', transaction])]);
  expect(ended).toMatchObject({ code: 4, err: expect.stringContaining('OT2045: nothing is passed over') });
  expect(await recorded()).toBeNull();
});

test('without the transaction typed, nothing is passed over', async () => {
  await stands(STOPPED);
  const no = { types: { sees: 'and nothing else', text: 'yes\n' } };
  expect(await otter(['skip', 'one/a:b'], no)).toMatchObject({
    code: 8,
    out: expect.stringContaining('row id=1 of one.t'),
  });
  expect(await otter(['skip', 'one/a:b'], { terminal: false })).toMatchObject({
    code: 3,
    err: expect.stringContaining('--transaction 0-1-7'),
  });
  expect(await recorded()).toBeNull();
});

test('named, it is left for the node until that stands behind it, and audited', async () => {
  await stands(STOPPED);
  const late = await otter(['skip', 'one/a:b', '--transaction', '0-1-7', '--timeout', '10ms']);
  expect(late).toMatchObject({ code: 9 });
  expect(await recorded()).toMatchObject({ transaction: '0-1-7' });
  const typed = { types: { sees: 'and nothing else', text: '0-1-7\n' } };
  const skipping = otter(['skip', 'one/a:b', '--reason', 'a test'], typed);
  await expect.poll(async () => (await recorded()) as object).toMatchObject({ transaction: '0-1-7', reason: 'a test' });
  await stands({ phase: 'streaming', position: 'mariadb:0-1-7', error: null });
  expect(await skipping).toMatchObject({ code: 0, out: expect.stringContaining('is passed over') });
  expect(await recorded()).toBeNull();
  const audit = JSON.parse((await otter(['audit', '--json'])).out) as AuditRecord[];
  expect(audit.filter(({ command }) => command === 'skip').map(({ what, result }) => [what, result])).toEqual([
    ['pipeline.one/a>b: transaction 0-1-7', 'begun'],
    ['pipeline.one/a>b: transaction 0-1-7, because a test', 'done'],
  ]);
});
