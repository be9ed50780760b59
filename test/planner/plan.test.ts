/** Plans as values: empty when nothing differs, enough to get from one topology to the other, the same for the same. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readApplied } from '../../src/executor/apply.ts';
import type { FileSetSpec } from '../../src/model/files.ts';
import type { ChannelSpec, Topology } from '../../src/model/topology.ts';
import { canonicalText } from '../../src/planner/canonical.ts';
import { guard } from '../../src/planner/guard.ts';
import { readPlan, refusedPlan } from '../../src/planner/plan.ts';
import { planJson } from '../../src/render/json.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, NOTHING, planned, present, SHOP, sha256 } from './world.ts';

const region = fc.constantFrom('a', 'b', 'c');
const text = fc.string({ maxLength: 8 });
const table = fc.record({
  from: fc.constantFrom('s.a', 's.b', 's.c_*', 's.d_[0-3]'),
  to: fc.option(fc.constantFrom('t.a', 't.b'), { nil: null }),
  columns: fc.record({
    only: fc.option(fc.array(text, { maxLength: 2 }), { nil: null }),
    omit: fc.array(text, { maxLength: 2 }),
    rename: fc.dictionary(text, text, { maxKeys: 2, noNullPrototype: true }),
  }),
  conflict: fc.constant(null),
});
const direction = fc.oneof(
  fc.constantFrom(['x', 'y'], ['y', 'x']).map((between) => ({ kind: 'two-way' as const, between })),
  fc.constantFrom('x', 'y').map((from) => ({ kind: 'one-way' as const, from: [from], to: ['z'] })),
);
const fileSet: fc.Arbitrary<FileSetSpec> = fc.record({
  from: fc.constant('a'),
  to: fc.constant('b'),
  roots: fc.constant({ a: '/a', b: '/b' }),
  watch: fc.constant(['**']),
  exclude: fc.array(text, { maxLength: 1 }),
  order: fc.constant('file-first'),
  missing: fc.constant('wait'),
  delete: fc.constantFrom('keep', 'mirror'),
});
const channel: fc.Arbitrary<ChannelSpec> = fc
  .record({
    direction,
    initial: fc.constantFrom('copy', 'none'),
    existing: fc.constantFrom('refuse', 'keep', 'merge', 'replace'),
    ddl: fc.constantFrom('replicate', 'ignore', 'stop'),
    onError: fc.constantFrom('stop', 'park'),
    apply: fc.record({ lanes: fc.constantFrom(1, 2), atomic: fc.boolean() }),
    enabled: fc.boolean(),
    tables: fc.array(table, { maxLength: 4 }),
    inert: fc.dictionary(fc.constantFrom('rate', 'verify'), fc.jsonValue({ maxDepth: 1 }), { noNullPrototype: true }),
  })
  .map((one) => ({
    ...one,
    conflict:
      one.direction.kind === 'one-way'
        ? null
        : {
            policy: 'site-priority',
            priority: one.direction.between,
            by: null,
            merge: 'row',
            groups: [],
            counters: [],
          },
  }));
const database = fc.record({
  region,
  engine: fc.constantFrom('mysql' as const, 'mariadb' as const),
  endpoints: fc.array(text, { minLength: 1, maxLength: 2 }),
  user: text,
  password: fc.oneof(fc.record({ env: text }), fc.record({ file: text })),
  tls: fc.option(fc.record({ ca: text }), { nil: null }),
  schema: fc.constantFrom('otter', 'other'),
  protect: fc.boolean(),
});
const topologies: fc.Arbitrary<Topology> = fc.record({
  name: fc.constant('t'),
  region: fc.dictionary(region, fc.record({ description: text }), { noNullPrototype: true }),
  node: fc.dictionary(fc.constantFrom('n1', 'n2'), fc.record({ region, listen: text, advertise: text }), {
    noNullPrototype: true,
  }),
  database: fc.dictionary(fc.constantFrom('x', 'y', 'z'), database, { noNullPrototype: true }),
  channel: fc.dictionary(fc.constantFrom('one', 'two'), channel, { noNullPrototype: true }),
  files: fc.dictionary(fc.constantFrom('f'), fileSet, {
    noNullPrototype: true,
  }),
  notify: fc.constant({}),
  alert: fc.constant({}),
  policy: fc.constant({}),
});

function reversedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, one]) => [key, reversedKeys(one)]),
  );
}

test('applying a plan leads from any topology to any other, and then there is nothing to do', async () => {
  await fc.assert(
    fc.asyncProperty(topologies, topologies, async (a, b) => {
      await using store = memoryStore();
      for (const desired of [a, b, NOTHING]) {
        const plan = await planned(store, desired);
        for (const { before, after, attributes, effects, effect_risks } of plan.changes) {
          expect(before === null && after === null).toBe(false);
          expect(effect_risks).toHaveLength(effects.length);
          if (before !== null && after !== null) expect(attributes).not.toEqual([]);
        }
        await applying(store, plan);
        expect(await present(store, 't')).toEqual(JSON.parse(JSON.stringify(desired)));
        expect((await planned(store, desired)).changes).toEqual([]);
      }
    }),
    { numRuns: 60 },
  );
});

test('the order of keys never changes a plan', async () => {
  await fc.assert(
    fc.asyncProperty(topologies, topologies, async (a, b) => {
      await using store = memoryStore();
      await applying(store, await planned(store, a));
      const other = await planned(store, reversedKeys(b) as Topology);
      expect(planJson(other)).toBe(planJson(await planned(store, b)));
      expect((await planned(store, reversedKeys(a) as Topology)).changes).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('the digest is that of what is written and read: the same for the same, another for another', async () => {
  await using store = memoryStore();
  const [one, again] = [await planned(store, loaded(SHOP)), await planned(store, loaded(SHOP))];
  expect(again.plan_digest).toBe(one.plan_digest);
  // A status, which nodes write, is another revision of the store and the same plan.
  await store.commit({ conditions: [], puts: [{ key: '/otter/t/status/channel/shop', value: '{}' }], deletes: [] });
  const later = await planned(store, loaded(SHOP));
  expect(later.base_revision).toBeGreaterThan(one.base_revision);
  expect(later.plan_digest).toBe(one.plan_digest);
  const other = await planned(store, loaded(SHOP.replace('shop.stock', 'shop.stuff')));
  expect(other.plan_digest).not.toBe(one.plan_digest);
});

test('a saved plan is read back whole, and refused when it was changed by hand', async () => {
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP));
  const saved = planJson(plan);
  expect(readPlan(saved, sha256)).toEqual(plan);
  expect(() => readPlan(saved.replaceAll('shop.stock', 'shop.money'), sha256)).toThrow(/digest/);
  expect(() => readPlan('{"format_version":"9"}', sha256)).toThrow(/not a saved plan/);
});

test('whatever of a saved plan is edited, it is refused: every value in it, also one that is only shown', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const plan = refusedPlan(await planned(store, loaded(SHOP.replace('shop.stock', 'shop.stuff'))), sha256);
  const saved = planJson(plan);
  expect(readPlan(saved, sha256)).toEqual(plan);
  const refused = (edited: unknown, what: string): void => {
    expect(() => readPlan(JSON.stringify(edited), sha256), what).toThrow(/digest|not a saved plan|has format/);
  };
  let places = 0;
  const eachPlace = (value: unknown, path: readonly string[], rebuild: (other: unknown) => unknown): void => {
    if (typeof value === 'object' && value !== null) {
      refused(rebuild(Array.isArray(value) ? [...(value as unknown[]), 0] : { ...value, extra: 0 }), path.join('.'));
      for (const key of Object.keys(value)) {
        const inside = (value as Record<string, unknown>)[key];
        eachPlace(inside, [...path, key], (other) =>
          rebuild(Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other }),
        );
      }
      return;
    }
    places += 1;
    refused(rebuild(typeof value === 'boolean' ? !value : `${String(value)}x`), path.join('.'));
  };
  eachPlace(JSON.parse(saved), [], (other) => other);
  expect(places).toBeGreaterThan(30);
  refused({ ...plan, document_digest: undefined }, 'without its digest');
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  expect(() => readPlan(saved.replace('"drift": []', `"drift": ${deep}`), sha256)).toThrow(/digest/);
});

test('who writes the digest of the whole anew does not get another plan past the one that was reviewed', async () => {
  await using store = memoryStore();
  const { document_digest: _, ...plan } = await planned(store, loaded(SHOP));
  const forged = { ...plan, changes: plan.changes.slice(1) };
  const text = JSON.stringify({ ...forged, document_digest: sha256(canonicalText(forged)) });
  expect(() => readPlan(text, sha256)).toThrow(/digest/);
});

test('what others refer to comes first and goes last', async () => {
  await using store = memoryStore();
  const addresses = (plan: Awaited<ReturnType<typeof planned>>) => plan.changes.map(({ address }) => address);
  const create = await planned(store, loaded(SHOP));
  expect(addresses(create)).toEqual([
    'region.a',
    'region.b',
    'node.a1',
    'node.b1',
    'database.ca',
    'database.hz',
    'channel.shop',
  ]);
  await applying(store, create);
  const kinds = (await planned(store, NOTHING, { destroy: true })).changes.map(({ kind }) => kind);
  expect(kinds).toEqual(['channel', 'database', 'database', 'node', 'node', 'region', 'region']);
});

test('a target brings what it cannot do without, in both directions', async () => {
  await using store = memoryStore();
  const shop = loaded(SHOP);
  const part = await planned(store, shop, { target: ['hz'] });
  expect(part.changes.map(({ address }) => address)).toEqual(['region.a', 'database.hz']);
  const table = await planned(store, shop, { target: ['table.shop/shop.orders'] });
  expect(table.changes.map(({ address }) => address)).toContain('database.ca');
  await applying(store, await planned(store, shop));
  const removed = await planned(store, NOTHING, { target: ['database.hz'], destroy: true });
  expect(removed.changes.map(({ address }) => address)).toEqual(['channel.shop', 'database.hz']);
  await expect(planned(store, shop, { target: ['nowhere'] })).rejects.toMatchObject({ code: 'OT7001' });
  await expect(planned(store, shop, { target: ['chanel.shop'] })).rejects.toMatchObject({
    hint: 'Did you mean `channel.shop`?',
  });
});

test('a protected database is neither destroyed nor replaced without being named', async () => {
  await using store = memoryStore();
  const shop = loaded(SHOP.replace('hz: { region: a,', 'hz: { protect: true, region: a,'));
  await applying(store, await planned(store, shop));
  const { applied, live } = await readApplied(store, 't');
  const refusals = async (desired: Topology, allowDestroy: string[], unbuilt = shop.unbuilt) =>
    guard(await planned(store, desired, { destroy: true }), { desired, applied, live, unbuilt, allowDestroy });
  expect(await refusals(NOTHING, [])).toEqual([
    {
      code: 'OT2004',
      message: 'database.hz is protected and would be destroyed',
      hint: 'When it is meant: --allow-destroy database.hz',
    },
  ]);
  expect(await refusals(NOTHING, ['hz'])).toEqual([]);
  expect(await refusals(NOTHING, ['database.hz'])).toEqual([]);
  expect(await refusals(NOTHING, ['database.ca'])).toHaveLength(1);
  const { hz } = shop.topology.database;
  const replaced = {
    ...shop.topology,
    database: { ...shop.topology.database, hz: { ...hz!, engine: 'mysql' as const } },
  };
  expect((await refusals(replaced, [])).map(({ message }) => message)).toEqual([
    'database.hz is protected and would be replaced',
  ]);
});

test('what is not built refuses when it changes rows, and what is left over refers to nothing that is gone', async () => {
  await using store = memoryStore();
  const shop = loaded(SHOP.replace('between: [hz, ca]', 'between: [hz, ca]\n    scope: transaction'));
  const plan = await planned(store, shop);
  const { applied, live } = await readApplied(store, 't');
  const told = guard(plan, { desired: shop.topology, applied, live, unbuilt: shop.unbuilt, allowDestroy: [] });
  expect(told).toMatchObject([
    { code: 'OT1090', message: expect.stringMatching(/^shop\.yaml:\d+:\d+: .*scope: transaction/) },
  ]);
  await applying(store, plan);
  const after = await readApplied(store, 't');
  const destroy = await planned(store, NOTHING, { destroy: true });
  const cut = { ...destroy, changes: destroy.changes.filter(({ address }) => address === 'database.hz') };
  expect(guard(cut, { desired: NOTHING, ...after, unbuilt: [], allowDestroy: [] })).toMatchObject([
    { message: 'database.hz would be destroyed, and channel.shop still uses it' },
  ]);
});

test('the reference names every key of a plan', async () => {
  await using store = memoryStore();
  const reference = readFileSync(new URL('../../docs/reference/plan-json.md', import.meta.url), 'utf8');
  const plan = await planned(store, loaded(SHOP));
  const [change] = plan.changes;
  const names = [plan, change!, change!.attributes[0] ?? plan.changes.at(-1)!.attributes[0]!, change!.source!];
  for (const name of names.flatMap((value) => Object.keys(value))) expect(reference).toContain(`\`${name}\``);
});
