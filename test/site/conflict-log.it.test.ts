/** What is kept of conflicts, on real servers: each kind once, exactly one record, what a table does not want kept, and for how long. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec, ConflictSpec } from '../../src/model/topology.ts';
import { LONG } from '../project/long.ts';
import { channel, count, equal, pair, quiet, rootOf, Sites, streaming, until } from './harness.ts';

let servers: { a: DatabaseServer; b: DatabaseServer };
let a: Connection;
let b: Connection;

beforeAll(async () => {
  const [first, second] = await pair();
  servers = { a: first, b: second };
  [a, b] = await Promise.all([rootOf(first), rootOf(second)]);
});

afterAll(async () => {
  for (const root of [a, b]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  for (const root of [a, b]) await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter');
});

const T = 'CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE)';
const SITE: ConflictSpec = {
  policy: 'site-priority',
  priority: ['a', 'b'],
  by: null,
  merge: 'row',
  groups: [],
  counters: [],
};

function twoWay(tables: readonly string[], more: Partial<ChannelSpec> = {}): { shop: ChannelSpec } {
  return { shop: channel({ kind: 'two-way', between: ['a', 'b'] }, tables, more) };
}

/**
 * Writes at both sites that cannot see each other, since the second site does not run meanwhile. Settles when this many
 * conflicts have been decided since the first began, and both hold the same, which they may do before.
 */
async function apart(sites: Sites, table: string, conflicts: number, atA: string, atB: string): Promise<void> {
  await sites.stop('b');
  await a.query(atA);
  await b.query(atB);
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await decided(sites, conflicts);
  await equal(a, b, table);
}

async function decided(sites: Sites, conflicts: number): Promise<void> {
  await until(`${conflicts} are decided`, () => sites.figures()['shop/b>a']!.conflicts === conflicts);
}

type Logged = Readonly<Record<string, string | null>>;

async function logged(where = '1=1'): Promise<Logged[]> {
  const [rows] = await a.query(`SELECT * FROM otter.conflict WHERE ${where} ORDER BY id`);
  return rows as Logged[];
}

async function begun(sites: Sites, rows: string): Promise<void> {
  await a.query(`CREATE DATABASE shop; ${T}; INSERT INTO shop.t VALUES ${rows}`);
  sites.set(twoWay(['shop.t']));
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await equal(a, b, 'shop.t');
}

test('each kind is recorded once, with both rows, what the change started from, and who wrote what', async () => {
  await using sites = new Sites(servers);
  await begun(sites, "(1,'one',1),(2,'two',2),(3,'three',3),(4,'four',4)");
  await apart(
    sites,
    'shop.t',
    5,
    `UPDATE shop.t SET name='a' WHERE id=1; DELETE FROM shop.t WHERE id=2; UPDATE shop.t SET name='a' WHERE id=3;
     INSERT INTO shop.t VALUES (10,'a',10); INSERT INTO shop.t VALUES (11,'a',99)`,
    `UPDATE shop.t SET name='b' WHERE id=1; UPDATE shop.t SET name='b' WHERE id=2; DELETE FROM shop.t WHERE id=3;
     INSERT INTO shop.t VALUES (10,'b',20); INSERT INTO shop.t VALUES (12,'b',99); UPDATE shop.t SET name='alone' WHERE id=4`,
  );
  const rows = await logged();
  expect(rows.map(({ row_key, kind, incoming, present, base }) => [row_key, kind, incoming, present, base])).toEqual([
    [
      '{"id":"1"}',
      'update/update',
      `{"id":"1","name":"'b'","u":"1"}`,
      `{"id":"1","name":"'a'","u":"1"}`,
      `{"id":"1","name":"'one'","u":"1"}`,
    ],
    ['{"id":"2"}', 'update/delete', `{"id":"2","name":"'b'","u":"2"}`, null, `{"id":"2","name":"'two'","u":"2"}`],
    ['{"id":"3"}', 'delete/update', null, `{"id":"3","name":"'a'","u":"3"}`, `{"id":"3","name":"'three'","u":"3"}`],
    ['{"id":"10"}', 'insert/insert', `{"id":"10","name":"'b'","u":"20"}`, `{"id":"10","name":"'a'","u":"10"}`, null],
    ['{"id":"12"}', 'unique', `{"id":"12","name":"'b'","u":"99"}`, `{"id":"11","name":"'a'","u":"99"}`, null],
  ]);
  for (const row of rows) {
    expect(row).toMatchObject({
      channel: 'shop',
      pipeline: 'shop/b>a',
      table_schema: 'shop',
      table_name: 't',
      winner: 'local',
      state: 'decided',
      images: 'full',
      decided_by: 'site-priority: recent write',
    });
    expect(row['incoming_gtid']).toMatch(/\d$/);
    expect(row['local_gtid']).toMatch(/\d$/);
    expect(row['token']).toMatch(/^(mariadb|mysql):/);
    expect(Number(row['incoming_ms'])).toBeGreaterThan(1_600_000_000_000);
  }
  // Of each transaction its own.
  expect(new Set(rows.map((row) => row['incoming_gtid'])).size).toBe(5);
  expect(new Set(rows.map((row) => row['local_gtid'])).size).toBe(5);
  expect(sites.figures()['shop/b>a']!.conflictTables).toEqual({ 'shop.t': 5 });
  expect(sites.figures()['shop/a>b']!.conflictTables).toEqual({});
  // It stays where it was decided.
  expect(await count(b, 'otter.conflict')).toBe(0);
});

