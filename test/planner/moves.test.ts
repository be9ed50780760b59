/** Renames: what is kept goes on under the name it was made with, and nothing that runs is disturbed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readApplied } from '../../src/executor/apply.ts';
import { cutRun } from '../../src/executor/resume.ts';
import { World } from '../../src/executor/world.ts';
import type { Told } from '../../src/model/apply-event.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { NodeRecord, PipelineRecord } from '../../src/model/records.ts';
import { statusReport } from '../../src/observe/status.ts';
import { guard } from '../../src/planner/guard.ts';
import { renderPlan } from '../../src/render/text.ts';
import { nodeKey, ownerKey, specKey, statusKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, NOTHING, planned, present, SHOP } from './world.ts';

const plain = { colour: false };
const moved = (...pairs: string[]): string =>
  `moved:\n${pairs.map((pair) => `  - { from: ${pair.split(' ')[0]!}, to: ${pair.split(' ')[1]!} }\n`).join('')}`;

const STORE = `${SHOP.replace('  shop:\n', '  store:\n')}${moved('channel.shop channel.store')}`;
const HANGZHOU = `${SHOP.replace('  hz: {', '  hangzhou: {').replace('[hz, ca]', '[hangzhou, ca]')}${moved('database.hz database.hangzhou')}`;

/** What nodes would run. */
async function running(store: StateStore) {
  const world = new World('t', 'me');
  const { revision, entries } = await store.list('/otter/t/');
  world.apply({ revision, reset: true, events: entries.map((entry) => ({ kind: 'put', entry })) });
  return world.names('database').map((name) => {
    const { pipelines, ...site } = world.siteSpec(name)!;
    // That there is something new to report is all that may change.
    return { ...site, pipelines: pipelines.map(({ generation: _, ...pipeline }) => pipeline) };
  });
}

test.each([
  ['a channel', STORE, 'channel.store', 'channel.shop'],
  ['a database', HANGZHOU, 'database.hangzhou', 'database.hz'],
])('%s has a new name: one change, and nodes run what they ran', async (_, text, address, old) => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const before = await running(store);
  const plan = await planned(store, loaded(text));
  expect(plan.changes).toMatchObject([
    { address, moved_from: old, actions: ['update'], irrevocable: null, risk: 'low', reason: `renamed from ${old}` },
  ]);
  expect(plan.impact).toMatchObject({ ended: [], anew: [], paused: [], positions_lost: [], copies: [], one_copy: [] });
  expect(plan.notes).toEqual([]);
  await applying(store, plan);
  expect(await running(store)).toEqual(before);
  // Files say the same as what is applied, with the entry and without it.
  for (const same of [text, text.slice(0, text.indexOf('moved:'))]) {
    expect((await planned(store, loaded(same))).changes).toEqual([]);
  }
});

test('how it looks', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  expect(renderPlan(await planned(store, loaded(STORE)), plain)).toMatchInlineSnapshot(`
    "otter will do this to topology t (serial 2):

      ~ channel.store will be renamed from channel.shop  # shop.yaml:11
          ~ name = "shop" -> "store"

    What it does, by risk:

      low     channel.store: only the name that people see changes; its pipelines go on with their positions; nodes' logs, metrics and otter's own tables say \`shop\` as before

    Plan: 0 to add, 1 to change, 0 to destroy.
    "
  `);
  expect(renderPlan(await planned(store, loaded(STORE.replace('shop.stock', 'shop.stuff'))), plain)).toContain(
    '~ channel.store will be changed, renamed from channel.shop',
  );
});

