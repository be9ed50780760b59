/** Tables as a real server has them: shapes, creation elsewhere, chunks in key order. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Image, TableShape } from '../../src/model/row.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { Catalog } from '../../src/mysql/schema.ts';
import { access, type Context, type Family, open, readToEnd, rowItems } from './context.ts';

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let context: Context;
  let root: Session;

  beforeAll(async () => {
    context = await open(family);
    root = context.root;
  });

  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    await root.query('DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS e; CREATE DATABASE d; CREATE DATABASE e');
  });

  async function shapeOf(table: string, schema = 'd'): Promise<TableShape> {
    const shape = await context.source.shape(schema, table);
    expect(shape).not.toBeNull();
    return shape!;
  }

  describe('shape', () => {
    test('no other table is opened for the one that is asked for', async () => {
      const many = Array.from({ length: 100 }, (_, i) => `CREATE TABLE d.t${i} (id INT PRIMARY KEY)`);
      await root.query(`${many.join('; ')}; FLUSH TABLES`);
      const opened = async (): Promise<number> => {
        const [row] = await root.rows<{ Value: string }>("SHOW GLOBAL STATUS LIKE 'Opened_tables'");
        return Number(row!.Value);
      };
      const before = await opened();
      await shapeOf('t7');
      expect((await opened()) - before).toBeLessThan(50);
    });

    test('tables whose names differ in capitals only, asked for at once', async () => {
      await root.query(
        'CREATE TABLE d.item (id INT PRIMARY KEY); CREATE TABLE d.ITEM (id INT, v INT PRIMARY KEY); CREATE TRIGGER d.noticed AFTER INSERT ON d.item FOR EACH ROW SET @x = 1',
      );
      const [large, small] = await Promise.all([shapeOf('ITEM'), shapeOf('item')]);
      expect(large).toMatchObject({ name: 'ITEM', primaryKey: [1], triggers: [] });
      expect(small).toMatchObject({ name: 'item', primaryKey: [0], triggers: ['noticed'] });
    });

    test.runIf(family === 'mysql')('a key that the server made and hides is there', async () => {
      await root.query(
        `SET sql_generate_invisible_primary_key=1; CREATE TABLE d.t (a INT); SET sql_generate_invisible_primary_key=0;
         SET GLOBAL show_gipk_in_create_table_and_information_schema=0`,
      );
      try {
        await using session = await access(context.lab, context.lab.otter).connect({ multipleStatements: true });
        const [shape] = [...(await new Catalog({ children: false }).load(session, 'd', ['t'])).values()];
        expect(shape).toMatchObject({ columns: [{ name: 'my_row_id' }, { name: 'a' }], primaryKey: [0] });
      } finally {
        await root.query('SET GLOBAL show_gipk_in_create_table_and_information_schema=1');
      }
    });

    test('columns, keys, foreign keys both ways, triggers', async () => {
      await root.query(`CREATE TABLE e.far (id INT PRIMARY KEY);
        CREATE TABLE d.parent (a INT, b INT, PRIMARY KEY (b, a));
        CREATE TABLE d.child (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, pb INT NOT NULL, pa INT NOT NULL, f INT NULL, name VARCHAR(20) NOT NULL,
          note VARCHAR(200), kind ENUM('A','b'), sto INT AS (LENGTH(name)) STORED, virt INT AS (LENGTH(note)) VIRTUAL,
          made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
          UNIQUE KEY by_name (name, f), UNIQUE KEY by_note (note(10)),
          CONSTRAINT to_parent FOREIGN KEY (pb, pa) REFERENCES d.parent (b, a) ON DELETE CASCADE,
          CONSTRAINT to_far FOREIGN KEY (f) REFERENCES e.far (id) ON DELETE SET NULL ON UPDATE CASCADE);
        CREATE TRIGGER d.noticed AFTER INSERT ON d.child FOR EACH ROW SET @x = 1`);
      const child = await shapeOf('child');
      expect(child.columns.map((c) => c.name)).toEqual([
        'id',
        'pb',
        'pa',
        'f',
        'name',
        'note',
        'kind',
        'sto',
        'virt',
        'made',
      ]);
      expect(child.columns.filter((c) => c.generated).map((c) => c.name)).toEqual(['sto', 'virt']);
      expect(child.columns[6]!.type).toBe("enum('A','b')");
      expect(child.columns[0]!.type).toMatch(/^int(\(10\))? unsigned$/);
      expect(child.columns[4]).toMatchObject({ charset: 'utf8mb4', nullable: false });
      expect(child.columns[0]).toMatchObject({ charset: null, collation: null });
      expect(child.primaryKey).toEqual([0]);
      expect(child.uniques).toEqual([
        { name: 'by_name', columns: [4, 3] },
        { name: 'by_note', columns: [5], partial: true },
      ]);
      expect(child.foreignKeys).toEqual([
        expect.objectContaining({
          name: 'to_far',
          columns: [3],
          parentSchema: 'e',
          parentTable: 'far',
          onDelete: 'SET NULL',
          onUpdate: 'CASCADE',
        }),
        expect.objectContaining({
          name: 'to_parent',
          columns: [1, 2],
          parentTable: 'parent',
          parentColumns: ['b', 'a'],
          onDelete: 'CASCADE',
        }),
      ]);
      expect(child.triggers).toEqual(['noticed']);
      expect(child.engine).toBe('InnoDB');
      expect((await shapeOf('parent')).primaryKey).toEqual([1, 0]);
      expect((await context.source.shapeWithChildren('d', 'parent'))!.referencedBy).toEqual(['d.child']);
      expect((await context.source.shapeWithChildren('e', 'far'))!.referencedBy).toEqual(['d.child']);
    });

    test('is the same object while the table is the same', async () => {
      await root.run('CREATE TABLE d.t (id INT PRIMARY KEY)');
      const before = await shapeOf('t');
      expect(await shapeOf('t')).toBe(before);
      await root.run('ALTER TABLE d.t ADD COLUMN a INT');
      const after = await shapeOf('t');
      expect(after).not.toBe(before);
      expect(after.columns).toHaveLength(2);
    });

    test('is null for what is not there and for views', async () => {
      await root.query('CREATE TABLE d.t (id INT PRIMARY KEY); CREATE VIEW d.v AS SELECT * FROM d.t');
      expect(await context.source.shape('d', 'v')).toBeNull();
      expect(await context.source.shape('d', 'none')).toBeNull();
      expect(await context.source.shape('none', 't')).toBeNull();
      expect((await context.source.tables()).filter(({ schema }) => schema === 'd')).toEqual([
        { schema: 'd', name: 't' },
      ]);
    });

    test('names need no care', async () => {
      await root.run("CREATE TABLE d.`it's \\ a ``table`` é` (`a ``b`` 'c'` INT PRIMARY KEY)");
      const name = "it's \\ a `table` é";
      const from = (await context.source.logEnd()).position;
      await root.run("INSERT INTO d.`it's \\ a ``table`` é` VALUES (1)");
      const shape = await shapeOf(name);
      expect(shape.columns[0]!.name).toBe("a `b` 'c'");
      expect(rowItems(await readToEnd(context.source, { from }))[0]!.changes[0]).toEqual({
        kind: 'insert',
        table: shape,
        fkChecks: true,
        after: ['1'],
      });
      expect(await context.source.readChunk(shape, null, 10, Infinity)).toEqual([['1']]);
    });

    test.runIf(family === 'mysql')(
      'MySQL: a unique key of an expression is partial; its hidden column is not in the rows',
      async () => {
        await root.run('CREATE TABLE d.f (id INT PRIMARY KEY, a VARCHAR(20), UNIQUE KEY u ((LOWER(a))), b INT)');
        const shape = await shapeOf('f');
        expect(shape.uniques).toEqual([{ name: 'u', columns: [], partial: true }]);
        const from = (await context.source.logEnd()).position;
        await root.run("INSERT INTO d.f VALUES (1, 'X', 5)");
        expect(rowItems(await readToEnd(context.source, { from }))[0]!.changes[0]).toMatchObject({
          after: ['1', "'X'", '5'],
        });
      },
    );

    test.runIf(family === 'mariadb')(
      'MariaDB: a unique key of a BLOB has a hidden column that is not in the rows',
      async () => {
        await root.run('CREATE TABLE d.f (id INT PRIMARY KEY, a BLOB, UNIQUE KEY u (a), b INT)');
        const from = (await context.source.logEnd()).position;
        await root.run("INSERT INTO d.f VALUES (1, 'X', 5)");
        await root.run('UPDATE d.f SET b=6');
        const changes = rowItems(await readToEnd(context.source, { from })).flatMap((item) => item.changes);
        expect(changes).toEqual([
          expect.objectContaining({ after: ['1', "x'58'", '5'] }),
          expect.objectContaining({ after: ['1', "x'58'", '6'] }),
        ]);
      },
    );

    test('invisible columns are columns', async () => {
      await root.run('CREATE TABLE d.i (id INT PRIMARY KEY, a INT DEFAULT 3 INVISIBLE, b INT)');
      const from = (await context.source.logEnd()).position;
      await root.run('INSERT INTO d.i (id, b) VALUES (1, 5)');
      const shape = await shapeOf('i');
      expect(rowItems(await readToEnd(context.source, { from }))[0]!.changes[0]).toMatchObject({
        after: ['1', '3', '5'],
      });
      expect(await context.source.readChunk(shape, null, 10, Infinity)).toEqual([['1', '3', '5']]);
    });

    test
      .runIf(family === 'mariadb')
      .each([['id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING -- ', 'id (type system)']])(
      'MariaDB: refuses (%s)',
      async (columns, words) => {
        await root.run(`CREATE TABLE d.x (${columns}\n)`.replace(' -- \n)', ''));
        await expect(context.source.shape('d', 'x')).rejects.toMatchObject({
          code: 'OT4040',
          message: expect.stringContaining(words),
        });
      },
    );
  });

  test('signedness is right under full row metadata too', async () => {
    const [row] = await root.rows<{ v: string }>('SELECT @@GLOBAL.binlog_row_metadata AS v');
    await root.run("SET GLOBAL binlog_row_metadata='FULL'");
    try {
      await root.run(`CREATE TABLE d.s (id INT PRIMARY KEY, a TINYINT UNSIGNED, y YEAR, b BIT(3), c SMALLINT, d DECIMAL(5,2) UNSIGNED, e BIGINT UNSIGNED,
        f FLOAT, g ENUM('x'), h INT UNSIGNED, i DOUBLE)`);
      const from = (await context.source.logEnd()).position;
      await root.run(
        "INSERT INTO d.s VALUES (-1, 255, 2026, 5, -5, 1.5, 18446744073709551615, -1.5, 'x', 4294967295, 0.5)",
      );
      expect(rowItems(await readToEnd(context.source, { from }))[0]!.changes[0]).toMatchObject({
        after: ['-1', '255', "'2026'", '5', '-5', '1.50', '18446744073709551615', '-1.5e0', '1', '4294967295', '0.5e0'],
      });
      await root.query('DELETE FROM d.s; ALTER TABLE d.s MODIFY h INT');
      await expect(readToEnd(context.source, { from })).rejects.toMatchObject({
        code: 'OT4030',
        message: expect.stringContaining('column h'),
      });
    } finally {
      await root.run(`SET GLOBAL binlog_row_metadata='${row!.v}'`);
    }
  });

  describe('createStatements', () => {
    test('makes the same table elsewhere, without foreign keys that leave the channel', async () => {
      await root.query(`CREATE TABLE d.parent (id INT PRIMARY KEY);
        CREATE TABLE e.far (id INT PRIMARY KEY);
        CREATE TABLE d.child (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, p INT, f INT, n VARCHAR(20) COLLATE utf8mb4_bin DEFAULT 'a), b' COMMENT 'it''s, (x)',
          g INT AS (LENGTH(n)) STORED, KEY (n),
          CONSTRAINT to_parent FOREIGN KEY (p) REFERENCES d.parent (id) ON DELETE CASCADE,
          CONSTRAINT to_far FOREIGN KEY (f) REFERENCES e.far (id)) AUTO_INCREMENT=42 COMMENT='with ) and ENGINE';
        CREATE TRIGGER d.noticed AFTER INSERT ON d.child FOR EACH ROW SET @x = 1`);
      const shape = await shapeOf('child');
      const all = await context.source.createStatements(shape, () => true);
      expect(all).toMatch(/^CREATE TABLE `d`\.`child` \(/);
      expect(all).toContain('REFERENCES `d`.`parent`');
      expect(all).toContain('REFERENCES `e`.`far`');
      expect(all).toContain('AUTO_INCREMENT=42');
      const some = await context.source.createStatements(shape, (schema) => schema === 'd');
      expect(some).not.toContain('REFERENCES `e`');
      const [before] = await root.rows<Record<string, string>>('SHOW CREATE TABLE d.child');
      await root.run('DROP TABLE d.child');
      await root.run(some);
      const [after] = await root.rows<Record<string, string>>('SHOW CREATE TABLE d.child');
      const without = before!['Create Table']!.replace(/,\n\s*CONSTRAINT `to_far`[^\n]*?(,?)\n/, '$1\n');
      expect(after!['Create Table']).toBe(without);
      expect((await shapeOf('child')).foreignKeys.map(({ name }) => name)).toEqual(['to_parent']);
    });

    test('keeps partitions', async () => {
      await root.run(
        'CREATE TABLE d.p (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE)',
      );
      const text = await context.source.createStatements(await shapeOf('p'), () => true);
      await root.run('DROP TABLE d.p');
      await root.run(text);
      expect(await context.source.createStatements(await shapeOf('p'), () => true)).toBe(text);
      expect(text).toContain('PARTITION');
    });
  });

  describe('readChunk', () => {
    test.each([
      ['id INT', ['id'], (i: number) => `${i - 50}`],
      ['id BIGINT UNSIGNED', ['id'], (i: number) => `${18446744073709551615n - BigInt(i)}`],
      [
        'a VARCHAR(20) COLLATE utf8mb4_general_ci, b INT',
        ['a', 'b'],
        (i: number) => `'${'aBÄ é'[i % 5]}${i % 7}', ${i}`,
      ],
      [
        'a VARCHAR(20) CHARACTER SET latin1',
        ['a'],
        (i: number) => `'${['a', 'é', 'Z', "'"][i % 4]!.replace("'", "''")}${i}'`,
      ],
      ['a VARBINARY(20)', ['a'], (i: number) => `x'${i.toString(16).padStart(2, '0')}00'`],
      ['a BINARY(4)', ['a'], (i: number) => `x'${i.toString(16).padStart(2, '0')}'`],
      [
        'a DATE, b TIME(2), c TINYINT',
        ['a', 'b', 'c'],
        (i: number) => `'2024-01-0${1 + (i % 3)}', '-0${i % 4}:00:00.50', ${i}`,
      ],
      ['a DATETIME(6)', ['a'], (i: number) => `'2024-01-01 00:00:00.${String(i * 1000).padStart(6, '0')}'`],
      [
        'a TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3), b INT',
        ['b', 'a'],
        (i: number) => `'2024-10-27 01:${10 + (i % 5)}:00', ${i}`,
      ],
      ['a DOUBLE, b INT', ['a', 'b'], (i: number) => `${i % 9}e-1, ${i}`],
      ['a FLOAT, b INT', ['a', 'b'], (i: number) => `0.${1 + (i % 8)}, ${i}`],
      ['a DECIMAL(20,5)', ['a'], (i: number) => `${i - 20}.5`],
      ["a ENUM('z','y','x','w'), b INT", ['a', 'b'], (i: number) => `${1 + (i % 4)}, ${i}`],
      ["a SET('z','y','x','w'), b INT", ['a', 'b'], (i: number) => `${i % 16}, ${i}`],
      ['a BIT(10)', ['a'], (i: number) => `${i}`],
      ['a YEAR, b INT', ['a', 'b'], (i: number) => `${i % 3 === 0 ? "'0000'" : 1990 + (i % 20)}, ${i}`],
    ])('walks (%s) once through, in order', async (columns, key, value) => {
      await root.run(
        `CREATE TABLE d.k (${columns}, v INT DEFAULT 1, PRIMARY KEY (${key.join(', ')})) DEFAULT CHARSET=utf8mb4`,
      );
      const names = columns.split(/, (?=\w+ [A-Z])/).map((c) => c.split(' ')[0]);
      await root.run(
        `INSERT INTO d.k (${names.join(', ')}) VALUES ${Array.from({ length: 100 }, (_, i) => `(${value(i)})`).join(', ')}`,
      );
      const shape = await shapeOf('k');
      const whole = await context.source.readChunk(shape, null, 1000, Infinity);
      expect(whole).toHaveLength(100);
      for (const limit of [7, 100]) {
        const walked: Image[] = [];
        let after: Image | null = null;
        for (;;) {
          const chunk: readonly Image[] = await context.source.readChunk(shape, after, limit, Infinity);
          if (chunk.length === 0) break;
          walked.push(...chunk);
          expect(walked.length).toBeLessThanOrEqual(100);
          after = shape.primaryKey.map((i) => chunk.at(-1)![i]!);
        }
        expect(walked).toEqual(whole);
      }
    });

    test('ends when it has many bytes, and nobody who reads besides is disturbed', async () => {
      await root.run('CREATE TABLE d.k (id INT PRIMARY KEY, what MEDIUMTEXT)');
      for (let id = 1; id <= 20; id += 1)
        await root.run(`INSERT INTO d.k VALUES (${id}, REPEAT('${id % 10}', 400000))`);
      const shape = await shapeOf('k');
      const read = (after: Image | null, limit: number): Promise<readonly Image[]> =>
        context.source.readChunk(shape, after, limit, 1_000_000);
      const ids = (rows: readonly Image[]): (string | null)[] => rows.map((row) => row[0]!);
      const [first, again, present] = await Promise.all([
        read(null, 100),
        read(['18'], 100),
        context.source.presentRows(shape, [['7', null]]),
      ]);
      expect(ids(first)).toEqual(['1', '2', '3']);
      expect(ids(again)).toEqual(['19', '20']);
      expect(ids(present)).toEqual(['7']);
      const walked: (string | null)[] = [];
      for (let after: Image | null = null; ; after = [walked.at(-1)!]) {
        const rows = await read(after, 5);
        walked.push(...ids(rows));
        if (rows.length < 3) break;
      }
      expect(walked).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)));
    });

    test('is answered by a range of the key', async () => {
      await root.run('CREATE TABLE d.k (a INT, b INT, c INT, PRIMARY KEY (a, b, c))');
      for (let a = 0; a < 20; a++) {
        await root.run(
          `INSERT INTO d.k VALUES ${Array.from({ length: 500 }, (_, i) => `(${a}, ${i % 25}, ${i})`).join(', ')}`,
        );
      }
      const shape = await shapeOf('k');
      await using session = await context.server.connect();
      const read = async (): Promise<number> => {
        const rows = await session.rows<{ Variable_name: string; Value: string }>(
          "SHOW SESSION STATUS LIKE 'Handler_read_%'",
        );
        return rows.reduce((sum, row) => sum + Number(row.Value), 0);
      };
      const { readChunk } = await import('../../src/mysql/select.ts');
      const before = await read();
      expect(await readChunk(session, shape, ['18', '3', '100'], 10, Infinity)).toHaveLength(10);
      expect((await read()) - before).toBeLessThan(700);
    });

    test('refuses a table without a primary key', async () => {
      await root.run('CREATE TABLE d.k (a INT)');
      await expect(context.source.readChunk(await shapeOf('k'), null, 10, Infinity)).rejects.toMatchObject({
        code: 'OT4041',
      });
    });
  });

  test('charsets that are quoted while below 128 are ASCII there', async () => {
    const { textLiteral } = await import('../../src/mysql/literal.ts');
    const bytes = Buffer.from(Array.from({ length: 128 }, (_, i) => i));
    const charsets = await root.rows<{ name: string }>(
      'SELECT CHARACTER_SET_NAME AS name FROM information_schema.CHARACTER_SETS',
    );
    const quoted = charsets.filter(({ name }) => textLiteral(name)(Buffer.from('a'), 0, 1) === "'a'");
    expect(quoted.length).toBeGreaterThan(20);
    for (const { name } of quoted) {
      const [row] = await root.rows<{ same: number }>(
        `SELECT HEX(CONVERT(_${name} x'${bytes.toString('hex')}' USING utf8mb4)) = '${bytes.toString('hex').toUpperCase()}' AS same`,
      );
      expect([name, Number(row!.same)]).toEqual([name, 1]);
    }
  });

  test('row counts are estimated', async () => {
    await root.run('CREATE TABLE d.n (id INT PRIMARY KEY)');
    await root.run(`INSERT INTO d.n VALUES ${Array.from({ length: 500 }, (_, i) => `(${i})`).join(', ')}`);
    await root.query('ANALYZE TABLE d.n');
    expect(await context.source.estimateRows('d', 'n')).toBeGreaterThan(250);
    expect(await context.source.estimateRows('d', 'none')).toBe(0);
  });
});
