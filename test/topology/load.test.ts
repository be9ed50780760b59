import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileChannel } from '../../src/model/pipeline.ts';
import type { LoadedTopology } from '../../src/topology/load.ts';
import { loadTexts, loadTopology } from '../../src/topology/load.ts';
import type { VariableSources } from '../../src/topology/variables.ts';
import { BASE, EXAMPLE } from './example.ts';

function load(text: string, sources: VariableSources = {}): LoadedTopology {
  return loadTexts([{ path: 't.yaml', text }], sources);
}

function brief(loaded: LoadedTopology): string[] {
  return [...loaded.diagnostics, ...loaded.unbuilt].map(
    (d) => `${d.severity} ${d.code} ${d.range?.line}:${d.range?.column} ${d.summary}`,
  );
}

function channel(body: string): LoadedTopology {
  return load(`${BASE}channels:\n  shop:\n${body}`);
}

describe('the example of the topology language', () => {
  const loaded = load(EXAMPLE);

  it('is valid, and nothing of it is left unbuilt', () => {
    expect(loaded.diagnostics).toEqual([]);
    expect(brief(loaded)).toEqual([]);
  });

  it('is resolved: variables, defaults, shorthand', () => {
    const { topology } = loaded;
    expect(topology?.database['hz']?.endpoints).toEqual(['127.0.0.1:3306', '10.1.0.11:3306']);
    expect(topology?.database['ca']).toEqual({
      region: 'california',
      engine: 'mariadb',
      endpoints: ['127.0.0.1:3307'],
      user: 'otter',
      password: { env: 'CA_PASSWORD' },
      tls: null,
      schema: 'otter',
      protect: false,
    });
    expect(topology?.node['hz-1']).toEqual({
      region: 'hangzhou',
      listen: '127.0.0.1:7401',
      advertise: '127.0.0.1:7401',
    });
    expect(topology?.channel['shop']?.tables[0]).toEqual({
      from: 'shop.orders',
      to: null,
      columns: { only: null, omit: [], rename: {} },
      conflict: null,
    });
    expect(topology?.channel['shop']?.tables[3]?.conflict).toMatchObject({
      policy: 'last-write-wins',
      priority: ['hz', 'ca'],
    });
    expect(topology?.channel['warehouse']).toMatchObject({
      direction: { kind: 'one-way', from: ['hz'], to: ['dw'] },
      conflict: null,
      initial: 'copy',
      existing: 'refuse',
      ddl: 'stop',
      onError: 'stop',
      apply: { lanes: 1, atomic: true },
      enabled: true,
      inert: {},
    });
    expect(topology?.channel['warehouse']?.tables[0]?.rows).toEqual({ where: "status <> 'draft'" });
    expect(topology?.files['product-images']).toMatchObject({
      missing: 'wait',
      order: 'file-first',
      bandwidth: '50MB/s',
    });
  });

  it('is plain JSON and compiles into pipelines', () => {
    expect(JSON.parse(JSON.stringify(loaded.topology))).toEqual(loaded.topology);
    const spec = loaded.topology!.channel['shop']!;
    expect(compileChannel('shop', spec).map((p) => [p.name, p.role, p.initial])).toEqual([
      ['shop/hz>ca', 'from-serialiser', 'copy'],
      ['shop/ca>hz', 'to-serialiser', 'none'],
    ]);
  });

  it('traces objects and attributes to their places', () => {
    const at = (address: string, path?: string): string | null => {
      const range = loaded.sourceOf(address, path);
      return range === null ? null : `${range.line}:${range.column}`;
    };
    expect(at('channel.shop')).toBe('38:3');
    expect(at('channel.shop', 'conflict.policy')).toBe('40:17');
    expect(at('channel.shop', 'onError')).toBe('38:3');
    expect(at('channel.shop', 'direction.between')).toBe('39:5');
    expect(at('channel.shop', 'tables[3].columns.omit')).toBe('49:20');
    expect(at('channel.shop', 'tables[1]')).toBe('45:9');
    expect(at('table.shop/shop.log_*')).toBe('46:9');
    expect(at('database.hz', 'password')).toBe('22:5');
    expect(at('node.hz-1', 'advertise')).toBe('13:3');
    expect(at('channel.none')).toBeNull();
    expect(at('nonsense')).toBeNull();
    expect(at('table.shop/no.table')).toBeNull();
  });
});

