/** Changes of tables in two-way channels: carried from the site that decides, past which rows go in the other direction. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec, ConflictSpec } from '../../src/model/topology.ts';
import { channel, count, dump, equal, loud, pair, quiet, rootOf, Sites, streaming, until } from './harness.ts';

const BETWEEN = { kind: 'two-way', between: ['a', 'b'] } as const;
const NAMES = ['c/a>b', 'c/b>a'];

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

async function running(more: Partial<ChannelSpec> = {}): Promise<Sites> {
  const sites = new Sites({ a, b }, process.env['LOUD'] ? loud : quiet);
  sites.set({ c: channel(BETWEEN, ['s.*'], { ddl: 'replicate', ...more }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...NAMES);
  return sites;
}

/** Waits until each site has what was written at the other. */
async function exchanged(sites: Sites): Promise<void> {
  const mark = 'CREATE TABLE IF NOT EXISTS s.mark (id INT PRIMARY KEY, n INT)';
  await ra.query(`${mark}; INSERT INTO s.mark VALUES (1, 1) ON DUPLICATE KEY UPDATE n = n + 1`);
  const last = async (root: Connection, id: number): Promise<string> =>
    JSON.stringify((await root.query(`SELECT n FROM s.mark WHERE id = ${id}`).catch(() => [[]]))[0]);
  const told = (error: Error): never => {
    throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
  };
  await until('it is there', async () => (await last(ra, 1)) === (await last(rb, 1))).catch(told);
  await rb.query('INSERT INTO s.mark VALUES (2, 1) ON DUPLICATE KEY UPDATE n = n + 1');
  await until('it is back', async () => (await last(ra, 2)) === (await last(rb, 2))).catch(told);
}

/** Waits until the pipeline tells such an error. */
async function stops(sites: Sites, pipeline: string, why: RegExp): Promise<void> {
  let told = '';
  await until(`${pipeline} stops`, () => {
    const error = sites.figures()[pipeline]?.error ?? null;
    told = error === null ? '' : `${error.code} ${error.message} ${error.hint}`;
    return why.test(told);
  }).catch((error: Error) => {
    throw new Error(`${error.message}, by ${why}: ${told}`);
  });
}

/** As a user does it: what met otter's rows in a deadlock is asked again. */
async function asked(root: Connection, sql: string): Promise<void> {
  for (const statement of sql.split('; '))
    for (let attempt = 0; ; attempt += 1) {
      try {
        await root.query(statement);
        break;
      } catch (error) {
        if ((error as { errno?: number }).errno !== 1213 || attempt === 10) throw error;
      }
    }
}

const CHANGES = [
  'ALTER TABLE s.t ADD c INT DEFAULT 7',
  "ALTER TABLE s.t ADD d VARCHAR(20) NOT NULL DEFAULT 'it''s' FIRST, ADD INDEX i (a)",
  'ALTER TABLE s.t MODIFY a BIGINT AFTER b, COMMENT "new", ADD e TEXT, ADD f FLOAT DEFAULT -1.5',
  'CREATE INDEX j ON s.t (b, a)',
  'ALTER TABLE s.t ALTER c SET DEFAULT 8, DROP INDEX i',
  'CREATE TABLE s.u (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO s.u VALUES (1, "x")',
  'ALTER TABLE s.u MODIFY v VARCHAR(90), ADD n DECIMAL(9,2) DEFAULT 1.50',
  'CREATE TABLE s.v (id INT PRIMARY KEY, a BIGINT) SELECT id, a FROM s.t',
];

