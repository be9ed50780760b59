/** What is said of databases, from what they answered. */
import { describe, expect, test } from 'vitest';
import type { LiveFinding } from '../../src/inspect/finding.ts';
import { CODES } from '../../src/model/codes.ts';
import { OtterError } from '../../src/model/error.ts';
import type { LiveTable, ServerReport } from '../../src/model/inspection.ts';
import { column } from '../replication/model.ts';
import { channel as channelOf } from '../site/harness.ts';
import { brief, findings, findingsOf, grant, ONE_WAY, type Side, TWO_WAY, table } from './world.ts';

const FITS: Side = {};

test('shards that count their own keys and go into one table', () => {
  const shards = ['orders_0', 'orders_1'].map((name) => table({ name }, { autoIncrement: true }));
  const said = (tables: readonly LiveTable[], set: readonly (Record<string, string> | null)[]): string[] => {
    const [entry] = channelOf(ONE_WAY, ['shop.orders_0']).tables;
    const entries = set.map((one, i) => ({
      ...{ ...entry!, from: `shop.orders_${i}`, to: 'shop.orders' },
      ...(one === null ? {} : { rows: { set: one } }),
    }));
    const found = findings({ tables }, { tables: [] }, { tables: entries, existing: 'merge' }, ONE_WAY);
    return found.filter(({ code }) => code === 'OT4063').map(({ summary }) => summary);
  };
  expect(said(shards, [null, null])).toEqual([
    'shop/a>b: shop.orders_0 and shop.orders_1 go into shop.orders, and each counts its own AUTO_INCREMENT keys',
  ]);
  expect(said(shards, [{ V: '1' }, { V: '2' }])).toHaveLength(1);
  expect(said(shards, [{ shard: '0' }, { shard: '1' }])).toEqual([]);
  expect(said(shards, [null])).toEqual([]);
  expect(said([shards[0]!, table({ name: 'orders_1' })], [null, null])).toEqual([]);
});

test('an entry of one table that names a column which is not there', () => {
  const said = (from: string, columns: object, direction: typeof ONE_WAY | typeof TWO_WAY = ONE_WAY): string[] => {
    const [entry] = channelOf(direction, [from]).tables;
    const tables = [{ ...entry!, columns: { ...entry!.columns, ...columns } }];
    return findings(FITS, FITS, { tables }, direction)
      .filter(({ code }) => code === 'OT4062')
      .map(({ summary, detail }) => `${summary} ${detail}`);
  };
  for (const direction of [ONE_WAY, TWO_WAY])
    expect(said('shop.orders', { omit: ['w', 'vv'] }, direction)).toEqual([
      'shop/a>b: shop.orders has no column w, vv, which `columns.omit` names Correct the name, or take it out.',
    ]);
  expect(said('shop.orders', { rename: { idd: 'x' } })[0]).toMatch(/columns.rename.*Did you mean `id`/);
  expect(said('shop.orders', { omit: ['V'] })).toEqual([]);
  expect(said('shop.*', { omit: ['w'] })).toEqual([]);
});

test('of two databases that fit nothing is said', () => {
  expect(findings(FITS, FITS)).toEqual([]);
  expect(findings(FITS, FITS, {}, ONE_WAY)).toEqual([]);
});

