/** Changes of tables that are carried over, in their place between the rows. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { storm } from './ddl-storm.ts';
import {
  channel,
  count,
  dump,
  equal,
  FAMILIES,
  loud,
  pair,
  quiet,
  rootOf,
  Sites,
  streaming,
  until,
} from './harness.ts';

const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  for (const root of [ra, rb]) root?.destroy();
  await Promise.all([a?.[Symbol.asyncDispose](), b?.[Symbol.asyncDispose]()]);
});
beforeEach(async () => {
  for (const root of [ra, rb])
    await root.query('DROP DATABASE IF EXISTS s; DROP DATABASE IF EXISTS z; DROP DATABASE IF EXISTS otter');
  await ra.query('CREATE DATABASE s DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci');
});

function carrying(tables: ChannelSpec['tables'] | readonly string[], more: Partial<ChannelSpec> = {}): ChannelSpec {
  const names = tables.map((table) => (typeof table === 'string' ? table : { from: table.from, to: table.to! }));
  const spec = channel(ONE_WAY, names, { ddl: 'replicate', ...more });
  return typeof tables[0] === 'string' ? spec : { ...spec, tables: tables as ChannelSpec['tables'] };
}

function started(spec: ChannelSpec): Sites {
  const sites = new Sites({ a, b }, process.env['LOUD'] ? loud : quiet);
  sites.set({ c: spec });
  sites.start('a');
  sites.start('b');
  return sites;
}

/** Waits until the target has come to where the source is. */
async function arrived(sites: Sites): Promise<void> {
  await ra.query('CREATE TABLE IF NOT EXISTS s.mark (id INT PRIMARY KEY AUTO_INCREMENT); INSERT INTO s.mark VALUES ()');
  const last = async (root: Connection): Promise<string> =>
    JSON.stringify((await root.query('SELECT MAX(id) FROM s.mark').catch(() => [[]]))[0]);
  await until('it has arrived', async () => (await last(ra)) === (await last(rb))).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(sites.figures()['c/a>b'])}`);
  });
}

/** Names of columns with their types and keys, as either family prints them. */
async function columns(root: Connection, schema: string, table: string): Promise<unknown> {
  const [rows] = await root.query(
    `SELECT COLUMN_NAME AS n, REPLACE(REPLACE(COLUMN_TYPE, 'bigint(20)', 'bigint'), 'int(11)', 'int') AS t, IS_NULLABLE AS u, COLUMN_KEY AS k
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '${schema}' AND TABLE_NAME = '${table}' ORDER BY ORDINAL_POSITION`,
  );
  return rows;
}

async function same(...tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    expect(await columns(rb, 's', table), table).toEqual(await columns(ra, 's', table));
    await equal(ra, rb, `s.${table}`);
  }
}

const STATEMENTS = [
  'ALTER TABLE s.t ADD c INT DEFAULT 7',
  'INSERT INTO s.t VALUES (2, 20, "b", 21)',
  'ALTER TABLE s.t ADD d VARCHAR(20) NOT NULL DEFAULT "it\'s" FIRST, ADD INDEX (a)',
  'INSERT INTO s.t (id, a) VALUES (3, 30)',
  'ALTER TABLE s.t RENAME COLUMN a TO e, MODIFY c BIGINT AFTER id',
  'UPDATE s.t SET e = e + 1, c = 5000000000 WHERE id = 2',
  'CREATE UNIQUE INDEX u ON s.t (e, id)',
  'ALTER TABLE s.t DROP b, DROP INDEX u',
  'INSERT INTO s.t (id) VALUES (4)',
  'RENAME TABLE s.t TO s.u',
  'INSERT INTO s.u (id) VALUES (5)',
  'CREATE TABLE s.w (id INT PRIMARY KEY, v VARCHAR(9))',
  'INSERT INTO s.w VALUES (1, "x")',
  'ALTER TABLE s.w ADD CONSTRAINT k CHECK (id > 0), COMMENT "new"',
  'TRUNCATE s.w',
  'INSERT INTO s.w VALUES (2, "y")',
  'ALTER TABLE s.u RENAME s.t, ADD f INT',
  'DROP TABLE s.w',
  'CREATE TABLE s.w (v VARCHAR(9), id INT PRIMARY KEY)',
  'INSERT INTO s.w VALUES ("z", 3)',
];

async function begin(): Promise<void> {
  await ra.query("CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO s.t VALUES (1, 10, 'a')");
}

test('one after the other, while it streams', async () => {
  await begin();
  await using sites = started(carrying(['s.*']));
  await streaming(sites, 'c/a>b');
  for (const sql of STATEMENTS) {
    await ra.query(sql);
    await arrived(sites);
  }
  await same('t', 'w');
  expect(sites.figures()['c/a>b']).toMatchObject({ error: null, drift: 0 });
}, 120_000);

test('all at once, read when the tables are other ones already', async () => {
  await begin();
  await using sites = started(carrying(['s.*']));
  await streaming(sites, 'c/a>b');
  await sites.stop('a');
  for (const sql of STATEMENTS) await ra.query(sql);
  sites.start('a');
  await arrived(sites);
  await same('t', 'w');
  expect(sites.figures()['c/a>b']).toMatchObject({ error: null, drift: 0 });
}, 120_000);

test('under other names, and without columns that stay behind', async () => {
  await begin();
  const entry = {
    from: 's.t',
    to: 'z.y',
    columns: { only: null, omit: ['b', 'g'], rename: { a: 'A1' } },
    conflict: null,
  };
  await using sites = started(
    carrying([
      entry,
      { ...entry, from: 's.mark', to: 's.mark', columns: { only: null, omit: [], rename: {} } },
    ] as never),
  );
  await streaming(sites, 'c/a>b');
  await ra.query('ALTER TABLE s.t ADD g INT AFTER a, ADD h INT AFTER g, MODIFY b TEXT, ADD KEY k (a, h)');
  await ra.query('INSERT INTO s.t VALUES (2, 20, 21, 22, "b")');
  await ra.query('ALTER TABLE s.t MODIFY a BIGINT, DROP g');
  await ra.query('UPDATE s.t SET a = 5000000000 WHERE id = 2');
  await arrived(sites);
  expect((await dump(rb, 'z.y')).map((row) => row.replaceAll('"', ''))).toEqual(['[1,10,null]', '[2,5000000000,22]']);
  const [keys] = await rb.query(
    "SELECT COLUMN_NAME AS n FROM information_schema.STATISTICS WHERE TABLE_SCHEMA='z' AND INDEX_NAME='k' ORDER BY SEQ_IN_INDEX",
  );
  expect(keys).toEqual([{ n: 'A1' }, { n: 'h' }]);
}, 60_000);

/** Waits until the pipeline tells an error, and returns its text. */
async function refusal(sites: Sites): Promise<string> {
  let error: { code: string; message: string; hint: string | null } | null = null;
  await until('it stops', () => {
    error = sites.figures()['c/a>b']?.error ?? null;
    return error !== null;
  });
  return `${error!.code} ${error!.message}`;
}

test('a change that was made and not recorded, or only meant, is made once', async () => {
  await begin();
  await ra.query(
    'ALTER TABLE s.t ADD c INT DEFAULT 1; CREATE TABLE s.p (id INT PRIMARY KEY, k INT); INSERT INTO s.p VALUES (1, 1)',
  );
  await using sites = started(carrying(['s.*']));
  await arrived(sites);
  const statements = [
    'ALTER TABLE s.t MODIFY a BIGINT FIRST, CHANGE c d INT',
    'ALTER TABLE s.t DROP d, ADD d INT DEFAULT 3',
    'CREATE INDEX i ON s.t (b)',
    'RENAME TABLE s.t TO s.x, s.p TO s.t, s.x TO s.p',
    'TRUNCATE s.p',
    'DROP TABLE s.p',
  ];
  for (const sql of statements) {
    // What was meant cannot be struck any more: as if the node died after the statement.
    await rb.query(
      "CREATE TRIGGER otter.cut BEFORE DELETE ON otter.`change` FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cut'",
    );
    await ra.query(sql);
    expect(await refusal(sites), sql).toContain('cut');
    await sites.stop('b');
    expect(await count(rb, 'otter.`change`')).toBe(1);
    await rb.query('DROP TRIGGER otter.cut');
    sites.start('b');
    await arrived(sites);
  }
  await same('t');
  expect(await rb.query("SHOW TABLES FROM s LIKE 'p'").then(([rows]) => rows)).toEqual([]);
}, 120_000);

test('a change that waits for a lock is made by whoever owns the pipeline then', async () => {
  await begin();
  await using sites = started(carrying(['s.*']));
  await arrived(sites);
  const other = await rootOf(b);
  try {
    await other.query('START TRANSACTION; SELECT * FROM s.t');
    await ra.query('ALTER TABLE s.t ADD c INT DEFAULT 5; INSERT INTO s.t VALUES (2, 2, "b", 6)');
    await until('it is meant', async () => (await count(rb, 'otter.`change`')) === 1);
    await sites.stop('b');
    sites.start('b');
    await other.query('COMMIT');
    await arrived(sites);
  } finally {
    other.destroy();
  }
  await same('t');
}, 120_000);

const REFUSED: readonly (readonly [sql: string, why: RegExp])[] = [
  ['ALTER TABLE s.h TRUNCATE PARTITION p0', /partitions or versions/],
  ['ALTER TABLE s.h DROP PARTITION p0', /partitions or versions/],
  ['ALTER TABLE s.h COALESCE PARTITION 1', /not carried/],
  ['ALTER TABLE s.t DISCARD TABLESPACE', /an action that is not carried/],
  ['ALTER TABLE s.t ADD n TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP', /reckon for itself/],
  ['ALTER TABLE s.t ADD n INT NOT NULL AUTO_INCREMENT UNIQUE', /numbers the rows/],
  ['ALTER TABLE s.t MODIFY b DATETIME', /time and settings/],
  ...(FAMILIES.every((family) => family !== 'mysql')
    ? [['ALTER IGNORE TABLE s.t ADD UNIQUE (a)', /may drop rows/] as const]
    : []),
  ['RENAME TABLE s.t TO q.t', /leaves the channel/],
  ['ALTER TABLE s.t RENAME q.t', /leaves the channel/],
];

test.each(REFUSED)(
  'stops with words before %s, and goes on when it is passed over',
  async (sql, why) => {
    await ra.query(
      `CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(30)); INSERT INTO s.t VALUES (1, 10, '2020-02-02');
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

test('a storm of changes under load, with cuts', async () => {
  const { OTTER_SEED: seed = '1' } = process.env;
  await storm({ servers: [a, b], statements: 25, cuts: 3, seed: Number(seed), pause: async () => undefined });
}, 120_000);