describe('the topology that ships', () => {
  it('has no findings', () => {
    const loaded = loadTopology('topologies/shop');
    expect(brief(loaded)).toEqual([]);
    expect(loaded.topology?.channel['shop']?.tables.map((t) => t.from)).toEqual([
      'shop.customer',
      'shop.product',
      'shop.orders',
      'shop.order_item',
      'shop.stock',
    ]);
    expect(loaded.vars).toEqual(['ca_host', 'ca_listen', 'hz_host', 'hz_listen']);
  });
});

describe('defaults', () => {
  it('of the schema are what is resolved', () => {
    const schema = JSON.parse(readFileSync('schema/topology.schema.json', 'utf8')) as {
      definitions: Record<
        string,
        { properties: Record<string, { default?: unknown; properties?: Record<string, { default?: unknown }> }> }
      >;
    };
    const defaultsOf = (name: string): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(schema.definitions[name]!.properties)
          .filter(([, property]) => property.default !== undefined)
          .map(([key, property]) => [key, property.default]),
      );
    const { topology } = channel('    between: [hz, ca]\n    tables: [shop.a]\n');
    const { on_error, dry_run, priority, scope, ...same } = defaultsOf('channel');
    expect(topology?.channel['shop']).toMatchObject({ ...same, onError: on_error });
    // Keys without behaviour are kept only when they say something else.
    expect([dry_run, priority, scope, topology?.channel['shop']?.inert]).toEqual([false, 0, 'row', {}]);
    expect(topology?.channel['shop']?.conflict).toMatchObject(defaultsOf('conflict'));
    expect(topology?.channel['shop']?.tables[0]?.columns).toMatchObject(defaultsOf('columns'));
    expect(topology?.database['hz']).toMatchObject(defaultsOf('database'));
    const apply = schema.definitions['channel']!.properties['apply']!.properties!;
    expect(topology?.channel['shop']?.apply).toEqual({
      lanes: apply['lanes']!.default,
      atomic: apply['atomic']!.default,
    });
    const keep = schema.definitions['conflict']!.properties['keep']!.properties!;
    expect(topology?.channel['shop']?.conflict?.keep).toEqual({
      days: keep['days']!.default,
      count: keep['count']!.default,
    });
    const files = load(
      `${BASE}files: { f: { from: a, to: b, roots: { a: /x, b: /y }, watch: ["*"] } }\nalerts: { x: { node: a1, when: down } }\n`,
    );
    expect(files.topology?.files['f']).toMatchObject(defaultsOf('fileSet'));
    expect(files.topology?.alert['x']).toMatchObject(defaultsOf('alert'));
  });

  it('written out or not, the topology is the same', () => {
    const short = channel('    between: [hz, ca]\n    tables: [shop.a]\n');
    const long = channel(`    between: [hz, ca]
    conflict: { policy: site-priority, priority: [hz, ca], merge: row, groups: [], counters: [], log: full, keep: { days: 30, count: 100000 } }
    initial: copy
    existing: refuse
    ddl: stop
    on_error: stop
    apply: { lanes: 1, atomic: true }
    priority: 0
    dry_run: false
    scope: row
    enabled: true
    tables: [{ from: shop.a, to: shop.a, columns: { omit: [], rename: {} } }]
`);
    expect(long.topology).toEqual(short.topology);
    expect(brief(long)).toEqual([]);
  });

  it('what a table says of the conflict log counts for it alone, key by key; its pipelines know both', () => {
    const { topology } = channel(`    between: [hz, ca]
    conflict: { log: keys, keep: { days: 7 } }
    tables: [shop.a, { from: shop.b, to: old.b, conflict: { log: none } }, { from: shop.c, conflict: { keep: { count: 5 } } }, { from: shop.d, conflict: { merge: row } }]
`);
    const shop = topology!.channel['shop']!;
    const common = { log: 'keys', keep: { days: 7, count: 100_000 } };
    expect(shop.conflict).toMatchObject(common);
    const own = [
      undefined,
      { log: 'none', keep: common.keep },
      { log: 'keys', keep: { days: 7, count: 5 } },
      undefined,
    ];
    for (const { conflictLog, tables } of compileChannel('shop', shop)) {
      expect(conflictLog).toEqual(common);
      expect(tables.map((rule) => rule.conflictLog)).toEqual(own);
    }
    // As an earlier version applied it.
    const { log, keep, ...earlier } = shop.conflict!;
    expect([log, keep]).toEqual([common.log, common.keep]);
    const [old] = compileChannel('shop', { ...shop, conflict: earlier, tables: shop.tables.slice(0, 1) });
    expect(old!.conflictLog).toEqual({ log: 'full', keep: { days: 30, count: 100_000 } });
    const oneWay = channel('    from: hz\n    to: ca\n    tables: [shop.a]\n').topology!.channel['shop']!;
    expect(compileChannel('shop', oneWay)[0]!.conflictLog).toBeNull();
  });

  it.each(['{ log: some }', '{ keep: { days: 0 } }', '{ keep: { count: 0 } }', '{ keep: { weeks: 1 } }'])(
    'of the conflict log, %s is refused',
    (conflict) => {
      const found = brief(channel(`    between: [hz, ca]\n    conflict: ${conflict}\n    tables: [shop.a]\n`));
      expect(found).toEqual([expect.stringMatching(/^error OT10\d\d 13:/)]);
    },
  );

  it('sections may be empty', () => {
    expect(load('version: 1\nname: t\nchannels:\nregions: {}\nnodes:\n').topology?.channel).toEqual({});
  });
});

