/** Guards and rules: what a plan may not do, whichever part of it is planned, and whoever loosens what in the same plan. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readApplied } from '../../src/executor/apply.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { PipelineRecord } from '../../src/model/records.ts';
import type { Topology } from '../../src/model/topology.ts';
import { guard, unnamed } from '../../src/planner/guard.ts';
import type { PlanInput } from '../../src/planner/plan.ts';
import { renderPlan } from '../../src/render/text.ts';
import { statusKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, type Loaded, loaded, NOTHING, planned, SHOP } from './world.ts';

async function held(
  store: StateStore,
  desired: Topology | Loaded,
  more: Partial<PlanInput> = {},
  allowDestroy: string[] = [],
) {
  const plan = await planned(store, desired, { today: '2026-11-30', ...more });
  const topology = 'topology' in desired ? (desired as Loaded).topology : (desired as Topology);
  const { applied, live } = await readApplied(store, 't');
  return { plan, refusals: guard(plan, { desired: topology, applied, live, unbuilt: [], allowDestroy }) };
}

async function applied(text: string, run = false) {
  const store = memoryStore();
  await applying(store, await planned(store, loaded(text)));
  const record: PipelineRecord = {
    observedGeneration: 9,
    phase: 'streaming',
    position: null,
    error: null,
    node: 'b1',
    updatedMs: 0,
  };
  const puts = ['shop/hz>ca', 'shop/ca>hz'].map((name) => ({
    key: statusKey('t', 'pipeline', name),
    value: JSON.stringify(record),
  }));
  if (run) await store.commit({ conditions: [], puts, deletes: [] });
  return store;
}

const guards = (limits: string): string => `${SHOP}guards: { ${limits} }\n`;
const messages = ({ refusals }: Awaited<ReturnType<typeof held>>) =>
  refusals.map(({ code, message }) => `${code} ${message}`);

test('objects that are destroyed are counted, but for those that are named', async () => {
  await using store = await applied(guards('max_destroy: 2'));
  const destroy = (named: string[] = []) => held(store, NOTHING, { destroy: true }, named);
  expect(messages(await destroy())).toEqual([
    'OT2009 7 objects would be destroyed or replaced at once, and `guards.max_destroy` allows 2',
  ]);
  expect(messages(await destroy(['shop', 'database.hz', 'ca', 'node.a1', 'b1']))).toEqual([]);
  await using part = await applied(guards('max_destroy: 20%'));
  expect(messages(await held(part, NOTHING, { destroy: true }))).toEqual([
    'OT2009 7 objects would be destroyed or replaced at once, and `guards.max_destroy` allows 20% of 7, that is 1',
  ]);
  expect(messages(await held(part, NOTHING, { destroy: true, target: ['channel.shop'] }))).toEqual([]);
});

test('changes and disturbed pipelines are counted, renames are not', async () => {
  await using store = await applied(guards('max_change: 1, max_pipelines: 50%'));
  const other = SHOP.replaceAll('user: otter', 'user: other');
  expect(messages(await held(store, loaded(other)))).toEqual([
    'OT2009 2 objects would be changed, replaced or destroyed at once, and `guards.max_change` allows 1',
    'OT2009 2 running pipelines would end, begin anew or pause at once, and `guards.max_pipelines` allows 50% of 2, that is 1',
  ]);
  const renamed = `${guards('max_change: 0, max_pipelines: 0').replace('  shop:', '  store:')}moved: [{ from: channel.shop, to: channel.store }]\n`;
  expect(messages(await held(store, loaded(renamed)))).toEqual([]);
});

test('how many rows are copied must be known where it is limited', async () => {
  await using store = memoryStore();
  const desired = loaded(guards('max_copy_rows: 1000'));
  expect(messages(await held(store, desired))).toEqual([
    'OT2009 how many rows shop/hz>ca would copy is not known, and `guards.max_copy_rows` allows 1000',
  ]);
  const sizes = (rows: number) =>
    new Map([
      [
        'hz',
        [
          { schema: 'shop', name: 'orders', rows, bytes: 1_500_000 },
          { schema: 'shop', name: 'stock', rows: 1, bytes: 9 },
          { schema: 'shop', name: 'other', rows: 1e9, bytes: 9 },
        ],
      ],
    ]);
  expect(messages(await held(store, desired, { sizes: sizes(999) }))).toEqual([]);
  const over = await held(store, desired, { sizes: sizes(1_234_566) });
  expect(messages(over)).toEqual(['OT2009 about 1234567 rows would be copied, and `guards.max_copy_rows` allows 1000']);
  expect(renderPlan(over.plan, { colour: false })).toContain(
    'about 1,234,567 rows (1.5 MB) are copied from hz to ca\n',
  );
});

test('a frozen topology changes only its guards and rules', async () => {
  await using store = await applied(guards('freeze: true'));
  const other = loaded(guards('max_destroy: 1').replace('shop.stock', 'shop.stuff'));
  expect(messages(await held(store, other))).toEqual([
    'OT2009 the topology is frozen (`guards.freeze`), and the plan changes 1 object',
  ]);
  const thawed = await held(store, other, { target: ['policy.guards'] });
  expect(messages(thawed)).toEqual([]);
  await applying(store, thawed.plan);
  expect(messages(await held(store, other))).toEqual([]);
});

test('no plan loosens a limit or a rule and crosses it', async () => {
  const rule = `rules: { no-end: { when: "kind = 'channel' AND action = 'delete'", message: ask first } }\n`;
  await using store = await applied(`${guards('max_destroy: 0')}${rule}`);
  const without = loaded(SHOP.slice(0, SHOP.indexOf('channels:')));
  const { plan, refusals } = await held(store, without);
  expect(refusals.map(({ code }) => code)).toEqual(['OT2100', 'OT2009']);
  expect(plan.findings.filter(({ code }) => code === 'OT2109').map(({ address }) => address)).toEqual([
    'policy.guards',
    'policy.rules',
  ]);
  // One after the other is what somebody can review.
  for (const target of ['policy.guards', 'policy.rules']) {
    const step = await held(store, without, { target: [target] });
    expect(step.refusals).toEqual([]);
    await applying(store, step.plan);
  }
  expect((await held(store, without)).refusals).toEqual([]);
});

test('a rule can be about limits and rules themselves, and a waiver is the way past it', async () => {
  const ruled = (waive: string, more = ''): string =>
    `${guards('max_destroy: 1')}rules: { two-eyes: { when: "kind = 'policy' AND action <> 'create'", message: ask first${waive} }${more} }\n`;
  await using store = memoryStore();
  const first = await held(store, loaded(ruled('')));
  expect(messages(first)).toEqual([]);
  await applying(store, first.plan);
  const broken = (name: string): string => `OT2100 ${name} breaks \`two-eyes\`: ask first`;
  expect(messages(await held(store, loaded(ruled('', ', OT2102: off'))))).toEqual([broken('policy.rules')]);
  expect(messages(await held(store, loaded(ruled('').replace('max_destroy: 1', 'max_destroy: 2'))))).toEqual([
    broken('policy.guards'),
  ]);
  const gone = loaded(SHOP);
  expect(messages(await held(store, gone))).toEqual([broken('policy.guards'), broken('policy.rules')]);
  const excepted = (name: string): string => `{ for: ${name}, until: "2026-12-31", reason: agreed }`;
  const waived = await held(
    store,
    loaded(ruled(`, waive: [${excepted('policy.guards')}, ${excepted('policy.rules')}]`)),
  );
  expect(messages(waived)).toEqual([]);
  await applying(store, waived.plan);
  expect(messages(await held(store, gone))).toEqual([]);
});

const RULES = `rules:
  OT2102: off
  OT2101: error
  no-copies:
    when: "kind = 'channel' AND initial = 'copy' AND (action = 'create' OR was_initial <> 'copy')"
    message: begin with equal databases
    waive: [{ for: channel.shop, until: "2026-12-31", reason: the first one }]
  no-root:
    on: state
    when: "kind = 'database' AND nodes < 2 AND NOT protect"
    message: protect it, or run another node
    severity: warning
`;

test('rules: severities, conditions, and a waiver that ends', async () => {
  await using store = memoryStore();
  const desired = loaded(`${SHOP}${RULES}`);
  const { plan, refusals } = await held(store, desired);
  expect(
    plan.findings.map(({ code, rule, severity, address, waived, lapsed }) => [
      code,
      rule,
      severity,
      address,
      waived?.until ?? lapsed,
    ]),
  ).toEqual([
    ['OT2101', null, 'error', 'channel.shop', null],
    ['OT2100', 'no-copies', 'error', 'channel.shop', '2026-12-31'],
    ['OT2100', 'no-root', 'warning', 'database.ca', null],
    ['OT2100', 'no-root', 'warning', 'database.hz', null],
  ]);
  expect(refusals.map(({ message }) => message)).toEqual([
    'channel.shop: it does not say how conflicts are decided; by default hz wins',
  ]);
  const late = await held(store, desired, { today: '2027-01-01' });
  expect(late.refusals.map(({ message }) => message)).toContain(
    'channel.shop breaks `no-copies`: begin with equal databases; its waiver ended on 2026-12-31',
  );
  // The rest of the page is as `text.test.ts` has it.
  const text = renderPlan(plan, { colour: false });
  expect(text.slice(text.indexOf('By the rules:'), text.indexOf('In all:'))).toMatchInlineSnapshot(`
    "By the rules:

      error    OT2101  channel.shop: it does not say how conflicts are decided; by default hz wins
      warning  OT2100 no-root  database.ca: protect it, or run another node
      warning  OT2100 no-root  database.hz: protect it, or run another node
      waived   OT2100 no-copies  channel.shop: begin with equal databases (waived until 2026-12-31: the first one)

    "
  `);
  expect(text).toContain('low     policy.rules: plans are held against these rules, this one too\n');
  expect(text).toContain(
    '      + no-copies.waive    = [{ for: channel.shop, reason: the first one, until: 2026-12-31 }]\n',
  );
  // What is as it was is not said again.
  await applying(store, plan);
  expect((await held(store, desired)).plan.findings).toEqual([]);
});

test('what the files are let pass for a while is told of what a plan touches', async () => {
  await using store = memoryStore();
  const waived = ['node.a1', 'node.b1'].map((at) => ({
    code: 'OT1036' as const,
    rule: null,
    severity: 'warning' as const,
    address: at,
    message: 'nodes ask nobody who they are',
    source: null,
    waived: { until: '2026-12-31', reason: 'soon' },
    lapsed: null,
  }));
  const first = await held(store, loaded(SHOP), { waived });
  expect(first.plan.findings.filter(({ code }) => code === 'OT1036')).toEqual(waived);
  await applying(store, first.plan);
  const other = loaded(SHOP.replace('127.0.0.2', '127.0.0.3'));
  const { plan, refusals } = await held(store, other, { waived });
  expect([plan.findings, refusals]).toEqual([[waived[1]], []]);
  const { entries } = await store.list('/otter/t/history/');
  expect(JSON.parse(entries[0]!.value)).toMatchObject({ waived: [{ address: 'node.a1' }, { address: 'node.b1' }] });
});

test.each<[string, (text: string) => string, string | null]>([
  ['OT2103', (text) => text.replace('hz: {', 'hz: { protect: true,'), 'database.ca'],
  [
    'OT2104',
    (text) =>
      text.replace(
        '  shop:\n',
        '  more: { between: [hz, ca], initial: none, conflict: { policy: site-priority }, tables: [crm.x] }\n  shop:\n',
      ),
    'channel.more',
  ],
  ['OT2105', (text) => text.replace('tables:', 'conflict: { merge: row }\n    tables:'), 'channel.shop'],
  ['OT2106', (text) => text.replace('ca: { protect: true,', 'ca: {'), 'database.ca'],
  ['OT2107', (text) => `${text}  dw: { from: hz, to: ca, existing: replace, tables: [crm.x] }\n`, 'channel.dw'],
  ['OT2108', (text) => text.replace('tables:', 'ddl: ignore\n    tables:'), 'channel.shop'],
  ['OT2102', (text) => text.replace(/ {2}a2: .*\n/, ''), 'region.a'],
])('%s is found where it begins', async (code, change, address) => {
  const base = SHOP.replace('nodes:\n', 'nodes:\n  a2: { region: a, listen: "127.0.0.3:7401" }\n').replace(
    'tables:',
    'conflict: { merge: column }\n    tables:',
  );
  const before =
    code === 'OT2106'
      ? base.replace('ca: {', 'ca: { protect: true,')
      : code === 'OT2103'
        ? base.replace('ca: {', 'ca: { schema: o,')
        : base;
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(before)));
  expect((await planned(store, loaded(before))).findings).toEqual([]);
  const text = change(code === 'OT2105' ? before.replace('    conflict: { merge: column }\n', '') : before);
  const { findings } = await planned(store, loaded(code === 'OT2103' ? text.replace('schema: o,', '') : text));
  expect(findings.filter((one) => one.code === code).map((one) => one.address)).toEqual([address]);
});

test('what cannot be undone is said with why, and a yes to everything does not cover it', async () => {
  await using fresh = await applied(SHOP);
  const without = loaded(SHOP.slice(0, SHOP.indexOf('channels:')));
  // Nothing has run: the same can be made again.
  expect((await planned(fresh, without)).changes[0]!.irrevocable).toBeNull();
  await using store = await applied(SHOP, true);
  const plan = await planned(store, without);
  expect(unnamed(plan, [])).toEqual([{ address: 'channel.shop', why: 'positions of shop/hz>ca, shop/ca>hz are lost' }]);
  expect(unnamed(plan, ['shop'])).toEqual([]);
  expect(renderPlan(plan, { colour: false })).toContain(
    'Cannot be undone:\n\n  channel.shop: positions of shop/hz>ca, shop/ca>hz are lost\n',
  );
  const why = async (text: string) =>
    (await planned(store, loaded(text))).changes.flatMap(({ address, irrevocable }) =>
      irrevocable === null ? [] : [`${address}: ${irrevocable}`],
    );
  expect(await why(SHOP.replace('engine: mysql', 'engine: mariadb'))).toEqual([
    'database.ca: positions of shop/ca>hz, shop/hz>ca and the conflict log kept in it are lost',
  ]);
  expect(await why(SHOP.replace('tables:', 'ddl: ignore\n    tables:'))).toEqual([]);
  expect(await why(`${SHOP}  dw:\n    from: hz\n    to: ca\n    existing: replace\n    tables: [crm.x]\n`)).toEqual([
    'channel.dw: rows that its tables have in ca are deleted',
  ]);
});

const address = fc.constantFrom(
  'channel.shop',
  'channel.more',
  'database.hz',
  'database.ca',
  'node.a1',
  'node.b1',
  'region.a',
  'region.b',
  'policy.guards',
  'policy.rules',
);

test('no choice of --target and --exclude bypasses a guard, leaves a reference to nothing, or writes what was not there to write', async () => {
  const more = `${SHOP.replace('hz: {', 'hz: { protect: true,')}  more:\n    from: hz\n    to: ca\n    tables: [crm.x]\nguards: { max_destroy: 1 }\nrules: { no-end: { when: "kind = 'channel' AND action = 'delete'", message: never } }\n`;
  const ends = [NOTHING, loaded(SHOP).topology, loaded(SHOP.slice(0, SHOP.indexOf('channels:'))).topology];
  await using store = await applied(more);
  await using empty = memoryStore();
  await fc.assert(
    fc.asyncProperty(
      fc.array(address, { maxLength: 3 }),
      fc.array(address, { maxLength: 3 }),
      fc.nat(2),
      fc.boolean(),
      async (target, exclude, end, fromNothing) => {
        const desired = fromNothing ? loaded(more).topology : ends[end]!;
        const from = fromNothing ? empty : store;
        const known = (list: string[]) => list.filter((one) => !fromNothing || one !== 'policy.none');
        const { plan, refusals } = await held(from, desired, {
          target: known(target),
          exclude: known(exclude),
          destroy: desired === NOTHING,
        });
        const gone = plan.changes.filter(({ after, kind }) => after === null && kind !== 'policy');
        for (const one of exclude) expect(plan.changes.map((change) => change.address)).not.toContain(one);
        if (gone.some(({ address: at }) => at === 'database.hz'))
          expect(messages({ plan, refusals })).toContain('OT2004 database.hz is protected and would be destroyed');
        if (gone.length > 1) expect(refusals.map(({ code }) => code)).toContain('OT2009');
        if (gone.some(({ kind }) => kind === 'channel')) expect(refusals.map(({ code }) => code)).toContain('OT2100');
        // Order: what others refer to is there when they are written, and goes when nothing refers to it.
        const there = new Set((await readApplied(from, 't')).applied.specs.map(({ kind, name }) => `${kind}.${name}`));
        for (const { kind, address: at, after } of plan.changes) {
          const spec = after as {
            region?: string;
            direction?: { between?: string[]; from?: string[]; to?: string[] };
          } | null;
          const needs =
            kind === 'node' || kind === 'database'
              ? [`region.${spec?.region}`]
              : kind === 'channel'
                ? Object.values(spec?.direction ?? {}).flatMap((names) =>
                    Array.isArray(names) ? names.map((name) => `database.${name}`) : [],
                  )
                : [];
          if (after === null) there.delete(at);
          else {
            for (const need of needs) expect(there).toContain(need);
            there.add(at);
          }
        }
        expect(refusals.filter(({ message }) => message.includes('still uses it'))).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});
