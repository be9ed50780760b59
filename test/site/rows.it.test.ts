/** Rows that are filtered, computed and masked on their way: the same answer for copied rows and for those of the log. */
import { hash } from 'node:crypto';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ColumnSpec, RowSpec, TableSpec } from '../../src/model/topology.ts';
import { channel, dump, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  ra.destroy();
  rb.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

function table(from: string, to: string | null, rows: RowSpec, columns: Partial<ColumnSpec> = {}): TableSpec {
  return { from, to, columns: { only: null, omit: [], rename: {}, ...columns }, conflict: null, rows };
}

const oneWay = (tables: readonly TableSpec[]): ReturnType<typeof channel> => ({
  ...channel({ kind: 'one-way', from: ['a'], to: ['b'] }, []),
  tables,
});

/** Everything up to here has arrived when this row has. */
async function flushed(marker: string, at: string): Promise<void> {
  await ra.query(`INSERT INTO ${marker} VALUES (DEFAULT)`);
  const last = (await dump(ra, marker)).length;
  await until('the last row arrived', async () => (await dump(rb, at).catch(() => [])).length === last);
}

test('a filter and computed columns mean what they mean to the server, copied or streamed, whatever is written', async () => {
  await ra.query(`CREATE DATABASE f; CREATE TABLE f.mark (id INT AUTO_INCREMENT PRIMARY KEY);
    CREATE TABLE f.src (id INT PRIMARY KEY, status ENUM('draft','open','paid') NULL, price DECIMAL(10,2) NOT NULL, qty INT NULL,
      name VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin NULL, made DATETIME(2) NOT NULL)`);
  await rb.query(`CREATE DATABASE g; CREATE TABLE g.dst (id INT PRIMARY KEY, status ENUM('draft','open','paid') NULL, price DECIMAL(10,2) NOT NULL,
      amount INT NULL, name VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_bin NULL, made DATETIME(2) NOT NULL,
      total DECIMAL(16,2) NULL, region CHAR(2) NOT NULL, day DATE NOT NULL, share DECIMAL(20,6) NULL)`);
  const filter =
    "status <> 'draft' AND (qty > 2 OR price BETWEEN 10 AND 20.50) AND made >= '2024-02-01' AND name NOT LIKE 'x%'";
  const set = {
    total: 'price * qty',
    region: "'hz'",
    name: "concat(upper(left(name, 1)), '-', coalesce(qty, 0))",
    day: 'date(made)',
    share: 'price / qty',
  };
  const random = seededRandom(7);
  const value = {
    id: () => String(random.between(1, 200)),
    status: () => random.pick(["'draft'", "'open'", "'open'", "'paid'", 'NULL']),
    price: () => random.pick(['0', '10', '20.50', '20.51', '-3.33', '99999999.99']),
    qty: () => random.pick(['NULL', '0', '2', '3', '-7', '11']),
    name: () => random.pick(["'xenia'", "'Xaver'", "'élan'", "''", 'NULL', "'it''s'", "'öl'"]),
    made: () => random.pick(["'2024-01-31 23:59:59.99'", "'2024-02-01'", "'2024-02-01 00:00:00.01'"]),
  };
  const columns = Object.keys(value) as (keyof typeof value)[];
  const write = (): string => {
    const dice = random.between(1, 10);
    if (dice <= 5) return `REPLACE INTO f.src VALUES (${columns.map((name) => value[name]()).join(', ')})`;
    const where = `WHERE id % 40 = ${random.between(0, 39)}`;
    if (dice <= 8) {
      const changed = columns.filter((name) => name !== 'id' && random.chance(0.4));
      return changed.length === 0
        ? 'DO 0'
        : `UPDATE f.src SET ${changed.map((name) => `${name} = ${value[name]()}`).join(', ')} ${where}`;
    }
    if (dice === 9) return `UPDATE IGNORE f.src SET id = ${value.id()} WHERE id = ${value.id()}`;
    return `DELETE FROM f.src ${where}`;
  };
  for (let i = 0; i < 60; i += 1) await ra.query(write());
  await using sites = new Sites({ a, b });
  const rules = table('f.src', 'g.dst', { where: filter, set }, { rename: { qty: 'amount' } });
  sites.set({ f: oneWay([rules, { ...table('f.mark', null, {}), rows: {} }]) });
  sites.start('a');
  sites.start('b');
  for (let i = 0; i < 150; i += 1) await ra.query(write());
  await streaming(sites, 'f/a>b');
  for (let i = 0; i < 250; i += 1) await ra.query(write());
  await flushed('f.mark', 'f.mark');
  const text = "CONCAT(UPPER(LEFT(name, 1)), _latin1 '-', COALESCE(qty, 0))";
  const expected = await dump(
    ra,
    `(SELECT id, status, price, qty, ${text} AS name, made, price * qty AS total, 'hz' AS region, DATE(made) AS day, CAST(price / qty AS DECIMAL(20,6)) AS share FROM f.src WHERE ${filter}) AS x`,
  );
  expect(await dump(rb, 'g.dst')).toEqual(expected);
  expect(expected.length).toBeGreaterThan(10);
  expect(sites.figures()['f/a>b']).toMatchObject({ error: null });
}, 60_000);

test('shards with equal keys merge under a constant; a name counts more than a wildcard; one table goes to two places', async () => {
  await ra.query(`CREATE DATABASE s1; CREATE DATABASE s2;
    CREATE TABLE s1.item (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE s2.item LIKE s1.item; CREATE TABLE s1.other LIKE s1.item;
    INSERT INTO s1.item VALUES (1, 'one'); INSERT INTO s2.item VALUES (1, 'uno'); INSERT INTO s1.other VALUES (1, 'o')`);
  await rb.query(
    'CREATE DATABASE w; CREATE TABLE w.item (shard CHAR(2), id INT, v VARCHAR(9), PRIMARY KEY (shard, id))',
  );
  await using sites = new Sites({ a, b });
  const merged = [
    table('s1.*', 'all1.*', {}),
    table('s1.item', 'w.item', { set: { shard: "'s1'" } }),
    table('s2.item', 'w.item', { set: { shard: "'s2'" } }),
  ];
  sites.set({
    m: { ...oneWay(merged), existing: 'merge' },
    n: oneWay([table('s1.item', 'w2.item', { where: 'id > 1', set: { v: "concat(v, '!')" } })]),
  });
  await rb.query('CREATE DATABASE w2; CREATE TABLE w2.item (id INT PRIMARY KEY, v VARCHAR(20))');
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'm/a>b', 'n/a>b');
  await ra.query(`INSERT INTO s1.item VALUES (2, 'two'), (3, 'three'); INSERT INTO s2.item VALUES (2, 'dos');
    UPDATE s2.item SET v = 'eins' WHERE id = 1; UPDATE s1.item SET id = 4 WHERE id = 1; DELETE FROM s1.item WHERE id = 2;
    INSERT INTO s1.other VALUES (2, 'p')`);
  await expect
    .poll(() => dump(rb, 'w.item'), { timeout: 15_000 })
    .toEqual(['["s1",3,"three"]', '["s1",4,"one"]', '["s2",1,"eins"]', '["s2",2,"dos"]']);
  await expect.poll(() => dump(rb, 'w2.item'), { timeout: 15_000 }).toEqual(['[3,"three!"]', '[4,"one!"]']);
  await expect.poll(() => dump(rb, 'all1.other'), { timeout: 15_000 }).toEqual(['[1,"o"]', '[2,"p"]']);
  expect(await dump(rb, "information_schema.tables WHERE table_schema = 'all1'")).toHaveLength(1);
}, 60_000);

