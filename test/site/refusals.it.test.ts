/** What cannot be done exactly is refused by name, and goes on when it is mended. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';

import {
  channel,
  count,
  dump,
  equal,
  FAMILIES,
  numbers,
  pair,
  recorder,
  rootOf,
  Sites,
  streaming,
  until,
} from './harness.ts';

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

test.each([
  ['a prefix', 'id INT PRIMARY KEY, t VARCHAR(100), UNIQUE KEY p (t(10))', '', /unique key p is over a prefix/],
  [
    'a trigger',
    'id INT PRIMARY KEY, n INT',
    'CREATE TRIGGER one.tr BEFORE INSERT ON one.t FOR EACH ROW SET NEW.n = 1',
    /trigger tr would run/,
  ],
  [
    'other keys',
    'id INT PRIMARY KEY, n INT',
    'ALTER TABLE one.t ADD UNIQUE KEY (n)',
    /key over \(n\) is not one at the other site/,
  ],
  [
    'other collations',
    'id VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY',
    'ALTER TABLE one.t MODIFY id VARCHAR(9) COLLATE utf8mb4_bin',
    /key over \(id\) compares texts differently/,
  ],
])(
  'two-way refuses %s, and goes on when it is gone',
  async (_, columns, more, why) => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb])
      await root.query(`DROP DATABASE IF EXISTS one; CREATE DATABASE one; CREATE TABLE one.t (${columns})`);
    if (more !== '') await rb.query(more);
    await using sites = new Sites({ a, b });
    sites.set({ one: channel(both, ['one.t']) });
    sites.start('a');
    sites.start('b');
    await until('it is refused', () => sites.figures()['one/a>b']?.error?.code === 'OT5014');
    expect(sites.figures()['one/a>b']!.error!.message).toMatch(why);
    for (const root of [ra, rb])
      await root.query(
        'DROP TABLE one.t; CREATE TABLE one.t (id VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT)',
      );
    await rb.query(
      'CREATE TRIGGER one.guarded BEFORE INSERT ON one.t FOR EACH ROW SET NEW.n = IF(@otter_apply IS NULL, 1, NEW.n)',
    );
    // What follows is structure, which must not stop the channel.
    sites.set({ one: channel(both, ['one.t'], { ddl: 'ignore' }) });
    await streaming(sites, 'one/a>b', 'one/b>a');
    await ra.query("INSERT INTO one.t VALUES ('abc', 5)");
    await rb.query("INSERT INTO one.t VALUES ('def', 5)");
    await until(
      'both rows are at a',
      async () => ((await ra.query('SELECT id FROM one.t'))[0] as unknown[]).length === 2,
    );
    await equal(ra, rb, 'one.t');
    sites.set({});
    await until(
      'it is forgotten',
      async () => ((await rb.query('SELECT 1 FROM otter.checkpoint'))[0] as unknown[]).length === 0,
    );
    await Promise.all([ra.end(), rb.end()]);
  },
  60_000,
);

test('one-way: a row in the way stops the pipeline before its transaction, and it goes on when that is mended', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query('CREATE DATABASE two; CREATE TABLE two.t (id INT PRIMARY KEY, u INT UNIQUE)');
  await using sites = new Sites({ a, b });
  sites.set({ two: channel(oneWay, ['two.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'two/a>b');
  await rb.query('INSERT INTO two.t VALUES (99, 3)');
  await ra.query('INSERT INTO two.t VALUES (1, 1); INSERT INTO two.t VALUES (2, 3); INSERT INTO two.t VALUES (4, 4)');
  await until('it stops', () => sites.figures()['two/a>b']?.error?.code === 'OT5016');
  const { phase, error } = sites.figures()['two/a>b']!;
  expect(phase).toBe('failed');
  expect(error!.message).toMatch(/two\.t.*(0-\d+-|:)\d+.*Duplicate entry for key '(t\.)?u' \(error 1062\)$/);
  expect((await rb.query('SELECT id FROM two.t ORDER BY id'))[0]).toEqual([{ id: 1 }, { id: 99 }]);
  await rb.query('DELETE FROM two.t WHERE id=99');
  await equal(ra, rb, 'two.t');
  await streaming(sites, 'two/a>b');
  expect(sites.figures()['two/a>b']!.error).toBeNull();
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test.each([
  ['OT4032', ['SET SESSION binlog_format = STATEMENT', 'UPDATE log.t SET n = 2', 'SET SESSION binlog_format = ROW']],
])(
  'changes that the log does not tell (%s) stop the channel of their table, and the way on leads on',
  async (code, statements) => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb])
      await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS log; CREATE DATABASE log');
    await ra.query('CREATE TABLE log.t (id INT PRIMARY KEY, n INT); CREATE TABLE log.u (id INT PRIMARY KEY)');
    await ra.query('INSERT INTO log.t VALUES (1, 1)');
    await using sites = new Sites({ a, b });
    const channels = { log: channel(both, ['log.t']), other: channel(oneWay, ['log.u']) };
    sites.set(channels);
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'log/a>b', 'log/b>a', 'other/a>b');
    await until('both are copied', async () => (await dump(rb, 'log.t')).length === 1);
    for (const sql of statements) await ra.query(sql);
    // What the other site writes cannot be judged without knowing what was written here.
    await rb.query('INSERT INTO log.t VALUES (9, 9)');
    await until('both pipelines say so', () => {
      const figures = ['log/a>b', 'log/b>a'].map((name) => sites.figures()[name]!);
      return figures.every(({ phase, error }) => phase === 'failed' && error?.code === code);
    });
    expect(sites.figures()['log/a>b']!.error!.message).toMatch(/log\.t.*\(transaction .* at .*\)$/);
    await ra.query('INSERT INTO log.u VALUES (1)');
    await until('the other goes on', async () => (await dump(rb, 'log.u')).length === 1);
    await ra.query('DELETE FROM log.u');
    // As `otter explain` says: without the channel, empty the other side, with the channel.
    sites.set({ other: channels.other });
    const gone = async (): Promise<boolean> =>
      (await dump(rb, "otter.checkpoint WHERE pipeline='log/a>b'")).length === 0;
    await until('it is forgotten', gone);
    await rb.query('DELETE FROM log.t');
    sites.set(channels);
    await streaming(sites, 'log/a>b', 'log/b>a', 'other/a>b');
    await rb.query('INSERT INTO log.t VALUES (2, 2)');
    await until('all is there', async () => (await dump(ra, 'log.t')).length === 2);
    await equal(ra, rb, 'log.t');
    sites.set({});
    await until('it is forgotten again', gone);
    await Promise.all([ra.end(), rb.end()]);
  },
  90_000,
);

describe('a table that is altered while rows of before are unread', () => {
  const CHANGE = 'ALTER TABLE alt.t CHANGE x y INT, CHANGE y x INT';

  test.each([
    ['stop', oneWay],
    ['ignore', oneWay],
    ['stop', both],
  ] as const)(
    'is refused, not read wrong (ddl: %s, %o)',
    async (ddl, direction) => {
      const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
      for (const root of [ra, rb])
        await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS alt; CREATE DATABASE alt');
      await ra.query('CREATE TABLE alt.t (id INT PRIMARY KEY, x INT, y INT); CREATE TABLE alt.u (id INT PRIMARY KEY)');
      await ra.query('INSERT INTO alt.t VALUES (1, 1, 2)');
      await using sites = new Sites({ a, b });
      sites.set({ alt: channel(direction, ['alt.t'], { ddl }), other: channel(direction, ['alt.u']) });
      sites.start('a');
      sites.start('b');
      await streaming(sites, 'alt/a>b', 'other/a>b');
      await until('it is copied', async () => (await dump(rb, 'alt.t')).length === 1);
      await sites.stop('a');
      await ra.query(`INSERT INTO alt.t VALUES (2, 10, 20); ${CHANGE}; INSERT INTO alt.t (id, x, y) VALUES (3, 5, 6)`);
      await ra.query('INSERT INTO alt.u VALUES (1)');
      sites.start('a');
      await until('it is refused', () => sites.figures()['alt/a>b']?.error?.code === 'OT4030');
      await until('the other goes on', async () => (await dump(rb, 'alt.u')).length === 1);
      expect(await dump(rb, 'alt.t')).toEqual(['[1,1,2]']);
      sites.set({});
      await Promise.all([ra.end(), rb.end()]);
    },
    60_000,
  );

  const TO_XY = 'ALTER TABLE alt.t MODIFY x INT AFTER id';
  const TO_YX = 'ALTER TABLE alt.t MODIFY x INT AFTER y';
  const INSERT = 'INSERT INTO alt.t (id, x, y) VALUES';

  test.each(['before it was passed', 'after that'])(
    'rows behind a change that was passed over, and undone %s, are refused each time',
    async (when) => {
      const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
      for (const root of [ra, rb])
        await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS alt; CREATE DATABASE alt');
      await ra.query('CREATE TABLE alt.t (id INT PRIMARY KEY, x INT, y INT); CREATE TABLE alt.u (id INT PRIMARY KEY)');
      await using sites = new Sites({ a, b });
      sites.set({ alt: channel(oneWay, ['alt.t', 'alt.u'], { ddl: 'ignore' }) });
      sites.start('a');
      sites.start('b');
      await streaming(sites, 'alt/a>b');
      // What the table was like is sure from here on, and then it is not any more.
      await ra.query('INSERT INTO alt.t (id, x, y) VALUES (1, 1, 2)');
      await until('it is there', async () => (await dump(rb, 'alt.t')).length === 1);
      const [change, undo] = [`${TO_YX}; INSERT INTO alt.u VALUES (1)`, `${INSERT} (2, 10, 20); ${TO_XY}`];
      if (when === 'after that') await ra.query(change);
      else {
        await sites.stop('a');
        await ra.query(`${change}; ${undo}`);
        sites.start('a');
      }
      await until('the change is passed over', async () => (await dump(rb, 'alt.u')).length === 1);
      if (when === 'after that') {
        await sites.stop('a');
        await ra.query(undo);
        sites.start('a');
      }
      for (let attempt = 0; attempt < 2; attempt += 1) {
        await until('it is refused', () => sites.figures()['alt/a>b']?.error?.code === 'OT4030');
        await Promise.all([sites.stop('a'), sites.stop('b')]);
        expect(await dump(rb, 'alt.t')).toEqual(['[1,1,2]']);
        sites.start('a');
        sites.start('b');
      }
    },
    60_000,
  );

  test.each([
    ['passed over', 'alt.t', { ddl: 'ignore' }, `${TO_YX}; ${INSERT} (2, 10, 20); ${TO_XY}`],
    [
      'joining by a pattern',
      'alt.*',
      {},
      `CREATE TABLE alt.n (id INT PRIMARY KEY, x INT, y INT);
      INSERT INTO alt.n VALUES (1, 10, 20); ALTER TABLE alt.n MODIFY x INT AFTER y`,
    ],
  ] as const)(
    'rows between two structures are refused (%s)',
    async (_, table, policy, backlog) => {
      const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
      for (const root of [ra, rb])
        await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS alt; CREATE DATABASE alt');
      await ra.query('CREATE TABLE alt.t (id INT PRIMARY KEY, x INT, y INT); INSERT INTO alt.t VALUES (1, 1, 2)');
      await using sites = new Sites({ a, b });
      sites.set({ alt: channel(oneWay, [table], policy) });
      sites.start('a');
      sites.start('b');
      await streaming(sites, 'alt/a>b');
      await until('it is copied', async () => (await dump(rb, 'alt.t')).length === 1);
      await sites.stop('a');
      await ra.query(backlog);
      sites.start('a');
      await until('it is refused', () => sites.figures()['alt/a>b']?.error?.code === 'OT4030');
      const [rows] = await rb.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='alt' AND TABLE_NAME='n'",
      );
      expect(await dump(rb, 'alt.t')).toEqual(['[1,1,2]']);
      if ((rows as unknown[]).length > 0) expect(await dump(rb, 'alt.n')).toEqual([]);
      sites.set({});
      await Promise.all([ra.end(), rb.end()]);
    },
    60_000,
  );

  test('is followed when it had caught up, also by a node that starts later', async () => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb])
      await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS alt; CREATE DATABASE alt');
    await ra.query('CREATE TABLE alt.t (id INT PRIMARY KEY, x INT, y INT)');
    await using sites = new Sites({ a, b });
    sites.set({ alt: channel(oneWay, ['alt.t'], { ddl: 'ignore' }) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'alt/a>b');
    await ra.query('INSERT INTO alt.t VALUES (1, 1, 2)');
    await equal(ra, rb, 'alt.t');
    for (const root of [rb, ra]) await root.query(CHANGE);
    const digests = async (): Promise<string> => JSON.stringify(await dump(rb, 'otter.structure'));
    const before = await digests();
    await until('it is known', async () => (await digests()) !== before);
    for (const name of ['a', 'b']) await sites.stop(name);
    await ra.query('INSERT INTO alt.t (id, x, y) VALUES (2, 5, 6)');
    for (const name of ['a', 'b']) sites.start(name);
    await until('rows of after it come', async () => (await dump(rb, 'alt.t')).length === 2);
    await equal(ra, rb, 'alt.t');
    expect(sites.figures()['alt/a>b']!.error).toBeNull();
    sites.set({});
    await Promise.all([ra.end(), rb.end()]);
  }, 60_000);
});

test('columns that do not take every value are refused, all at once, before the first row', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('CREATE DATABASE fit');
  await ra.query("CREATE TABLE fit.t (id INT PRIMARY KEY, e ENUM('x','y'), d DATETIME(6), n INT)");
  await ra.query("INSERT INTO fit.t VALUES (1, 'y', '2024-01-01 00:00:00.987654', 5)");
  await rb.query("CREATE TABLE fit.t (id INT PRIMARY KEY, e ENUM('y','x'), d DATETIME, n INT)");
  await using sites = new Sites({ a, b });
  sites.set({ fit: channel(oneWay, ['fit.t']) });
  sites.start('a');
  sites.start('b');
  await until('it is refused', () => sites.figures()['fit/a>b']?.error?.code === 'OT5028');
  const { message } = sites.figures()['fit/a>b']!.error!;
  expect(message).toContain("e is enum('y','x') and should take enum('x','y')");
  expect(message).toContain('d is datetime and should take datetime(6)');
  expect(await dump(rb, 'fit.t')).toEqual([]);
  await rb.query("ALTER TABLE fit.t MODIFY e ENUM('x','y','z'), MODIFY d DATETIME(6)");
  await until('it is copied', async () => (await dump(rb, 'fit.t')).length === 1);
  await equal(ra, rb, 'fit.t');
  sites.set({});
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('tables that could be copied are not read over and over while another is refused, and are copied once in the end', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS unfit; CREATE DATABASE unfit');
  await ra.query('USE unfit; CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY)');
  await ra.query(`INSERT INTO unfit.a SELECT seq FROM ${numbers(1, 3000)}; INSERT INTO unfit.b VALUES (1)`);
  await ra.query('CREATE TABLE unfit.z (id INT PRIMARY KEY, n INT); INSERT INTO unfit.z VALUES (1, 1)');
  await rb.query('CREATE TABLE unfit.z (id INT PRIMARY KEY)');
  const copies: string[] = [];
  await using sites = new Sites(
    { a, b },
    recorder((message, { table }) => {
      if (message.startsWith('copy of table')) copies.push(`${message.split(' ').at(-1)!} ${String(table)}`);
    }),
  );
  sites.set({ unfit: channel(oneWay, ['unfit.*']) });
  sites.start('a');
  sites.start('b');
  const attempts = async (): Promise<number> => count(rb, "otter.checkpoint WHERE pipeline='unfit/a>b' AND epoch > 4");
  await until('it is refused', () => sites.figures()['unfit/a>b']?.error?.code === 'OT5011');
  await until('it was tried some times', async () => (await attempts()) > 0);
  expect(copies).toEqual([]);
  await rb.query('ALTER TABLE unfit.z ADD n INT');
  await streaming(sites, 'unfit/a>b');
  for (const table of ['unfit.a', 'unfit.b', 'unfit.z']) await equal(ra, rb, table);
  expect(copies).toEqual(['a', 'b', 'z'].flatMap((name) => [`begins unfit.${name}`, `whole unfit.${name}`]));
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('one-way: rows without a key, twice the same; parents and children with checks on', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  const tables =
    'CREATE DATABASE three; CREATE TABLE three.keyless (n INT, t VARCHAR(9)); CREATE TABLE three.p (id INT PRIMARY KEY); CREATE TABLE three.c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES three.p (id) ON DELETE CASCADE ON UPDATE CASCADE)';
  for (const root of [ra, rb]) await root.query(tables);
  await using sites = new Sites({ a, b });
  sites.set({ three: channel(oneWay, ['three.*'], { initial: 'none' }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'three/a>b');
  await ra.query("INSERT INTO three.keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL), (2, 'y')");
  await ra.query(
    "DELETE FROM three.keyless WHERE n=1 LIMIT 1; UPDATE three.keyless SET n=3 WHERE n IS NULL LIMIT 1; UPDATE three.keyless SET t='z' WHERE n=2",
  );
  await ra.query('INSERT INTO three.p VALUES (1), (2), (3); INSERT INTO three.c VALUES (1, 1), (2, 2), (3, 3)');
  await ra.query('UPDATE three.p SET id=9 WHERE id=3; DELETE FROM three.p WHERE id=1');
  await ra.query("INSERT INTO three.keyless VALUES (77, 'end')");
  await until(
    'all is there',
    async () => ((await rb.query('SELECT 1 FROM three.keyless WHERE n=77'))[0] as unknown[]).length === 1,
  );
  for (const table of ['three.keyless', 'three.p', 'three.c']) await equal(ra, rb, table);
  expect(sites.figures()['three/a>b']).toMatchObject({ error: null, drift: 0 });
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('one-way: a child that came before its copy goes with its parent, whose own copy is under way', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  const parent = 'CREATE TABLE kin.p (id INT PRIMARY KEY, pad CHAR(100))';
  for (const root of [ra, rb]) await root.query(`DROP DATABASE IF EXISTS kin; CREATE DATABASE kin; ${parent}`);
  await ra.query(`INSERT INTO kin.p SELECT seq, 'x' FROM ${numbers(1, 3000)}`);
  await ra.query(
    'CREATE TABLE kin.c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES kin.p (id) ON DELETE CASCADE)',
  );
  // Nothing is written to an empty table of which somebody holds the whole.
  await rb.query('BEGIN; SELECT * FROM kin.p FOR UPDATE');
  await using sites = new Sites({ a, b });
  sites.set({ kin: channel(oneWay, ['kin.p', 'kin.c']) });
  sites.start('a');
  sites.start('b');
  const marked = async (): Promise<boolean> =>
    (await dump(ra, "otter.watermark WHERE pipeline='kin/a>b' AND kind='high'").catch(() => [])).length === 1;
  await until('the first rows are read', marked);
  await ra.query('INSERT INTO kin.c VALUES (1, 1), (2, 2999), (3, 5)');
  await ra.query('DELETE FROM kin.p WHERE id IN (1, 2999)');
  await rb.query('COMMIT');
  await streaming(sites, 'kin/a>b');
  await equal(ra, rb, 'kin.p');
  await equal(ra, rb, 'kin.c');
  sites.set({});
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('a parent that was made before its child is known as a parent when its key changes', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query(
    'CREATE DATABASE d; CREATE TABLE d.a_parent (id INT PRIMARY KEY, v INT); CREATE TABLE d.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES d.a_parent (id) ON DELETE CASCADE ON UPDATE CASCADE)',
  );
  await ra.query('INSERT INTO d.a_parent VALUES (1,1),(2,2),(3,3); INSERT INTO d.child VALUES (1,1),(2,2),(3,3),(4,3)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(oneWay, ['d.*']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'd/a>b');
  await equal(ra, rb, 'd.child');
  await ra.query('UPDATE d.a_parent SET id=9, v=9 WHERE id=3; DELETE FROM d.a_parent WHERE id=1');
  await ra.query('INSERT INTO d.a_parent VALUES (100, 0)');
  await until('the end is there', async () => (await dump(rb, 'd.a_parent')).length === 3);
  await equal(ra, rb, 'd.a_parent');
  await equal(ra, rb, 'd.child');
  expect(await dump(rb, 'd.child')).toEqual(['[2,2]', '[3,9]', '[4,9]']);
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('two-way: keys that differ in spelling only are one key', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'CREATE DATABASE four; CREATE TABLE four.t (id VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v VARCHAR(20))',
  );
  await using sites = new Sites({ a, b });
  sites.set({ four: channel(both, ['four.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'four/a>b', 'four/b>a');
  await sites.stop('a');
  await sites.stop('b');
  await ra.query("INSERT INTO four.t VALUES ('abc', 'of a'), ('straße', 'of a'), ('pad', 'of a')");
  await rb.query("INSERT INTO four.t VALUES ('ABC', 'of b'), ('STRAßE', 'of b'), ('pad ', 'of b'), ('mine', 'of b')");
  sites.start('a');
  sites.start('b');
  await until(
    'the other row has come',
    async () => ((await ra.query("SELECT 1 FROM four.t WHERE id='mine'"))[0] as unknown[]).length === 1,
  );
  await equal(ra, rb, 'four.t');
  expect((await rb.query("SELECT id, v FROM four.t WHERE id='Abc'"))[0]).toEqual([{ id: 'abc', v: 'of a' }]);
  await Promise.all([
    ra.query("UPDATE four.t SET id='ABC' WHERE id='abc'"),
    rb.query("UPDATE four.t SET v='later' WHERE id='abc'"),
  ]);
  await rb.query("INSERT INTO four.t VALUES ('end', 'of b')");
  await until(
    'the end has come',
    async () => ((await ra.query("SELECT 1 FROM four.t WHERE id='end'"))[0] as unknown[]).length === 1,
  );
  await equal(ra, rb, 'four.t');
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test.each([
  ['a', 'b'],
  ['b', 'a'],
] as const)(
  'two-way: a table emptied at %s is emptied at %s as the message says, while both write',
  async (here, there) => {
    const roots = { a: await rootOf(a), b: await rootOf(b) };
    for (const root of Object.values(roots))
      await root.query('DROP DATABASE IF EXISTS e; DROP DATABASE IF EXISTS otter; CREATE DATABASE e');
    await roots.a.query('CREATE TABLE e.t (id INT PRIMARY KEY, u INT UNIQUE); INSERT INTO e.t VALUES (1,1),(2,2)');
    await using sites = new Sites({ a, b });
    sites.set({ e: channel(both, ['e.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'e/a>b', 'e/b>a');
    await until('it is copied', async () => (await dump(roots.b, 'e.t')).length === 2);
    await roots[here].query('TRUNCATE e.t');
    const stopped = `e/${here}>${there}`;
    await until('it stops there', () => sites.figures()[stopped]?.error?.code === 'OT5015');
    await roots[there].query('INSERT INTO e.t VALUES (7,7)');
    await until('the other way goes on', async () => (await dump(roots[here], 'e.t')).length === 1);
    await roots[here].query('INSERT INTO e.t VALUES (8,8),(1,2)');
    expect(sites.figures()[stopped]!.error!.hint).toMatch(/by DELETE only/);
    await roots[there].query('DELETE FROM e.t');
    await roots[there].query('INSERT INTO e.t VALUES (9,9)');
    sites.set({ e: channel(both, ['e.t'], { ddl: 'ignore' }) });
    await until('the last rows are there', async () => {
      const [atA, atB] = await Promise.all([dump(roots.a, 'e.t'), dump(roots.b, 'e.t')]);
      return [atA, atB].every((rows) => rows.includes('[8,8]') && rows.includes('[9,9]'));
    });
    await equal(roots.a, roots.b, 'e.t');
    sites.set({});
    for (const root of Object.values(roots)) root.destroy();
  },
  60_000,
);

test('a table that neither site has can be dropped, and one that came and went while nobody looked', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(both, ['d.*']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'd/a>b', 'd/b>a');
  await ra.query('DROP TABLE IF EXISTS d.nonesuch; INSERT INTO d.t VALUES (1)');
  await until('a has passed it', async () => (await dump(rb, 'd.t')).length === 1);
  await rb.query('DROP TABLE IF EXISTS d.nonesuch; INSERT INTO d.t VALUES (3)');
  await until('b has passed it', async () => (await dump(ra, 'd.t')).length === 2);
  await sites.stop('a');
  await ra.query('CREATE TABLE d.draft (id INT PRIMARY KEY); INSERT INTO d.draft VALUES (1); TRUNCATE d.draft');
  await ra.query('DROP TABLE d.draft; INSERT INTO d.t VALUES (2)');
  sites.start('a');
  await until('it goes on', async () => (await dump(rb, 'd.t')).length === 3);
  await streaming(sites, 'd/a>b', 'd/b>a');
  ra.destroy();
  rb.destroy();
}, 60_000);

test('a dropped table is not made again', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query(
    'CREATE DATABASE d; CREATE TABLE d.keep (id INT PRIMARY KEY); CREATE TABLE d.gone (id INT PRIMARY KEY); INSERT INTO d.gone VALUES (1), (2)',
  );
  await using sites = new Sites({ a, b });
  sites.set({ d: channel({ kind: 'two-way', between: ['a', 'b'] }, ['d.*']) });
  sites.start('a');
  sites.start('b');
  await until('both stream', () => ['d/a>b', 'd/b>a'].every((name) => sites.figures()[name]?.phase === 'streaming'));
  await ra.query('DROP TABLE d.gone');
  await until('the drop stops the pipeline', () => sites.figures()['d/a>b']?.error?.code === 'OT5015');
  await sites.stop('b');
  sites.start('b');
  await until('the opposite one says what is missing', () => sites.figures()['d/b>a']?.error?.code === 'OT5021');
  expect(await dump(ra, "information_schema.tables WHERE table_schema='d' AND table_name='gone'")).toEqual([]);
  await rb.query('DROP TABLE d.gone');
  await until('it goes on when mended', () => sites.figures()['d/b>a']?.error?.code !== 'OT5021');
  expect(await dump(ra, "information_schema.tables WHERE table_schema='d' AND table_name='gone'")).toEqual([]);
  ra.destroy();
  rb.destroy();
}, 90_000);

test('two-way: who empties a table so that it can be copied does not empty the other site', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) {
    await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter; CREATE DATABASE d');
    await root.query('CREATE TABLE d.t (id INT PRIMARY KEY, n INT); INSERT INTO d.t VALUES (1, 1), (2, 2)');
  }
  await ra.query('CREATE TABLE d.u (id INT PRIMARY KEY)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(both, ['d.u']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'd/a>b', 'd/b>a');
  sites.set({ d: channel(both, ['d.u', 'd.t']) });
  await until('it is refused', () => sites.figures()['d/a>b']?.error?.code === 'OT5013');
  await rb.query('UPDATE d.t SET n = 9 WHERE id = 1; DELETE FROM d.t WHERE id = 2; TRUNCATE TABLE d.t');
  await until('it is copied', async () => (await dump(rb, 'd.t')).length === 2);
  await rb.query('INSERT INTO d.t VALUES (3, 3)');
  await until('rows of after it are carried', async () => (await dump(ra, 'd.t')).length === 3);
  await equal(ra, rb, 'd.t');
  expect(await dump(ra, 'd.t')).toEqual(['[1,1]', '[2,2]', '[3,3]']);
  // The channel leaves and comes back while the first site is away.
  await sites.stop('a');
  sites.set({});
  await until('it has left b', async () => (await dump(rb, 'otter.checkpoint')).length === 0);
  await rb.query('DELETE FROM d.t; DELETE FROM d.u');
  sites.set({ d: channel(both, ['d.u', 'd.t']) });
  sites.start('a');
  await until('it is copied once more', async () => (await dump(rb, 'd.t')).length === 3);
  expect(await dump(ra, 'd.t')).toEqual(['[1,1]', '[2,2]', '[3,3]']);
  await streaming(sites, 'd/a>b', 'd/b>a');
  sites.set({});
  await Promise.all([ra.end(), rb.end()]);
}, 90_000);

test('a table that comes and goes under a pattern stops nothing; one that gets a name of it joins with its rows', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query(
    'CREATE DATABASE d; CREATE TABLE d.log_1 (id INT PRIMARY KEY); CREATE TABLE d.draft (id INT PRIMARY KEY)',
  );
  await ra.query('INSERT INTO d.draft VALUES (1), (2)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(oneWay, ['d.log_*'], { ddl: 'ignore' }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'd/a>b');
  await sites.stop('a');
  await ra.query('CREATE TABLE d.log_x (id INT PRIMARY KEY); INSERT INTO d.log_x VALUES (1); DROP TABLE d.log_x');
  await ra.query('ALTER TABLE d.draft RENAME TO d.log_2; INSERT INTO d.log_1 VALUES (1)');
  sites.start('a');
  await until('the other rows come', async () => (await dump(rb, 'd.log_1')).length === 1);
  const tables = async (): Promise<number> =>
    (await dump(rb, "information_schema.tables WHERE table_name='log_2'")).length;
  await until('it joins', async () => (await tables()) === 1 && (await dump(rb, 'd.log_2')).length === 2);
  expect(sites.figures()['d/a>b']).toMatchObject({ error: null });
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test.each([
  '/*!40000 TRUNCATE TABLE d.t */',
  'ALTER TABLE d.arch EXCHANGE PARTITION p0 WITH TABLE d.t',
  'RENAME /* here */ TABLE d.t TO d.other',
  ...(FAMILIES[0] === 'mysql'
    ? []
    : ['SET STATEMENT max_statement_time=100 FOR TRUNCATE TABLE d.t', 'RENAME TABLE d.t NOWAIT TO d.other']),
])(
  'a change of structure is seen however it is written: %s',
  async (sql) => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
    await ra.query(
      'CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (1); CREATE TABLE d.arch (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (9))',
    );
    await using sites = new Sites({ a, b });
    sites.set({ d: channel(oneWay, ['d.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'd/a>b');
    await until('it is copied', async () => (await dump(rb, 'd.t')).length === 1);
    await ra.query(sql);
    await until('it stops there', () => sites.figures()['d/a>b']?.error?.code === 'OT5015');
    sites.set({});
    await Promise.all([ra.end(), rb.end()]);
  },
  60_000,
);

// MySQL 9.6 and later log what foreign keys do.
test.runIf(FAMILIES[0] !== 'mysql')(
  'child rows that a foreign key changes unseen are refused, unless the target does the same',
  async () => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
    await ra.query(
      'CREATE DATABASE d; CREATE TABLE d.p (id INT PRIMARY KEY); CREATE TABLE d.c (id INT PRIMARY KEY, p INT, CONSTRAINT up FOREIGN KEY (p) REFERENCES d.p (id) ON DELETE CASCADE); INSERT INTO d.p VALUES (1), (2); INSERT INTO d.c VALUES (10, 1), (20, 2)',
    );
    await using sites = new Sites({ a, b });
    sites.set({ d: channel(oneWay, ['d.c']) });
    sites.start('a');
    sites.start('b');
    await until('it is refused', () => sites.figures()['d/a>b']?.error?.code === 'OT5030');
    expect(sites.figures()['d/a>b']!.error!.message).toContain('foreign key up of d.c');
    expect(await dump(rb, "information_schema.tables WHERE table_schema='d'")).toEqual([]);
    // What the message says, and no more.
    sites.set({ d: channel(oneWay, ['d.c', 'd.p']) });
    await until('all is copied', async () => (await dump(rb, 'otter.copy WHERE done=1')).length === 2);
    await ra.query('DELETE FROM d.p WHERE id=1');
    await until('the parent is gone', async () => (await dump(rb, 'd.p')).length === 1);
    expect(await dump(rb, 'd.c')).toEqual(['[20,2]']);
    sites.set({});
    await Promise.all([ra.end(), rb.end()]);
  },
  60_000,
);

test('a table that is dropped before its copy began is waited for no longer', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE d; CREATE TABLE d.keep (id INT PRIMARY KEY); CREATE TABLE d.nokey (a INT)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(oneWay, ['d.*'], { ddl: 'ignore' }) });
  sites.start('a');
  sites.start('b');
  await until('it is refused', () => sites.figures()['d/a>b']?.error?.code === 'OT5022');
  for (const root of [ra, rb]) await root.query('DROP TABLE IF EXISTS d.nokey');
  await streaming(sites, 'd/a>b');
  expect(sites.figures()['d/a>b']).toMatchObject({ error: null });
  expect(await dump(rb, 'otter.copy')).toHaveLength(1);
  ra.destroy();
  rb.destroy();
}, 60_000);