test('the row here is in the log when it lost, and one that is made of both has both', async () => {
  await using sites = new Sites(servers);
  await a.query(
    `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), v INT, UNIQUE (name))`,
  );
  await a.query("INSERT INTO shop.t VALUES (1,'one',0),(2,'two',0),(3,'three',0)");
  const conflict: ConflictSpec = { ...SITE, policy: 'last-write-wins', by: 'v' };
  sites.set(twoWay(['shop.t'], { conflict }));
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await equal(a, b, 'shop.t');
  await apart(
    sites,
    'shop.t',
    3,
    `UPDATE shop.t SET name='a', v=1 WHERE id=1; UPDATE shop.t SET name='a2', v=9 WHERE id=2;
     INSERT INTO shop.t VALUES (8,'same',1)`,
    `UPDATE shop.t SET name='b', v=2 WHERE id=1; UPDATE shop.t SET name='b2', v=2 WHERE id=2;
     INSERT INTO shop.t VALUES (9,'same',2)`,
  );
  const rows = (await logged()).map(({ kind, winner, decided_by, incoming, present }) => [
    ...[kind, winner, decided_by],
    ...[incoming, present].map((image) => (JSON.parse(image!) as { name: string }).name),
  ]);
  expect(rows).toEqual([
    ['update/update', 'incoming', 'last-write-wins: was later', "'b'", "'a'"],
    ['update/update', 'local', 'last-write-wins: was earlier', "'b2'", "'a2'"],
    ['unique', 'incoming', 'last-write-wins: was later', "'same'", "'same'"],
  ]);
  const [, , unique] = await logged();
  expect([unique!['incoming'], unique!['present']].map((image) => (JSON.parse(image!) as { id: string }).id)).toEqual([
    '9',
    '8',
  ]);
  expect(sites.figures()['shop/b>a']!.conflictTables).toEqual({ 'shop.t': 3 });

  sites.set(twoWay(['shop.t'], { conflict: { ...SITE, merge: 'column' } }));
  await sites.settled();
  await apart(sites, 'shop.t', 4, 'UPDATE shop.t SET v=5 WHERE id=3', "UPDATE shop.t SET v=6, name='both' WHERE id=3");
  const [merged] = await logged("winner='merged'");
  expect(merged).toMatchObject({
    kind: 'update/update',
    decided_by: 'site-priority: by column',
    incoming: `{"id":"3","name":"'both'","v":"6"}`,
    present: `{"id":"3","name":"'three'","v":"5"}`,
    base: `{"id":"3","name":"'three'","v":"0"}`,
  });
});

