/** Tables of a running channel: they come, leave and come back, under other names and in parts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec, TableSpec } from '../../src/model/topology.ts';
import { channel, count, dump, equal, numbers, pair, recorder, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const both = { kind: 'two-way', between: ['a', 'b'] } as const;
const oneWay = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

function entry(
  from: string,
  more: Partial<Omit<TableSpec, 'columns'>> & { columns?: Partial<TableSpec['columns']> } = {},
): TableSpec {
  const { columns, ...rest } = more;
  return { from, to: null, conflict: null, ...rest, columns: { only: null, omit: [], rename: {}, ...columns } };
}

/** A channel of entries. */
const of = (
  direction: ChannelSpec['direction'],
  tables: readonly TableSpec[],
  more: Partial<ChannelSpec> = {},
): ChannelSpec => channel(direction, [], { tables, ...more });

async function begin(
  sites: Sites,
  channels: Readonly<Record<string, ChannelSpec>>,
  ...names: readonly string[]
): Promise<void> {
  sites.set(channels);
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...names);
}

test('a table that joins or leaves disturbs no other; one that comes back is copied again', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'CREATE DATABASE one; USE one; CREATE TABLE x (id INT PRIMARY KEY, n INT); CREATE TABLE y (id INT PRIMARY KEY, n INT)',
  );
  await ra.query(
    `USE one; INSERT INTO x SELECT seq, 0 FROM ${numbers(1, 100)}; INSERT INTO y SELECT seq, 0 FROM ${numbers(1, 100)}`,
  );
  const copiesBegun: string[] = [];
  const opened: string[] = [];
  await using sites = new Sites(
    { a, b },
    recorder((message, fields) => {
      if (message === 'copy of table begins') copiesBegun.push(String(fields['table']));
      if (message.startsWith('pipeline')) opened.push(message);
    }),
  );
  const tables = (...names: string[]) => ({
    one: channel(
      both,
      names.map((name) => `one.${name}`),
      { existing: 'replace' },
    ),
  });
  await begin(sites, tables('x'), 'one/a>b', 'one/b>a');
  opened.length = 0;
  const copied = async (): Promise<number> => count(rb, "otter.copy WHERE pipeline='one/a>b' AND done=1");
  let going = true;
  const writer = (async () => {
    for (let n = 0; going; n += 1)
      await Promise.all([
        ra.query(`UPDATE one.x SET n=n+1 WHERE id=${(n % 50) + 1}`),
        rb.query(`UPDATE one.x SET n=n+1 WHERE id=${(n % 50) + 51}`),
      ]);
  })();
  const epoch = async (): Promise<string> =>
    JSON.stringify((await rb.query("SELECT epoch FROM otter.checkpoint WHERE pipeline='one/a>b'"))[0]);
  const before = await epoch();

  sites.set(tables('x', 'y'));
  await until('y is copied', async () => (await copied()) === 2);
  await ra.query('INSERT INTO one.y VALUES (101, 1)');
  await until('y is followed', async () => (await count(rb, 'one.y')) === 101);

  sites.set(tables('x'));
  await until('y is forgotten', async () => (await copied()) === 1);
  await ra.query('DELETE FROM one.y WHERE id <= 50');
  await rb.query('INSERT INTO one.y VALUES (999, 9); INSERT INTO one.x VALUES (999, 9)');
  await until('what b wrote meanwhile has passed', async () => (await count(ra, 'one.x WHERE id=999')) === 1);

  sites.set(tables('x', 'y'));
  await until('y is copied again', async () => (await copied()) === 2 && (await count(rb, 'one.y')) === 51);
  going = false;
  await writer;
  await equal(ra, rb, 'one.x');
  await equal(ra, rb, 'one.y');
  expect(copiesBegun).toEqual(['one.x', 'one.y', 'one.y']);
  expect(await epoch()).toBe(before);
  expect(opened).toEqual([]);
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('columns stay behind, are chosen and renamed; tables have other names', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    "CREATE DATABASE two; CREATE TABLE two.customer (id INT PRIMARY KEY, full_name VARCHAR(20), ssn VARCHAR(20), n INT); INSERT INTO two.customer VALUES (1, 'ann', 'secret', 1), (2, 'bob', 'secret', 2)",
  );
  await using sites = new Sites({ a, b });
  const tables = [
    entry('two.customer', { to: 'crm.client', columns: { omit: ['ssn'], rename: { full_name: 'name' } } }),
  ];
  await begin(sites, { two: of(both, tables) }, 'two/a>b', 'two/b>a');
  await ra.query(
    "INSERT INTO two.customer VALUES (3, 'cid', 'secret', 3); UPDATE two.customer SET full_name='Ann' WHERE id=1",
  );
  await rb.query("INSERT INTO crm.client VALUES (4, 'dan', 4); UPDATE crm.client SET n=20 WHERE id=2");
  await until(
    'all is at both',
    async () =>
      (await count(ra, 'two.customer WHERE id=4 OR n=20')) === 2 &&
      (await count(rb, "crm.client WHERE id=3 OR name='Ann'")) === 2,
  );
  expect(await dump(rb, 'crm.client')).toEqual(['[1,"Ann",1]', '[2,"bob",20]', '[3,"cid",3]', '[4,"dan",4]']);
  expect(await dump(ra, 'two.customer')).toEqual([
    '[1,"Ann","secret",1]',
    '[2,"bob","secret",20]',
    '[3,"cid","secret",3]',
    '[4,"dan",null,4]',
  ]);
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('shards merge into one table, only some columns travel, a table made while running joins', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'CREATE DATABASE three; USE three; CREATE TABLE item_0 (id INT PRIMARY KEY, n INT, internal INT); CREATE TABLE item_1 LIKE item_0; INSERT INTO item_0 VALUES (1, 1, 7); INSERT INTO item_1 VALUES (2, 2, 7)',
  );
  await using sites = new Sites({ a, b });
  const tables = [entry('three.item_[0-1]', { to: 'dw.item', columns: { only: ['id', 'n'] } }), entry('three.log_*')];
  await begin(sites, { three: of(oneWay, tables, { existing: 'merge' }) }, 'three/a>b');
  await ra.query('UPDATE three.item_1 SET n=20; INSERT INTO three.item_0 VALUES (3, 3, 7)');
  await until('merged', async () => (await count(rb, 'dw.item WHERE n IN (1, 3, 20)')) === 3);
  expect(await dump(rb, 'dw.item')).toEqual(['[1,1]', '[2,20]', '[3,3]']);
  await ra.query(
    "CREATE TABLE three.log_a (id INT PRIMARY KEY, t VARCHAR(9)); INSERT INTO three.log_a VALUES (1, 'x')",
  );
  await ra.query('CREATE TABLE three.log_empty (id INT PRIMARY KEY); CREATE TABLE three.other (id INT PRIMARY KEY)');
  await until(
    'it has joined',
    async () =>
      (await count(
        rb,
        "information_schema.tables WHERE table_schema='three' AND table_name IN ('log_a','log_empty')",
      )) === 2,
  );
  await ra.query("INSERT INTO three.log_a VALUES (2, 'y')");
  await until('it is followed', async () => (await count(rb, 'three.log_a')) === 2);
  expect(await count(rb, "information_schema.tables WHERE table_schema='three'")).toBe(2);
  expect(sites.figures()['three/a>b']!.error).toBeNull();
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('two-way, a table made at either site joins at the other', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('CREATE DATABASE four');
  await using sites = new Sites({ a, b });
  await begin(sites, { four: of(both, [entry('four.*')]) }, 'four/a>b', 'four/b>a');
  await ra.query('CREATE TABLE four.x (id INT PRIMARY KEY); INSERT INTO four.x VALUES (1)');
  await until(
    'x has come',
    async () => (await count(rb, "information_schema.tables WHERE table_schema='four' AND table_name='x'")) === 1,
  );
  await rb.query('CREATE TABLE four.y (id INT PRIMARY KEY); INSERT INTO four.y VALUES (1)');
  await until(
    'y has come',
    async () => (await count(ra, "information_schema.tables WHERE table_schema='four' AND table_name='y'")) === 1,
  );
  await Promise.all([ra.query('INSERT INTO four.y VALUES (2)'), rb.query('INSERT INTO four.x VALUES (2)')]);
  await until('both are followed', async () => (await count(ra, 'four.x')) === 2 && (await count(rb, 'four.y')) === 2);
  await equal(ra, rb, 'four.x');
  await equal(ra, rb, 'four.y');
  for (const figures of Object.values(sites.figures())) expect(figures.error).toBeNull();
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test.each([
  ['keep', ['[1,"there"]', '[2,"here"]', '[3,"there"]']],
  ['merge', ['[1,"here"]', '[2,"here"]', '[3,"there"]']],
  ['replace', ['[1,"here"]', '[2,"here"]']],
] as const)(
  'rows that are there already: %s',
  async (existing, expected) => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb])
      await root.query(
        'DROP DATABASE IF EXISTS five; CREATE DATABASE five; CREATE TABLE five.t (id INT PRIMARY KEY, v VARCHAR(9))',
      );
    await ra.query("INSERT INTO five.t VALUES (1, 'here'), (2, 'here')");
    await rb.query("INSERT INTO five.t VALUES (1, 'there'), (3, 'there')");
    await using sites = new Sites({ a, b });
    sites.set({ five: channel(oneWay, ['five.t']) });
    sites.start('a');
    sites.start('b');
    await until('it is refused', () => sites.figures()['five/a>b']?.error?.code === 'OT5013');
    expect(await dump(rb, 'five.t')).toEqual(['[1,"there"]', '[3,"there"]']);
    sites.set({ five: channel(oneWay, ['five.t'], { existing }) });
    await streaming(sites, 'five/a>b');
    expect(await dump(rb, 'five.t')).toEqual(expected);
    sites.set({});
    await until('it is forgotten', async () => (await count(rb, 'otter.checkpoint')) === 0);
    await Promise.all([ra.end(), rb.end()]);
  },
  60_000,
);