test('a source that cannot be read is told where its pipeline is missed, and taken up when it is mended', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (1)');
  await ra.query("SET GLOBAL binlog_row_image='MINIMAL'");
  try {
    await using sites = new Sites({ a, b });
    sites.set({ d: channel(oneWay, ['d.t']) });
    sites.start('a');
    sites.start('b');
    await until('it is told', () => sites.figures()['d/a>b']?.error?.code === 'OT4021');
    expect(sites.figures()['d/a>b']!.error!.message).toMatch(/^a: binlog_row_image is MINIMAL/);
    await ra.query("SET GLOBAL binlog_row_image='FULL'");
    await until('it is copied', async () => (await dump(rb, 'd.t').catch(() => [])).length === 1);
  } finally {
    await ra.query("SET GLOBAL binlog_row_image='FULL'");
    ra.destroy();
    rb.destroy();
  }
}, 60_000);

test('a unique key over a generated column is refused for what it is', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE d; CREATE TABLE d.g (id INT PRIMARY KEY, n INT, m INT AS (n + 1) STORED UNIQUE)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(both, ['d.*']) });
  sites.start('a');
  sites.start('b');
  await until('it is refused', () => sites.figures()['d/a>b']?.error?.code === 'OT5014');
  expect(sites.figures()['d/a>b']!.error!.message).toContain('unique key m is over a generated column');
  ra.destroy();
  rb.destroy();
}, 60_000);

