/** What differs, told once and with who applied it; and written back, so that it differs no more. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Adoption, adopt, type Plain } from '../../src/import/adopt.ts';
import { Names } from '../../src/model/kept-names.ts';
import type { HistoryRecord, PipelineRecord } from '../../src/model/records.ts';
import { KINDS, type Kind, type Topology } from '../../src/model/topology.ts';
import { canonical, canonicalText } from '../../src/planner/canonical.ts';
import type { AppliedState, LiveState } from '../../src/planner/change.ts';
import { type Difference, differencesOf, inUse, runningTopology, unowned } from '../../src/planner/drift.ts';
import { driftJson, driftText } from '../../src/render/drift.ts';
import { SECTIONS } from '../../src/topology/resolve.ts';
import { BASE } from '../topology/example.ts';
import { loaded, SHOP } from './world.ts';

const QUIET: LiveState = { nodes: {}, owners: {}, pipelines: {} };

function stateOf(topology: Topology): AppliedState {
  const keyOf = (kind: Kind, name: string): string => `${kind}/${name}`;
  const specs = KINDS.flatMap((kind) =>
    Object.entries(topology[kind]).map(([name, spec]) => ({
      key: keyOf(kind, name),
      kind,
      name,
      generation: 1,
      spec: canonical(spec),
      revision: 1,
    })),
  );
  return {
    topology: topology.name,
    meta: { key: 'meta', revision: 1, record: { format: 1, lineage: 'l', serial: 7 } },
    specs,
    names: new Names([]),
    keyOf,
    keyFor: keyOf,
  };
}

const record = (serial: number, addresses: string[]): HistoryRecord => ({
  serial,
  at: `2026-11-0${serial}T00:00:00Z`,
  by: 'ann',
  commit: '0123456789abcdef',
  planDigest: 'd',
  summary: { add: 1, change: 0, destroy: 0 },
  addresses,
});

const compare = (declared: string | null, applied: string, live = QUIET, history: HistoryRecord[] = []): Difference[] =>
  differencesOf({
    declared: declared === null ? null : loaded(declared).topology,
    applied: stateOf(loaded(applied).topology),
    live,
    history,
  });

test('what is the same in other words is no difference', () => {
  const spelled = SHOP.replace(
    'between: [hz, ca]',
    'between: ["hz", "ca"]\n    initial: copy\n    conflict: { policy: site-priority, priority: [hz, ca] }',
  ).replace('- shop.orders', '- { from: shop.orders }');
  expect(spelled).not.toBe(SHOP);
  expect(compare(spelled, SHOP)).toEqual([]);
  expect(compare(null, SHOP)).toEqual([]);
});

test('what the files say otherwise, with who applied it last', () => {
  const other = SHOP.replace('- shop.stock', '- shop.customer').replace(
    'between: [hz, ca]',
    'between: [hz, ca]\n    ddl: ignore',
  );
  const [one, ...rest] = compare(other, SHOP, QUIET, [
    record(1, ['channel.shop']),
    record(3, ['channel.shop']),
    record(5, ['node.x']),
  ]);
  expect(rest).toEqual([]);
  expect(one).toMatchObject({
    address: 'channel.shop',
    class: 'declared',
    kind: 'changed',
    by: { serial: 3, by: 'ann' },
  });
  expect(one!.attributes.map(({ path, action }) => [path, action])).toEqual([
    ['ddl', 'change'],
    ['tables[shop.stock]', 'remove'],
    ['tables[shop.customer]', 'add'],
  ]);
  expect(compare(BASE, SHOP)).toMatchObject([{ address: 'channel.shop', kind: 'not-declared' }]);
  expect(compare(SHOP, BASE)).toMatchObject([{ address: 'channel.shop', kind: 'not-applied', by: null }]);
  const text = driftText(
    { topology: 't', serial: 7, differences: [one!], asked: null, files: true, unowned: [] },
    false,
  );
  expect(text).toBe(`The files and what was applied:

  ! channel.shop: the files say otherwise than what was applied (serial 3, ann, 2026-11-03T00:00:00Z, commit 0123456789ab)
      ddl: applied "stop", declared "ignore"
      tables[shop.stock]: applied "shop.stock", declared (nothing)
      tables[shop.customer]: applied (nothing), declared "shop.customer"

Drift: 1 difference.
`);
});

test('what is to get another name was applied under the one it has, and what takes that was applied by nobody', () => {
  const store = (more: string): string =>
    `${SHOP.replace('  shop:', '  store:').replace('between:', 'ddl: ignore\n    between:')}${more}moved: [{ from: channel.shop, to: channel.store }]\n`;
  const told = (more: string) =>
    compare(store(more), SHOP, QUIET, [record(3, ['channel.shop'])]).map(({ address, by }) => [address, by?.serial]);
  expect(told('')).toEqual([['channel.store', 3]]);
  expect(told('  shop: { from: hz, to: ca, tables: [crm.x] }\n')).toEqual([
    ['channel.shop', undefined],
    ['channel.store', 3],
  ]);
});

test('what nodes report, what is in use, and what is not to be told', () => {
  const paused: PipelineRecord = {
    observedGeneration: 1,
    phase: 'paused',
    position: null,
    error: null,
    node: 'hz-1',
    updatedMs: 0,
  };
  const live: LiveState = {
    ...QUIET,
    pipelines: { 'shop/hz>ca': paused, 'shop/ca>hz': { ...paused, phase: 'pending' } },
  };
  expect(compare(SHOP, SHOP, live)).toMatchObject([
    { address: 'pipeline.shop/hz>ca', class: 'reported', kind: 'paused' },
  ]);
  expect([...inUse(live)]).toEqual(['ca']);
  const off = loaded(SHOP.replace('between:', 'enabled: false\n    between:')).topology;
  expect(Object.keys(runningTopology(off).channel)).toEqual([]);
  const unknown: Difference = {
    address: 'database.hz',
    class: 'database',
    kind: 'unknown',
    message: 'no answer',
    attributes: [],
    by: null,
  };
  const json = JSON.parse(
    driftJson({ topology: 't', serial: 7, differences: [unknown], asked: 1, files: true, unowned: ['hz'] }),
  ) as {
    drift: unknown[];
    unknown: unknown[];
  };
  expect(json).toMatchObject({ drift: [], unknown: [{ address: 'database.hz', message: 'no answer' }] });
});

const TABLES = ['shop.orders', 'shop.stock', 'shop.customer', 'shop.log_*'];
const channel = fc.record({
  name: fc.constantFrom('shop', 'other'),
  initial: fc.constantFrom('', 'copy', 'none'),
  ddl: fc.constantFrom('', 'ignore', 'replicate'),
  enabled: fc.constantFrom('', 'false'),
  rate: fc.constantFrom('', '5MB/s'),
  policy: fc.constantFrom('', 'site-priority', 'last-write-wins'),
  log: fc.constantFrom('', 'keys'),
  tables: fc.subarray(TABLES, { minLength: 1 }),
  to: fc.subarray(TABLES.slice(0, 3)),
  omit: fc.subarray(TABLES.slice(0, 3)),
  protect: fc.boolean(),
  tls: fc.constantFrom('', '{}', '{ ca: /ca.pem }'),
});

/** A topology with comments everywhere. */
function yamlOf({
  name,
  initial,
  ddl,
  enabled,
  rate,
  policy,
  log,
  tables,
  to,
  omit,
  protect,
  tls,
}: typeof channel extends fc.Arbitrary<infer T> ? T : never): string {
  const key = (k: string, value: string): string => (value === '' ? '' : `    ${k}: ${value} # about ${k}\n`);
  const rule = [policy === '' ? '' : `policy: ${policy}`, log === '' ? '' : `log: ${log}`]
    .filter((one) => one !== '')
    .join(', ');
  const entries = tables.map((table) => {
    const more = [
      to.includes(table) ? `, to: ${table}_there` : '',
      omit.includes(table) ? ', columns: { omit: [secret] }' : '',
    ].join('');
    return `      # before ${table}\n      - ${more === '' ? table : `{ from: ${table}${more} }`}\n`;
  });
  const of =
    (protect ? ', protect: true, throttle: { threads_running: 40 }' : '') + (tls === '' ? '' : `, tls: ${tls}`);
  const base = BASE.replace(/^( +)(hz: \{[^\n]*) \}$/m, `$1$2${of} }`);
  return `# the top\n${base}channels:\n  # of the channel\n  ${name}:\n    between: [hz, ca]\n${key('initial', initial)}${key('ddl', ddl)}${key('enabled', enabled)}${key('rate', rate)}${rule === '' ? '' : `    conflict: { ${rule} }\n`}    tables:\n${entries.join('')}`;
}