test('from the first site to the second, with rows in both directions, and never back', async () => {
  await ra.query("CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO s.t VALUES (1, 1, 'a')");
  await using sites = await running();
  let id = 10;
  for (const sql of CHANGES) {
    const writes = `INSERT INTO s.t (id, a) VALUES (${id}, 1), (${id + 1}, 2); UPDATE s.t SET a = a + 1`;
    await Promise.all([asked(ra, sql), asked(rb, writes)]);
    await ra.query(`INSERT INTO s.t (id, b) VALUES (${id + 2}, 'x')`);
    await exchanged(sites);
    id += 10;
  }
  // One that is made at the other site, and changed before anybody writes to it at the first.
  await rb.query('CREATE TABLE s.w (id INT PRIMARY KEY, v INT); INSERT INTO s.w VALUES (1, 1)');
  await until('it has come', async () => (await count(ra, 's.w').catch(() => 0)) === 1);
  await ra.query('ALTER TABLE s.w ADD c INT DEFAULT 7 FIRST');
  await exchanged(sites);
  await rb.query('INSERT INTO s.w (id) VALUES (2)');
  await ra.query('INSERT INTO s.w (id) VALUES (3)');
  await exchanged(sites);
  for (const table of ['s.t', 's.u', 's.v', 's.w']) await equal(ra, rb, table);
  // Of a table that was made meanwhile the log has all rows, and what the other site writes is not refused for a copy.
  const [copies] = await rb.query(
    "SELECT source_table AS t, done, rows_done AS n FROM otter.copy WHERE source_table <> 's.t' ORDER BY 1",
  );
  expect(JSON.stringify(copies).replaceAll('"', '')).toBe(
    '[{t:s.mark,done:1,n:0},{t:s.u,done:1,n:0},{t:s.v,done:1,n:0}]',
  );
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
}, 120_000);

test('rows of before the change, written while nobody carries, come to what the change makes of them', async () => {
  await ra.query(
    "CREATE TABLE s.t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO s.t VALUES (1, 1, 'a'), (2, 2, 'b')",
  );
  await using sites = await running();
  await exchanged(sites);
  for (const name of ['a', 'b']) await sites.stop(name);
  await ra.query("UPDATE s.t SET b = 'z' WHERE id = 2");
  await ra.query('ALTER TABLE s.t ADD c INT NOT NULL DEFAULT 7 FIRST; ALTER TABLE s.t ALTER c SET DEFAULT 9');
  await ra.query('INSERT INTO s.t (id, a) VALUES (3, 3)');
  await ra.query('ALTER TABLE s.t MODIFY b VARCHAR(40)');
  await ra.query('UPDATE s.t SET c = 5 WHERE id = 2');
  await rb.query(
    "INSERT INTO s.t VALUES (4, 4, 'd'); UPDATE s.t SET a = 11 WHERE id = 1; UPDATE s.t SET id = 6 WHERE id = 1",
  );

  for (const name of ['a', 'b']) sites.start(name);
  await exchanged(sites);
  await equal(ra, rb, 's.t');
  expect((await dump(ra, 's.t')).map((row) => row.replaceAll('"', ''))).toEqual([
    '[5,2,2,z]',
    '[7,4,4,d]',
    '[7,6,11,a]',
    '[9,3,3,null]',
  ]);
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
}, 120_000);

/** Nothing of the other site is applied there until it is let go. */
async function hold(root: Connection): Promise<() => Promise<void>> {
  const held = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'held'";
  await root.query(
    `CREATE TRIGGER otter.held BEFORE UPDATE ON otter.checkpoint FOR EACH ROW IF NEW.seq <> OLD.seq THEN ${held}; END IF`,
  );
  return async () => {
    await root.query('DROP TRIGGER otter.held');
  };
}

test('a table that changes while rows for it are judged keeps the values of its new column', async () => {
  await ra.query(
    'CREATE TABLE s.t (id INT PRIMARY KEY, a INT, n INT, u INT UNIQUE); INSERT INTO s.t VALUES (1, 1, 1, 1), (2, 2, 2, 2)',
  );
  const rule = { policy: 'site-priority', by: null, merge: 'column', groups: [], counters: ['n'] } as const;
  await using sites = await running({ conflict: { ...rule, priority: ['a', 'b'] } });
  await exchanged(sites);
  await rb.query('UPDATE s.t SET a = 3; INSERT INTO s.t VALUES (3, 3, 3, 3)');
  await exchanged(sites);
  const letGo = await hold(rb);
  await ra.query('ALTER TABLE s.t ADD c INT NOT NULL DEFAULT 7 AFTER id; UPDATE s.t SET c = 5, n = n + 1 WHERE id = 1');
  await rb.query('UPDATE s.t SET a = 4, n = n + 10; INSERT INTO s.t VALUES (4, 4, 4, 4)');
  await until('it has come', async () => (await count(ra, 's.t WHERE id = 4')) === 1);
  await ra.query('ALTER TABLE s.t ALTER c DROP DEFAULT; UPDATE s.t SET c = 6 WHERE id = 2');
  await rb.query('INSERT INTO s.t VALUES (5, 5, 5, 5); UPDATE s.t SET id = 6 WHERE id = 2');
  await until('that too', async () => (await count(ra, 's.t WHERE id = 5')) === 1);
  await letGo();
  await exchanged(sites);
  await equal(ra, rb, 's.t');
  const rows = ['[1,5,4,12,1]', '[3,7,4,13,3]', '[4,7,4,4,4]', '[5,7,5,5,5]', '[6,6,4,12,2]'];
  expect(await dump(ra, 's.t')).toEqual(rows);
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0 });
}, 60_000);

