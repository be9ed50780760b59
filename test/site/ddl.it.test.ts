/** Changes of tables that are carried over, in their place between the rows. */
import { expect, test } from 'vitest';
import { a, arrived, b, begin, carrying, ra, rb, refusal, STATEMENTS, same, started } from './ddl-rig.ts';
import { inProcess, storm } from './ddl-storm.ts';
import { count, dump, rootOf, streaming, until } from './harness.ts';

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

test("tables take one another's names before their copies are over", async () => {
  await begin();
  await ra.query('CREATE TABLE s.u (id INT PRIMARY KEY, q INT); INSERT INTO s.u VALUES (7, 7)');
  const waiting = async (): Promise<number> =>
    count(ra, "information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%'");
  const [holder, changer] = await Promise.all([rootOf(a), rootOf(a)]);
  try {
    await holder.query('LOCK TABLES s.t WRITE, s.u WRITE');
    await using sites = started(carrying(['s.*']));
    await until('a chunk waits', async () => (await waiting()) >= 1);
    // Who changes a table has it before who reads it.
    const changed = changer.query('RENAME TABLE s.t TO s.v, s.u TO s.t');
    await until('the change waits', async () => (await waiting()) >= 2);
    await holder.query('UNLOCK TABLES');
    await changed;
    await ra.query('INSERT INTO s.t VALUES (8, 8)');
    await streaming(sites, 'c/a>b');
    await arrived(sites);
    await same('t', 'v');
    // After a kill nobody could tell whether they had.
    await ra.query('CREATE TABLE s.w LIKE s.t; RENAME TABLE s.t TO s.x, s.w TO s.t, s.x TO s.w');
    expect(await refusal(sites)).toMatch(/^OT5033.*tables of one definition change places/);
  } finally {
    for (const each of [holder, changer]) each.destroy();
  }
}, 60_000);

test('a column begins to number rows where none has the number that asks for one', async () => {
  await ra.query('CREATE TABLE s.t (id INT PRIMARY KEY, n INT, KEY (n)); INSERT INTO s.t VALUES (1, 5), (-1, 6)');
  await using sites = started(carrying(['s.*']));
  await arrived(sites);
  await ra.query('ALTER TABLE s.t MODIFY id INT AUTO_INCREMENT; INSERT INTO s.t (n) VALUES (7), (8)');
  await arrived(sites);
  await same('t');
  await ra.query('ALTER TABLE s.t MODIFY id INT, MODIFY n INT NULL; UPDATE s.t SET n = NULL WHERE id = 1');
  await arrived(sites);
  await ra.query('ALTER TABLE s.t MODIFY n INT NOT NULL AUTO_INCREMENT');
  expect(await refusal(sites)).toMatch(/^OT5033.*begins to number rows/);
  expect(await dump(rb, 's.t')).toContain('[1,null]');
}, 60_000);

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

test('a storm of changes under load, with cuts', async () => {
  const { OTTER_SEED: seed = '1' } = process.env;
  const crew = async () => inProcess(a, b);
  const at = async (): Promise<void> => undefined;
  await storm({ servers: [a, b], crew, statements: 16, cuts: 2, seed: Number(seed), pause: at, breath: at });
}, 120_000);

test('foreign keys follow, under the names of the target; what refers to a table outside of the channel does not', async () => {
  await begin();
  const columns = { only: null, omit: [], rename: {} };
  const entries = [
    ['s.t', 's.t2'],
    ['s.k', 's.k2'],
    ['s.mark', 's.mark'],
  ].map(([from, to]) => ({ from: from!, to: to!, columns, conflict: null }));
  await ra.query(
    'CREATE TABLE s.k (id INT PRIMARY KEY, t INT, o INT); CREATE TABLE s.o (id INT PRIMARY KEY); INSERT INTO s.k VALUES (1, 1, NULL)',
  );
  await using sites = started(carrying(entries));
  await arrived(sites);
  await ra.query(
    'ALTER TABLE s.k ADD CONSTRAINT f FOREIGN KEY (t) REFERENCES s.t (id) ON DELETE CASCADE, ADD CONSTRAINT g FOREIGN KEY (o) REFERENCES s.o (id)',
  );
  await ra.query('DELETE FROM s.t; INSERT INTO s.t VALUES (2, 2, "b"); INSERT INTO s.k VALUES (2, 2, NULL)');
  await arrived(sites);
  expect(await dump(rb, 's.k2')).toEqual(await dump(ra, 's.k'));
  const keys = async () =>
    (
      await rb.query(
        "SELECT CONSTRAINT_NAME AS n, REFERENCED_TABLE_NAME AS r FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 's'",
      )
    )[0];
  expect(await keys()).toEqual([{ n: 'f', r: 't2' }]);
  await ra.query('ALTER TABLE s.k DROP FOREIGN KEY f, DROP FOREIGN KEY g');
  await arrived(sites);
  expect(await keys()).toEqual([]);
}, 60_000);

test('a child is changed after its parent, and the column that it refers to, got other names', async () => {
  await begin();
  await ra.query(
    'CREATE TABLE s.k (id INT PRIMARY KEY, t INT, CONSTRAINT f FOREIGN KEY (t) REFERENCES s.t (id)); INSERT INTO s.k VALUES (1, 1)',
  );
  await using sites = started(carrying(['s.*']));
  await arrived(sites);
  // A server changes the key by itself, without a word about it.
  await ra.query('ALTER TABLE s.t RENAME COLUMN id TO no; RENAME TABLE s.t TO s.parent');
  await arrived(sites);
  await ra.query(
    'ALTER TABLE s.k ADD x INT DEFAULT 7; INSERT INTO s.parent (no) VALUES (2); INSERT INTO s.k VALUES (2, 2, 8)',
  );
  await arrived(sites);
  await same('k', 'parent');
}, 60_000);