describe('a server', () => {
  test.each<[what: string, of: Side, said: string, attribute: string]>([
    [
      'of the other family',
      { report: { facts: { family: 'mysql', version: '9.7.1', identity: 'x', logsCascades: false } } },
      'warning OT4050',
      'engine',
    ],
    [
      'with an unfit setting',
      { report: { unfit: [{ for: 'all', message: 'binlog_format is MIXED', hint: 'type' }] } },
      'error OT4021',
      'endpoints',
    ],
    ['that logs no names of columns', { report: { rowMetadata: 'MINIMAL' } }, 'warning OT4051', 'endpoints'],
    ['that purges its log after an hour', { report: { logSeconds: 3600 } }, 'warning OT4052', 'endpoints'],
    [
      'that is read only',
      {
        report: {
          readOnly: true,
          account: {
            name: '',
            grants: [
              grant('ALL PRIVILEGES', 'shop'),
              grant('ALL PRIVILEGES', 'otter'),
              grant('REPLICATION SLAVE, BINLOG MONITOR'),
            ],
            roles: false,
          },
        },
      },
      'error OT4007',
      'endpoints',
    ],
  ])('%s', (_, of, said, attribute) => {
    const found = findings(of, FITS);
    expect(brief(found)).toEqual([said]);
    expect(found[0]!.at).toEqual({ address: 'database.a', path: [attribute] });
  });

  test('a log that is kept for a day or for ever, or metadata that the server does not know, is nothing to say', () => {
    for (const report of [{ logSeconds: 86_400 }, { logSeconds: null }, { rowMetadata: null }])
      expect(findings({ report }, FITS)).toEqual([]);
  });

  test('of a target that is no source the log does not matter', () => {
    const unfit = [{ for: 'all', message: 'x', hint: 'y' }] as const;
    const report = { logSeconds: 60, rowMetadata: 'MINIMAL', unfit };
    expect(findings(FITS, { report }, {}, ONE_WAY)).toEqual([]);
    expect(brief(findings({ report }, FITS, {}, ONE_WAY))).toEqual([
      'error OT4021',
      'warning OT4051',
      'warning OT4052',
    ]);
  });

  test('a log without GTIDs will do one-way', () => {
    const report = { unfit: [{ for: 'two-way', message: 'gtid_mode is OFF', hint: 'run this' }] } as const;
    expect(brief(findings({ report }, FITS))).toEqual(['error OT4021']);
    expect(brief(findings({ report }, FITS, {}, ONE_WAY))).toEqual(['warning OT4024']);
    expect(brief(findings(FITS, { report }, {}, ONE_WAY))).toEqual([]);
  });
});

describe('privileges', () => {
  const account = (...grants: ReturnType<typeof grant>[]): Side => ({
    report: { account: { name: "'otter'@'%'", grants, roles: false } },
  });
  const LOG = grant('REPLICATION SLAVE, BINLOG MONITOR');
  const OWN = grant('SELECT, INSERT, UPDATE, DELETE, CREATE, DROP', 'otter');
  const BOTH = 'SELECT, INSERT, UPDATE, DELETE, TRIGGER, CREATE, ALTER, DROP, REFERENCES';

  test('what docs/databases.md says is enough, on the schema, on a pattern of schemas, everywhere', () => {
    for (const schema of ['shop', 'sho_', 's%', null])
      expect(findings(account(LOG, OWN, grant(BOTH, schema)), FITS), String(schema)).toEqual([]);
  });

  test('a pattern with a backslash means the character', () => {
    const tables = [table({ schema: 'a_b' })];
    const channel = channelOf(TWO_WAY, ['a_b.orders']);
    const side = (schema: string): Side => ({ ...account(LOG, OWN, grant(BOTH, schema)), tables });
    expect(findings(side('a\\_b'), { tables }, channel)).toEqual([]);
    expect(brief(findings(side('a\\%b'), { tables }, channel))).toEqual(['error OT4022']);
    expect(brief(findings(side('.*'), { tables }, channel))).toEqual(['error OT4022']);
  });

  test('what lacks is named with the statements that grant it', () => {
    const [found] = findings(account(grant('USAGE'), grant('SELECT', 'shop')), FITS);
    expect(found).toMatchObject({ code: 'OT4022', severity: 'error', at: { address: 'database.a', path: ['user'] } });
    expect(found!.detail.split('\n').slice(1).sort()).toEqual([
      "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'otter'@'%';",
      "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON `otter`.* TO 'otter'@'%';",
      "GRANT TRIGGER, INSERT, UPDATE, DELETE ON `shop`.* TO 'otter'@'%';",
    ]);
  });

  test('a source only is read, a target only written; tables are made only where they are missing', () => {
    const source = account(LOG, OWN, grant('SELECT, TRIGGER', 'shop'));
    const target = account(OWN, grant('SELECT, INSERT, UPDATE, DELETE', 'shop'));
    expect(findings(source, target, {}, ONE_WAY)).toEqual([]);
    const [found] = findings(source, { ...target, tables: [] }, {}, ONE_WAY);
    expect(found!.detail).toContain("GRANT CREATE, ALTER, DROP, REFERENCES ON `shop`.* TO 'otter'@'%';");
  });

  test('rights on every single table do; one table without them does not', () => {
    const tables = [table(), table({ name: 'lines' })];
    const on = (...names: string[]): Side => ({
      ...account(LOG, OWN, ...names.map((name) => grant('SELECT, TRIGGER', 'shop', name))),
      tables,
    });
    const channel = channelOf(ONE_WAY, ['shop.orders', 'shop.lines']);
    expect(findings(on('orders', 'lines'), { tables }, channel, ONE_WAY)).toEqual([]);
    expect(brief(findings(on('orders'), { tables }, channel, ONE_WAY))).toEqual(['error OT4022']);
  });

  test('who has a role is believed', () => {
    const report = { account: { name: 'x', grants: [], roles: true } };
    expect(findings({ report }, FITS)).toEqual([]);
  });

  test('MySQL wants another privilege to ask for the end of the log', () => {
    const facts = { family: 'mysql', version: '9.7.1', identity: 'x', logsCascades: true } as const;
    const { report } = account(OWN, grant(BOTH, 'shop'));
    const [found] = findings({ report: { ...report, facts } }, FITS).filter(({ code }) => code === 'OT4022');
    expect(found!.detail).toContain('GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*');
  });
});