const CUT =
  "CREATE TRIGGER otter.cut BEFORE DELETE ON otter.`change` FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cut'";

test("a change that is made and not recorded is known for what it is, however often anybody stops; a user's beside it too", async () => {
  await ra.query('CREATE TABLE s.t (id INT PRIMARY KEY, a INT); INSERT INTO s.t VALUES (1, 1)');
  await using sites = await running();
  await exchanged(sites);
  for (const [at, sql] of ['ADD c INT DEFAULT 7', 'ADD d INT, MODIFY a BIGINT FIRST, ADD INDEX i (c)'].entries()) {
    const id = 10 + at * 10;
    await rb.query(CUT);
    await ra.query(`ALTER TABLE s.t ${sql}`);
    await stops(sites, 'c/a>b', /cut/);
    await rb.query(`INSERT INTO s.t (id, a) VALUES (${id}, 2)`);
    await until('rows of behind it come', async () => (await count(ra, `s.t WHERE id = ${id}`)) === 1);
    for (const name of ['a', 'b', 'b']) {
      await sites.stop(name);
      await rb.query(`UPDATE s.t SET a = a + 1 WHERE id = ${id}`);
      sites.start(name);
    }
    await stops(sites, 'c/a>b', /cut/);
    await until('so it goes on', async () => (await count(ra, `s.t WHERE id = ${id} AND a = 5`)) === 1);
    await sites.stop('b');
    await rb.query(`DROP TRIGGER otter.cut; INSERT INTO s.t (id, a) VALUES (${id + 1}, 3)`);
    sites.start('b');
    await exchanged(sites);
    await equal(ra, rb, 's.t');
  }
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
  await rb.query(CUT);
  await ra.query('ALTER TABLE s.t ADD e INT');
  await stops(sites, 'c/a>b', /cut/);
  await rb.query('ALTER TABLE s.t ADD mine INT');
  await stops(sites, 'c/b>a', /OT5015.* s\.t .*ADD mine.*carried from a only/);
}, 120_000);

test("the second site's log is read when its tables are other ones already, a new one too", async () => {
  await ra.query('CREATE TABLE s.t (id INT PRIMARY KEY, a INT); INSERT INTO s.t VALUES (1, 1)');
  await using sites = await running();
  await exchanged(sites);
  const letGo = await hold(ra);
  await rb.query('UPDATE s.t SET a = 5');
  await ra.query("CREATE TABLE s.n (id INT PRIMARY KEY, v VARCHAR(20), u INT UNIQUE) COMMENT 'new'");
  let id = 10;
  for (const sql of ['ADD c INT DEFAULT 7 FIRST', 'ADD d VARCHAR(9) NOT NULL DEFAULT "d"', 'MODIFY c BIGINT AFTER d']) {
    for (const table of ['t', 'n']) {
      await ra.query(`INSERT INTO s.${table} (id) VALUES (${id}); ALTER TABLE s.${table} ${sql}`);
      await until('it is there', async () => (await count(rb, `s.${table} WHERE id = ${id}`).catch(() => 0)) === 1);
      await rb.query(`INSERT INTO s.${table} (id) VALUES (${id + 1})`);
    }
    id += 10;
  }
  await stops(sites, 'c/b>a', /held/);
  for (const name of ['a', 'b']) await sites.stop(name);
  await letGo();
  for (const name of ['a', 'b']) sites.start(name);
  await exchanged(sites);
  for (const table of ['s.t', 's.n']) await equal(ra, rb, table);
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
}, 120_000);

/** Nothing is recorded in this table of otter's until it is let go. */
async function cut(root: Connection, table: 'structure' | 'definition'): Promise<() => Promise<void>> {
  const refuse = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cut'";
  await root.query(`CREATE TRIGGER otter.cut BEFORE INSERT ON otter.${table} FOR EACH ROW ${refuse}`);
  return async () => {
    await root.query('DROP TRIGGER otter.cut');
  };
}

