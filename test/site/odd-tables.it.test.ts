/** Tables that are not like others: their names, their width, their keys or none, their parts; and what is no table of users. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
  STARTS,
  streaming,
  until,
} from './harness.ts';

const DIRECTIONS = {
  'one-way': { kind: 'one-way', from: ['a'], to: ['b'] },
  'two-way': { kind: 'two-way', between: ['a', 'b'] },
} as const;

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;
const made = new Set<string>();

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
beforeEach(async () => {
  for (const root of [ra, rb]) {
    for (const schema of ['otter', ...made]) await root.query(`DROP DATABASE IF EXISTS ${quoted(schema)}`);
  }
  made.clear();
});
afterAll(async () => {
  for (const root of [ra, rb]) root?.destroy();
  await Promise.all([a, b].map((server) => server?.[Symbol.asyncDispose]()));
});

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

async function schema(name: string): Promise<string> {
  made.add(name);
  await ra.query(`CREATE DATABASE ${quoted(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`);
  return quoted(name);
}

async function carrying(tables: readonly string[], direction: keyof typeof DIRECTIONS = 'one-way'): Promise<Sites> {
  const sites = new Sites({ a, b });
  sites.set({ all: channel(DIRECTIONS[direction], tables) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'all/a>b', ...(direction === 'two-way' ? ['all/b>a'] : []));
  return sites;
}

describe.each(['one-way', 'two-way'] as const)('%s', (direction) => {
  test('names with dots, spaces, quotes, percent signs, other scripts and emoji, of 64 characters, and words of SQL', async () => {
    const names = [
      'a.b',
      'with space',
      'back`quote',
      'sin\'gle "double"',
      '100%',
      'back\\slash',
      '订单',
      'Ünïcödé',
      'select',
      '123',
      'x'.repeat(64),
      'line\n  ) break',
      'constructor',
      "'; DROP TABLE t; --",
      '`); DROP DATABASE otter; -- ;',
      '*/ DELETE FROM t; /*',
      '%s %d ${x} ?',
    ];
    const home = await schema('my.shop');
    for (const [i, name] of names.entries()) {
      await ra.query(
        `CREATE TABLE ${home}.${quoted(name)} (${quoted(`k ${name}`.slice(0, 64).trim())} INT PRIMARY KEY, ${quoted(`${name}`.slice(0, 60))} VARCHAR(30) UNIQUE, \`order\` INT)`,
      );
      await ra.query(`INSERT INTO ${home}.${quoted(name)} VALUES (1, 'first', ${i}), (2, 'second', ${i})`);
    }
    await using _sites = await carrying(['`my.shop`.*'], direction);
    for (const name of names) {
      const table = `${home}.${quoted(name)}`;
      await until(`${name} is copied`, async () => (await dump(rb, table).catch(() => [])).length === 2);
      await ra.query(`INSERT INTO ${table} VALUES (3, 'third', 0); UPDATE ${table} SET \`order\` = 9 LIMIT 1`);
      await ra.query(`DELETE FROM ${table} WHERE \`order\` <> 9 AND \`order\` <> 0 LIMIT 1`);
      if (direction === 'two-way') await rb.query(`INSERT INTO ${table} VALUES (4, 'from b', 0)`);
    }
    for (const name of names) await equal(ra, rb, `${home}.${quoted(name)}`);
  }, 60_000);

  test('members of ENUM and SET that their server prints with a question mark: no table is made by them', async () => {
    const home = await schema('odd');
    const types = "e ENUM('a', '😀', 'b'), s SET('😎', 'x')";
    await ra.query(
      `CREATE TABLE ${home}.members (id INT PRIMARY KEY, ${types}); CREATE TABLE ${home}.still (id INT PRIMARY KEY)`,
    );
    await ra.query(`INSERT INTO ${home}.members VALUES (1, '😀', '😎'), (2, 'b', 'x,😎')`);
    await using sites = new Sites({ a, b });
    sites.set({ all: channel(DIRECTIONS[direction], ['odd.*']) });
    sites.start('a');
    sites.start('b');
    await until('it is refused', () => sites.figures()['all/a>b']?.error?.code === 'OT5029');
    expect(sites.figures()['all/a>b']!.error!.message).toMatch(/column e has members with a question mark/);
    await rb.query(
      `CREATE DATABASE IF NOT EXISTS ${home}; CREATE TABLE ${home}.members (id INT PRIMARY KEY, ${types})`,
    );
    await until('it goes on', async () => (await count(rb, `${home}.members`)) === 2);
    await ra.query(`UPDATE ${home}.members SET s = '😎' WHERE e = 'b'`);
    await equal(ra, rb, `${home}.members`);
    const [rows] = await rb.query(`SELECT HEX(CONVERT(e USING utf8mb4)) AS e FROM ${home}.members WHERE id = 1`);
    expect(rows).toEqual([{ e: 'F09F9880' }]);
  }, 60_000);

  test('hundreds of columns, partitions, keys of several texts in whatever case', async () => {
    const home = await schema('odd');
    const columns = Array.from({ length: 500 }, (_, i) => `c${i} ${i % 3 === 0 ? 'INT' : 'VARCHAR(12)'}`);
    await ra.query(
      `CREATE TABLE ${home}.wide (id INT PRIMARY KEY, ${columns.join(', ')}) CHARACTER SET latin1;
       CREATE TABLE ${home}.parts (id INT, day DATE, v INT, PRIMARY KEY (id, day)) PARTITION BY RANGE (YEAR(day))
         (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN (2030), PARTITION p2 VALUES LESS THAN MAXVALUE);
       CREATE TABLE ${home}.texts (one VARCHAR(20), two CHAR(10), three VARBINARY(8), v INT, PRIMARY KEY (one, two, three))
         CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
    );
    await ra.query(
      `INSERT INTO ${home}.wide (id, c0, c1, c499) VALUES (1, 5, 'x', 'last'), (2, NULL, NULL, NULL);
       INSERT INTO ${home}.parts SELECT seq, DATE_ADD('2015-01-01', INTERVAL seq MONTH), 0 FROM ${numbers(1, 200)};
       INSERT INTO ${home}.texts VALUES ('a', 'B ', 'x', 1), ('É', 'ß', x'0020', 2), ('a b', '', '', 3)`,
    );
    await using _sites = await carrying(['odd.*'], direction);
    await until('all are copied', async () => (await count(rb, `${home}.texts`).catch(() => 0)) === 3);
    await ra.query(
      `UPDATE ${home}.wide SET ${columns.map((_, i) => `c${i} = ${i}`).join(', ')} WHERE id = 2;
       INSERT INTO ${home}.wide (id) VALUES (3); DELETE FROM ${home}.wide WHERE id = 1;
       UPDATE ${home}.parts SET day = DATE_ADD(day, INTERVAL 10 YEAR), v = 1 WHERE id % 2 = 0; DELETE FROM ${home}.parts WHERE id % 5 = 0;
       UPDATE ${home}.texts SET v = v + 10 WHERE one = 'A' AND two = 'b'; UPDATE ${home}.texts SET one = 'é', two = 'SS' WHERE one = 'E';
       DELETE FROM ${home}.texts WHERE two = ''; INSERT INTO ${home}.texts VALUES ('A B', '', '', 4)`,
    );
    if (direction === 'two-way') {
      await until('it has arrived', async () => (await dump(rb, `${home}.texts`)).some((row) => row.includes('"A B"')));
      await rb.query(`UPDATE ${home}.texts SET one = 'A', v = 99 WHERE one = 'a b'`);
      await until('it is back', async () => (await dump(ra, `${home}.texts`)).some((row) => row.includes('99')));
    }
    for (const table of ['wide', 'parts', 'texts']) await equal(ra, rb, `${home}.${table}`);
  }, 60_000);

  test('views, temporary tables and what the server keeps for itself are no tables of a channel', async () => {
    const home = await schema('odd');
    await ra.query(
      `CREATE TABLE ${home}.t (id INT PRIMARY KEY, v INT); CREATE VIEW ${home}.seen AS SELECT id FROM ${home}.t WHERE v > 0;
       INSERT INTO ${home}.t VALUES (1, 1)`,
    );
    await using sites = await carrying(
      ['odd.*', '/^(mysql|sys|performance_schema|information_schema)\\..*/'],
      direction,
    );
    await until('it is copied', async () => (await count(rb, `${home}.t`).catch(() => 0)) === 1);
    await ra.query(
      `CREATE TEMPORARY TABLE ${home}.passing (id INT PRIMARY KEY); INSERT INTO ${home}.passing VALUES (1), (2);
       INSERT INTO ${home}.t SELECT id + 10, 1 FROM ${home}.passing; UPDATE ${home}.seen SET id = 5 WHERE id = 1;
       CREATE TEMPORARY TABLE ${home}.t (id INT PRIMARY KEY, v INT); INSERT INTO ${home}.t VALUES (77, 7); DROP TEMPORARY TABLE ${home}.t;
       DROP TEMPORARY TABLE ${home}.passing; INSERT INTO ${home}.t VALUES (20, 0)`,
    );
    await ra.query("CREATE USER IF NOT EXISTS 'somebody'@'localhost'; DROP USER 'somebody'@'localhost'");
    await until('the last is there', async () => (await dump(rb, `${home}.t`)).includes('[20,0]'));
    await equal(ra, rb, `${home}.t`);
    expect(await dump(rb, `${home}.t`)).toEqual(['[11,1]', '[12,1]', '[20,0]', '[5,1]']);
    const [tables] = await rb.query('SHOW TABLES FROM odd');
    expect((tables as object[]).flatMap((row) => Object.values(row) as unknown[])).toEqual(['t']);
    expect(Object.values(sites.figures()).map(({ error }) => error)).toEqual(
      Array.from({ length: direction === 'two-way' ? 2 : 1 }, () => null),
    );
  }, 60_000);
});