describe('two servers', () => {
  test.each<[what: string, b: Side, said: string[]]>([
    ['whose clocks differ', { report: { clock: { aheadMs: -1_500, offMs: 20 } } }, ['warning OT4055']],
    ['whose clocks may differ', { report: { clock: { aheadMs: -1_500, offMs: 600 } } }, []],
    ['whose clocks differ by little', { report: { clock: { aheadMs: 900, offMs: 1 } } }, []],
    ['of which one takes smaller packets', { report: { packetBytes: 1 << 20 } }, ['warning OT4056']],
    [
      'that are one',
      { report: { facts: { family: 'mariadb', version: '10.11', identity: 'a', logsCascades: false } } },
      ['warning OT4059'],
    ],
  ])('%s', (_, b, said) => {
    expect(brief(findings(FITS, b))).toEqual(said);
  });

  test('packets matter towards the smaller only', () => {
    expect(findings({ report: { packetBytes: 1 << 20 } }, FITS, {}, ONE_WAY)).toEqual([]);
  });
});

describe('AUTO_INCREMENT at two sites', () => {
  const counting = (increment: number, offset: number): Side => ({
    tables: [table({}, { autoIncrement: true })],
    report: { autoIncrement: { increment, offset } },
  });

  test.each([
    [1, 1, 1, 1, true],
    [2, 1, 2, 2, false],
    [2, 1, 2, 1, true],
    [2, 1, 4, 2, false],
    [2, 1, 3, 2, true],
    [10, 3, 10, 4, false],
    // An offset above the increment counts as 1.
    [2, 1, 1, 2, true],
  ])('increment %i offset %i and increment %i offset %i meet: %s', (i, o, j, p, meets) => {
    expect(brief(findings(counting(i, o), counting(j, p)))).toEqual(meets ? ['warning OT4054'] : []);
  });

  test('each site is told what to type', () => {
    const [found] = findings(counting(1, 1), counting(1, 1));
    expect(found!.detail).toContain('at a: SET GLOBAL auto_increment_increment = 2, GLOBAL auto_increment_offset = 1;');
    expect(found!.detail).toContain('at b: SET GLOBAL auto_increment_increment = 2, GLOBAL auto_increment_offset = 2;');
    expect(found!.at).toEqual({ address: 'channel.shop', path: ['between'] });
  });

  test('tables that nobody counts, or that go one way, do not matter', () => {
    expect(findings(FITS, FITS)).toEqual([]);
    expect(findings(counting(1, 1), counting(1, 1), {}, ONE_WAY)).toEqual([]);
  });
});