test.each(['replicate', 'stop'] as const)(
  'a table that is made and not recorded goes on with what users wrote to it meanwhile (ddl: %s)',
  async (ddl) => {
    await ra.query(
      'CREATE DATABASE z; CREATE TABLE z.old (id INT PRIMARY KEY, v INT); INSERT INTO z.old VALUES (1, 1)',
    );
    await using sites = await running({ ddl });
    await exchanged(sites);
    const again = async (): Promise<void> => {
      for (const name of ['a', 'b']) await sites.stop(name);
      for (const name of ['a', 'b']) sites.start(name);
    };
    const wider = channel(BETWEEN, ['s.*', 'z.*'], { ddl });
    const made = (root: Connection, table: string) => async (): Promise<unknown> =>
      root.query(`CREATE TABLE ${table} (id INT PRIMARY KEY, v INT); INSERT INTO ${table} VALUES (1, 1)`);
    const cases = [
      ['s.n', rb, ra, 'c/a>b', made(ra, 's.n')],
      ['s.m', ra, rb, 'c/b>a', made(rb, 's.m')],
      // It was there when its table came into the channel, and is copied.
      ['z.old', rb, ra, 'c/a>b', async () => sites.set({ c: wider })],
    ] as const;
    for (const [table, there, here, pipeline, begin] of cases) {
      const letGo = await cut(there, 'structure');
      await begin();
      await stops(sites, pipeline, /cut/);
      await there.query(`INSERT INTO ${table} VALUES (2, 2)`);
      await again();
      await there.query(`INSERT INTO ${table} VALUES (3, 3); UPDATE ${table} SET v = 4 WHERE id = 2`);
      await until('what is written there comes', async () => (await count(here, `${table} WHERE id = 3`)) === 1);
      await stops(sites, pipeline, /cut/);
      await letGo();
      await exchanged(sites);
      await streaming(sites, ...NAMES);
      await equal(ra, rb, table);
      expect(await dump(ra, table)).toEqual(['[1,1]', '[2,4]', '[3,3]']);
    }
    const [begun] = await rb.query('SELECT source_table FROM otter.making');
    expect(begun).toEqual([]);
    for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
  },
  120_000,
);

test('a table that a user makes at the second site, before it is made there, is the same one; one that gets its name with rows stops', async () => {
  await using sites = await running();
  await exchanged(sites);
  let letGo = await cut(rb, 'definition');
  await ra.query('CREATE TABLE s.n (id INT PRIMARY KEY, v INT); INSERT INTO s.n VALUES (1, 1)');
  await stops(sites, 'c/a>b', /cut/);
  await sites.stop('b');
  await rb.query('CREATE TABLE s.n (id INT PRIMARY KEY, v INT); INSERT INTO s.n VALUES (2, 2)');
  await letGo();
  sites.start('b');
  await exchanged(sites);
  await equal(ra, rb, 's.n');
  expect(await dump(ra, 's.n')).toEqual(['[1,1]', '[2,2]']);

  letGo = await cut(rb, 'definition');
  await ra.query('CREATE TABLE s.m (id INT PRIMARY KEY, v INT)');
  await stops(sites, 'c/a>b', /cut/);
  await sites.stop('b');
  await rb.query('CREATE DATABASE z; CREATE TABLE z.m (id INT PRIMARY KEY, v INT); INSERT INTO z.m VALUES (2, 2)');
  await rb.query('RENAME TABLE z.m TO s.m');
  await letGo();
  sites.start('b');
  await stops(sites, 'c/b>a', /OT5015.* s\.m .*RENAME/);
}, 60_000);

async function statementsOf(root: Connection): Promise<string[]> {
  const [logs] = (await root.query('SHOW BINARY LOGS')) as unknown as [{ Log_name: string }[]];
  const [events] = await root.query(`SHOW BINLOG EVENTS IN '${logs.at(-1)!.Log_name}'`);
  return (events as { Info: string }[]).map(({ Info }) => Info);
}

