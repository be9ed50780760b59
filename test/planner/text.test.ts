/** Plans as people read them. */
import { expect, test } from 'vitest';
import type { PipelineRecord } from '../../src/model/records.ts';
import { renderPlan } from '../../src/render/text.ts';
import { statusKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, NOTHING, planned, SHOP } from './world.ts';

const plain = { colour: false };

test('a first plan', async () => {
  await using store = memoryStore();
  expect(renderPlan(await planned(store, loaded(SHOP)), plain)).toMatchInlineSnapshot(`
    "otter will do this to topology t (serial 1):

      + region.a will be created  # shop.yaml:3

      + region.b will be created  # shop.yaml:3

      + node.a1 will be created  # shop.yaml:5
          + advertise = "127.0.0.1:7401"
          + listen    = "127.0.0.1:7401"
          + region    = "a"

      + node.b1 will be created  # shop.yaml:6
          + advertise = "127.0.0.2:7401"
          + listen    = "127.0.0.2:7401"
          + region    = "b"

      + database.ca will be created  # shop.yaml:9
          + endpoints    = [10.0.1.2:3306]
          + engine       = "mysql"
          + password.env = "P"
          + protect      = false
          + region       = "b"
          + schema       = "otter"
          + user         = "otter"

      + database.hz will be created  # shop.yaml:8
          + endpoints    = [10.0.1.1:3306]
          + engine       = "mariadb"
          + password.env = "P"
          + protect      = false
          + region       = "a"
          + schema       = "otter"
          + user         = "otter"

      + channel.shop will be created  # shop.yaml:11
          + apply.atomic        = true
          + apply.lanes         = 1
          + between             = [hz, ca]
          + conflict.keep.count = 100000
          + conflict.keep.days  = 30
          + conflict.log        = "full"
          + conflict.merge      = "row"
          + conflict.policy     = "site-priority"
          + conflict.priority   = [hz, ca]
          + ddl                 = "stop"
          + enabled             = true
          + existing            = "refuse"
          + initial             = "copy"
          + on_error            = "stop"
          + tables[shop.orders]
          + tables[shop.stock]

    What it does, by risk:

      medium  channel.shop: existing rows are copied from hz to ca
      low     node.a1: serves databases of region a once it is started: otter node a1
      low     node.b1: serves databases of region b once it is started: otter node b1
      low     database.ca: the schema \`otter\` for otter's own tables is created in it when its node starts
      low     database.hz: the schema \`otter\` for otter's own tables is created in it when its node starts
      low     channel.shop: pipelines are created: shop/hz>ca, shop/ca>hz
      low     channel.shop: target tables are created where they are missing, in ca
      low     channel.shop: a table of ca that has rows already is not copied into; its pipeline stops and says so
      low     channel.shop: when two sites write the same row, hz wins

    By the rules:

      warning  OT2102  region.a: a1 is its only node: while it is away, pipelines of hz stand still
      warning  OT2102  region.b: b1 is its only node: while it is away, pipelines of ca stand still
      warning  OT2101  channel.shop: it does not say how conflicts are decided; by default hz wins

    In all:

      rows are copied from hz to ca; how many, the databases say: --live

    Plan: 7 to add, 0 to change, 0 to destroy.
    "
  `);
});

test('an added table is one added line; nothing else is said to move', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const more = loaded(SHOP.replace('      - shop.stock', '      - shop.customer\n      - shop.stock'));
  expect(renderPlan(await planned(store, more), plain)).toMatchInlineSnapshot(`
    "otter will do this to topology t (serial 2):

      ~ channel.shop will be changed  # shop.yaml:15
          + tables[shop.customer]

    What it does, by risk:

      medium  channel.shop: existing rows of shop.customer are copied from hz to ca
      low     channel.shop: shop.customer joins shop/hz>ca, shop/ca>hz; other tables go on undisturbed
      low     channel.shop: target tables are created where they are missing, in ca
      low     channel.shop: a table of ca that has rows already is not copied into; its pipeline stops and says so

    In all:

      rows are copied from hz to ca; how many, the databases say: --live

    Plan: 0 to add, 1 to change, 0 to destroy.
    "
  `);
});