test('a stay goes on: what leaves and comes back after a rename begins anew, and nothing else', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  await applying(store, await planned(store, loaded(STORE)));
  const born = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await running(store)).flatMap(({ pipelines }) => pipelines.map(({ spec, born: at }) => [spec.name, at])),
    );
  const first = await born();
  expect(Object.keys(first).sort()).toEqual(['shop/ca>hz', 'shop/hz>ca']);
  // Nodes tell of it under the name that they know.
  const status: PipelineRecord = {
    observedGeneration: 1,
    phase: 'streaming',
    position: null,
    error: null,
    node: 'b1',
    updatedMs: 0,
  };
  const puts = ['shop/hz>ca', 'shop/ca>hz'].map((name) => ({
    key: statusKey('t', 'pipeline', name),
    value: JSON.stringify(status),
  }));
  await store.commit({ conditions: [], puts, deletes: [] });
  await applying(store, await planned(store, loaded(STORE.replace('shop.stock', 'shop.stuff'))));
  expect(await born()).toEqual(first);
  const key = specKey('t', 'channel', 'shop');
  const record = JSON.parse((await store.list(key)).entries[0]!.value) as Record<string, unknown>;
  expect(record).toMatchObject({ name: 'store', stays: { left: [{ entries: ['shop.stock'] }] } });
  expect(record['stays']).not.toHaveProperty('pipelines');
});

test('the old name is free for another, which is kept under a name of its own', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const before = await running(store);
  const both = `${SHOP.replace('  shop:\n', '  store:\n')}  shop:\n    from: hz\n    to: ca\n    tables: [crm.client]\n${moved('channel.shop channel.store')}`;
  const plan = await planned(store, loaded(both));
  expect(plan.changes.map(({ address, actions, moved_from }) => [address, actions[0], moved_from])).toEqual([
    ['channel.store', 'update', 'channel.shop'],
    ['channel.shop', 'create', null],
  ]);
  await applying(store, plan);
  expect((await planned(store, loaded(both))).changes).toEqual([]);
  const now = await running(store);
  const pipelines = (list: typeof now) => list.flatMap((site) => site.pipelines);
  expect(pipelines(now).filter(({ spec }) => spec.channel === 'shop')).toEqual(pipelines(before));
  expect(new Set(pipelines(now).map(({ spec }) => spec.name))).toEqual(
    new Set(['shop/hz>ca', 'shop/ca>hz', 'shop-2/hz>ca']),
  );
  // And each goes as the one that it is.
  await applying(store, await planned(store, loaded(both.replace(/ {2}shop:\n.*\n.*\n.*\n/, ''))));
  expect(pipelines(await running(store))).toEqual(pipelines(before));
  expect(await present(store, 't')).toMatchObject({ channel: { store: {} } });
});

test('cut after any part, a plan that gives old names away is gone on with, or planned anew, to the same end', async () => {
  const two = `${SHOP}  dw:\n    from: hz\n    to: ca\n    tables: [crm.client]\n`;
  const given = `${two.replace('  shop:\n', '  store:\n').replace('  dw:\n', '  house:\n')}${['shop', 'dw']
    .map((name) => `  ${name}:\n    from: ca\n    to: hz\n    tables: [new.${name}]\n`)
    .join('')}${moved('channel.shop channel.store', 'channel.dw channel.house')}`;
  const before = async (): Promise<StateStore> => {
    const store = memoryStore();
    await applying(store, await planned(store, loaded(two)));
    return store;
  };
  // When and from where a stay counts is each store's own.
  const unborn = async (store: StateStore) =>
    (await running(store)).map(({ lineage: _, pipelines, ...site }) => ({
      ...site,
      pipelines: pipelines.map(({ born: __, ...pipeline }) => pipeline),
    }));
  const whole = await before();
  const { changes } = await planned(whole, loaded(given));
  expect(changes).toHaveLength(4);
  await applying(whole, await planned(whole, loaded(given)));
  for (const part of [1, 2, 3]) {
    for (const anew of [false, true]) {
      const store = await before();
      const cut = new AbortController();
      const onEvent = (event: Told): void => {
        if (event.type === 'step_written' && event.step === part) cut.abort(new Error('cut'));
      };
      const plan = await planned(store, loaded(given));
      const stopped = applying(store, plan, { stepChangesMax: 1, signal: cut.signal, onEvent });
      await expect(stopped).rejects.toMatchObject({ code: 'OT2003' });
      if (anew) await applying(store, await planned(store, loaded(given)));
      else await applying(store, (await cutRun(store, 't')).plan, { resume: true });
      expect((await planned(store, loaded(given))).changes).toEqual([]);
      expect(await unborn(store)).toEqual(await unborn(whole));
    }
  }
});