test('what servers are set to for all sessions is not what otter works with', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  const odd = {
    autocommit: 'OFF',
    sql_select_limit: '1',
    sql_safe_updates: 'ON',
    max_error_count: '0',
    unique_checks: 'OFF',
    wait_timeout: '3',
    completion_type: "'CHAIN'",
    sql_notes: 'OFF',
    lc_messages: "'de_DE'",
    sql_quote_show_create: 'OFF',
    div_precision_increment: '0',
    init_connect: `"SET NAMES latin1; SET sql_mode='ANSI_QUOTES', time_zone='+05:00', foreign_key_checks=0"`,
  };
  const set = async (values: Record<string, string>): Promise<void> => {
    for (const root of [ra, rb]) {
      for (const [name, value] of Object.entries(values)) await root.query(`SET GLOBAL ${name}=${value}`);
    }
  };
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query(
    'CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, n INT, v VARCHAR(9) CHARACTER SET utf8mb4, t TIMESTAMP NULL, q DECIMAL(9, 4) AS (n / 3) STORED)',
  );
  await ra.query("INSERT INTO d.t (id,n,v,t) VALUES (1,1,'ä€😀','2026-01-02 03:04:05'),(2,2,'x',NULL)");
  await set(odd);
  const level = async (is: string): Promise<void> => {
    for (const root of [ra, rb]) await root.query(`SET GLOBAL TRANSACTION ISOLATION LEVEL ${is}`);
  };
  await level('READ UNCOMMITTED, READ ONLY');
  const undecided = await rootOf(a);
  try {
    await undecided.query(
      "SET autocommit=1; START TRANSACTION READ WRITE; UPDATE d.t SET v='never' WHERE id=1; DELETE FROM d.t WHERE id=2",
    );
    await using sites = new Sites({ a, b });
    sites.set({ d: channel(both, ['d.*']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'd/a>b', 'd/b>a');
    expect(await dump(rb, 'd.t')).toHaveLength(2);
    await undecided.query('ROLLBACK');
    await rb.query("INSERT INTO d.t (id,n,v,t) VALUES (3,3,'ü😀',NULL),(4,4,'','2026-07-02 03:04:05')");
    await ra.query('UPDATE d.t SET n=n+1');
    await until('all is there', async () => (await dump(ra, 'd.t')).length === 4);
    await equal(ra, rb, 'd.t');
  } finally {
    undecided.destroy();
    await level('REPEATABLE READ, READ WRITE');
    await set({
      autocommit: 'ON',
      sql_select_limit: 'DEFAULT',
      sql_safe_updates: 'OFF',
      max_error_count: 'DEFAULT',
      unique_checks: 'ON',
      wait_timeout: 'DEFAULT',
      completion_type: 'DEFAULT',
      sql_notes: 'ON',
      lc_messages: "'en_US'",
      sql_quote_show_create: 'ON',
      div_precision_increment: 'DEFAULT',
      init_connect: "''",
    });
    ra.destroy();
    rb.destroy();
  }
}, 60_000);

test('what cannot be two-way is not made at the other site and refused then', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE d; CREATE TABLE d.nokey (a INT, b INT)');
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(both, ['d.*'], { initial: 'none' }) });
  sites.start('a');
  sites.start('b');
  await until('it is refused', () => sites.figures()['d/a>b']?.error?.code === 'OT5014');
  expect(await dump(rb, "information_schema.tables WHERE table_schema='d'")).toEqual([]);
  ra.destroy();
  rb.destroy();
}, 60_000);

test('a site that stops says so to who waits for its rows', async () => {
  await using sites = new Sites({ a, b });
  sites.set({ d: channel(both, ['d.*']) });
  sites.start('a');
  const request = { pipeline: 'd/a>b', generation: 99, from: null, copied: {}, known: {}, making: {} };
  const opening = sites.link.open('a', request, new AbortController().signal);
  const told = expect(opening).rejects.toMatchObject({ code: 'OT6003', retry: 'backoff' });
  await sites.stop('a');
  await told;
}, 60_000);
