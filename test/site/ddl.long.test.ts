/** Changes of tables: what stops, what tools do, copies, chains, and the way from one `ddl` to another. */
import { expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { a, arrived, b, begin, carrying, ra, rb, refusal, STATEMENTS, same, started } from './ddl-rig.ts';
import { count, dump, equal, FAMILIES, numbers, Sites, streaming, until } from './harness.ts';

const LEAST = { user: 'least', password: 'otter-secret' };

const REFUSED: readonly (readonly [sql: string, why: RegExp])[] = [
  ['ALTER TABLE s.h TRUNCATE PARTITION p0', /partitions or versions/],
  ['ALTER TABLE s.h DROP PARTITION p0', /partitions or versions/],
  ['ALTER TABLE s.h COALESCE PARTITION 1', /not carried/],
  ['ALTER TABLE s.t DISCARD TABLESPACE', /an action that is not carried/],
  ['ALTER TABLE s.t ADD n TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP', /reckon for itself/],
  ['ALTER TABLE s.t ADD n INT NOT NULL AUTO_INCREMENT UNIQUE', /numbers the rows/],
  ['ALTER TABLE s.t MODIFY b DATETIME', /time and settings|in their own ways/],
  ...(FAMILIES.every((family) => family !== 'mysql')
    ? [['ALTER IGNORE TABLE s.t ADD UNIQUE (a)', /may drop rows/] as const]
    : []),
  ['ALTER TABLE s.t ADD n FLOAT DEFAULT 1.2345678', /six digits/],
  ["SET sql_mode='PAD_CHAR_TO_FULL_LENGTH'; ALTER TABLE s.t MODIFY c VARCHAR(9); SET sql_mode=DEFAULT", /PAD_CHAR/],
  ['ALTER TABLE s.t ADD n DECIMAL(30,15) AS (a / 7) STORED', /hang on settings/],
  ['RENAME TABLE s.t TO q.t', /leaves the channel/],
  ['ALTER TABLE s.t RENAME q.t', /leaves the channel/],
];

test.each(REFUSED)(
  'stops with words before %s, and goes on when it is passed over',
  async (sql, why) => {
    await ra.query(
      `CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(30), c CHAR(5)); INSERT INTO s.t VALUES (1, 10, '2020-02-02', 'x');
     CREATE TABLE s.h (id INT PRIMARY KEY, a INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN (9));
     INSERT INTO s.h VALUES (1, 1), (6, 6); DROP DATABASE IF EXISTS q; CREATE DATABASE q`,
    );
    await using sites = started(carrying(['s.*']));
    await arrived(sites);
    if (sql.includes('COALESCE')) {
      await ra.query(
        'DROP TABLE s.h; CREATE TABLE s.h (id INT PRIMARY KEY, a INT) PARTITION BY HASH (id) PARTITIONS 3',
      );
      await arrived(sites);
    }
    await ra.query(sql);
    const said = await refusal(sites);
    expect(said).toMatch(/^OT5033/);
    expect(said).toMatch(why);
    expect(await dump(rb, 's.t')).toHaveLength(1);
    sites.set({ c: carrying(['s.*'], { ddl: 'ignore' }) });
    if (sql.includes('TABLESPACE')) return;
    await rb.query(sql.includes('q.t') ? 'CREATE DATABASE IF NOT EXISTS q' : sql);
    await arrived(sites);
    await rb.query('DROP DATABASE IF EXISTS q');
  },
  60_000,
);

/** As gh-ost and pt-online-schema-change do it, less the triggers and the waiting. */
const EXCHANGES = [
  ['_t_gho', '_t_del'],
  ['_t_new', '_t_old'],
] as const;

async function exchange([come, went]: readonly [string, string], alter: string): Promise<void> {
  await ra.query(
    `CREATE TABLE s.${come} LIKE s.t; ALTER TABLE s.${come} ${alter};
     INSERT INTO s.${come} (id, a, o) SELECT id, a, o FROM s.t; REPLACE INTO s.t (id, a) VALUES (3, 30); REPLACE INTO s.${come} (id, a) VALUES (3, 30);
     RENAME TABLE s.t TO s.${went}, s.${come} TO s.t; DROP TABLE s.${went}; REPLACE INTO s.t (id, a) VALUES (4, 40)`,
  );
}

test.each(EXCHANGES)(
  'a table is exchanged for %s, which comes along or does not',
  async (...names) => {
    for (const tables of [['s.*'], ['s.t', 's.mark']]) {
      for (const root of [ra, rb])
        await root.query(
          'DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS s; CREATE DATABASE s CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci',
        );
      await ra.query(
        'CREATE TABLE s.t (id INT PRIMARY KEY, a INT, o INT); INSERT INTO s.t VALUES (1, 10, 1), (2, 20, 2)',
      );
      await using sites = started(carrying(tables));
      await arrived(sites);
      await exchange(names, 'ADD n BIGINT DEFAULT 7 FIRST, MODIFY o BIGINT');
      await arrived(sites);
      await same('t');
      expect(await rb.query('SHOW TABLES FROM s').then(([rows]) => rows)).toHaveLength(2);
      if (tables.length === 1) continue;
      // Which of the new columns has the values of an old one is not said.
      await exchange(names, 'CHANGE n m BIGINT');
      expect(await refusal(sites)).toMatch(/^OT5033.* n may have become m/);
      expect(await count(rb, 's.t')).toBe(4);
    }
  },
  60_000,
);

test('a copy goes on through changes of its table, in the columns and by the key that it has then', async () => {
  await ra.query(
    `CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(200)); INSERT INTO s.t SELECT seq, seq, REPEAT('x', 200) FROM ${numbers(1, 20_000)}`,
  );
  await using sites = started(carrying(['s.*']));
  for (const sql of [
    'ALTER TABLE s.t ADD c INT DEFAULT 7 FIRST',
    'UPDATE s.t SET c = 8 WHERE id % 100 = 0',
    'ALTER TABLE s.t RENAME COLUMN a TO d',
    'ALTER TABLE s.t DROP PRIMARY KEY, ADD PRIMARY KEY (d, id)',
    'DELETE FROM s.t WHERE id % 100 = 1',
    'ALTER TABLE s.t RENAME s.u',
  ])
    await ra.query(sql);
  await arrived(sites);
  await streaming(sites, 'c/a>b');
  await same('u');
  expect(await rb.query("SHOW TABLES FROM s LIKE 't'").then(([rows]) => rows)).toEqual([]);
}, 60_000);

test('a row of a table that was emptied while it was copied does not come back', async () => {
  await ra.query(
    `CREATE TABLE s.t (id INT PRIMARY KEY, b VARCHAR(200)); INSERT INTO s.t SELECT seq, REPEAT('x', 200) FROM ${numbers(1, 20_000)}`,
  );
  await using sites = started(carrying(['s.*']));
  await until('it is copied', async () => (await rb.query('SELECT COUNT(*) FROM s.t').catch(() => null)) !== null);
  await ra.query('TRUNCATE s.t; INSERT INTO s.t VALUES (7, "new")');
  await arrived(sites);
  await streaming(sites, 'c/a>b');
  await same('t');
}, 60_000);

test('from the target on, what was carried is carried further', async () => {
  await begin();
  const sites = new Sites({ a, b });
  await using _ended = sites;
  const further = { from: 's.t', to: 'z.t', columns: { only: null, omit: [], rename: {} }, conflict: null };
  sites.set({
    c: carrying(['s.t', 's.mark']),
    d: { ...carrying([further]), direction: { kind: 'one-way', from: ['b'], to: ['a'] } },
  });
  sites.start('a');
  sites.start('b');
  await arrived(sites);
  await streaming(sites, 'c/a>b', 'd/b>a');
  await ra.query(
    "ALTER TABLE s.t ADD c INT DEFAULT 3; INSERT INTO s.t VALUES (2, 2, 'b', 4); TRUNCATE s.t; INSERT INTO s.t VALUES (3, 3, 'c', 5)",
  );
  await arrived(sites);
  await equal(ra, ra, 's.t');
  await until(
    'it has come back',
    async () => JSON.stringify(await dump(ra, 'z.t').catch(() => [])) === JSON.stringify(await dump(ra, 's.t')),
  );
  await ra.query('DROP TABLE s.t');
  await until('it is gone', async () => (await rb.query("SHOW TABLES FROM s LIKE 't'"))[0].toString() === '');
  await until('it is gone', async () => (await ra.query("SHOW TABLES FROM z LIKE 't'"))[0].toString() === '');
}, 60_000);

test('a channel that passed no changes on begins to only where it is beyond them', async () => {
  await begin();
  await using sites = started(carrying(['s.*'], { ddl: 'stop' }));
  await arrived(sites);
  await streaming(sites, 'c/a>b');
  await ra.query('TRUNCATE s.t');
  expect(await refusal(sites)).toMatch(/^OT5015/);
  sites.set({ c: carrying(['s.*']) });
  await until('it is refused', async () => (await refusal(sites)).startsWith('OT5033'));
  expect(await count(rb, 's.t')).toBe(1);
  sites.set({ c: carrying(['s.*'], { ddl: 'ignore' }) });
  await rb.query('TRUNCATE s.t');
  await arrived(sites);
  sites.set({ c: carrying(['s.*']) });
  await sites.settled();
  await ra.query('ALTER TABLE s.t ADD c INT');
  await arrived(sites);
  await same('t');
}, 60_000);

test('what the target refuses is tried again, and mending its table is not taken for the change', async () => {
  await begin();
  await using sites = started(carrying(['s.*']));
  await arrived(sites);
  await rb.query('ALTER TABLE s.t ADD c INT, ADD x INT');
  await ra.query('ALTER TABLE s.t ADD c BIGINT DEFAULT 4');
  expect(await refusal(sites)).toMatch(/^OT5034.*Duplicate column/);
  expect(await count(rb, 'otter.`change`')).toBe(0);
  await rb.query('ALTER TABLE s.t DROP c, DROP x');
  await arrived(sites);
  await same('t');
}, 60_000);

test('with exactly the privileges of docs/databases.md', async () => {
  const as = (server: DatabaseServer): DatabaseServer =>
    ({ ...server, family: server.family, host: server.host, port: server.port, otter: LEAST }) as DatabaseServer;
  for (const [root, server, more] of [
    [ra, a, ', ALTER'],
    [rb, b, ''],
  ] as const) {
    const user = `'${LEAST.user}'@'%'`;
    const log = server.family === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT';
    const tables = root === ra ? 'SELECT, TRIGGER' : 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, REFERENCES';
    await root.query(
      `DROP USER IF EXISTS ${user}; CREATE USER ${user} IDENTIFIED BY '${LEAST.password}'; GRANT ${tables} ON s.* TO ${user};
       GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP${more} ON otter.* TO ${user}`,
    );
    if (root === ra) await root.query(`GRANT REPLICATION SLAVE, ${log} ON *.* TO ${user}`);
  }
  await begin();
  await using sites = started(carrying(['s.*']), { a: as(a), b: as(b) });
  await streaming(sites, 'c/a>b');
  await sites.stop('a');
  for (const sql of STATEMENTS) await ra.query(sql);
  sites.start('a');
  await arrived(sites);
  await same('t', 'w');
}, 60_000);