test('what nodes tell is told under the new names', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const figures = {
    phase: 'streaming',
    observedGeneration: 9,
    rowsPerSecond: 1,
    copy: null,
    error: null,
    index: { waitsFor: 'shop/ca>hz' },
  };
  const node = {
    databases: ['hz', 'ca'],
    pipelines: { 'shop/hz>ca': figures },
    updatedMs: 0,
    startedMs: 0,
  } as unknown as NodeRecord;
  const status: PipelineRecord = {
    observedGeneration: 9,
    phase: 'streaming',
    position: null,
    error: null,
    node: 'b1',
    updatedMs: 0,
  };
  const puts = Object.entries({
    [nodeKey('t', 'b1')]: node,
    [ownerKey('t', 'ca')]: { node: 'b1', instance: 'i', advertise: '' },
    [statusKey('t', 'pipeline', 'shop/hz>ca')]: status,
  }).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  await store.commit({ conditions: [], puts, deletes: [] });
  await applying(store, await planned(store, loaded(STORE)));
  await applying(store, await planned(store, loaded(HANGZHOU.replace('  shop:\n', '  store:\n'))));
  const { applied, live } = await readApplied(store, 't');
  expect(live.nodes['b1']).toMatchObject({
    databases: ['hangzhou', 'ca'],
    pipelines: { 'store/hangzhou>ca': { index: { waitsFor: 'store/ca>hangzhou' } } },
  });
  expect(Object.keys(live.pipelines)).toEqual(['store/hangzhou>ca']);
  const specs = Object.fromEntries(
    ['region', 'node', 'database', 'channel', 'files'].map((kind) => [
      kind,
      Object.fromEntries(applied.specs.flatMap((one) => (one.kind === kind ? [[one.name, one]] : []))),
    ]),
  );
  const report = statusReport({ name: 't', meta: applied.meta.record, specs, ...live, lock: null } as never, 1000);
  expect(report.channels[0]).toMatchObject({
    name: 'store',
    pipelines: [{ name: 'store/hangzhou>ca', phase: 'streaming' }, {}],
  });
  // Nothing of it is undeclared.
  expect((await planned(store, loaded(HANGZHOU.replace('  shop:\n', '  store:\n')))).drift).toEqual([]);
  const destroy = await planned(store, NOTHING, { destroy: true });
  expect(destroy.impact.positions_lost).toEqual(['store/hangzhou>ca']);
});

test('two that would get one name are refused; an entry that was applied does nothing', async () => {
  await using store = memoryStore();
  const two = `${SHOP}  other:\n    from: hz\n    to: ca\n    tables: [crm.client]\n`;
  await applying(store, await planned(store, loaded(two)));
  const one = loaded(`${STORE}`.replace('moved:\n', 'moved:\n  - { from: channel.other, to: channel.store }\n'));
  const plan = await planned(store, one);
  const { applied, live } = await readApplied(store, 't');
  const told = guard(plan, { desired: one.topology, applied, live, unbuilt: [], allowDestroy: [] });
  expect(told).toContainEqual(
    expect.objectContaining({ code: 'OT2008', message: expect.stringContaining('would both become channel.store') }),
  );
  // `channel.shop` is there again, and is another one than the entry means.
  await applying(store, await planned(store, loaded(STORE)));
  const again = `${STORE.replace('moved:', '  shop:\n    from: hz\n    to: ca\n    tables: [crm.client]\nmoved:')}`;
  await applying(store, await planned(store, loaded(again)));
  expect((await planned(store, loaded(again))).changes).toEqual([]);
  expect((await planned(store, loaded(STORE))).changes).toMatchObject([
    { address: 'channel.shop', actions: ['delete'] },
  ]);
});