describe('entries without a table', () => {
  const gone: Side = { tables: [] };

  test.each<[what: string, a: Side | null, b: Side | null, direction: 'one' | 'two', said: string[]]>([
    ['one-way, missing at the source', gone, FITS, 'one', ['warning OT4053']],
    ['one-way, missing at the target', FITS, gone, 'one', []],
    ['two-way, missing at both', gone, gone, 'two', ['warning OT4053']],
    ['two-way, missing at the second', FITS, gone, 'two', []],
    ['two-way, missing at the first, which is the preferred site', gone, FITS, 'two', ['error OT5021']],
    ['two-way, where one did not answer', gone, null, 'two', []],
    ['one-way, where the source did not answer', null, FITS, 'one', []],
  ])('%s', (_, a, b, direction, said) => {
    expect(brief(findings(a, b, {}, direction === 'one' ? ONE_WAY : TWO_WAY))).toEqual(said);
  });

  test('a schema that the account may not see, of which nothing is known', () => {
    const blind: Side = { tables: [], report: { account: { name: 'x', grants: [], roles: false } } };
    for (const direction of [ONE_WAY, TWO_WAY])
      expect(new Set(brief(findings(blind, FITS, {}, direction)))).toEqual(new Set(['error OT4022']));
  });

  test('a name in other letters is shown', () => {
    const [found] = findings({ tables: [table({ name: 'Orders' })] }, gone, {}, ONE_WAY);
    expect(found).toMatchObject({ code: 'OT4053', at: { address: 'channel.shop', path: ['tables', 0] } });
    expect(found!.detail).toContain('There is `shop.Orders`');
  });

  test('at a server that keeps small letters, an entry with capitals means nothing for good', () => {
    const facts = { family: 'mariadb', version: '10.11', identity: 'a', logsCascades: false, folds: true } as const;
    const spec = channelOf(ONE_WAY, ['shop.Orders']);
    const [found] = findingsOf({ a: { report: { facts } }, b: gone }, spec);
    expect(found).toMatchObject({ code: 'OT4053', severity: 'error' });
    expect(found!.detail).toContain('Write it as `shop.orders`');
  });

  test('at a target that keeps small letters, two names that are one, and one that would not come back', () => {
    const facts = { family: 'mariadb', version: '10.11', identity: 'b', logsCascades: false, folds: true } as const;
    const small: Side = { tables: [], report: { facts } };
    const twins: Side = { tables: [table({ name: 'Orders' }), table()] };
    const every = (direction: typeof ONE_WAY | typeof TWO_WAY) => channelOf(direction, ['shop.*']);
    expect(brief(findingsOf({ a: twins, b: small }, every(ONE_WAY)))).toEqual(['error OT5056']);
    const capital: Side = { tables: [table({ name: 'Orders' })] };
    expect(brief(findingsOf({ a: capital, b: small }, every(ONE_WAY)))).toEqual([]);
    expect(brief(findingsOf({ a: capital, b: small }, every(TWO_WAY)))).toEqual(['error OT5014']);
  });
});

describe('what hangs on the session', () => {
  const zoned = { column: 'day', stored: true, settings: ['time_zone'] } as const;
  const divided = { column: 'part', stored: true, settings: ['div_precision_increment'] } as const;
  const checked = [{ name: 'c', settings: ['time_zone'] }] as const;

  test.each<[what: string, a: Side, b: Side, said: string[]]>([
    ['a column', { tables: [table({ sways: [zoned] })] }, { tables: [table({ sways: [zoned] })] }, ['error OT5055']],
    ['a column to be made', { tables: [table({ sways: [zoned] })] }, { tables: [] }, ['error OT5055']],
    ['a column, not there', { tables: [table({ sways: [zoned] })] }, FITS, []],
    [
      'a quotient',
      { tables: [table({ sways: [divided] })] },
      { tables: [table({ sways: [divided] })] },
      ['warning OT4061'],
    ],
    ['a quotient to be made', { tables: [table({ sways: [divided] })] }, { tables: [] }, ['warning OT4061']],
    ['a check', FITS, { tables: [table({}, { swayingChecks: checked })] }, ['warning OT4061']],
    ['a check to be made', { tables: [table({}, { swayingChecks: checked })] }, { tables: [] }, ['warning OT4061']],
  ])('%s', (_, a, b, said) => {
    expect(brief(findings(a, b, {}, ONE_WAY))).toEqual(said);
  });
});