describe('what is not built', () => {
  it.each([
    ['    between: [hz, ca]\n    initial: none\n    ddl: ignore\n    enabled: false\n    tables: [shop.a]\n', []],
    ['    from: hz\n    to: ca\n    existing: keep\n    tables: [shop.a]\n', []],
    [
      '    between: [hz, ca]\n    existing: merge\n    tables: [shop.a]\n',
      ['error `existing: merge` in a two-way channel'],
    ],
    [
      '    between: [hz, ca]\n    conflict: { policy: manual }\n    tables: [shop.a, { from: shop.b, to: shop.c }]\n',
      [
        'error `initial: copy` with `policy: manual`',
        'error another name, or a choice of columns, with `policy: manual`',
      ],
    ],
    ['    between: [hz, ca]\n    initial: none\n    conflict: { policy: manual }\n    tables: [shop.a]\n', []],
    ['    between: [hz, ca]\n    ddl: replicate\n    tables: [shop.a]\n', []],
    [
      '    between: [hz, ca]\n    initial: none\n    ddl: replicate\n    conflict: { policy: manual }\n    tables: [shop.a]\n',
      ['error `ddl: replicate` with `policy: manual`'],
    ],
    ['    from: hz\n    to: ca\n    apply: { lanes: 4, atomic: false }\n    tables: [shop.a]\n', []],
    ['    from: hz\n    to: ca\n    apply: { atomic: false }\n    tables: [shop.a]\n', []],
    [
      '    between: [hz, ca]\n    scope: transaction\n    dry_run: true\n    tables: [shop.a]\n',
      ['error `scope: transaction`', 'error `dry_run` of a two-way channel'],
    ],
    [
      '    from: hz\n    to: ca\n    priority: 2\n    rate: 5MB/s\n    order: { shop.a: 1 }\n    verify: { every: 24h }\n    tables: [{ from: shop.a, order: 3 }]\n',
      [],
    ],
    [
      '    between: [hz, ca]\n    order: { shop.a: 1 }\n    tables: [{ from: shop.a, order: 3 }]\n',
      ['warning `order` of a two-way channel', 'warning `order` in a two-way channel'],
    ],
    [
      '    between: [hz, ca]\n    initial: none\n    tables: [{ from: shop.a, conflict: { priority: [ca, hz] } }]\n',
      ['error a `priority` of a single table'],
    ],
  ])('%s', (body, expected) => {
    const loaded = channel(body);
    expect(loaded.diagnostics).toEqual([]);
    expect(loaded.unbuilt.map((d) => `${d.severity} ${d.summary.replace(' is not built yet', '')}`)).toEqual(expected);
  });

  it('changes of tables into an Oracle database', () => {
    const dw =
      '  dw: { region: a, engine: oracle, endpoints: ["10.0.1.3:1521/DW"], user: otter, password: { env: P } }\n';
    const into = (to: string): string[] =>
      brief(
        load(`${BASE}${dw}channels:\n  shop:\n    from: hz\n    to: ${to}\n    ddl: replicate\n    tables: [shop.a]\n`),
      );
    const told = 'error OT1090 15:10 `ddl: replicate` into an Oracle database is not built yet';
    expect(into('dw')).toContain(told);
    expect(into('[ca, dw]')).toContain(told);
    expect(into('ca')).not.toContain(told);
  });

  it('`moved`, `rules`, `guards` and `history` are built', () => {
    const loaded = load(
      `${BASE}moved: [{ from: database.old, to: database.hz }]\nrules: { OT1035: off, mine: { when: "kind = 'node'", message: no } }\nguards: { max_destroy: 1, freeze: false }\nhistory: { serials: 20 }\n`,
    );
    expect(brief(loaded)).toEqual([]);
    expect(loaded.topology?.moved).toEqual([{ from: 'database.old', to: 'database.hz' }]);
    expect(loaded.topology?.policy).toEqual({
      guards: { max_destroy: 1 },
      history: { serials: 20, audit: 10_000 },
      rules: {
        OT1035: { severity: 'off' },
        mine: { severity: 'error', on: 'change', when: "kind = 'node'", message: 'no' },
      },
    });
  });

  it('three databases in a star', () => {
    const three = `${BASE.replace('databases:\n', 'databases:\n  fr: { region: b, engine: mysql, endpoints: ["10.0.1.3:3306"], user: o, password: { env: P } }\n')}channels:\n  shop: { between: [hz, ca, fr], shape: star, tables: [shop.a] }\n`;
    expect(brief(load(three))).toEqual([]);
    const preferring = (priority: string, more: string): string =>
      three.replace('shape: star', `shape: star, conflict: { priority: ${priority} }${more}`);
    expect(brief(load(preferring('[hz, fr, ca]', '')))).toEqual([]);
    expect(brief(load(preferring('[fr, hz, ca]', ', initial: none')))).toEqual([
      'error OT1046 12:70 `hz` is the hub of the star, but `fr` is preferred',
    ]);
    // Where the later write wins, a mesh is meant unless a star is said.
    const later = three.replace('tables:', 'conflict: { policy: last-write-wins }, tables:');
    expect(brief(load(later))).toEqual([]);
    const mesh = load(later.replace('shape: star, ', ''));
    expect([mesh.topology?.channel['shop']?.shape, brief(mesh)]).toEqual(['mesh', []]);
    const carrying = later.replace('tables:', 'ddl: replicate, tables:');
    expect(brief(load(carrying))).toEqual([]);
    expect(brief(load(carrying.replace('shape: star, ', '')))).toEqual([
      expect.stringMatching(/^error OT1090 .* `ddl: replicate` in a mesh is not built yet$/),
    ]);
  });
});