test.each([
  [
    'shop.*',
    [
      'existing rows of tables of shop.* that join shop/hz>ca, shop/ca>hz are copied from hz to ca',
      'tables of shop.* that are in the channel already go on undisturbed',
    ],
  ],
  [
    '{ from: shop.stock, to: shop.store }',
    [
      'existing rows of shop.stock -> shop.store are copied from hz to ca',
      'shop.stock is not kept the same any more; rows stay where they are',
      'shop.stock -> shop.store joins shop/hz>ca, shop/ca>hz; other tables go on undisturbed',
    ],
  ],
  [
    '{ from: shop.s*, columns: { omit: [note] } }',
    [
      'tables of shop.s* that are in the channel already go on undisturbed',
      'rows of shop.s* that travelled already stay as they are',
    ],
  ],
])('tables that are named in another way: %s', async (entry, effects) => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const { changes } = await planned(store, loaded(SHOP.replace('      - shop.stock', `      - ${entry}`)));
  expect(changes).toHaveLength(1);
  for (const effect of effects) expect(changes[0]!.effects).toContain(effect);
  const gone = changes[0]!.effects.filter((effect) => effect.includes('any more'));
  expect(gone).toEqual(effects.filter((effect) => effect.includes('any more')));
});

test.each([
  ['initial: none', 'initial: copy', 'existing rows of all tables whose copy has not begun are copied now'],
  [
    'initial: copy',
    'initial: copy',
    'counts for tables whose copy has not begun; those that were copied are not copied again',
  ],
])('that rows are deleted is said whenever `existing: replace` begins to count (%s, %s)', async (was, is, what) => {
  const oneWay = (more: string): string => SHOP.replace('between: [hz, ca]', `from: hz\n    to: ca\n    ${more}`);
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(oneWay(`${was}\n    existing: merge`))));
  const { changes } = await planned(store, loaded(oneWay(`${is}\n    existing: replace`)));
  expect(changes[0]).toMatchObject({ risk: 'high' });
  expect(changes[0]!.effects).toContain('rows that are in the tables of ca are deleted first');
  expect(changes[0]!.effects).toContain(what);
});

test('changed attributes, a replaced database, a removed table', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const other = loaded(
    SHOP.replace('engine: mysql', 'engine: mariadb')
      .replace('      - shop.stock\n', '')
      .replace('between: [hz, ca]', 'between: [hz, ca]\n    conflict: { priority: [ca, hz] }\n    initial: none'),
  );
  expect(renderPlan(await planned(store, other), plain)).toMatchInlineSnapshot(`
    "otter will do this to topology t (serial 2):

    -/+ database.ca will be replaced  # shop.yaml:9
          because another engine means another database: positions in the log of the old one mean nothing to the new
          ~ engine = "mysql" -> "mariadb"

      ~ channel.shop will be changed  # shop.yaml:11
          ~ conflict.priority = [hz, ca] -> [ca, hz]
          ~ initial           = "copy" -> "none"
          - tables[shop.stock]

    What it does, by risk:

      high    database.ca: positions, bookkeeping and the conflict log in the schema \`otter\` of ca are lost
      high    database.ca: pipelines begin anew: shop/hz>ca, shop/ca>hz
      high    channel.shop: conflicts are won by ca from now on, no longer by hz; those decided already stay decided
      medium  channel.shop: shop.stock is not kept the same any more; rows stay where they are
      medium  channel.shop: what was written before that arrives, unless its pipeline cannot go on with it
      low     database.ca: tables of users are not touched
      low     database.ca: otter's own tables of before stay in the schema \`otter\` there; drop them yourself
      low     database.ca: the schema \`otter\` for otter's own tables is created in it when its node starts
      low     channel.shop: counts for tables whose copy has not begun; those that were copied are not copied again

    By the rules:

      warning  OT2105  channel.shop: ca wins in place of hz

    In all:

      2 pipelines begin anew: shop/hz>ca, shop/ca>hz

    Plan: 1 to add, 1 to change, 1 to destroy.
    "
  `);
});

test('what only the conflict log is told of decides nothing', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const other = loaded(
    SHOP.replace('between: [hz, ca]', 'between: [hz, ca]\n    conflict: { log: keys, keep: { days: 7 } }'),
  );
  const text = renderPlan(await planned(store, other), plain);
  expect(text).toContain('~ conflict.keep.days = 30 -> 7');
  expect(text).toContain('~ conflict.log       = "full" -> "keys"');
  expect(text).toContain('low     channel.shop: the conflict log is kept by the new bounds from now on');
  expect(text).not.toContain('new policy');
});