describe('pairs of tables', () => {
  const text = (collation: string): ReturnType<typeof column> =>
    column('u', 'varchar(9)', { charset: 'utf8mb4', collation });
  const withUnique = (collation: string) =>
    table({ columns: [column('id'), text(collation), column('v')], uniques: [{ name: 'u', columns: [1] }] });
  const cascade = {
    name: 'fk',
    columns: [1],
    parentSchema: 'shop',
    parentTable: 'parent',
    parentColumns: ['id'],
    onDelete: 'CASCADE',
    onUpdate: 'RESTRICT',
  };

  test.each<
    [
      what: string,
      a: ReturnType<typeof table>,
      b: ReturnType<typeof table> | null,
      direction: 'one' | 'two',
      said: string[],
    ]
  >([
    [
      'without a primary key, to be copied',
      table({ primaryKey: [] }),
      table({ primaryKey: [] }),
      'one',
      ['error OT5022'],
    ],
    [
      'without a primary key, two-way',
      table({ primaryKey: [] }),
      table({ primaryKey: [] }),
      'two',
      ['error OT5014', 'error OT5014'],
    ],
    ['without a primary key, two-way, to be made', table({ primaryKey: [] }), null, 'two', ['error OT5014']],
    ['with a column less', table(), table({ columns: [column('id'), column('u')] }), 'one', ['error OT5011']],
    [
      'with a generated column',
      table(),
      table({ columns: [column('id'), column('u'), column('v', 'int', { generated: true })] }),
      'one',
      ['error OT5011'],
    ],
    [
      'of another type',
      table({ columns: [column('id'), column('u'), column('v', 'bigint')] }),
      table(),
      'one',
      ['error OT5028'],
    ],
    [
      'of another type at the first database',
      table({ columns: [column('id'), column('u'), column('v', 'bigint')] }),
      table({ columns: [column('id'), column('u'), column('v', 'decimal(9,0)')] }),
      'two',
      ['error OT5028', 'error OT5028'],
    ],
    [
      'wider at the second database, from which nothing is copied',
      table(),
      table({ columns: [column('id'), column('u'), column('v', 'bigint')] }),
      'two',
      ['warning OT5028'],
    ],
    [
      'with NULL in a column that takes none there',
      table(),
      table({ columns: [column('id'), column('u'), column('v', 'int', { nullable: false })] }),
      'one',
      ['warning OT5028'],
    ],
    [
      'that compare the texts of their keys in another way, one-way',
      table({ columns: [column('id'), text('utf8mb4_bin'), column('v')], primaryKey: [1] }),
      table({ columns: [column('id'), text('utf8mb4_general_ci'), column('v')], primaryKey: [1] }),
      'one',
      ['warning OT5012'],
    ],
    [
      'of which a column compares texts in another way',
      table({ columns: [column('id'), text('utf8mb4_bin'), column('v')] }),
      table({ columns: [column('id'), text('utf8mb4_general_ci'), column('v')] }),
      'two',
      ['warning OT4060'],
    ],
    ['with other columns in the key, one-way', table(), table({ primaryKey: [1] }), 'one', ['error OT5012']],
    ['with another key', table(), table({ primaryKey: [1] }), 'two', ['error OT5014', 'error OT5014']],
    [
      'that compare texts differently',
      withUnique('utf8mb4_bin'),
      withUnique('utf8mb4_general_ci'),
      'two',
      ['error OT5014', 'error OT5014'],
    ],
    ['of which one has no transactions', table(), table({ engine: 'MyISAM' }), 'one', ['error OT5027']],
    ['that cascade, two-way', table(), table({ foreignKeys: [cascade] }), 'two', ['error OT5014']],
    [
      'whose parent is not there',
      table({ foreignKeys: [cascade] }),
      table({ foreignKeys: [cascade] }),
      'one',
      ['error OT5030'],
    ],
    [
      'with a trigger, one-way',
      table(),
      table({ triggers: ['t'] }, { unguardedTriggers: ['t'] }),
      'one',
      ['warning OT4058'],
    ],
    [
      'with a trigger, two-way',
      table(),
      table({ triggers: ['t'] }, { unguardedTriggers: ['t'] }),
      'two',
      ['error OT5014'],
    ],
    ['of which the target has rows', table(), table({}, { hasRows: true }), 'one', ['error OT5013']],
    ['of which the first has rows', table({}, { hasRows: true }), table(), 'two', []],
    [
      'with a column that is not exact',
      table({}, { inexact: new OtterError('OT4040', 'json') }),
      null,
      'one',
      ['error OT4040'],
    ],
  ])('%s', (_, a, b, direction, said) => {
    const found = findings(
      { tables: [a] },
      { tables: b === null ? [] : [b] },
      {},
      direction === 'one' ? ONE_WAY : TWO_WAY,
    );
    expect(brief(found)).toEqual(said);
    for (const { at } of found) expect(at).toEqual({ address: 'channel.shop', path: ['tables', 0] });
  });

  test('without a copy a one-way table needs no key, and rows at the target are nothing to say', () => {
    const tables = [table({ primaryKey: [] }, { hasRows: true })];
    expect(brief(findings({ tables }, { tables }, { initial: 'none' }, ONE_WAY))).toEqual(['warning OT4057']);
  });

  test('rows that the pipeline itself brought are nothing to say; a table that it had and that is gone is', () => {
    const begun = [{ pipeline: 'shop/a>b', table: 'shop.orders' }];
    const b: Side = { tables: [table({}, { hasRows: true })], report: { begun } };
    expect(findings(FITS, b, {}, ONE_WAY)).toEqual([]);
    expect(brief(findings(FITS, { ...b, tables: [] }, {}, ONE_WAY))).toEqual(['error OT5021']);
  });

  test('a key column that is left out is refused', () => {
    const tables = channelOf(ONE_WAY, ['shop.orders']).tables.map((one) => ({
      ...one,
      columns: { only: null, omit: ['id'], rename: {} },
    }));
    expect(brief(findings(FITS, FITS, { tables }, ONE_WAY))).toContain('error OT5010');
  });

  test('everything that is wrong with a pair is said at once', () => {
    const b = table({ engine: 'MyISAM', columns: [column('id'), column('u')] }, { hasRows: true });
    expect(brief(findings(FITS, { tables: [b] }, {}, ONE_WAY))).toEqual([
      'error OT5011',
      'error OT5013',
      'error OT5027',
    ]);
  });

  test("otter's own tables and drafts are nobody's", () => {
    const tables = [table(), table({ schema: 'otter', name: 'checkpoint' }), table({ name: '_otter_orders' })];
    expect(findings({ tables }, FITS, channelOf(ONE_WAY, ['*.*']), ONE_WAY)).toEqual([]);
  });
});