test('chains of names lead to the last one, and back to the first is no name of another', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const before = await running(store);
  const last = `${SHOP.replace('  shop:\n', '  mart:\n')}${moved('channel.shop channel.store', 'channel.store channel.mart')}`;
  const plan = await planned(store, loaded(last));
  expect(plan.moved).toEqual([{ from: 'channel.shop', to: 'channel.mart' }]);
  await applying(store, plan);
  const back = `${SHOP}${moved('channel.mart channel.shop')}`;
  const second = await planned(store, loaded(back));
  expect(second.changes[0]!.effects[0]).toContain('has the name again under which it was made');
  await applying(store, second);
  expect(await running(store)).toEqual(before);
  expect((await store.list(specKey('t', 'channel', 'shop'))).entries[0]!.value).not.toContain('"name"');
});

test('a rename that nobody said is guessed, and one that is said is not', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const unsaid = await planned(store, loaded(STORE.slice(0, STORE.indexOf('moved:'))));
  expect(unsaid.changes.map(({ actions }) => actions[0])).toEqual(['create', 'delete']);
  expect(unsaid.notes).toEqual([
    'channel.shop goes and channel.store comes, with the same tables. If that is a new name, say so, and positions stay: moved: [{ from: channel.shop, to: channel.store }]',
  ]);
  const database = await planned(store, loaded(HANGZHOU.slice(0, HANGZHOU.indexOf('moved:'))));
  expect(database.notes[0]).toMatch(/^database\.hz goes and database\.hangzhou comes, with the same endpoints/);
});

test('with --target and --exclude the old name means the new one, and a reference is written as it is kept', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const both = loaded(`${HANGZHOU.replace('shop.stock', 'shop.stuff')}`);
  const part = await planned(store, both, { target: ['database.hz'] });
  expect(part.changes.map(({ address }) => address)).toEqual(['database.hangzhou']);
  // The channel without the rename of its database: it is kept as it was, under the name that nodes know.
  const rest = await planned(store, both, { exclude: ['hangzhou'] });
  expect(rest.changes.map(({ address }) => address)).toEqual(['channel.shop']);
  await applying(store, rest);
  const record = (await store.list(specKey('t', 'channel', 'shop'))).entries[0]!.value;
  expect(record).toContain('"between":["hz","ca"]');
  expect((await planned(store, both)).changes.map(({ address }) => address)).toEqual(['database.hangzhou']);
});

const NAMES = ['a', 'b', 'c', 'd'] as const;

test('whatever is renamed, made and removed in whatever order: every channel is the one that it was, and no two are kept as one', async () => {
  const step = fc.record({
    kind: fc.constantFrom('rename', 'make', 'remove'),
    from: fc.constantFrom(...NAMES),
    to: fc.constantFrom(...NAMES),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      await using store = memoryStore();
      const base = loaded(SHOP).topology;
      let made = 0;
      // By its name now: a table that no other has ever had.
      const there = new Map<string, string>();
      const desired = (moves: readonly { from: string; to: string }[]) => ({
        ...base,
        channel: Object.fromEntries(
          [...there].map(([name, table]) => [
            name,
            { ...base.channel['shop']!, tables: [{ ...base.channel['shop']!.tables[0]!, from: `s.${table}` }] },
          ]),
        ),
        moved: moves,
      });
      await applying(store, await planned(store, desired([])));
      const bornOf = async () =>
        new Map(
          (await running(store)).flatMap(({ pipelines }) =>
            pipelines.map(({ spec, born }) => [spec.tables[0]!.from, `${spec.name} ${born}`]),
          ),
        );
      for (const { kind, from, to } of steps) {
        const before = await bornOf();
        const moves: { from: string; to: string }[] = [];
        if (kind === 'make' && !there.has(to)) there.set(to, `t${++made}`);
        else if (kind === 'remove') there.delete(from);
        else if (kind === 'rename' && there.has(from) && !there.has(to)) {
          there.set(to, there.get(from)!);
          there.delete(from);
          moves.push({ from: `channel.${from}`, to: `channel.${to}` });
        } else continue;
        await applying(store, await planned(store, desired(moves)));
        expect((await planned(store, desired(moves))).changes).toEqual([]);
        expect((await planned(store, desired([]))).changes).toEqual([]);
        const after = await bornOf();
        expect(after.size).toBe(there.size);
        for (const [table, pipeline] of before) if (after.has(table)) expect(after.get(table)).toBe(pipeline);
      }
    }),
    { numRuns: 40 },
  );
});