function adoptionsOf(differences: readonly Difference[], applied: AppliedState): Adoption[] {
  return differences.map(({ address, attributes }) => {
    const [kind, name] = [address.slice(0, address.indexOf('.')) as Kind, address.slice(address.indexOf('.') + 1)];
    const there = applied.specs.some((one) => one.kind === kind && one.name === name);
    const values = attributes.map(({ path, before }) => ({ path, value: before as Plain }));
    return { address, section: SECTIONS[kind as keyof typeof SECTIONS], name, attributes: there ? values : null };
  });
}

test('what was applied is written back, and then nothing differs; comments stay', () => {
  fc.assert(
    fc.property(channel, channel, (one, other) => {
      const [declared, applied] = [yamlOf(one), stateOf(loaded(yamlOf(other)).topology)];
      const found = differencesOf({ declared: loaded(declared).topology, applied, live: QUIET, history: [] });
      const first = adopt(declared, adoptionsOf(found, applied));
      const restOf = (of: string): Difference[] =>
        differencesOf({ declared: loaded(of).topology, applied, live: QUIET, history: [] });
      // Their order shows when all entries are there.
      const { text, left } = adopt(first.text, adoptionsOf(restOf(first.text), applied));
      const rest = restOf(text);
      expect(rest, `${declared}\n${text}\n${canonicalText(rest)}`).toEqual([]);
      expect([...first.left, ...left]).toEqual([]);
      expect(text).toContain('# the top');
      expect(text).toContain('endpoints: ["10.0.1.2:3306"]');
      if (one.name === other.name) {
        expect(text).toContain('# of the channel');
        // The comment of the first entry is that of the list.
        for (const table of one.tables.slice(1).filter((each) => other.tables.includes(each)))
          expect(text).toContain(`# before ${table}`);
      }
    }),
    { numRuns: 40 },
  );
});