describe('a star of three', () => {
  const star = channelOf({ kind: 'two-way', between: ['a', 'b', 'c'] }, ['shop.orders']);
  const gone: Side = { tables: [] };

  test('an entry means no table only when none of the three has one, and is said once', () => {
    expect(brief(findingsOf({ a: gone, b: gone, c: gone }, star))).toEqual(['warning OT4053']);
    expect(brief(findingsOf({ a: gone, b: gone, c: FITS }, star))).toEqual(['error OT5021']);
    expect(findingsOf({ a: FITS, b: gone, c: gone }, star)).toEqual([]);
  });

  test('each of the three gets numbers of its own, also where two of them meet only', () => {
    const counting = (increment: number, offset: number): Side => ({
      tables: [table({}, { autoIncrement: true })],
      report: { autoIncrement: { increment, offset } },
    });
    expect(findingsOf({ a: counting(3, 1), b: counting(3, 2), c: counting(3, 3) }, star)).toEqual([]);
    const [found] = findingsOf({ a: counting(2, 1), b: counting(2, 2), c: counting(2, 2) }, star);
    expect(found!.summary).toContain('`b` and `c`');
    expect(found!.detail).toContain('at c: SET GLOBAL auto_increment_increment = 3, GLOBAL auto_increment_offset = 3;');
  });
});