describe('conflict rules', () => {
  const ruleOf = (above: string, own: string) => {
    const loaded = channel(
      `    between: [hz, ca]\n    conflict: ${above}\n    tables: [{ from: shop.a, conflict: ${own} }]\n`,
    );
    expect(brief(loaded)).toEqual([]);
    return loaded.topology?.channel['shop']?.tables[0]?.conflict;
  };
  const later = '{ policy: last-write-wins, by: t, merge: column, groups: [[a, b]], counters: [n] }';

  it('a table takes over what it does not say itself', () => {
    expect(ruleOf(later, '{ counters: [] }')).toMatchObject({ by: 't', merge: 'column', counters: [] });
    expect(ruleOf(later, '{ by: null }')).toMatchObject({ policy: 'last-write-wins', by: null });
  });

  it('but not what has no meaning under what it says', () => {
    expect(ruleOf(later, '{ policy: site-priority }')).toMatchObject({ by: null, groups: [['a', 'b']] });
    expect(ruleOf(later, '{ merge: row }')).toMatchObject({ by: 't', groups: [] });
  });
});

describe('what is allowed although it looks like a ring', () => {
  const more = BASE.replace(
    'databases:\n',
    'databases:\n  dw: { region: b, engine: mysql, endpoints: ["10.0.1.3:3306"], user: o, password: { env: P } }\n',
  );
  it.each([
    [
      'a warehouse fed from a two-way channel',
      '  shop: { between: [hz, ca], tables: [shop.*] }\n  dw: { from: hz, to: dw, tables: [shop.*] }\n',
    ],
    [
      'other tables back',
      '  there: { from: hz, to: ca, tables: [shop.*] }\n  back: { from: ca, to: hz, tables: [crm.*] }\n',
    ],
    [
      'two two-way channels of other tables',
      '  one: { between: [hz, ca], tables: [shop.a] }\n  two: { between: [hz, ca], tables: [shop.b] }\n',
    ],
    [
      'the same name, renamed on the way',
      '  there: { from: hz, to: ca, tables: [{ from: shop.a, to: shop.b }] }\n  back: { from: ca, to: hz, tables: [shop.a] }\n',
    ],
    [
      'a fan-out that meets again',
      '  one: { from: hz, to: [ca, dw], tables: [shop.a] }\n  two: { from: ca, to: dw, tables: [crm.a] }\n',
    ],
  ])('%s', (_, channels) => {
    expect(brief(load(`${more}channels:\n${channels}`))).toEqual([]);
  });
});