test('one in place of a list of one, and its comment, stay as they are written', () => {
  const text = `channels:\n  feed:\n    from: ca # one way\n    tables: [a.b]\n    conflict: { keep: 7 } # long\n`;
  const attributes = [
    { path: 'from', value: ['hz'] },
    { path: 'conflict', value: { keep: 9, more: ['x'] } },
  ];
  const { text: after } = adopt(text, [{ address: 'channel.feed', section: 'channels', name: 'feed', attributes }]);
  expect(after).toContain('    from: hz # one way\n');
  expect(after).toContain('    conflict: { keep: 9, more: [x] } # long\n');
  const two = adopt(text, [
    { address: 'channel.feed', section: 'channels', name: 'feed', attributes: [{ path: 'from', value: ['hz', 'dw'] }] },
  ]);
  expect(two.text).toContain('    from: [hz, dw] # one way\n');
});

test('what stays in a list keeps its line and what is said there', () => {
  const text = `databases:\n  hz:\n    endpoints:\n      - "a:1" # first\n      - b:2\n      # the last\n      - c:3\n`;
  const attributes = [{ path: 'endpoints', value: ['a:1', 'd:4', 'c:3'] }];
  const { text: after } = adopt(text, [{ address: 'database.hz', section: 'databases', name: 'hz', attributes }]);
  expect(after).toBe(text.replace('b:2', 'd:4'));
});

test('TLS with nothing more to say is an attribute, and not another spelling of none', () => {
  const plain = SHOP;
  const secure = SHOP.replace(/^( +)(hz: \{[^\n]*) \}$/m, '$1$2, tls: {} }');
  const paths = (declared: string, applied: string) =>
    compare(declared, applied).flatMap(({ attributes }) => attributes.map(({ path, action }) => [path, action]));
  expect(paths(secure, plain)).toEqual([['tls', 'add']]);
  expect(paths(plain, secure)).toEqual([['tls', 'remove']]);
});

test('what a variable or an anchor gives stays, and is told', () => {
  const text = `x: &all [a.b]\nvars: { d: { default: ignore } }\nchannels:\n  shop: { ddl: "\${var.d}", tables: *all, conflict: &c { policy: manual } }\n  two: { conflict: *c }\n  three: *c\n`;
  const set = (name: string, path: string, value: Plain): Adoption => ({
    address: `channel.${name}`,
    section: 'channels',
    name,
    attributes: [{ path, value }],
  });
  const { text: after, left } = adopt(text, [
    set('shop', 'ddl', 'stop'),
    set('shop', 'tables[a.b].to', 'c.d'),
    set('two', 'conflict.policy', 'site-priority'),
    set('three', 'ddl', 'stop'),
    set('shop', 'tables[a.b].process', './x.mjs'),
  ]);
  expect(left).toHaveLength(5);
  expect(after.replaceAll(/\s+/g, '')).toBe(text.replaceAll(/\s+/g, ''));
});