describe('an Oracle database', () => {
  const facts = { family: 'oracle', version: '19.0.0.0.0', identity: 'b', logsCascades: true } as const;
  const all = [grant('CREATE SESSION, CREATE TABLE'), grant('SELECT, INSERT, UPDATE, DELETE', 'DW', 'ORDERS')];
  const columns = [
    column('ID', 'NUMBER(10)', { nullable: false }),
    column('U', 'VARCHAR2(9 CHAR)'),
    column('V', 'NUMBER(10)'),
  ];
  const source = table({
    columns: [
      column('id', 'int', { nullable: false }),
      column('u', 'varchar(9)', { charset: 'utf8mb4', collation: 'utf8mb4_bin', nullable: false }),
      column('v'),
    ],
  });
  /** As the inspection keeps it: by the name that was asked for. */
  const there = (more: Parameters<typeof table>[0] = {}, live: Parameters<typeof table>[1] = {}) =>
    table({ columns, schema: 'DW', name: 'ORDERS', engine: 'oracle', ...more }, live);
  const said = (
    tables: readonly LiveTable[],
    more: Partial<ServerReport> = {},
    from: LiveTable = source,
  ): LiveFinding[] =>
    findings(
      { tables: [from] },
      { engine: 'oracle', tables, report: { facts, account: { name: '"OTTER"', grants: all, roles: false }, ...more } },
      { tables: [{ ...channelOf(ONE_WAY, ['shop.orders']).tables[0]!, to: 'DW.ORDERS' }] },
      ONE_WAY,
    );

  test('of one that fits nothing is said, with its table or without', () => {
    expect(said([there()])).toEqual([]);
    expect(said([])).toEqual([]);
  });

  test('what is wrong with it', () => {
    const unfit = [{ for: 'all', message: 'its character set is WE8MSWIN1252', hint: 'see docs/oracle.md' }] as const;
    expect(brief(said([there()], { unfit }))).toEqual(['error OT4070']);
  });

  test('two tables that it takes for one, whether it is there or missing; the same name is meant', () => {
    const twins = (tables: readonly LiveTable[], to: readonly [string, string]): LiveFinding[] => {
      const [entry] = channelOf(ONE_WAY, ['shop.orders']).tables;
      return findings(
        { tables: [source, { ...source, shape: { ...source.shape, name: 'ORDERS' } }] },
        { engine: 'oracle', tables, report: { facts, account: { name: '"OTTER"', grants: all, roles: false } } },
        { tables: to.map((name, i) => ({ ...entry!, from: ['shop.orders', 'shop.ORDERS'][i]!, to: name })) },
        ONE_WAY,
      );
    };
    const small = there();
    const asked = { ...small, shape: { ...small.shape, name: 'ORDERS' } };
    for (const tables of [[], [asked]])
      expect(brief(twins(tables, ['DW.orders', 'DW.ORDERS']))).toEqual(['error OT5056']);
    expect(twins([], ['DW.ORDERS', 'DW.ORDERS'])).toEqual([]);
    expect(brief(twins([], ['DW.orders', 'DW.Orders']))).not.toContain('error OT5056');
  });

  test('rights are granted on tables', () => {
    const [found] = said([there()], { account: { name: '"OTTER"', grants: [grant('CREATE SESSION')], roles: false } });
    expect(found?.code).toBe('OT4022');
    expect(found?.detail).toContain('GRANT SELECT, INSERT, UPDATE, DELETE ON "DW"."ORDERS" TO "OTTER";');
    expect(found?.detail).toContain('GRANT CREATE TABLE TO "OTTER";');
    const any = [grant('CREATE ANY TABLE, SELECT, INSERT, UPDATE, DELETE')];
    expect(said([there()], { account: { name: '"OTTER"', grants: any, roles: false } })).toEqual([]);
  });

  const nulls = table({ columns: source.shape.columns.map((one) => ({ ...one, nullable: one.name !== 'id' })) });
  const strict = columns.map((one) => ({ ...one, nullable: one.name === 'V' }));

  test.each<[what: string, tables: readonly LiveTable[], from: LiveTable, said: string[]]>([
    ['empty texts beside NULL', [there()], nulls, ['warning OT4071']],
    ['a column that takes no empty text', [there({ columns: strict })], source, ['warning OT4071']],
    [
      'a narrow column',
      [there({ columns: [columns[0]!, columns[1]!, column('V', 'NUMBER(9)')] })],
      source,
      ['error OT5028'],
    ],
    ['rows', [there({}, { hasRows: true })], source, ['error OT5013']],
    ['a trigger', [there({}, { unguardedTriggers: ['T'] })], source, ['warning OT4058']],
    ['a temporary table', [there({ engine: 'oracle temporary' })], source, ['error OT5027']],
    [
      'a missing table with a column that nothing is called there',
      [],
      table({ columns: [column('id'), column('rowid')] }),
      ['error OT5060'],
    ],
    [
      'a missing table with a column that has no type there',
      [],
      table({ columns: [column('id'), column('u', 'varchar(9)', { charset: 'sjis' }), column('v')] }),
      ['error OT5029'],
    ],
  ])('%s', (_, tables, from, expected) => {
    expect(brief(said(tables, {}, from))).toEqual(expected);
  });
});

test('every finding has a code that is explained, and warnings are never an error of a node', () => {
  const found = findings(
    { report: { readOnly: true, rowMetadata: 'NO_LOG' } },
    { tables: [table({ engine: 'Aria' })] },
  );
  for (const { code, summary, detail } of found) {
    expect(CODES[code].title).not.toBe('');
    expect(summary).not.toMatch(/\.$/);
    expect(detail).not.toBe('');
  }
});