test('a change that a user makes at the second site stops its pipeline, and what it says is a way out', async () => {
  await ra.query('CREATE TABLE s.t (id INT PRIMARY KEY, a INT); INSERT INTO s.t VALUES (1, 1)');
  await using sites = await running();
  await exchanged(sites);
  await ra.query('ALTER TABLE s.t ADD c INT');
  await exchanged(sites);
  // As somebody copied it from the log.
  const made = (await statementsOf(rb)).find((sql) => sql.includes('ALTER TABLE') && sql.includes('/* otter c/a>b'))!;
  const [mark] = /\/\* otter c\/a>b [^*]* \*\//.exec(made)!;
  await rb.query(`${mark} ALTER TABLE s.t ADD x INT DEFAULT 4`);
  await stops(sites, 'c/b>a', /OT5015.*Make the same change at a.*`ddl: ignore`/);
  await rb.query('INSERT INTO s.t VALUES (2, 2, 2, 2)');
  await ra.query('ALTER TABLE s.t ADD x INT DEFAULT 4');
  await stops(sites, 'c/a>b', /OT5034/);
  sites.set({ c: channel(BETWEEN, ['s.*'], { ddl: 'ignore' }) });
  await exchanged(sites);
  sites.set({ c: channel(BETWEEN, ['s.*'], { ddl: 'replicate' }) });
  await sites.settled();
  await ra.query('ALTER TABLE s.t ADD y INT DEFAULT 5');
  await exchanged(sites);
  await equal(ra, rb, 's.t');
  expect(await dump(ra, 's.t')).toEqual(['[1,1,null,4,5]', '[2,2,2,2,5]']);
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0 });
}, 120_000);

/** Of several kinds; all of them are in `test/replication/both-ways.test.ts`. */
const UNSAFE: Readonly<Record<string, string>> = {
  'ALTER TABLE s.t DROP COLUMN b': 'column b',
  'ALTER TABLE s.t ADD UNIQUE KEY u (a)': 'unique key u',
  'ALTER TABLE s.t ADD z INT NOT NULL': 'takes no NULL and has no default',
  'ALTER TABLE s.t MODIFY b VARCHAR(2)': 'becomes varchar(2)',
  'ALTER TABLE s.t ADD CONSTRAINT k CHECK (a > 0)': 'check k',
  'TRUNCATE TABLE s.t': 'takes away rows',
  'DROP TABLE s.t': 'takes away rows',
};

test('what is not safe stops before it, in both directions, and nothing is made', async () => {
  const unsafe = Object.entries(UNSAFE).map(([sql, why], at) => ({ sql: sql.replaceAll('s.t', `s.t${at}`), why, at }));
  await rb.query('CREATE DATABASE s DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci');
  for (const root of [ra, rb])
    for (const { at } of unsafe)
      await root.query(
        `CREATE TABLE s.t${at} (id INT PRIMARY KEY, a INT, b VARCHAR(9)); INSERT INTO s.t${at} VALUES (1, 1, 'b')`,
      );
  await using sites = new Sites({ a, b });
  const spec = (at: number): ChannelSpec => channel(BETWEEN, [`s.t${at}`], { ddl: 'replicate', initial: 'none' });
  const names = unsafe.flatMap(({ at }) => [`c${at}/a>b`, `c${at}/b>a`]);
  sites.set(Object.fromEntries(unsafe.map(({ at }) => [`c${at}`, spec(at)])));
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, ...names);
  await sites.stop('b');
  for (const { sql, at } of unsafe) {
    await rb.query(`INSERT INTO s.t${at} VALUES (2, 2, 'c')`);
    await ra.query(sql);
  }
  sites.start('b');
  for (const { why, at } of unsafe) {
    await stops(sites, `c${at}/a>b`, new RegExp(`OT5033 .*${why.replace(/[()]/g, '.')}`));
    await stops(sites, `c${at}/b>a`, /OT5033 .*on their way from b/);
    expect(await dump(rb, `s.t${at}`)).toEqual(['[1,1,"b"]', '[2,2,"c"]']);
  }
}, 60_000);

test('the way out of one that is not safe', async () => {
  await ra.query('CREATE TABLE s.t (id INT PRIMARY KEY, a INT); INSERT INTO s.t VALUES (1, 1)');
  await using sites = await running();
  await exchanged(sites);
  await sites.stop('b');
  await rb.query('INSERT INTO s.t VALUES (2, 2)');
  await ra.query('ALTER TABLE s.t ADD UNIQUE KEY u (a)');
  sites.start('b');
  for (const name of NAMES) await stops(sites, name, /OT5033/);
  await rb.query('ALTER TABLE s.t ADD UNIQUE KEY u (a)');
  sites.set({ c: channel(BETWEEN, ['s.*'], { ddl: 'ignore' }) });
  await exchanged(sites);
  sites.set({ c: channel(BETWEEN, ['s.*'], { ddl: 'replicate' }) });
  await sites.settled();
  await ra.query('ALTER TABLE s.t ADD c INT DEFAULT 3');
  await exchanged(sites);
  await equal(ra, rb, 's.t');
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0 });
}, 120_000);

