/** Values and columns that a strict server would not take as they are, between MariaDB and MySQL in every direction. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, dump, equal, rootOf, Sites, streaming, until } from './harness.ts';

const oneWay = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
const both = { kind: 'two-way', between: ['a', 'b'] } as const;
/** A session that is not strict stores the error value '' for what is no member. */
const LAX = "SET sql_mode='NO_AUTO_VALUE_ON_ZERO'";

const start = { mariadb: startMariaDb, mysql: startMySql };

const PAIRS = [
  ['mariadb', 'mysql'],
  ['mariadb', 'mariadb'],
  ['mysql', 'mysql'],
] as const;

// The mixed pair shows most; the others are tried in the long run.
describe.each(LONG ? PAIRS : PAIRS.slice(0, 1))('%s to %s', (from, to) => {
  let a: DatabaseServer;
  let b: DatabaseServer;

  beforeAll(async () => {
    [a, b] = await Promise.all([start[from](), start[to]()]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  });

  async function fresh(): ReturnType<typeof roots> {
    const made = await roots();
    for (const root of made) await root.query('DROP DATABASE IF EXISTS v; DROP DATABASE IF EXISTS otter');
    return made;
  }
  const roots = async () => Promise.all([rootOf(a), rootOf(b)]);
  const TEXT = 'DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci';

  test.each([
    ['one-way', oneWay],
    ['two-way', both],
  ] as const)(
    'the error value of an ENUM, %s',
    async (kind, direction) => {
      const [ra, rb] = await fresh();
      await ra.query(LAX);
      await rb.query(LAX);
      await ra.query(
        `CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, e ENUM('','a','b') NOT NULL, f ENUM('x'), n INT, s VARCHAR(9)) ${TEXT};
       CREATE TABLE v.k (e ENUM('a','b'), n INT, v INT, u ENUM('p','q') NULL, UNIQUE KEY (u, n), PRIMARY KEY (e, n)) ${TEXT};
       CREATE TABLE v.many (id INT PRIMARY KEY, e ENUM('a'), f ENUM('a'), n INT) ${TEXT}`,
      );
      const rows = (n: number): string =>
        Array.from({ length: 200 }, (_, i) => `(${n + i}, 'zz', ${i % 3 === 0 ? "'a'" : "'zz'"}, ${i})`).join(',');
      await ra.query(
        `INSERT INTO v.t VALUES (1,'zz','zz',1,'p'),(2,'','x',2,'q'),(3,'a',NULL,3,'r'); INSERT INTO v.k VALUES ('zz',1,1,'zz'),('zz',2,2,'q'),('a',1,3,NULL); INSERT INTO v.many VALUES ${rows(0)}`,
      );
      await using sites = new Sites({ a, b });
      sites.set({ v: channel(direction, ['v.*']) });
      sites.start('a');
      sites.start('b');
      const names = kind === 'one-way' ? ['v/a>b'] : ['v/a>b', 'v/b>a'];
      await streaming(sites, ...names);
      const change = async (root: typeof ra, o: number): Promise<void> => {
        await root.query(
          `INSERT INTO v.t VALUES (${o + 1},'zz','zz',1,'p'),(${o + 2},'a','x',2,'q'); INSERT INTO v.many VALUES ${rows(o)}`,
        );
        await root.query(
          `UPDATE v.t SET e='zz' WHERE id=${o + 2}; UPDATE v.t SET n=7 WHERE id=${o + 1}; UPDATE v.t SET e='a', f='zz' WHERE id=${o + 1}; UPDATE v.many SET e='a' WHERE id BETWEEN ${o} AND ${o + 50}`,
        );
        await root.query(
          `INSERT INTO v.k VALUES ('zz',${o},1,'zz'),('a',${o},1,'q'),('zz',${o + 1},1,'p'); UPDATE v.k SET e='b' WHERE n=${o + 1}; UPDATE v.k SET e='zz' WHERE n=${o + 1}; UPDATE v.k SET v=9 WHERE n=${o}`,
        );
        await root.query(
          `INSERT INTO v.k VALUES ('zz',${o + 7},1,NULL),('a',${o + 7},1,NULL),('zz',${o + 8},1,NULL); DELETE FROM v.k WHERE n IN (${o + 7},${o + 8})`,
        );
        await root.query(
          `START TRANSACTION; DELETE FROM v.t WHERE id=${o + 2}; INSERT INTO v.t VALUES (${o + 2},'zz','zz',5,'s'); COMMIT`,
        );
      };
      await change(ra, 1000);
      if (kind === 'two-way') await change(rb, 2000);
      const end = async (root: typeof ra, other: typeof ra, id: number): Promise<void> => {
        await root.query(`INSERT INTO v.t VALUES (${id},'zz',NULL,0,'end')`);
        await until('the end', async () => (await dump(other, `v.t WHERE id=${id}`)).length === 1).catch(
          (error: Error) => {
            throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
          },
        );
      };
      await end(ra, rb, 9001);
      if (kind === 'two-way') await end(rb, ra, 9002);
      // '' the member and '' the error value look the same; their numbers do not.
      const numbered = (columns: string, table: string): string => `(SELECT ${columns} FROM ${table}) AS x`;
      for (const table of [
        numbered('id, e+0 AS e, f+0 AS f, n, s', 'v.t'),
        numbered('e+0 AS e, n, v, u+0 AS u', 'v.k'),
        numbered('id, e+0 AS e, f+0 AS f, n', 'v.many'),
      ])
        await equal(ra, rb, table);
      expect((await dump(rb, numbered('e+0 AS e, f+0 AS f', 'v.t WHERE id=1')))[0]).toMatch(/^\["?0"?,"?0"?\]$/);
      for (const name of names) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0, conflicts: 0 });
      await Promise.all([ra.end(), rb.end()]);
    },
    90_000,
  );

  test('a row that the target refuses is named, beside an error value too', async () => {
    const [ra, rb] = await fresh();
    await ra.query(LAX);
    for (const root of [ra, rb])
      await root.query(`CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, e ENUM('a'), n INT) ${TEXT}`);
    await rb.query('ALTER TABLE v.t MODIFY n INT NOT NULL, ADD CONSTRAINT small CHECK (n < 100)');
    await using sites = new Sites({ a, b });
    sites.set({ v: channel(oneWay, ['v.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'v/a>b');
    const refused = async (key: string, why: RegExp): Promise<void> => {
      await until(`${key} is named`, () => sites.figures()['v/a>b']!.error?.message.includes(key) === true).catch(
        (error: Error) => {
          throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
        },
      );
      expect(sites.figures()['v/a>b']!.error!).toMatchObject({ code: 'OT5016' });
      expect(sites.figures()['v/a>b']!.error!.message).toMatch(why);
    };
    await ra.query("INSERT INTO v.t VALUES (1,'a',1),(2,'zz',1),(3,'zz',NULL),(4,'a',4)");
    await refused('the row id=3 of v.t', /'n' cannot be null/);
    expect(await dump(rb, 'v.t')).toEqual([]);
    await rb.query('ALTER TABLE v.t MODIFY n INT NULL');
    await until('it goes on', async () => (await dump(rb, 'v.t')).length === 4);
    await rb.query('UPDATE v.t SET n=0 WHERE id=3; ALTER TABLE v.t MODIFY n INT NOT NULL');
    await ra.query("UPDATE v.t SET e='zz', n=NULL WHERE id=1");
    await refused('the row id=1 of v.t', /'n' cannot be null/);
    await ra.query('SELECT 1');
    await rb.query('ALTER TABLE v.t MODIFY n INT NULL');
    await until('it goes on', async () => (await dump(rb, 'v.t WHERE id=1 AND n IS NULL')).length === 1);
    await ra.query("INSERT INTO v.t VALUES (5,'a',5),(6,'zz',600)");
    await refused('the row id=6 of v.t', /small/);
    await rb.query(`ALTER TABLE v.t DROP CONSTRAINT small`);
    await until('it goes on', async () => (await dump(rb, 'v.t')).length === 6);
    await Promise.all([ra.end(), rb.end()]);
  }, 90_000);

  test('columns that do not take every value are refused before the first row, and widened ones are not', async () => {
    const [ra, rb] = await fresh();
    for (const root of [ra, rb]) await root.query('CREATE DATABASE v');
    await ra.query(
      `CREATE TABLE v.t (id INT PRIMARY KEY, e ENUM('x','y'), d DATETIME(6), n INT, s VARCHAR(9), l VARCHAR(9), g SMALLINT, w VARCHAR(9)) ${TEXT}; INSERT INTO v.t VALUES (1,'y','2024-01-01 00:00:00.987654',5,'é','я',1,'w')`,
    );
    await rb.query(
      `CREATE TABLE v.t (id INT PRIMARY KEY, e VARCHAR(9), d DATETIME, n TINYINT, s VARCHAR(8), l VARCHAR(9) CHARACTER SET latin1, g INT, w VARCHAR(10)) ${TEXT}`,
    );
    await using sites = new Sites({ a, b });
    sites.set({ v: channel(oneWay, ['v.t']) });
    sites.start('a');
    sites.start('b');
    await until('it is refused', () => sites.figures()['v/a>b']?.error?.code === 'OT5028');
    const { message } = sites.figures()['v/a>b']!.error!;
    for (const part of [
      "e is varchar(9) and should take enum('x','y')",
      'd is datetime and should take datetime(6)',
      's is varchar(8) and should take varchar(9)',
      'l is varchar(9) latin1 and should take varchar(9) utf8mb4',
    ])
      expect(message).toContain(part);
    expect(message).toMatch(/n is tinyint(\(4\))? and should take int(\(11\))?/);
    expect(message).not.toMatch(/smallint|varchar\(10\)/);
    expect(await dump(rb, 'v.t')).toEqual([]);
    await rb.query(
      "ALTER TABLE v.t MODIFY e ENUM('x','y','z'), MODIFY d DATETIME(6), MODIFY n INT, MODIFY s VARCHAR(9), MODIFY l VARCHAR(9) CHARACTER SET utf8mb4",
    );
    await until('it is copied', async () => (await dump(rb, 'v.t')).length === 1);
    await equal(ra, rb, 'v.t');
    await Promise.all([ra.end(), rb.end()]);
  }, 60_000);

  const KEYS: Readonly<Record<string, readonly [type: string, values: readonly string[]]>> = {
    enum: ["ENUM('a','b','c')", ["'a'", "'b'", "'c'"]],
    set: ["SET('x','y')", ["''", "'x'", "'x,y'"]],
    bit: ['BIT(9)', ['0', '1', '257']],
    date: ['DATE', ["'2024-02-29'", "'1000-01-01'", "'9999-12-31'"]],
    datetime: ['DATETIME(6)', ["'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00'", "'1000-01-01 00:00:00'"]],
    timestamp: [
      'TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)',
      ["'2024-01-01 00:00:00.001'", "'2024-01-01 00:00:00'"],
    ],
    time: ['TIME(6)', ["'-838:59:59'", "'00:00:00.000001'", "'-00:00:01'"]],
    year: ['YEAR', ['1901', '2024', '2155']],
    decimal: ['DECIMAL(12,3)', ['-1.5', '0', '999999999.999']],
    double: ['DOUBLE', ['0.1', '-1e300', '2.5e-300']],
    char: ['CHAR(9)', ["'a'", "'b c'", "''"]],
    latin: ['VARCHAR(9) CHARACTER SET latin1', ["'\u00e9'", "'e2'", "''"]],
    varbinary: ['VARBINARY(9)', ["x'00'", "x'0000'", "x'ff'"]],
    bigint: ['BIGINT UNSIGNED', ['0', '18446744073709551615', '9223372036854775808']],
  };

  // One-way the matrix of values does it (`test/values/`).
  test('two-way: rows are found by keys of every type, alone and together', async () => {
    const [ra, rb] = await fresh();
    await ra.query('CREATE DATABASE v');
    for (const [name, [type, values]] of Object.entries(KEYS)) {
      await ra.query(
        `CREATE TABLE v.${name}_2 (k ${type}, n INT, v INT, PRIMARY KEY (k, n)) ${TEXT}; CREATE TABLE v.${name}_1 (k ${type} PRIMARY KEY, v INT) ${TEXT}`,
      );
      const rows = values.flatMap((value) => Array.from({ length: 40 }, (_, n) => `(${value},${n},1)`));
      await ra.query(`INSERT INTO v.${name}_2 VALUES ${rows.join(',')}`);
      await ra.query(`INSERT INTO v.${name}_1 VALUES ${values.map((value) => `(${value},1)`).join(',')}`);
    }
    await using sites = new Sites({ a, b });
    sites.set({ v: channel(both, ['v.*']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'v/a>b', 'v/b>a');
    for (const [round, root] of [ra, rb].entries()) {
      for (const name of Object.keys(KEYS)) {
        await root.query(`DELETE FROM v.${name}_2 WHERE n % 5 = ${round}`);
        await root.query(`UPDATE v.${name}_2 SET v = v + 1 WHERE n % 5 = 3; UPDATE v.${name}_1 SET v = v + 1`);
        await root.query(`UPDATE v.${name}_2 SET n = n + 1000 WHERE n % 5 = 4 AND n < 1000`);
      }
      for (const name of Object.keys(KEYS)) {
        await equal(ra, rb, `v.${name}_2`);
        await equal(ra, rb, `v.${name}_1`);
      }
    }
    for (const name of Object.keys(KEYS)) await ra.query(`DELETE FROM v.${name}_1`);
    for (const name of Object.keys(KEYS)) await equal(ra, rb, `v.${name}_1`);
    for (const { error, drift } of Object.values(sites.figures()))
      expect({ error, drift }).toEqual({ error: null, drift: 0 });
    await Promise.all([ra.end(), rb.end()]);
  }, 120_000);

  test.runIf(LONG)(
    'rows whose statements are longer than the packets of the target are written, or named',
    async () => {
      const [ra, rb] = await fresh();
      await ra.query(
        `CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, b LONGBLOB, s LONGTEXT, l LONGTEXT CHARACTER SET latin1, n INT) ${TEXT}`,
      );
      const [[row]] = (await rb.query('SELECT @@max_allowed_packet AS bytes')) as unknown as [[{ bytes: number }]];
      await ra.query(`SET GLOBAL max_allowed_packet=${64 << 20}`);
      await rb.query(`SET GLOBAL max_allowed_packet=${4 << 20}`);
      await ra.end();
      const source = await rootOf(a);
      try {
        await using sites = new Sites({ a, b });
        sites.set({ v: channel(oneWay, ['v.t']) });
        await source.query(
          `INSERT INTO v.t VALUES (1, REPEAT(x'00275c22', 900000), REPEAT('é😀''', 400000), REPEAT('é', 3000000), 1)`,
        );
        sites.start('a');
        sites.start('b');
        await streaming(sites, 'v/a>b');
        await source.query(
          `INSERT INTO v.t VALUES (2, 'b', 's', 'l', 2), (3, REPEAT(x'5c', 4000000), REPEAT('\\\\', 4000000), 'l', 3)`,
        );
        await source.query(`UPDATE v.t SET s=REPEAT('''', 3900000) WHERE id=2`);
        const sums = 'SELECT id, n, SHA2(b,256), SHA2(s,256), SHA2(l,256) FROM v.t ORDER BY id';
        const same = async (): Promise<boolean> => {
          const [[here], [there]] = await Promise.all([source.query(sums), rb.query(sums)]);
          return JSON.stringify(here) === JSON.stringify(there) && (here as unknown[]).length === 3;
        };
        await until('all is equal', same);
        await source.query(`UPDATE v.t SET b=REPEAT('z', 5000000) WHERE id=1`);
        await until('it is refused', () => sites.figures()['v/a>b']?.error?.code === 'OT5016');
        expect(sites.figures()['v/a>b']!.error!.message).toMatch(/row id=1 of v\.t.*max_allowed_packet.*4194304/);
        await rb.query(`SET GLOBAL max_allowed_packet=${64 << 20}`);
        await until('it goes on', async () => sites.figures()['v/a>b']?.error === null && (await same()));
      } finally {
        await rb.query(`SET GLOBAL max_allowed_packet=${row.bytes}`);
        await Promise.all([source.end(), rb.end()]);
      }
    },
    90_000,
  );

  test('rows without a key are found by their very bytes, long texts too', async () => {
    const [ra, rb] = await fresh();
    await ra.query(
      `CREATE DATABASE v; CREATE TABLE v.t (n INT, s VARCHAR(9), c CHAR(9) CHARACTER SET latin1, l LONGTEXT, u LONGTEXT CHARACTER SET utf16, e ENUM('a','b'), KEY (s)) ${TEXT}`,
    );
    await using sites = new Sites({ a, b });
    sites.set({ v: channel(oneWay, ['v.t'], { initial: 'none' }) });
    await rb.query(
      `CREATE DATABASE v; CREATE TABLE v.t (n INT, s VARCHAR(9), c CHAR(9) CHARACTER SET latin1, l LONGTEXT, u LONGTEXT CHARACTER SET utf16, e ENUM('a','b'), KEY (s)) ${TEXT}`,
    );
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'v/a>b');
    const long = "REPEAT('aé\\\\c😀', 100000)";
    await ra.query(`INSERT INTO v.t VALUES (1,'a','é','x','ü','a'),(1,'A','é','x','ü','a'),(1,'a ','é','x','ü','a'),
      (2,'x','e',${long},'ü','b'),(2,'x','e',UPPER(${long}),${long},'b'),(2,'x','é',${long},NULL,NULL)`);
    for (const change of [
      "DELETE FROM v.t WHERE BINARY s = 'A'",
      "UPDATE v.t SET n = 5 WHERE BINARY s = 'a '",
      "DELETE FROM v.t WHERE n = 2 AND u IS NOT NULL AND BINARY l LIKE BINARY 'A%'",
      "UPDATE v.t SET n = 6 WHERE n = 2 AND BINARY c = BINARY CONVERT('e' USING latin1)",
      'INSERT INTO v.t (n) VALUES (77)',
    ])
      await ra.query(change);
    const rows = async (root: typeof ra): Promise<string> =>
      JSON.stringify(
        (
          await root.query('SELECT n, HEX(s), HEX(c), SHA2(l, 256), SHA2(u, 256), e FROM v.t ORDER BY 1, 2, 3, 4, 5')
        )[0],
      );
    await until('all is there', async () => (await dump(rb, 'v.t WHERE n = 77')).length === 1);
    expect(await rows(rb)).toBe(await rows(ra));
    expect(sites.figures()['v/a>b']).toMatchObject({ error: null, drift: 0 });
    for (const root of [ra, rb]) root.destroy();
  }, 60_000);

  test.runIf(LONG)(
    'a conflict over a row that fits into a packet, and not twice, is answered',
    async () => {
      const [ra, rb] = await fresh();
      const packet = 16 << 20;
      for (const root of [ra, rb]) await root.query(`SET GLOBAL max_allowed_packet=${packet}`);
      await ra.query(
        `CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, w LONGBLOB, l LONGTEXT, u INT UNIQUE) ${TEXT}`,
      );
      await using sites = new Sites({ a, b });
      sites.set({ v: channel(both, ['v.t']) });
      sites.start('a');
      sites.start('b');
      await streaming(sites, 'v/a>b', 'v/b>a');
      for (const name of ['a', 'b']) await sites.stop(name);
      for (const [root, byte] of [
        [ra, '01fe'],
        [rb, '02fd'],
      ] as const) {
        const writer = await rootOf(root === ra ? a : b);
        await writer.query(`INSERT INTO v.t VALUES (1, REPEAT(x'${byte}', 4700000), REPEAT('"😀', 1000000), 1)`);
        writer.destroy();
      }
      for (const name of ['a', 'b']) sites.start(name);
      const sum = async (root: typeof ra): Promise<string> =>
        JSON.stringify((await root.query('SELECT id, SHA2(w, 256), SHA2(l, 256), u FROM v.t ORDER BY id'))[0]);
      const before = await sum(ra);
      await until('the first site has won', async () => (await sum(rb)) === before, 30_000);
      await ra.query('INSERT INTO v.t VALUES (3, NULL, NULL, 3)');
      await rb.query('INSERT INTO v.t VALUES (4, NULL, NULL, 4)');
      await until('both go on', async () => (await sum(ra)) === (await sum(rb)) && (await sum(ra)).includes('"id":4'));
      expect(sites.figures()['v/b>a']).toMatchObject({ error: null, conflicts: 1 });
      for (const root of [ra, rb]) root.destroy();
    },
    90_000,
  );

  test.each([
    ['there', ['a', 'b']],
    ['back', ['b', 'a']],
  ] as const)(
    'tables are made as they are at their source, whatever its words (%s)',
    async (_, [source, target]) => {
      const [ra, rb] = await fresh();
      const [rs, rt, family] = source === 'a' ? [ra, rb, from] : [rb, ra, to];
      const columns = 'id INT PRIMARY KEY, n INT DEFAULT 3 INVISIBLE, c INT';
      await rs.query(
        family === 'mysql'
          ? `CREATE DATABASE v; CREATE TABLE v.t (${columns}, x VARCHAR(9) DEFAULT (concat('a', upper('b'))), CONSTRAINT ne CHECK (c > 0) NOT ENFORCED) ${TEXT}`
          : `CREATE DATABASE v; CREATE TABLE v.t (${columns}, x VARCHAR(9) DEFAULT concat('a', upper('b'))) ENGINE=Aria TRANSACTIONAL=1 ROW_FORMAT=PAGE COMMENT='ENGINE=Aria' ${TEXT}`,
      );
      await rs.query("INSERT INTO v.t (id, n, c, x) VALUES (1, 9, -1, 'x')");
      await using sites = new Sites({ a, b });
      sites.set({ v: channel({ kind: 'one-way', from: [source], to: [target] }, ['v.t']) });
      sites.start('a');
      sites.start('b');
      const rows = async (): Promise<string> => JSON.stringify((await rt.query('SELECT id, n, c, x FROM v.t'))[0]);
      await until('it is copied', async () => (await rows().catch(() => '')) === '[{"id":1,"n":9,"c":-1,"x":"x"}]');
      const [made] = await rt.query(
        "SELECT COLUMN_NAME AS name, EXTRA AS extra FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='v' AND TABLE_NAME='t' ORDER BY 1",
      );
      expect(
        (made as { name: string; extra: string }[]).map(({ name, extra }) => [name, extra.includes('INVISIBLE')]),
      ).toEqual([
        ['c', false],
        ['id', false],
        ['n', true],
        ['x', false],
      ]);
      await rt.query('INSERT INTO v.t (id) VALUES (2)');
      expect(((await rt.query('SELECT x FROM v.t WHERE id = 2'))[0] as unknown[])[0]).toEqual({ x: 'aB' });
      for (const root of [ra, rb]) root.destroy();
    },
    60_000,
  );

  test('spaces are not cut from the end of a text that is too long', async () => {
    const [ra, rb] = await fresh();
    await ra.query(`CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, s VARCHAR(9)) ${TEXT}`);
    await rb.query(`CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, s VARCHAR(3)) ${TEXT}`);
    await using sites = new Sites({ a, b });
    sites.set({ v: channel(oneWay, ['v.t'], { initial: 'none' }) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'v/a>b');
    await ra.query("INSERT INTO v.t VALUES (1,'a'),(2,'b  '),(3,'c')");
    await until('what fits is there', async () => (await dump(rb, 'v.t')).length === 3);
    const refused = async (row: string): Promise<void> => {
      await until(`${row} is refused`, () => sites.figures()['v/a>b']?.error?.message.includes(row) ?? false);
      expect(sites.figures()['v/a>b']!.error).toMatchObject({ code: 'OT5016' });
    };
    await ra.query("UPDATE v.t SET s='b      ' WHERE id=2");
    await refused('row id=2');
    await rb.query('ALTER TABLE v.t MODIFY s VARCHAR(7)');
    await until(
      'it goes on',
      async () => JSON.stringify(await dump(ra, 'v.t')) === JSON.stringify(await dump(rb, 'v.t')),
    );
    await ra.query("INSERT INTO v.t VALUES (4,'d'),(5,'e        '),(6,'f')");
    await refused('row id=5');
    await rb.query('ALTER TABLE v.t MODIFY s VARCHAR(9)');
    await until('it goes on again', async () => (await dump(rb, 'v.t')).length === 6);
    await equal(ra, rb, 'v.t');
    await Promise.all([ra.end(), rb.end()]);
  }, 60_000);

  test('both sides are altered one after the other; rows of before and between pass', async () => {
    const [ra, rb] = await fresh();
    await ra.query(`CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, n INT, s VARCHAR(5)) ${TEXT}`);
    await using sites = new Sites({ a, b });
    sites.set({ v: channel(both, ['v.t'], { ddl: 'ignore' }) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'v/a>b', 'v/b>a');
    await ra.query("INSERT INTO v.t VALUES (1,1,'a')");
    await until('the row is there', async () => (await dump(rb, 'v.t')).length === 1);
    // What the table is like is known to the reader of a log from its first row on.
    await rb.query("INSERT INTO v.t VALUES (10,10,'b')");
    await until('the row is back', async () => (await dump(ra, 'v.t')).length === 2);
    await rb.query('ALTER TABLE v.t MODIFY n BIGINT, MODIFY s VARCHAR(50)');
    await ra.query("INSERT INTO v.t VALUES (2,2,'b')");
    await until('rows of the old type come', async () => (await dump(rb, 'v.t')).length === 3);
    await rb.query("INSERT INTO v.t VALUES (11,11,'short')");
    await until('rows of the new type come too', async () => (await dump(ra, 'v.t')).length === 4);
    await ra.query("INSERT INTO v.t VALUES (3,3,'c')");
    await ra.query('ALTER TABLE v.t MODIFY n BIGINT, MODIFY s VARCHAR(50)');
    await ra.query("INSERT INTO v.t VALUES (4,4000000000,'longer than before')");
    await rb.query("INSERT INTO v.t VALUES (12,5000000000,'longer than before')");
    const all = async (root: typeof ra): Promise<boolean> => (await dump(root, 'v.t')).length === 7;
    await until('all rows are at both', async () => (await all(ra)) && (await all(rb))).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
    });
    await equal(ra, rb, 'v.t');
    await Promise.all([ra.end(), rb.end()]);
  }, 60_000);
});