test('that less is kept of the past is said, with what goes', async () => {
  await using store = memoryStore();
  const kept = (keep: string) => loaded(`${SHOP}history: ${keep}\n`);
  for (let nth = 0; nth < 12; nth++)
    await applying(store, await planned(store, loaded(SHOP.replace('user: otter', `user: otter${nth}`))));
  const told = async (keep: string) =>
    (await planned(store, kept(keep))).changes.find(({ kind }) => kind === 'policy')!;
  expect((await told('{ serials: 600 }')).effects).toEqual([
    'the last 600 serials and 10000 entries of the audit are kept',
  ]);
  expect(await told('{ serials: 10 }')).toMatchObject({
    risk: 'medium',
    effects: [
      'only the last 10 serials and 10000 entries of the audit are kept; those before serial 4 go with a later apply',
    ],
  });
});

test('whether rows that cannot be written are set aside', async () => {
  await using store = memoryStore();
  const stops = SHOP.replace('between: [hz, ca]', 'from: hz\n    to: ca');
  await applying(store, await planned(store, loaded(stops)));
  const text = renderPlan(await planned(store, loaded(stops.replace('to: ca', 'to: ca\n    on_error: park'))), plain);
  expect(text).toContain('~ on_error = "stop" -> "park"');
  expect(text).toContain(
    'medium  channel.shop: rows that cannot be written are set aside, with what must wait behind them',
  );
});

test('everything destroyed', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  expect(renderPlan(await planned(store, NOTHING, { destroy: true }), plain)).toMatchInlineSnapshot(`
    "otter will do this to topology t (serial 2):

      - channel.shop will be destroyed

      - database.ca will be destroyed

      - database.hz will be destroyed

      - node.a1 will be destroyed

      - node.b1 will be destroyed

      - region.a will be destroyed

      - region.b will be destroyed

    What it does, by risk:

      high    channel.shop: pipelines stop and their positions are lost: shop/hz>ca, shop/ca>hz
      high    channel.shop: what was written and has not arrived yet does not arrive any more: \`otter status\` tells the lag
      high    database.ca: positions, bookkeeping and the conflict log in the schema \`otter\` of ca are lost
      high    database.hz: positions, bookkeeping and the conflict log in the schema \`otter\` of hz are lost
      medium  channel.shop: rows stay where they are, and are not kept the same any more
      low     database.ca: tables of users are not touched
      low     database.hz: tables of users are not touched
      low     node.a1: its process gives up its databases and can be ended
      low     node.b1: its process gives up its databases and can be ended

    In all:

      2 pipelines end: shop/hz>ca, shop/ca>hz
      rows of channel shop are not kept the same in a and b any more

    Plan: 0 to add, 0 to change, 7 to destroy.
    "
  `);
});

test('nothing to do, and what is not as it was applied', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  expect(renderPlan(await planned(store, loaded(SHOP)), plain)).toBe(
    'No changes. t (serial 1): what is applied is what the topology declares.\n',
  );
  const record: PipelineRecord = {
    observedGeneration: 1,
    phase: 'failed',
    position: null,
    error: { code: 'OT4020', message: 'the log was purged', hint: null },
    node: 'b1',
    updatedMs: 0,
  };
  const key = statusKey('t', 'pipeline', 'shop/hz>ca');
  await store.commit({ conditions: [], puts: [{ key, value: JSON.stringify(record) }], deletes: [] });
  expect(renderPlan(await planned(store, loaded(SHOP)), plain)).toMatchInlineSnapshot(`
    "Live and applied differ (apply does not change this):

      ! pipeline.shop/hz>ca: failed on b1: OT4020 the log was purged

    No changes. t (serial 1): what is applied is what the topology declares.
    "
  `);
});

test('colour marks symbols, and control characters move no cursor', async () => {
  await using store = memoryStore();
  const sly = loaded(SHOP.replace('user: otter', 'user: "ot\\u001b[2Jter"'));
  const plan = await planned(store, sly);
  expect(renderPlan(plan, { colour: true })).toContain('\u001b[32m+\u001b[0m');
  expect(renderPlan(plan, plain)).not.toContain('\u001b');
});

test('an Oracle database has schemas only as users, and none is made in it', async () => {
  const dw =
    '  dw: { region: a, engine: oracle, endpoints: ["h:1521/DW"], user: otter, password: { env: P }, schema: own }\n';
  await using store = memoryStore();
  const plan = await planned(store, loaded(SHOP.replace('channels:', `${dw}channels:`)));
  const text = renderPlan(plan, plain);
  expect(text).toContain(
    "low     database.dw: otter's own tables are created in the schema of its user `own` when its node starts",
  );
  expect(text).not.toContain('database.dw: the schema');
});