const RULES: Readonly<Record<string, Partial<ConflictSpec>>> = {
  'site-priority': {},
  'site-priority by column': { merge: 'column', groups: [['a', 'b']], counters: ['n'] },
  'last-write-wins': { policy: 'last-write-wins' },
  'last-write-wins by a column': { policy: 'last-write-wins', by: 'n' },
  'last-write-wins by column': { policy: 'last-write-wins', merge: 'column', groups: [['a', 'b']], counters: ['n'] },
};

test('an update of the other site that names old columns only leaves the new one as it is, under every policy', async () => {
  const named = Object.entries(RULES);
  for (const [at] of named.entries())
    await ra.query(`CREATE TABLE s.t${at} (id INT PRIMARY KEY, a INT, b INT, n INT, u INT UNIQUE);
      INSERT INTO s.t${at} VALUES (1, 1, 1, 1, 1), (2, 2, 2, 2, 2), (3, 3, 3, 3, 3), (4, 4, 4, 4, 4)`);
  const base = {
    policy: 'site-priority',
    priority: ['a', 'b'],
    by: null,
    merge: 'row',
    groups: [],
    counters: [],
  } as const;
  const spec = channel(BETWEEN, [...named.map((_, at) => `s.t${at}`), 's.mark'], { ddl: 'replicate' });
  const tables = spec.tables.map((table, at) => ({ ...table, conflict: { ...base, ...named[at]?.[1] } }));
  await using sites = await running({ tables });
  await exchanged(sites);
  for (const name of ['a', 'b']) await sites.stop(name);
  for (const [at] of named.entries()) {
    const table = `s.t${at}`;
    await ra.query(`ALTER TABLE ${table} ADD c INT DEFAULT 7 AFTER id; UPDATE ${table} SET c = 5 WHERE id < 4`);
    await ra.query(`ALTER TABLE ${table} ALTER c SET DEFAULT 8; INSERT INTO ${table} VALUES (9, 9, 9, 9, 9, 9)`);
    await rb.query(`UPDATE ${table} SET a = 20, n = n + 10 WHERE id < 3; DELETE FROM ${table} WHERE id = 3`);
    await rb.query(
      `INSERT INTO ${table} VALUES (5, 5, 5, 5, 5), (9, 10, 10, 10, 10); UPDATE ${table} SET id = 6 WHERE id = 4`,
    );
    await rb.query(`UPDATE ${table} SET u = 12 WHERE id = 2`);
    // Made and gone at the first site, and made anew at the other, later.
    await ra.query(`INSERT INTO ${table} (id, n) VALUES (7, 7); DELETE FROM ${table} WHERE id = 7`);
    const later = b.family === 'mariadb' ? 'SET timestamp = UNIX_TIMESTAMP() + 60' : 'SET @later = 1';
    await rb.query(`${later}; INSERT INTO ${table} (id, n) VALUES (7, 7); SET timestamp = DEFAULT`);
  }
  for (const name of ['a', 'b']) sites.start(name);
  await exchanged(sites);
  for (const [at, [rule]] of named.entries()) {
    await equal(ra, rb, `s.t${at}`);
    const [rows] = (await ra.query(`SELECT * FROM s.t${at} ORDER BY id`)) as unknown as [Record<string, number>[]];
    const c = Object.fromEntries(rows.map((row) => [row['id'], Number(row['c'])]));
    expect(c, rule).toMatchObject({ 1: 5, 2: 5, 5: 7, 6: 7 });
    if (rule === 'last-write-wins' || rule === 'last-write-wins by column') expect(c, rule).toMatchObject({ 7: 7 });
    // By column both stand, whoever was later.
    if (rule.endsWith('by column')) expect(rows[0], rule).toMatchObject({ a: 20, n: 11, c: 5 });
  }
  for (const name of NAMES) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0 });
}, 120_000);