test('a change of structure stops the pipeline there, or is passed over', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query('CREATE DATABASE six; CREATE TABLE six.t (id INT PRIMARY KEY)');
  await using sites = new Sites({ a, b });
  await begin(sites, { six: channel(oneWay, ['six.t']) }, 'six/a>b');
  await ra.query('INSERT INTO six.t VALUES (1)');
  await equal(ra, rb, 'six.t');
  await ra.query('ALTER TABLE six.t ADD n INT; INSERT INTO six.t VALUES (2, 2)');
  await until('it stops', () => sites.figures()['six/a>b']?.error?.code === 'OT5015');
  expect(sites.figures()['six/a>b']).toMatchObject({ phase: 'failed' });
  expect(sites.figures()['six/a>b']!.error!.message).toContain('ALTER TABLE six.t ADD n INT');
  expect(await dump(rb, 'six.t')).toEqual(['[1]']);
  await rb.query('ALTER TABLE six.t ADD n INT');
  sites.set({ six: channel(oneWay, ['six.t'], { ddl: 'ignore' }) });
  await equal(ra, rb, 'six.t');
  await streaming(sites, 'six/a>b');
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test.each([['one-way'], ['two-way']] as const)(
  'a table emptied while it was out is copied again, and nobody else is emptied: %s',
  async (kind) => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb])
      await root.query('DROP DATABASE IF EXISTS again; DROP DATABASE IF EXISTS otter; CREATE DATABASE again');
    await ra.query(
      'CREATE TABLE again.t (id INT PRIMARY KEY, n INT); CREATE TABLE again.u (id INT PRIMARY KEY); INSERT INTO again.t VALUES (1, 1), (2, 2)',
    );
    const direction =
      kind === 'one-way' ? ({ kind, from: ['a'], to: ['b'] } as const) : ({ kind, between: ['a', 'b'] } as const);
    const all = { again: channel(direction, ['again.t', 'again.u']) };
    await using sites = new Sites({ a, b });
    sites.set(all);
    sites.start('a');
    sites.start('b');
    const pipelines = kind === 'one-way' ? ['again/a>b'] : ['again/a>b', 'again/b>a'];
    await streaming(sites, ...pipelines);
    await until('it is copied', async () => (await dump(rb, 'again.t')).length === 2);
    sites.set({ again: channel(direction, ['again.u']) });
    await until(
      'it has left',
      async () => (await dump(rb, "otter.structure WHERE source_table='again.t'")).length === 0,
    );
    // Neither site reads what is done to the table while it is out, until it is back.
    for (const name of ['a', 'b']) await sites.stop(name);
    await rb.query('UPDATE again.t SET n = 0; DELETE FROM again.t');
    await ra.query(
      'UPDATE again.t SET n = n + 10; DELETE FROM again.t WHERE id = 2; INSERT INTO again.t VALUES (3, 3)',
    );
    sites.set(all);
    for (const name of ['a', 'b']) sites.start(name);
    await until('it is copied again', async () => (await dump(rb, 'again.t')).length === 2);
    await streaming(sites, ...pipelines);
    // Once more from where the checkpoints stand now.
    for (const name of ['a', 'b']) await sites.stop(name);
    await ra.query('INSERT INTO again.t VALUES (4, 4)');
    if (kind === 'two-way') await rb.query('INSERT INTO again.t VALUES (5, 5); DELETE FROM again.t WHERE id = 3');
    for (const name of ['a', 'b']) sites.start(name);
    await until('the new rows come', async () => (await dump(rb, 'again.t WHERE id IN (4)')).length === 1);
    await equal(ra, rb, 'again.t');
    expect(await dump(ra, 'again.t')).toEqual(
      kind === 'one-way' ? ['[1,11]', '[3,3]', '[4,4]'] : ['[1,11]', '[4,4]', '[5,5]'],
    );
    for (const root of [ra, rb]) root.destroy();
  },
  90_000,
);