test.runIf(LONG)(
  'a window that is rolled back after it was recorded, and one whose site ends there, leaves one record',
  async () => {
    await using sites = new Sites(servers);
    await begun(sites, "(1,'one',1),(2,'two',2)");
    // Whoever has made a record waits at the gate, in the midst of the transaction that made it.
    await a.query(
      'DROP DATABASE IF EXISTS gate; CREATE DATABASE gate; CREATE TABLE gate.gate (id INT PRIMARY KEY, n INT)',
    );
    await a.query('INSERT INTO gate.gate VALUES (1,0)');
    await a.query(
      'CREATE TRIGGER otter.gate AFTER INSERT ON otter.conflict FOR EACH ROW UPDATE gate.gate SET n=n+1 WHERE id=1',
    );
    await a.query('START TRANSACTION');
    await a.query('SELECT * FROM gate.gate FOR UPDATE');
    const waits = (): boolean => (sites.figures()['shop/b>a']?.waiting ?? null) !== null;
    await Promise.all(['a', 'b'].map((name) => sites.stop(name)));
    const elsewhere = await rootOf(servers.a);
    await elsewhere.query("UPDATE shop.t SET name='a' WHERE id IN (1,2)");
    await elsewhere.end();
    await b.query("UPDATE shop.t SET name='b' WHERE id=1; UPDATE shop.t SET name='b' WHERE id=2");
    sites.start('a');
    sites.start('b');
    await until('it was rolled back', waits);
    await sites.stop('a');
    sites.start('a');
    await until('it was rolled back again', waits);
    await a.query('COMMIT');
    await streaming(sites, 'shop/a>b', 'shop/b>a');
    await decided(sites, 2);
    await equal(a, b, 'shop.t');
    const records = await logged();
    expect(records.map(({ row_key, kind }) => [row_key, kind])).toEqual([
      ['{"id":"1"}', 'update/update'],
      ['{"id":"2"}', 'update/update'],
    ]);
    // Numbers were taken by records that came to nothing.
    expect(Number(records[0]!['id'])).toBeGreaterThan(2);
    await a.query('DROP DATABASE gate');
  },
);

test('a table may keep its rows out of the log, or itself; both are counted', async () => {
  await using sites = new Sites(servers);
  const table = (name: string): string => `CREATE TABLE shop.${name} (id INT PRIMARY KEY, secret VARCHAR(50))`;
  await a.query(
    `CREATE DATABASE shop; ${['plain', 'keyed', 'mute'].map(table).join(';')};
     ${['plain', 'keyed', 'mute'].map((name) => `INSERT INTO shop.${name} VALUES (1,'old')`).join(';')}`,
  );
  const entry = (from: string, conflict: ConflictSpec | null): ChannelSpec['tables'][number] => ({
    from,
    to: null,
    columns: { only: null, omit: [], rename: {} },
    conflict,
  });
  sites.set(
    twoWay([], {
      conflict: { ...SITE, log: 'keys' },
      tables: [
        entry('shop.plain', { ...SITE }),
        entry('shop.keyed', null),
        entry('shop.mute', { ...SITE, log: 'none' }),
      ],
    }),
  );
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  for (const name of ['plain', 'keyed', 'mute']) await equal(a, b, `shop.${name}`);
  const all = (value: string): string =>
    ['plain', 'keyed', 'mute'].map((name) => `UPDATE shop.${name} SET secret='${value}'`).join(';');
  await apart(sites, 'shop.mute', 3, all('classified-a'), all('classified-b'));
  expect(
    (await logged()).map(({ table_name, row_key, images, incoming }) => [table_name, row_key, images, incoming]),
  ).toEqual([
    ['plain', '{"id":"1"}', 'full', `{"id":"1","secret":"'classified-b'"}`],
    ['keyed', '{"id":"1"}', 'none', null],
  ]);
  expect(JSON.stringify(await logged("table_name='keyed'"))).not.toContain('classified');
  expect(sites.figures()['shop/b>a']!.conflictTables).toEqual({ 'shop.keyed': 1, 'shop.mute': 1, 'shop.plain': 1 });

  // What the topology says of the log is taken up by a pipeline that runs.
  sites.set(
    twoWay([], {
      conflict: SITE,
      tables: [entry('shop.plain', null), entry('shop.keyed', null), entry('shop.mute', null)],
    }),
  );
  await sites.settled();
  await apart(sites, 'shop.mute', 6, all('open-a'), all('open-b'));
  expect((await logged()).slice(2).map(({ table_name, images }) => [table_name, images])).toEqual([
    ['plain', 'full'],
    ['keyed', 'full'],
    ['mute', 'full'],
  ]);
});