describe('variables', () => {
  const text = (lanes: string, more = ''): string =>
    `${BASE}vars: { lanes: { default: 1 }, on: { default: true }, host: {}, n: { default: 7 } }\nchannels:\n  shop: { from: hz, to: [ca], apply: { lanes: "${lanes}", atomic: false }, enabled: "\${var.on}", tables: [shop.a]${more} }\n`;

  it('keep or take the type that is wanted', () => {
    expect(load(text('${var.lanes}')).topology?.channel['shop']?.apply.lanes).toBe(1);
    const given = load(text('${var.lanes}'), { vars: { lanes: '4', on: 'false' } });
    expect(given.topology?.channel['shop']).toMatchObject({ apply: { lanes: 4 }, enabled: false });
    expect(brief(load(text('${var.lanes}'), { vars: { lanes: 'four' } }))).toEqual([
      'error OT1012 12:47 `channels.shop.apply.lanes` is a text',
    ]);
    const asText = load(
      `version: 1\nname: t\nvars: { n: { default: 7 } }\nregions: { a: { description: "\${var.n}" } }\n`,
    );
    expect(asText.topology?.region['a']?.description).toBe('7');
    const inside = load(
      `version: 1\nname: t\nvars: { n: { default: 7 } }\nregions: { a: { description: "n \${ var.n } and $\${var.n}" } }\n`,
    );
    expect(inside.topology?.region['a']?.description).toBe('n 7 and ${var.n}');
  });

  it('come from the command line, then files, then the environment, then the default', () => {
    const doc = `version: 1\nname: t\nvars: { x-y: { default: d } }\nregions: { a: { description: "\${var.x-y}" } }\n`;
    const of = (sources: VariableSources): string | undefined => load(doc, sources).topology?.region['a']?.description;
    const env = { 'OTTER_VAR_x-y': 'e' };
    const varFiles = [
      { path: 'one.yaml', text: 'x-y: f' },
      { path: 'two.yaml', text: 'x-y: g' },
    ];
    expect(of({})).toBe('d');
    expect(of({ env })).toBe('e');
    expect(of({ env: { OTTER_VAR_X_Y: 'E' } })).toBe('E');
    expect(of({ env, varFiles })).toBe('g');
    expect(of({ env, varFiles, vars: { 'x-y': 'c' } })).toBe('c');
  });

  it('that nobody declared or that are no values are refused', () => {
    const doc = 'version: 1\nname: t\nvars: { host: { default: d } }\n';
    const found = load(doc, {
      vars: { hst: 'x' },
      varFiles: [
        { path: 'v.yaml', text: 'other: 1\nhost: [1]\n' },
        { path: 'w.yaml', text: 'a: [' },
      ],
      env: { OTTER_VAR_UNUSED: 'fine' },
    });
    expect(found.diagnostics.map((d) => `${d.code} ${d.range?.file ?? '-'} ${d.summary}`).sort()).toEqual([
      'OT1001 w.yaml the `[` above does not end before this',
      'OT1020 - `--var` gives a value to `hst`, which `vars` does not declare',
      'OT1020 v.yaml `v.yaml` gives a value to `other`, which `vars` does not declare',
      'OT1023 v.yaml the value of `host` is not a single value',
    ]);
    expect(found.topology).toBeNull();
  });

  it('no names of JavaScript slip through', () => {
    const found = load(
      `version: 1\nname: t\nregions: { constructor: {} }\nnodes: { n: { region: toString, listen: "localhost:1" } }\n__proto__: { x: 1 }\n`,
    );
    expect(brief(found)).toEqual([
      'error OT1031 4:23 no region is called `toString`',
      'error OT1010 5:1 unknown key `__proto__` in the topology',
    ]);
  });
});

describe('how much a channel carries, and how soon', () => {
  it('is kept as it is written; nothing, and what a variable gives, is refused where it is no rate', () => {
    const of = (more: string): LoadedTopology => channel(`    from: hz\n    to: ca\n    tables: [shop.a]\n${more}`);
    expect(of('    rate: 2.5 MB/s\n    priority: -3\n').topology!.channel['shop']).toMatchObject({
      rate: '2.5 MB/s',
      priority: -3,
    });
    for (const same of ['', '    priority: 0\n']) {
      expect(of(same).topology!.channel['shop']).not.toHaveProperty('priority');
      expect(of(same).topology!.channel['shop']).not.toHaveProperty('rate');
    }
    for (const wrong of ['0 MB/s', 'fast', '5MB']) expect(brief(of(`    rate: ${wrong}\n`)).join()).toContain('OT1014');
  });
});

