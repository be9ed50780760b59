/** Statements that are hard on whoever follows them, one-way and two-way, copied and streamed: the same rows in the end. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariaDb } from '../../src/lab/servers.ts';
import { channel, dump, FAMILIES, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

/** MySQL's JSON is not carried yet. */
const JSON_TYPE = FAMILIES.includes('mysql') ? 'LONGTEXT' : 'JSON';
/** Keys of every kind, values of every kind, names that want quoting, an engine without transactions at the source. */
const TABLES = [
  'CREATE TABLE x.shift (id INT PRIMARY KEY, u INT, UNIQUE(u))',
  'CREATE TABLE x.ci (k VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)',
  'CREATE TABLE x.comp (a INT, b VARCHAR(20), c DATE, v BLOB, PRIMARY KEY (b, a, c))',
  'CREATE TABLE x.multi (id INT AUTO_INCREMENT PRIMARY KEY, u1 VARCHAR(20) UNIQUE, u2 INT, u3 INT, UNIQUE KEY z (u2, u3))',
  'CREATE TABLE x.gen (id INT PRIMARY KEY, a INT, b INT AS (a*2) STORED, c INT AS (a+1) VIRTUAL, t TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)',
  `CREATE TABLE x.types (id BIGINT UNSIGNED PRIMARY KEY, d DECIMAL(30,10), f FLOAT, g DOUBLE, b BIT(12), y YEAR, t TIME(3), dt DATETIME(6), ts TIMESTAMP(6) NULL, e ENUM('a','b,c','d''e'), s SET('x','y','z'), bl BLOB, tx TEXT, l VARCHAR(30) CHARACTER SET latin1, bi BINARY(6), vb VARBINARY(10), j ${JSON_TYPE})`,
  'CREATE TABLE `x`.`we``ird ta.ble 表` (`sel ect` INT PRIMARY KEY, `a\'b"c` VARCHAR(10))',
  'CREATE TABLE x.parent (id INT PRIMARY KEY, n INT)',
  'CREATE TABLE x.child (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES x.parent (id))',
];
/** MySQL's TIME has no fraction at its ends. */
const LEAST_TIME = FAMILIES.includes('mysql') ? '-838:59:58.999' : '-838:59:59.999';
/** Statements that people write and that are hard on whoever follows them; `o` keeps two callers apart. */
const STATEMENTS = (o: number): string[] => [
  `INSERT INTO x.shift VALUES (${o + 1},${o + 1}),(${o + 2},${o + 2}),(${o + 3},${o + 3})`,
  `UPDATE x.shift SET id=id+1 WHERE id>${o} AND id<${o + 50} ORDER BY id DESC`,
  `UPDATE x.shift SET u=u+1 WHERE id>${o} AND id<${o + 50} ORDER BY u DESC`,
  `START TRANSACTION; UPDATE x.shift SET u=NULL WHERE id=${o + 2}; UPDATE x.shift SET u=${o + 2} WHERE id=${o + 3}; UPDATE x.shift SET u=${o + 3} WHERE id=${o + 2}; COMMIT`,
  `REPLACE INTO x.shift VALUES (${o + 9}, ${o + 4})`,
  `INSERT INTO x.shift VALUES (${o + 9}, ${o + 9}) ON DUPLICATE KEY UPDATE u=u+5`,
  `INSERT INTO x.ci VALUES ('abc${o}',1),('Abd${o}',2),('é${o}',3)`,
  `UPDATE x.ci SET k='ABC${o}' WHERE k='abc${o}'`,
  `DELETE FROM x.ci WHERE k='E${o}'`,
  `INSERT INTO x.ci VALUES ('e${o}',4)`,
  `REPLACE INTO x.ci VALUES ('ABD${o}', 5)`,
  `INSERT INTO x.comp VALUES (${o},'q','2020-01-01',x'00ff'),(${o},'Q ','2020-01-02',NULL)`,
  `UPDATE x.comp SET b='z', v=x'27' WHERE a=${o}`,
  `INSERT INTO x.multi (id,u1,u2,u3) VALUES (${o + 1},'a${o}',${o},1),(${o + 2},'b${o}',${o},2),(${o + 3},NULL,NULL,1),(${o + 4},NULL,NULL,1)`,
  `START TRANSACTION; SAVEPOINT s; DELETE FROM x.multi WHERE id=${o + 1}; ROLLBACK TO s; UPDATE x.multi SET u1='tmp${o}' WHERE id=${o + 1}; UPDATE x.multi SET u1='a${o}' WHERE id=${o + 2}; UPDATE x.multi SET u1='b${o}' WHERE id=${o + 1}; COMMIT`,
  `REPLACE INTO x.multi (id,u1,u2,u3) VALUES (${o + 7},'a${o}',${o},1)`,
  `INSERT INTO x.gen (id,a) VALUES (${o},1),(${o + 1},2)`,
  `UPDATE x.gen SET a=a+10 WHERE id=${o}`,
  `INSERT INTO x.types VALUES (${18446744073709500000n + BigInt(o)}, -12345678901234567890.0123456789, 1.1, -0e0, b'101010101010', 2155, '${LEAST_TIME}', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', 'd''e', 'x,z', x'00275c', 'it''s \\\\ "q" 😀 \\n\\0end', 'café', x'610000000000', x'00', '{"a": [1, 2.50, "x"]}')`,
  `INSERT INTO x.types (id, dt, e) VALUES (${o + 5}, '2024-02-29 12:00:00.000001', NULL)`,
  `UPDATE x.types SET f=3.4e38, g=1e-320, tx=REPEAT('x',70000), e='b,c' WHERE id=${o + 5}`,
  `INSERT INTO \`x\`.\`we\`\`ird ta.ble 表\` VALUES (${o}, 'v')`,
  `UPDATE \`x\`.\`we\`\`ird ta.ble 表\` SET \`a'b"c\`='w' WHERE \`sel ect\`=${o}`,
  `START TRANSACTION; INSERT INTO x.parent VALUES (${o},1),(${o + 1},1); INSERT INTO x.child VALUES (${o},${o}),(${o + 1},${o + 1}); DELETE FROM x.child WHERE id=${o + 1}; DELETE FROM x.parent WHERE id=${o + 1}; COMMIT`,
  `START TRANSACTION; INSERT INTO x.parent VALUES (${o + 2},1); ROLLBACK`,
];