test('masks: a hashed key still finds its row, and two hashed columns still meet', async () => {
  await ra.query(`CREATE DATABASE p; CREATE TABLE p.mark (id INT AUTO_INCREMENT PRIMARY KEY);
    CREATE TABLE p.person (mail VARCHAR(60) CHARACTER SET latin1 PRIMARY KEY, name VARCHAR(20) NOT NULL, phone VARCHAR(20) NULL);
    CREATE TABLE p.visit (id INT PRIMARY KEY, mail VARCHAR(80) CHARACTER SET utf8mb4 NULL);
    INSERT INTO p.person VALUES ('é@x', 'Ann', '1'), ('b@x', 'Bob', '2'); INSERT INTO p.visit VALUES (1, 'é@x'), (2, NULL)`);
  await using sites = new Sites({ a, b });
  const tables = [
    table('p.person', null, { mask: { mail: 'hash', name: 'redact', phone: 'null' } }),
    table('p.visit', null, { mask: { mail: 'hash' } }),
    { ...table('p.mark', null, {}), rows: {} },
  ];
  sites.set({ p: { ...oneWay(tables), maskKey: { env: 'KEY' } } });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'p/a>b');
  await ra.query(`UPDATE p.person SET mail = 'c@x' WHERE mail = 'b@x'; UPDATE p.person SET name = 'Anna' WHERE mail = 'é@x';
    INSERT INTO p.person VALUES ('d@x', 'Dan', '4'); DELETE FROM p.person WHERE mail = 'd@x'; INSERT INTO p.visit VALUES (3, 'c@x')`);
  await flushed('p.mark', 'p.mark');
  const [people] = await rb.query('SELECT mail, name, phone FROM p.person');
  expect(people).toEqual(
    [1, 2].map(() => ({ mail: expect.stringMatching(/^[0-9a-f]{60}$/), name: '***', phone: null })),
  );
  const [met] = await rb.query('SELECT v.id FROM p.visit v JOIN p.person q ON LEFT(v.mail, 60) = q.mail ORDER BY v.id');
  expect(met).toEqual([{ id: 1 }, { id: 3 }]);
}, 60_000);