describe('files in a style of their own', () => {
  const MIXED = `# Shop, of hz and ca.
version: 1

regions:
    hz: {}          # four spaces here
    ca: {}

x-db: &db { engine: mariadb, user: otter }

databases:
  hz:
    <<: *db
    region: hz   # home
    endpoints: ["10.0.1.2:3306"]

  # The other one.
  ca: &ca
    region: ca
    endpoints:
    - "10.0.2.2:3306"    # first
    -   b:3306

channels:
  shop:
      between: [hz, ca]       # both ways
      ddl: stop      # for now
      note: |
        two
          lines
      conflict: { policy: site-priority,
                  priority: [hz, ca] }   # who wins
      tables:
      - shop.orders   # orders
      # of the shop
      - from: shop.items
        columns:
            omit: [secret]
      - shop.last

  other:
     tables: [a.b]
`;
  const set = (address: string, ...attributes: (readonly [string, Plain])[]): Adoption => ({
    address,
    section: address.startsWith('database') ? 'databases' : 'channels',
    name: address.slice(address.indexOf('.') + 1),
    attributes: attributes.map(([path, value]) => ({ path, value })),
  });
  const gone = (address: string): Adoption => ({ ...set(address), attributes: null });

  test.each<readonly [string, readonly Adoption[], readonly (readonly [string, string])[]]>([
    ['a value', [set('channel.shop', ['ddl', 'ignore'])], [['ddl: stop ', 'ddl: ignore ']]],
    [
      'a part of a value that goes over two lines',
      [set('channel.shop', ['conflict.policy', 'manual'])],
      [['site-priority,\n                  priority', 'manual, priority']],
    ],
    ['a key that comes', [set('channel.shop', ['rate', '5MB/s'])], [['shop.last\n', 'shop.last\n      rate: 5MB/s\n']]],
    ['a key that goes', [set('channel.shop', ['ddl', null])], [['      ddl: stop      # for now\n', '']]],
    [
      'a table that goes',
      [set('channel.shop', ['tables[shop.orders]', null])],
      [['      - shop.orders   # orders\n', '']],
    ],
    [
      'a table that comes',
      [set('channel.shop', ['tables[shop.new]', 'shop.new'])],
      [['shop.last\n', 'shop.last\n      - shop.new\n']],
    ],
    [
      'a name that becomes an entry',
      [set('channel.shop', ['tables[shop.last].to', 'shop.there'])],
      [['shop.last', '{ from: shop.last, to: shop.there }']],
    ],
    [
      'a value deep in a list',
      [set('channel.shop', ['tables[shop.items].columns.omit', ['secret', 'n']])],
      [['[secret]', '[secret, n]']],
    ],
    [
      'tables in another order',
      [set('channel.shop', ['tables', ['shop.orders', 'shop.last', 'shop.items']])],
      [
        ['      - shop.last\n', ''],
        ['      # of the shop', '      - shop.last\n      # of the shop'],
      ],
    ],
    ['an endpoint', [set('database.ca', ['endpoints', ['10.0.2.2:3306', 'c:1']])], [['-   b:3306', '- c:1']]],
    ['an object that goes', [gone('channel.other')], [['\n  other:\n     tables: [a.b]\n', '']]],
    [
      'an object that comes',
      [set('channel.new', ['from', 'hz'], ['tables[a.c]', 'a.c'])],
      [['     tables: [a.b]\n', '     tables: [a.b]\n  new:\n      from: hz\n      tables:\n          - a.c\n']],
    ],
    [
      'several, also of a database with an anchor',
      [set('database.hz', ['region', 'ca']), set('database.ca', ['region', 'hz']), set('channel.shop', ['ddl', 'x'])],
      [
        ['region: hz   # home', 'region: ca   # home'],
        ['&ca\n    region: ca', '&ca\n    region: hz'],
        ['ddl: stop ', 'ddl: x '],
      ],
    ],
  ])('%s: all the rest stays as it is', (_, adoptions, edits) => {
    const wanted = edits.reduce((text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    }, MIXED);
    expect(adopt(MIXED, adoptions)).toEqual({ text: wanted, left: [] });
    const other = (text: string): string => text.replaceAll('\n', '\r\n');
    expect(adopt(other(MIXED), adoptions).text).toBe(other(wanted));
    expect(adopt(MIXED.trimEnd(), adoptions).text.trimEnd()).toBe(wanted.trimEnd());
  });
});

test.each([
  [2, true, [], 'files, nodes and databases are as it was applied; 2 databases were asked.'],
  [null, true, [], 'files and nodes are as it was applied; databases were not asked.'],
  [null, false, [], 'nodes are as it was applied; databases were not asked.'],
  [
    1,
    false,
    ['ca', 'hz'],
    'nodes and databases are as it was applied; 1 database was asked. No node owns ca, hz, so nothing is reported of what runs there.',
  ],
] as const)('no drift: only what was looked at is said to be as it was applied', (asked, files, nobodys, said) => {
  const report = { topology: 't', serial: 7, differences: [], asked, files, unowned: nobodys };
  expect(driftText(report, false)).toBe(`No drift. t (serial 7): ${said}\n`);
});

test('databases that no node owns are those of channels that are on', () => {
  const { topology } = loaded(SHOP);
  const owner = { node: 'n', since: 1 } as unknown as (typeof QUIET)['owners'][string];
  expect(unowned(topology, QUIET)).toEqual(['ca', 'hz']);
  expect(unowned(topology, { ...QUIET, owners: { hz: owner } })).toEqual(['ca']);
  expect(unowned(loaded(SHOP.replace('tables:', 'enabled: false\n    tables:')).topology, QUIET)).toEqual([]);
});