test('of tables told together one is refused: the others are recorded, and all is well when it is mended', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  const names = ['p', 'q', 'r', 's'];
  for (const root of [ra, rb]) await root.query('CREATE DATABASE together');
  for (const name of names)
    await ra.query(`CREATE TABLE together.${name} (id INT PRIMARY KEY); INSERT INTO together.${name} VALUES (1), (2)`);
  // One is there and empty, one is there with a row; the others are made.
  await rb.query('CREATE TABLE together.p (id INT PRIMARY KEY)');
  await rb.query('CREATE TABLE together.q (id INT PRIMARY KEY); INSERT INTO together.q VALUES (7)');
  await using sites = new Sites({ a, b });
  sites.set({ together: channel(both, ['together.*']) });
  sites.start('a');
  sites.start('b');
  await until('it is refused', () => sites.figures()['together/a>b']?.error?.code === 'OT5013');
  const recorded = async (table: 'copy' | 'structure'): Promise<string[]> => {
    const [found] = await rb.query({
      sql: `SELECT source_table FROM otter.${table} WHERE pipeline='together/a>b' ORDER BY 1`,
      rowsAsArray: true,
    });
    return (found as string[][]).map(([name]) => name!);
  };
  const others = ['together.p', 'together.r', 'together.s'];
  expect([await recorded('copy'), await recorded('structure')]).toEqual([others, others]);
  // A row that a user writes to a table that was made beside it counts, and does not make that table refused.
  await rb.query('INSERT INTO together.r VALUES (3)');
  await rb.query('DELETE FROM together.q');
  await streaming(sites, 'together/a>b', 'together/b>a');
  for (const name of names) await equal(ra, rb, `together.${name}`);
  expect(await dump(ra, 'together.r')).toEqual(['[1]', '[2]', '[3]']);
  await Promise.all([ra.end(), rb.end()]);
});