test('how far the copy of a masked key has come is told to nobody, and it is whole all the same when it was interrupted', async () => {
  await ra.query(`CREATE DATABASE q; CREATE TABLE q.person (mail VARCHAR(60) PRIMARY KEY, n INT);
    INSERT INTO q.person WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT CONCAT(n, '@x'), n FROM s;
    INSERT INTO q.person SELECT CONCAT(n, '@', mail), n FROM q.person; INSERT INTO q.person SELECT CONCAT(n, '+', mail), -n FROM q.person`);
  await using sites = new Sites({ a, b });
  await rb.query(`CREATE DATABASE q; CREATE TABLE q.told (place TEXT)`);
  for (const what of ['INSERT', 'UPDATE'])
    await rb.query(
      `CREATE TRIGGER otter.told_${what} AFTER ${what} ON otter.copy FOR EACH ROW INSERT INTO q.told VALUES (NEW.row_cursor)`,
    );
  sites.set({
    q: { ...oneWay([table('q.person', null, { mask: { mail: 'hash' } })]), maskKey: { env: 'K' } },
  });
  sites.start('a');
  sites.start('b');
  const told = (): Promise<string[]> => dump(rb, '(SELECT DISTINCT place FROM q.told WHERE place IS NOT NULL) AS x');
  await until('a part is there', async () => (await told()).length > 0);
  await sites.stop('a');
  await ra.query("DELETE FROM q.person WHERE n = 7; UPDATE q.person SET mail = '0@y' WHERE mail = '1@x'");
  sites.start('a');
  await streaming(sites, 'q/a>b');
  expect(await told()).toEqual(['["[]"]']);
  const counts = '(SELECT COUNT(*), SUM(n), COUNT(DISTINCT mail) FROM q.person) AS x';
  await until('equal', async () => (await dump(rb, counts)).join() === (await dump(ra, counts)).join());
  await rb.query('DROP TRIGGER otter.told_INSERT; DROP TRIGGER otter.told_UPDATE');
}, 60_000);

