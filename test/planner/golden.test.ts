/**
 * Plans in every form in which they are shown: test/golden/plans has the text, the JSON, the Markdown and the drawings of a few, and
 * OTTER_UPDATE=1 writes them anew. All JSON is as schema/plan.schema.json says.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { readApplied } from '../../src/executor/apply.ts';
import type { NodeRecord } from '../../src/model/records.ts';
import type { Topology } from '../../src/model/topology.ts';
import { guard } from '../../src/planner/guard.ts';
import { type Plan, refusedPlan } from '../../src/planner/plan.ts';
import { drawnPlan } from '../../src/render/graph.ts';
import { planJson } from '../../src/render/json.ts';
import { planMarkdown } from '../../src/render/markdown.ts';
import { renderPlan } from '../../src/render/text.ts';
import { nodeKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, type Loaded, loaded, NOTHING, planned, SHOP, sha256 } from './world.ts';

const FOLDER = 'test/golden/plans';
const GITHUB_CHARS_MAX = 65_536;

const valid = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync('schema/plan.schema.json', 'utf8')) as object,
);

const CHANGED = `${SHOP.replace('  shop:\n', '  store:\n')
  .replace('hz: {', 'hz: { protect: true,')
  .replace('engine: mysql', 'engine: mariadb')
  .replace('- shop.stock', '- shop.customer')
  .replace('tables:', 'conflict: { log: keys }\n    ddl: ignore\n    tables:')}  dw:
    from: hz
    to: ca
    existing: replace
    tables: [{ from: crm.client_2, to: "dw.c|ient" }]
moved: [{ from: channel.shop, to: channel.store }]
guards: { max_copy_rows: 1000000, max_pipelines: 50% }
rules:
  OT2103: error
  no-ignoring:
    when: "ddl = 'ignore'"
    message: "say \`ddl: stop\`, <b>please</b>"
    severity: warning
    waive: [{ for: channel.store, until: "2027-01-31", reason: until the | migration is over }]
`;

/** A node that copies, so that it is known how fast. */
const BUSY = {
  databases: ['hz'],
  pipelines: {
    'shop/hz>ca': {
      phase: 'copying',
      observedGeneration: 1,
      rowsPerSecond: 25_000,
      copy: {},
      error: null,
      index: null,
    },
  },
  updatedMs: 0,
} as unknown as NodeRecord;

const SIZES = new Map([
  [
    'hz',
    [
      { schema: 'shop', name: 'customer', rows: 4_000_000, bytes: 812_345_678 },
      { schema: 'crm', name: 'client_2', rows: 12, bytes: 16_384 },
    ],
  ],
]);

async function scenes(): Promise<
  Record<string, [plan: Plan, desired: Loaded | Topology, refusals: ReturnType<typeof guard>]>
> {
  await using store = memoryStore();
  const held = async (desired: Loaded | Topology, more = {}): ReturnType<typeof one> => one(desired, more);
  const one = async (
    desired: Loaded | Topology,
    more: object,
  ): Promise<[Plan, Loaded | Topology, ReturnType<typeof guard>]> => {
    const topology = 'topology' in desired ? (desired as Loaded).topology : (desired as Topology);
    const plan = await planned(store, desired, { today: '2026-11-30', ...more });
    const { applied, live } = await readApplied(store, 't');
    const refusals = guard(plan, { desired: topology, applied, live, unbuilt: [], allowDestroy: [] });
    return [refusals.length > 0 ? refusedPlan(plan, sha256) : plan, desired, refusals];
  };
  const first = await held(loaded(SHOP));
  await applying(store, first[0]);
  await store.commit({ conditions: [], puts: [{ key: nodeKey('t', 'a1'), value: JSON.stringify(BUSY) }], deletes: [] });
  return {
    first,
    changed: await held(loaded(CHANGED), { sizes: SIZES }),
    likely: await held(loaded(SHOP.replace('  shop:\n', '  store:\n'))),
    destroyed: await held(NOTHING, { destroy: true }),
    none: await held(loaded(SHOP)),
  };
}

test('plans look like this, in every form', async () => {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, [plan, desired, refusals]] of Object.entries(await scenes())) {
    const topology = 'topology' in desired ? (desired as Loaded).topology : (desired as Topology);
    // Lineages are counted over all tests.
    const json = planJson(plan)
      .replaceAll(/"lineage-\d+"/g, '"lineage"')
      .replaceAll(/"(plan|document)_digest": "\w+"/g, '"$1_digest": ""');
    const forms = {
      txt: renderPlan(plan, { colour: false }),
      json: `${json}\n`,
      md: planMarkdown({ ...plan, plan_digest: 'digest' }, refusals),
      mmd: drawnPlan(topology, plan, 'mermaid'),
      dot: drawnPlan(topology, plan, 'dot'),
    };
    const parsed: unknown = JSON.parse(planJson(plan));
    expect(valid(parsed) ? [] : valid.errors, name).toEqual([]);
    for (const [form, text] of Object.entries(forms)) {
      const path = `${FOLDER}/${name}.${form}`;
      if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(path, text);
      expect(text, path).toBe(readFileSync(path, 'utf8'));
    }
  }
});

test('however large a plan is, its Markdown fits into a comment and says what is left out', async () => {
  await using store = memoryStore();
  const { topology } = loaded(SHOP);
  const shop = topology.channel['shop']!;
  const many = (count: number, tables: number): Topology => ({
    ...topology,
    channel: Object.fromEntries(
      Array.from({ length: count }, (_, n) => [
        `c${n}`,
        {
          ...shop,
          tables: Array.from({ length: tables }, (__, m) => ({
            ...shop.tables[0]!,
            from: `shop.a_long_name_of_a_table_${n}_${m}`,
          })),
        },
      ]),
    ),
  });
  for (const [count, tables] of [
    [300, 20],
    [1, 4000],
    [3, 10],
  ] as const) {
    const plan = await planned(store, many(count, tables));
    const refusals = Array.from({ length: 200 }, () => ({ code: 'OT2004' as const, message: 'x'.repeat(2_000) }));
    const text = planMarkdown(plan, refusals);
    expect(text.length).toBeLessThan(GITHUB_CHARS_MAX);
    expect(text).toContain('- and 150 more');
    const fences = text.split('\n').filter((line) => /^`{3,}/.test(line));
    expect(fences.length % 2).toBe(0);
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
    if (count === 300) expect(text).toMatch(/and \d+ more effects, which `otter plan` shows/);
    if (count !== 3) expect(text).toMatch(/and \d+ more objects?, which `otter plan` shows/);
    else expect(text).toContain('<details><summary>Every attribute</summary>');
    expect(text.trimEnd().split('\n').at(-1)).toContain(plan.plan_digest);
  }
});