/** A deadlock is a user's to try again; it took back the whole transaction. */
async function asUser(root: Connection, statement: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await root.query(statement);
      return;
    } catch (error) {
      if ((error as { errno?: number }).errno !== 1213 || attempt === 10) throw error;
      await root.query('ROLLBACK');
    }
  }
}

/** Only one-way: a table without transactions may be a source, never a target. */
const MYISAM = 'CREATE TABLE x.my (id INT PRIMARY KEY, v INT) ENGINE=MyISAM';
const MYISAM_STATEMENTS = (o: number): string[] => [
  `INSERT INTO x.my VALUES (${o},1),(${o + 1},2)`,
  `UPDATE x.my SET v=v+1 WHERE id >= ${o}`,
  `DELETE FROM x.my WHERE id=${o + 1}`,
];

for (const kind of ['one-way', 'two-way'] as const) {
  for (const when of ['copied', 'streamed'] as const) {
    test(`${kind}, ${when}`, async () => {
      const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
      for (const root of [ra, rb]) {
        await root.query(
          "SET sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'; DROP DATABASE IF EXISTS x; DROP DATABASE IF EXISTS otter",
        );
      }
      await ra.query('CREATE DATABASE x');
      const statements = (o: number): string[] => [
        ...STATEMENTS(o),
        ...(kind === 'one-way' ? MYISAM_STATEMENTS(o) : []),
      ];
      for (const table of kind === 'one-way' ? [...TABLES, MYISAM] : TABLES) await ra.query(table);
      if (when === 'copied') for (const statement of statements(1000)) await asUser(ra, statement);
      await using sites = new Sites({ a, b });
      const direction =
        kind === 'one-way' ? ({ kind, from: ['a'], to: ['b'] } as const) : ({ kind, between: ['a', 'b'] } as const);
      sites.set({ x: channel(direction, ['x.*']) });
      sites.start('a');
      sites.start('b');
      const names = kind === 'one-way' ? ['x/a>b'] : ['x/a>b', 'x/b>a'];
      const figures = (): ReturnType<Sites['figures']> => sites.figures();
      await streaming(sites, ...names);
      for (const statement of statements(2000)) await asUser(ra, statement);
      if (kind === 'two-way') for (const statement of statements(4000)) await asUser(rb, statement);
      const [tables] = await ra.query({
        sql: "SELECT table_name FROM information_schema.tables WHERE table_schema='x'",
        rowsAsArray: true,
      });
      for (const [table] of tables as string[][]) {
        const name = `x.\`${table!.replaceAll('`', '``')}\``;
        await until(
          `${name} is equal`,
          async () => JSON.stringify(await dump(ra, name)) === JSON.stringify(await dump(rb, name)),
          10_000,
        ).catch(() => undefined);
        expect(await dump(rb, name), name).toEqual(await dump(ra, name));
      }
      for (const name of names) expect(figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
      ra.destroy();
      rb.destroy();
    }, 120_000);
  }
}

test('a target table without transactions is refused by name', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb])
    await root.query(
      'DROP DATABASE IF EXISTS x; DROP DATABASE IF EXISTS otter; CREATE DATABASE x; CREATE TABLE x.my (id INT PRIMARY KEY) ENGINE=MyISAM',
    );
  await using sites = new Sites({ a, b });
  sites.set({ x: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['x.my']) });
  sites.start('a');
  sites.start('b');
  await until('it is refused', () => sites.figures()['x/a>b']?.error?.code === 'OT5027');
  await rb.query('ALTER TABLE x.my ENGINE=InnoDB');
  await until('it goes on when mended', () => sites.figures()['x/a>b']?.phase === 'streaming');
  ra.destroy();
  rb.destroy();
}, 60_000);