test('a filter that changes takes hold while the channel runs; rows that are there stay', async () => {
  await ra.query(`CREATE DATABASE h; CREATE TABLE h.t (id INT PRIMARY KEY, n INT); INSERT INTO h.t VALUES (1, 1), (2, 2), (3, 3);
    CREATE TABLE h.u (id INT PRIMARY KEY, n INT UNIQUE); INSERT INTO h.u SELECT * FROM h.t`);
  await using sites = new Sites({ a, b });
  const where = (text: string): ReturnType<typeof channel> =>
    oneWay([table('h.t', null, { where: text }), table('h.u', null, { where: text })]);
  sites.set({ h: where('n < 3') });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'h/a>b');
  expect(await dump(rb, 'h.t')).toEqual(['[1,1]', '[2,2]']);
  sites.set({ h: where('n > 1') });
  await until('it is taken up', async () => {
    await ra.query('REPLACE INTO h.t VALUES (9, 9)');
    return (await dump(rb, 'h.t')).includes('[9,9]');
  });
  await ra.query(
    'UPDATE h.t SET n = 0 WHERE id = 1; UPDATE h.t SET n = 5 WHERE id = 3; UPDATE h.t SET n = 6 WHERE id = 2; DELETE FROM h.t WHERE id = 9',
  );
  await expect.poll(() => dump(rb, 'h.t'), { timeout: 15_000 }).toEqual(['[1,1]', '[2,6]', '[3,5]']);
  // What was left there gives way to itself when it comes in again.
  await ra.query('UPDATE h.t SET n = 7 WHERE id = 1; UPDATE h.u SET n = 8 WHERE id = 1');
  await expect.poll(() => dump(rb, 'h.t'), { timeout: 15_000 }).toEqual(['[1,7]', '[2,6]', '[3,5]']);
  await expect.poll(() => dump(rb, 'h.u'), { timeout: 15_000 }).toEqual(['[1,8]', '[2,2]']);
  expect(sites.figures()['h/a>b']).toMatchObject({ error: null });
}, 60_000);

test('what does not fit is refused before the first row, and a row without an answer stops its pipeline by its key', async () => {
  await ra.query(`CREATE DATABASE e; CREATE TABLE e.a (id INT PRIMARY KEY, x DOUBLE); CREATE TABLE e.b LIKE e.a; CREATE TABLE e.c LIKE e.a;
    CREATE TABLE e.kid (id INT PRIMARY KEY, up INT, FOREIGN KEY k (up) REFERENCES e.a (id) ON DELETE CASCADE);
    CREATE TABLE e.d (id INT PRIMARY KEY, x DECIMAL(10,2))`);
  await rb.query('CREATE DATABASE e; CREATE TABLE e.d (id INT PRIMARY KEY, x DECIMAL(10,2), y DECIMAL(10,1))');
  await using sites = new Sites({ a, b });
  sites.set({
    unknown: oneWay([table('e.a', 'e1.a', { where: 'nam = 1' })]),
    key: oneWay([table('e.b', 'e2.b', { set: { id: 'id % 2' } })]),
    rounds: oneWay([table('e.d', null, { set: { y: 'x' } })]),
    huge: oneWay([table('e.c', 'e3.c', { set: { x: 'x * 2' } })]),
    kids: oneWay([table('e.a', null, { where: 'id > 0' }), table('e.kid', null, {})]),
  });
  sites.start('a');
  sites.start('b');
  const errorOf = (name: string): unknown => sites.figures()[`${name}/a>b`]?.error;
  await until('they stop', () => ['unknown', 'key', 'rounds', 'kids'].every((name) => errorOf(name) != null));
  expect(errorOf('unknown')).toMatchObject({
    code: 'OT5050',
    message: expect.stringContaining('there is no column nam'),
  });
  expect(errorOf('key')).toMatchObject({ code: 'OT5050' });
  expect(errorOf('rounds')).toMatchObject({ code: 'OT5028' });
  expect(errorOf('kids')).toMatchObject({ code: 'OT5052' });
  await streaming(sites, 'huge/a>b');
  await ra.query('INSERT INTO e.c VALUES (1, 1e10), (5, 1e308)');
  await until('it stops', () => errorOf('huge') != null);
  expect(errorOf('huge')).toMatchObject({ code: 'OT5051', message: expect.stringContaining('for the row id=5:') });
  expect(await dump(rb, 'e3.c')).toEqual([]);
}, 60_000);