test('a long value is cut in the log, and the rest of its row is not', async () => {
  await using sites = new Sites(servers, quiet);
  await a.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), body LONGTEXT)');
  await a.query("INSERT INTO shop.t VALUES (1,'one','x')");
  sites.set(twoWay(['shop.t']));
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await equal(a, b, 'shop.t');
  await apart(sites, 'shop.t', 1, "UPDATE shop.t SET name='a'", "UPDATE shop.t SET name='b', body=REPEAT('y', 300000)");
  const [row] = await logged();
  expect(row).toMatchObject({ images: 'cut', present: `{"id":"1","name":"'a'","body":"'x'"}` });
  const incoming = JSON.parse(row!['incoming']!) as Record<string, string>;
  expect(incoming['name']).toBe("'b'");
  expect(incoming['body']).toMatch(/^'y{60000,66000}… \(300002 characters\)$/);
});

test('what is too old, or too much, is removed, table by table as the topology says; what waits for a person stays', async () => {
  await using sites = new Sites(servers, quiet, 'test-lineage', { keepingMs: 50 });
  await a.query(
    'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE TABLE shop.own (id INT PRIMARY KEY)',
  );
  const now = Date.now();
  const days = (n: number): number => now - n * 86_400_000;
  sites.set(twoWay(['shop.t', 'shop.own']));
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  const row = (
    table: string,
    decidedMs: number,
    more: { lineage?: string; channel?: string; state?: string } = {},
  ): string => {
    const { lineage = 'test-lineage', channel: of = 'shop', state = 'decided' } = more;
    return `('${lineage}','${of}/b>a','${of}','${state}','shop','${table}','{"id":"1"}','update/update','local','r','none',${decidedMs})`;
  };
  const insert = (rows: readonly string[]): string =>
    `INSERT INTO otter.conflict (lineage,pipeline,channel,state,table_schema,table_name,row_key,kind,winner,decided_by,images,decided_ms) VALUES ${rows.join(',')}`;
  const kept = async (): Promise<string[]> =>
    (await logged()).map(({ lineage, channel: of, table_name, state, decided_ms }) =>
      [lineage, of, table_name, state, Math.round((now - Number(decided_ms)) / 86_400_000)].join(' '),
    );
  // More than one batch of them.
  await a.query(insert(Array.from({ length: 2500 }, () => row('t', days(31)))));
  await a.query(
    insert([
      row('t', days(29)),
      row('own', days(3)),
      row('t', days(40), { state: 'open' }),
      row('t', days(40), { lineage: 'others' }),
      row('t', days(40), { channel: 'gone' }),
      row('t', days(5), { channel: 'gone' }),
    ]),
  );
  await until('the old ones are gone', async () => (await count(a, 'otter.conflict')) === 5);
  expect(await kept()).toEqual([
    'test-lineage shop t decided 29',
    'test-lineage shop own decided 3',
    'test-lineage shop t open 40',
    'others shop t decided 40',
    'test-lineage gone t decided 5',
  ]);

  const conflict = { ...SITE, keep: { days: 30, count: 2 } };
  const columns = { only: null, omit: [], rename: {} };
  sites.set(
    twoWay([], {
      conflict,
      tables: [
        { from: 'shop.t', to: null, columns, conflict: null },
        { from: 'shop.own', to: null, columns, conflict: { ...conflict, keep: { days: 2, count: 3 } } },
      ],
    }),
  );
  await a.query(insert([1, 2, 3].flatMap((n) => [row('t', days(0) - n), row('own', days(1) - n)])));
  const expected = [
    'test-lineage shop t open 40',
    'others shop t decided 40',
    'test-lineage gone t decided 5',
    'test-lineage shop t decided 0',
    'test-lineage shop own decided 1',
    'test-lineage shop t decided 0',
    'test-lineage shop own decided 1',
    'test-lineage shop own decided 1',
  ];
  await until('what is too much is gone', async () => (await count(a, 'otter.conflict')) === expected.length);
  expect(await kept()).toEqual(expected);
});

test('a database that has the tables of an earlier otter gets the log, and its old pipelines go on', async () => {
  await using sites = new Sites(servers);
  await begun(sites, "(1,'one',1)");
  await Promise.all(['a', 'b'].map((name) => sites.stop(name)));
  for (const root of [a, b]) await root.query('DROP TABLE otter.conflict');
  sites.start('a');
  await apart(sites, 'shop.t', 1, "UPDATE shop.t SET name='a'", "UPDATE shop.t SET name='b'");
  expect((await logged()).map(({ kind }) => kind)).toEqual(['update/update']);
});