describe('how nodes know each other', () => {
  const reached = BASE.replace(/listen: "127[^"]*"/, 'listen: "0.0.0.0:7401", advertise: "10.0.0.1:7401"');

  it('is declared once, and every node has it', () => {
    const tls = { ca: '/etc/ca.pem', cert: '/etc/node.pem', key: '/etc/node-key.pem' };
    const { topology, ...loaded } = load(`${reached}link: { tls: ${JSON.stringify(tls)} }\n`);
    expect(brief({ topology, ...loaded })).toEqual([]);
    expect(Object.values(topology!.node).map(({ link }) => link)).toEqual([{ tls }, { tls }]);
    expect(load(`${BASE}link: { token: { env: T } }\n`).topology!.node).toMatchObject({
      a1: { link: { token: { env: 'T' } } },
    });
    expect(load(BASE).topology!.node['a1']).not.toHaveProperty('link');
  });

  it('is warned of where other machines reach them and it is missing, or does not encrypt', () => {
    expect(brief(load(reached))).toEqual([expect.stringMatching(/^warning OT1036 .* ask nobody who they are$/)]);
    expect(brief(load(`${reached}link: { token: { env: T } }\n`))).toEqual([
      expect.stringMatching(/^warning OT1036 .* rows travel unencrypted$/),
    ]);
    expect(brief(load(BASE))).toEqual([]);
  });

  it('is all of the certificates or a reference to a token, and nothing else', () => {
    for (const wrong of [
      '{}',
      '{ tls: { ca: a.pem } }',
      '{ token: hunter2 }',
      '{ tls: { ca: a, cert: b, key: c }, token: { env: T } }',
    ]) {
      const found = load(`${BASE}link: ${wrong}\n`);
      expect(found.topology).toBeNull();
      expect(found.diagnostics.map(({ summary, detail }) => `${summary} ${detail}`).join()).not.toContain('hunter2');
    }
  });
});

describe('secrets', () => {
  it.each([
    'password: hunter2',
    'password: "hunter2, with: a comma"',
    'password: [hunter2]',
    'password: { value: hunter2 }',
    'password: |\n      hunter2\n      more',
    'password: &p hunter2',
    'password: hunter2\n    broken: [',
    'endpoints: ["otter:hunter2@db:3306"]',
    'endpoints: ["mysql://otter:hunter2@db:3306/x"]',
  ])('%s is never shown', (line) => {
    const loaded = load(`version: 1\nname: t\ndatabases:\n  hz:\n    ${line}\n    region: a\n`);
    expect(loaded.topology).toBeNull();
    expect(JSON.stringify([loaded.diagnostics, loaded.files])).not.toContain('hunter2');
  });
  it.each([
    ['a default', '{ default: hunter2 }', {}],
    ['a default on lines of its own', '\n    default: |\n      hunter2', {}],
    ['a default in quotes', '{ default: "hunter2" }', {}],
    ['--var', '{}', { vars: { db_pw: 'hunter2' } }],
    ['the environment', '{ default: other }', { env: { OTTER_VAR_DB_PW: 'hunter2' } }],
    ['a file', '{}', { varFiles: [{ path: 'v.yaml', text: 'db_pw: hunter2\n' }] }],
  ] as const)('what %s gives a variable that is named like one is not shown either', (_, declared, sources) => {
    const text = `version: 1
name: t
vars:
  db_pw: ${declared}
regions: { a: {} }
databases:
  hz: { region: "\${var.db_pw}", engine: mariadb, endpoints: ["\${var.db_pw}"], user: u, password: { env: P } }
channels:
  c: { from: hz, to: ["x-\${var.db_pw}"], tables: ["\${var.db_pw}"] }
  d: { from: hz, to: hz, tables: [a.b], ddl: "\${var.db_pw}" }
`;
    const loaded = loadTexts([{ path: 't.yaml', text }], sources);
    const codes = loaded.diagnostics.map(({ code }) => code);
    for (const code of ['OT1013', 'OT1031', 'OT1033', 'OT1050']) expect(codes).toContain(code);
    expect(JSON.stringify([loaded.diagnostics, loaded.files])).not.toContain('hunter2');
  });
  it('names of variables and files stay readable', () => {
    expect(load(EXAMPLE).files[0]?.text).toBe(EXAMPLE);
  });
});