test('one-way: rows without a key are counted as they are at the source', async () => {
  const home = await schema('odd');
  await ra.query(`CREATE TABLE ${home}.bag (a INT, b VARCHAR(10), c DOUBLE, d TEXT, e VARBINARY(4), f DATETIME(6))`);
  await using sites = new Sites({ a, b });
  sites.set({ all: channel(DIRECTIONS['one-way'], ['odd.bag'], { initial: 'none' }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'all/a>b');
  const value = "(1, 'x', 0.1, 'é', x'00', '2020-01-01 00:00:00.000001')";
  await ra.query(
    `INSERT INTO ${home}.bag VALUES ${value}, ${value}, ${value}, (NULL, NULL, NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL, NULL, NULL), (2, 'X', -0.0, 'e', '', NULL)`,
  );
  await ra.query(`UPDATE ${home}.bag SET a = 5 WHERE a = 1 LIMIT 1; DELETE FROM ${home}.bag WHERE a = 1 LIMIT 1`);
  await ra.query(
    `DELETE FROM ${home}.bag WHERE a IS NULL LIMIT 1; UPDATE ${home}.bag SET b = 'x' WHERE b = 'X' AND a = 2`,
  );
  await ra.query(`INSERT INTO ${home}.bag SELECT * FROM ${home}.bag; UPDATE ${home}.bag SET c = c * 3`);
  // MySQL keeps both zeros, which are equal.
  await ra.query(`INSERT INTO ${home}.bag (a, c) VALUES (7, 0), (7, -0e0), (8, -0e0), (8, 0)`);
  await ra.query(
    `DELETE FROM ${home}.bag WHERE a = 7 AND CAST(c AS CHAR) = '-0' LIMIT 1; UPDATE ${home}.bag SET a = 9 WHERE a = 8 AND CAST(c AS CHAR) = '0' LIMIT 1`,
  );
  await ra.query(`INSERT INTO ${home}.bag (a) VALUES (99)`);
  await until('the last is there', async () => (await dump(rb, `${home}.bag`)).some((row) => row.startsWith('[99')));
  await equal(ra, rb, `${home}.bag`);
  // MariaDB makes a plain 0 of it, as docs/types.md says.
  const zeros = `(SELECT a, CAST(c AS CHAR) AS z FROM ${home}.bag WHERE a BETWEEN 7 AND 9) AS zeros`;
  if (FAMILIES[0] === FAMILIES[1]) await equal(ra, rb, zeros);
  expect(await count(rb, `${home}.bag`)).toBe(FAMILIES[0] === 'mysql' ? 12 : 13);
}, 60_000);

test.runIf(FAMILIES[0] !== 'mysql')(
  'sequences of MariaDB are no tables of a channel; versioned tables are refused in words',
  async () => {
    const home = await schema('odd');
    await ra.query(
      `CREATE SEQUENCE ${home}.s; CREATE TABLE ${home}.t (id INT PRIMARY KEY, v INT); INSERT INTO ${home}.t SELECT NEXTVAL(${home}.s), 1`,
    );
    await using sites = await carrying(['odd.s', 'odd.t*']);
    await ra.query(
      `INSERT INTO ${home}.t SELECT NEXTVAL(${home}.s), 2; INSERT INTO ${home}.t SELECT NEXTVAL(${home}.s), 3`,
    );
    await until('all are there', async () => (await count(rb, `${home}.t`).catch(() => 0)) === 3);
    await ra.query(
      `CREATE TABLE ${home}.tv (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING; INSERT INTO ${home}.tv VALUES (1, 1); UPDATE ${home}.tv SET v = 2`,
    );
    await until('it is told of', () => sites.figures()['all/a>b']!.error?.code === 'OT4040');
    expect(sites.figures()['all/a>b']!.error?.message).toContain('odd.tv');
  },
  60_000,
);

test.runIf(FAMILIES[1] !== 'mysql')(
  'a server that keeps names in small letters is asked as it asks itself',
  async () => {
    const home = await schema('Odd');
    await using small = await STARTS[FAMILIES[1]!]({
      args: ['--lower-case-table-names=1', '--collation-server=utf8mb4_general_ci'],
    });
    const rs = await rootOf(small);
    await ra.query(
      `CREATE TABLE ${home}.\`Order\` (id INT PRIMARY KEY, V INT); CREATE TABLE ${home}.items (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES ${home}.\`Order\` (id));
       CREATE TABLE ${home}.T (id INT PRIMARY KEY); CREATE TABLE ${home}.t (id INT PRIMARY KEY);
       INSERT INTO ${home}.\`Order\` VALUES (1, 1); INSERT INTO ${home}.items VALUES (1, 1); INSERT INTO ${home}.T VALUES (1); INSERT INTO ${home}.t VALUES (2)`,
    );
    await using sites = new Sites({ a, small });
    const there = { kind: 'one-way', from: ['a'], to: ['small'] } as const;
    const both = { kind: 'two-way', between: ['a', 'small'] } as const;
    sites.set({
      one: channel(there, ['Odd.Order', 'Odd.items']),
      twins: channel(there, ['Odd.T', { from: 'Odd.t', to: 'Odd.t' }]),
      lost: channel(both, ['/(O|o)dd\\.items/']),
      back: channel({ kind: 'one-way', from: ['small'], to: ['a'] }, [{ from: 'Odd.Order', to: 'back.x' }]),
    });
    sites.start('a');
    sites.start('small');
    const told = (pipeline: string): string => sites.figures()[pipeline]?.error?.message ?? '';
    await streaming(sites, 'one/a>small');
    await ra.query(`INSERT INTO ${home}.\`Order\` VALUES (2, 2); INSERT INTO ${home}.items VALUES (2, 2)`);
    await until('rows are found', async () => (await count(rs, 'odd.items').catch(() => 0)) === 2);
    await equal(ra, rs, `${home}.\`Order\``);
    await until('two that are one are refused', () =>
      /Odd\.[Tt] and Odd\.[tT] would both go into odd\.t,/.test(told('twins/a>small')),
    );
    await until('what would not come back is refused', () =>
      told('lost/a>small').includes('Odd.items cannot be two-way: small keeps names in small letters'),
    );
    await until('an entry that means nothing is refused', () =>
      told('back/small>a').includes('`Odd.Order` means no table of small'),
    );
    rs.destroy();
  },
  60_000,
);

test('generated columns that hang on the session are refused where they are stored, and before their table is made', async () => {
  const home = await schema('odd');
  await ra.query(
    `CREATE TABLE ${home}.zoned (id INT PRIMARY KEY, at TIMESTAMP NULL, day DATE AS (DATE(at)) STORED);
     CREATE TABLE ${home}.free (id INT PRIMARY KEY, a INT, b INT, q DECIMAL(20, 8) AS (a / b) STORED, s VARCHAR(40) AS (CONCAT(a, '/', b)) STORED);
     INSERT INTO ${home}.zoned (id, at) VALUES (1, '2024-01-01 20:00:00'); INSERT INTO ${home}.free (id, a, b) VALUES (1, 1, 3)`,
  );
  const told: string[] = [];
  await using sites = new Sites(
    { a, b },
    recorder((_, fields) => void told.push(JSON.stringify(fields))),
  );
  const there = DIRECTIONS['one-way'];
  sites.set({ zoned: channel(there, ['odd.zoned']), free: channel(there, ['odd.free']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'free/a>b');
  await until('it is refused', () => sites.figures()['zoned/a>b']?.error?.code === 'OT5055');
  expect(told.filter((fields) => fields.includes('OT4061')).join()).toContain('q (div_precision_increment)');
  expect((await rb.query('SHOW TABLES FROM odd'))[0]).toHaveLength(1);
  await rb.query('CREATE TABLE odd.zoned (id INT PRIMARY KEY, at TIMESTAMP NULL, day DATE AS (DATE(at)) VIRTUAL)');
  await streaming(sites, 'zoned/a>b');
  await ra.query(`INSERT INTO ${home}.zoned (id, at) VALUES (2, NULL)`);
  await equal(ra, rb, `${home}.zoned`);
  await equal(ra, rb, `${home}.free`);
}, 60_000);