/** An entry whose rows go through this module, and its text. */
function processed(entry: TableSpec, text: string): { entry: TableSpec; processors: Record<string, string> } {
  const digest = hash('sha256', text);
  const process = { module: './processors/orders.mjs', digest };
  return { entry: { ...entry, rows: { ...entry.rows, process } }, processors: { [digest]: text } };
}

test('a module drops, changes and multiplies rows, the same for copied and streamed ones; another one takes its place', async () => {
  await ra.query(`CREATE DATABASE m; CREATE TABLE m.mark (id INT AUTO_INCREMENT PRIMARY KEY);
    CREATE TABLE m.orders (id BIGINT PRIMARY KEY, kind ENUM('a','b') NOT NULL, price DECIMAL(12,2) NOT NULL, items VARCHAR(40) NOT NULL, made DATETIME(3) NOT NULL, shape POINT NULL);
    INSERT INTO m.orders VALUES (1, 'a', 10.50, 'pen,ink', '2024-02-01 10:00:00.5', POINT(1, 2)), (2, 'b', 1, 'x', '2024-02-01', NULL)`);
  await rb.query(`CREATE DATABASE m; CREATE TABLE m.lines (id BIGINT, line INT, kind ENUM('a','b') NOT NULL, price DECIMAL(12,2) NOT NULL, items VARCHAR(40) NOT NULL,
    made DATETIME(3) NOT NULL, shape POINT NULL, PRIMARY KEY (id, line))`);
  const first = `import { createHash } from 'node:crypto';
    export default function process(row, { schema, name }) {
      if (row.kind === 'b') return null;
      if (typeof row.id !== 'bigint' || typeof row.price !== 'string' || schema + name !== 'morders') throw new Error('not as promised');
      createHash('sha256');
      return row.items.split(',').map((items, line) => ({ ...row, items, line }));
    }`;
  const entry = table('m.orders', 'm.lines', { set: { line: '0' } });
  const mark = { ...table('m.mark', null, {}), rows: {} };
  const spec = (text: string): ReturnType<typeof channel> => {
    const made = processed(entry, text);
    return { ...oneWay([made.entry, mark]), processors: made.processors };
  };
  await using sites = new Sites({ a, b });
  sites.set({ m: spec(first) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'm/a>b');
  const lines = (): Promise<string[]> =>
    dump(rb, '(SELECT id, line, kind, price, items, made, ST_AsText(shape) AS s FROM m.lines) AS x');
  const one = '"a","10.50"';
  const late = '"2024-02-01 10:00:00.500","POINT(1 2)"';
  expect(await lines()).toEqual([`["1",0,${one},"pen",${late}]`, `["1",1,${one},"ink",${late}]`]);
  await ra.query(`UPDATE m.orders SET items = 'pen' WHERE id = 1; UPDATE m.orders SET kind = 'a', items = 'x,y,z' WHERE id = 2;
    INSERT INTO m.orders VALUES (3, 'a', 2, 'u,v', '2024-01-01', NULL); UPDATE m.orders SET kind = 'b' WHERE id = 3; UPDATE m.orders SET id = 7 WHERE id = 1`);
  await flushed('m.mark', 'm.mark');
  const two = (line: number, item: string): string =>
    `["2",${line},"a","1.00","${item}","2024-02-01 00:00:00.000",null]`;
  expect(await lines()).toEqual([two(0, 'x'), two(1, 'y'), two(2, 'z'), `["7",0,${one},"pen",${late}]`]);
  sites.set({ m: spec('export default (row) => ({ ...row, price: 0.5 })') });
  await until('the other module is taken up', async () => {
    await ra.query(`REPLACE INTO m.orders VALUES (9, 'b', 9, 'q', '2024-01-01', NULL)`);
    return (await lines()).some((line) => line.includes('"9",0,"b","0.50"'));
  });
  // One that fails stops the pipeline by the row's key, and says nothing of what it threw.
  sites.set({ m: spec("export default (row) => { if (row.id > 9n) throw new TypeError('secret'); return row; }") });
  await until('it stops', async () => {
    await ra.query(`REPLACE INTO m.orders VALUES (11, 'b', 9, 'q', '2024-01-01', NULL)`);
    return sites.figures()['m/a>b']?.error != null;
  });
  const { error } = sites.figures()['m/a>b']!;
  expect(error).toMatchObject({ code: 'OT5053', message: expect.stringMatching(/id=11.*threw TypeError at line 1:/) });
  expect(error?.message).not.toContain('secret');
  sites.set({ m: spec('export default (row) => { for (;;); }') });
  await until('what never returns is ended', () =>
    /took more than/.test(sites.figures()['m/a>b']?.error?.message ?? ''),
  );
  // A corrected one goes on by itself.
  sites.set({ m: spec("export default (row) => ({ ...row, items: 'mended' })") });
  await until('it goes on', async () =>
    (await lines()).some((line) => line.includes('"11",0') && line.includes('mended')),
  );
}, 60_000);

test('rows that are read again come as their source has them now, whatever is written meanwhile', async () => {
  await ra.query(`CREATE DATABASE r; CREATE TABLE r.mark (id INT AUTO_INCREMENT PRIMARY KEY);
    CREATE TABLE r.t (id INT, k CHAR(2), v INT, media LONGBLOB, PRIMARY KEY (id, k)); CREATE TABLE r.u (id INT PRIMARY KEY, v INT UNIQUE)`);
  await using sites = new Sites({ a, b });
  const again = { ...table('r.t', null, { reread: true, where: 'v <> 3', set: { v: 'v * 10' } }) };
  const mark = { ...table('r.mark', null, {}), rows: {} };
  sites.set({
    r: { ...oneWay([again, mark]), initial: 'none' },
    u: oneWay([table('r.u', null, { reread: true })]),
  });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'r/a>b');
  await until('unique keys are refused', () => sites.figures()['u/a>b']?.error?.code === 'OT5054');
  // The log has not heard of the larger one.
  await sites.stop('a');
  await ra.query("INSERT INTO r.t VALUES (1000, 'x', 1, 'small')");
  await ra.query("SET sql_log_bin = 0; UPDATE r.t SET media = 'large', v = 2 WHERE id = 1000; SET sql_log_bin = 1");
  sites.start('a');
  await expect
    .poll(() => dump(rb, "(SELECT id, k, v FROM r.t WHERE media = 'large') AS x").catch(() => []), { timeout: 15_000 })
    .toEqual(['[1000,"x",20]']);
  const random = seededRandom(11);
  const some = (): string => String(random.between(0, 5));
  const write = (): string => {
    const key = `id = ${random.between(1, 6)} AND k = 'a'`;
    if (random.chance(0.3)) return `REPLACE INTO r.t VALUES (${random.between(1, 6)}, 'a', ${some()}, ${some()})`;
    if (random.chance(0.2)) return `DELETE FROM r.t WHERE ${key}`;
    if (random.chance(0.2)) return `UPDATE IGNORE r.t SET id = ${random.between(1, 6)} WHERE ${key}`;
    return `UPDATE r.t SET ${random.pick(['v', 'media'])} = ${some()} WHERE ${key}`;
  };
  for (let i = 0; i < 400; i += 1) await ra.query(write());
  await flushed('r.mark', 'r.mark');
  const expected = await dump(ra, '(SELECT id, k, v * 10 AS v, HEX(media) AS m FROM r.t WHERE v <> 3) AS x');
  expect(await dump(rb, '(SELECT id, k, v * 1 AS v, HEX(media) AS m FROM r.t) AS x')).toEqual(expected);
  expect(expected.length).toBeGreaterThan(1);
}, 60_000);