test('tables that cannot be two-way are refused with the reason', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  const cases: [string, string][] = [
    ['CREATE TABLE x.t (id INT, KEY (id))', 'primary key'],
    ['CREATE TABLE x.t (id INT PRIMARY KEY, s VARCHAR(99), UNIQUE KEY p (s(5)))', 'prefix'],
    [
      'CREATE TABLE x.t (id INT PRIMARY KEY); CREATE TRIGGER x.tr AFTER INSERT ON x.t FOR EACH ROW SET @n = 1',
      'trigger tr',
    ],
    // MySQL 9.6 and later log what foreign keys do; the other site must do so too.
    ...(FAMILIES.every((family) => family === 'mysql')
      ? []
      : [
          [
            'CREATE TABLE x.p (id INT PRIMARY KEY); CREATE TABLE x.t (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES x.p (id) ON DELETE CASCADE)',
            'cascades',
          ] as [string, string],
        ]),
  ];
  for (const [create, reason] of cases) {
    for (const root of [ra, rb])
      await root.query(`DROP DATABASE IF EXISTS x; DROP DATABASE IF EXISTS otter; CREATE DATABASE x; ${create}`);
    await using sites = new Sites({ a, b });
    sites.set({ x: channel({ kind: 'two-way', between: ['a', 'b'] }, ['x.t'], { initial: 'none' }) });
    sites.start('a');
    sites.start('b');
    await until(`${reason} is refused`, () =>
      Object.values(sites.figures()).some(({ error }) => error?.code === 'OT5014' && error.message.includes(reason)),
    );
  }
  ra.destroy();
  rb.destroy();
}, 60_000);

test('names are found in whatever case they are written, where the server keeps small letters', async () => {
  await using small = await startMariaDb({ args: ['--lower-case-table-names=1'] });
  const [rs, rb] = await Promise.all([rootOf(small), rootOf(b)]);
  await rb.query('DROP DATABASE IF EXISTS otter');
  for (const [i, statement] of [
    'DROP DATABASE SHOP$',
    'TRUNCATE Shop$.T',
    'ALTER TABLE `SHOP$`.`T` MODIFY v INT AFTER w',
    'RENAME TABLE shop$.T TO shop$.other',
  ].entries()) {
    const schema = `shop${i}`;
    await rb.query(`DROP DATABASE IF EXISTS ${schema}`);
    await rs.query(`CREATE DATABASE Shop${i}; CREATE TABLE SHOP${i}.T (id INT PRIMARY KEY, v INT, w INT)`);
    await using sites = new Sites({ a: small, b });
    sites.set({ x: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, [`${schema}.t`]) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'x/a>b');
    await rs.query(`INSERT INTO Shop${i}.T VALUES (1, 2, 3)`);
    await until('the row is there', async () => (await dump(rb, `${schema}.t`)).length === 1);
    await rs.query(statement.replaceAll('$', String(i)));
    await until(`${statement} stops it`, () => sites.figures()['x/a>b']?.error?.code === 'OT5015');
  }
  await Promise.all([rs.end(), rb.end()]);
}, 60_000);
