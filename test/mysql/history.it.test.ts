/** What tables were like at a place of the log, also where the server has changed them again since. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PastTable, Statement, StatementTable } from '../../src/model/ports.ts';
import { comparePoints } from '../../src/model/position.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { type Context, type Family, open } from './context.ts';

const mine = (schema: string): boolean => schema === 'd';

describe.each<Family>(process.env['OTTER_TEST_LONG'] === '1' ? ['mariadb', 'mysql'] : ['mysql'])('%s', (family) => {
  let context: Context;
  beforeAll(async () => {
    context = await open(family);
    await context.root.query('CREATE DATABASE IF NOT EXISTS otter');
  });
  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await context.root.query('DROP DATABASE IF EXISTS d; CREATE DATABASE d DEFAULT CHARACTER SET latin1');
  });

  /** Everything that the log has from there on, and what tables are in the end. */
  async function follow(from: string, known: ReadonlyMap<string, PastTable> = new Map()) {
    const past = new Map(known);
    const end = (await context.source.logEnd()).point;
    const statements: Statement[] = [];
    const rows: string[][] = [];
    const signal = new AbortController();
    const log = context.source.readLog({
      from,
      wants: mine,
      definitions,
      history: { keeps: mine, past, later: new Map() },
      partBytes: 1 << 20,
      signal: signal.signal,
    });
    for await (const batch of log) {
      for (const item of batch.items) {
        if (item.kind === 'unreadable')
          throw new Error(
            `${item.error.message}; ${JSON.stringify(statements.flatMap(({ sql, history }) => history?.tables.map(({ doubt }) => [sql, doubt?.message])))}`,
          );
        if (item.kind === 'statement') statements.push(item);
        else
          for (const change of item.changes)
            if (change.kind === 'insert')
              rows.push(change.table.columns.map(({ name }, i) => `${name}=${change.after[i]}`));
      }
      if (comparePoints(batch.point, end) >= 0) break;
    }
    signal.abort();
    return { statements, rows, tables: statements.flatMap(({ history }) => history?.tables ?? []) };
  }

  const printed = async (table: string): Promise<string> => {
    const [row] = await context.root.rows<Record<string, string>>(`SHOW CREATE TABLE ${table}`);
    return row!['Create Table']!.replace(/ AUTO_INCREMENT=\d+/, '');
  };

  /** What the server printed behind every statement, against what is said of it afterwards. */
  test('every definition between the beginning and now, though only the last is there', async () => {
    const { root } = context;
    await root.query(
      'CREATE TABLE d.t (id INT PRIMARY KEY, a INT, b VARCHAR(20), CHECK (id < 1000)); INSERT INTO d.t VALUES (1, 10, 20)',
    );
    const from = (await context.source.logEnd()).position;
    const { tables: past } = await context.source.past(from, {}, mine, {
      definitions,
      signal: new AbortController().signal,
    });
    const steps = [
      'ALTER TABLE d.t ADD c INT FIRST, ADD INDEX (a)',
      'ALTER TABLE d.t MODIFY b VARCHAR(40) CHARACTER SET utf8mb4 AFTER id, COMMENT="it\'s; -- one"',
      'ALTER TABLE d.t RENAME COLUMN a TO b, RENAME COLUMN b TO a',
      "ALTER TABLE d.t ADD e ENUM('x','y,''z') DEFAULT 'x', ADD CHECK (id > -5)",
      'CREATE UNIQUE INDEX u ON d.t (c, id)',
      'DROP INDEX a ON d.t',
      'DROP INDEX u ON d.t',
      'ALTER TABLE d.t DROP c, ADD c BIGINT UNSIGNED',
      'RENAME TABLE d.t TO d.u',
      'ALTER TABLE d.u RENAME TO d.t, CHANGE e f INT',
      'TRUNCATE d.t',
      'ALTER TABLE d.t CONVERT TO CHARACTER SET utf8mb4',
      'DROP TABLE d.t',
      'CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(5))',
      'ALTER TABLE d.t ADD w INT',
    ];
    const expected: [string, string | null][] = [];
    for (const [i, sql] of steps.entries()) {
      await root.query(sql);
      const name = sql.endsWith('d.u') ? 'd.u' : 'd.t';
      expected.push([name, sql.startsWith('DROP TABLE') ? null : await printed(name)]);
      if (!sql.startsWith('DROP')) await root.query(`INSERT INTO ${name} (id) VALUES (${100 + i})`);
    }
    const { statements, tables, rows } = await follow(from, past);
    const said = statements.filter(({ history }) => history !== undefined);
    const after = said.map(({ history }, i): [string, string | null] => {
      const name = expected[i]![0];
      const found = history!.tables.find((one) => `${one.schema}.${one.name}` === name)!;
      expect(found.doubt).toBeNull();
      return [name, found.after?.create ?? null];
    });
    expect(after).toEqual(expected);
    expect(tables.filter(({ doubt }: StatementTable) => doubt !== null)).toEqual([]);
    expect(rows).toHaveLength(steps.length - 3);
    expect(rows[0]).toEqual(['c=null', 'id=100', 'a=null', 'b=null']);
    expect(rows.at(-1)).toEqual(['id=114', 'v=null', 'w=null']);
  });

  test('a definition that was kept tells what a table was like that is gone or altered', async () => {
    const { root } = context;
    await root.query('CREATE TABLE d.t (id INT PRIMARY KEY, a INT, b INT); CREATE TABLE d.gone (id INT PRIMARY KEY)');
    const { position } = await context.source.logEnd();
    const signal = new AbortController().signal;
    const { tables: before } = await context.source.past(position, {}, mine, { definitions, signal });
    const kept = Object.fromEntries([...before].map(([name, { create }]) => [name, { create, position }]));
    await root.query(
      'INSERT INTO d.t VALUES (1, 2, 3); ALTER TABLE d.t MODIFY b INT AFTER id; INSERT INTO d.gone VALUES (7); DROP TABLE d.gone; INSERT INTO d.t (id, a, b) VALUES (2, 2, 3); ALTER TABLE d.t DROP a',
    );
    const { tables: none } = await context.source.past(position, {}, mine, { definitions, signal });
    expect([...none.keys()]).toEqual([]);
    const { tables: found } = await context.source.past(position, kept, mine, { definitions, signal });
    expect(found).toEqual(before);
    const { rows } = await follow(position, found);
    expect(rows).toEqual([['id=1', 'a=2', 'b=3'], ['id=7'], ['id=2', 'b=3', 'a=2']]);
    // Written down further on than where it is needed, with a change in between.
    const late = { 'd.t': { create: kept['d.t']!.create, position: (await context.source.logEnd()).position } };
    const behind = await context.source.past(position, late, mine, { definitions, signal });
    expect([[...behind.tables.keys()], [...behind.later.keys()]]).toEqual([[], ['d.t']]);
    expect(await root.rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'otter'")).toEqual(
      [],
    );
  });

  test('what a schema gave its tables then is not what it gives now', async () => {
    const { root } = context;
    const from = (await context.source.logEnd()).position;
    const pads = "SET sql_mode='PAD_CHAR_TO_FULL_LENGTH'; ALTER TABLE d.u ADD x INT; SET sql_mode=DEFAULT";
    await root.query(
      `CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(5)); ALTER DATABASE d DEFAULT CHARACTER SET utf8mb4;
       CREATE TABLE d.u (id INT PRIMARY KEY, v VARCHAR(5)); CREATE TABLE d.w (id INT PRIMARY KEY, v VARCHAR(5)) DEFAULT CHARSET=latin1;
       ALTER TABLE d.t ADD w INT; ALTER TABLE d.w CONVERT TO CHARACTER SET DEFAULT; ALTER TABLE d.w ADD x INT; ${pads}; ALTER TABLE d.u ADD y INT`,
    );
    const { tables, statements } = await follow(from);
    const [t, u, w] = ['t', 'u', 'w'].map((name) => tables.filter((one) => one.name === name));
    expect(t![0]?.doubt?.message).toMatch(/character set that its schema had/);
    expect(t![1]?.after?.create).toMatch(/CHARSET=latin1/);
    expect(u!.map(({ after }) => after?.create.includes('CHARSET=utf8mb4'))).toEqual([true, true, true]);
    expect(w![0]?.after?.create).toMatch(/CHARSET=latin1/);
    expect(w![1]?.doubt?.message).toMatch(/character set that its schema had/);
    const said = statements.filter(({ history }) => history?.tables.some(({ name }) => name === 'u'));
    expect(said.map(({ history }) => history!.pads)).toEqual([false, true, false]);
  });

  test('foreign keys and partitions stay in what is said; statements about them are not repeated', async () => {
    const { root } = context;
    await root.query(
      `CREATE TABLE d.p (id INT PRIMARY KEY); CREATE TABLE d.t (id INT PRIMARY KEY, a INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES d.p (id) ON DELETE CASCADE);
       CREATE TABLE d.h (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3`,
    );
    const { position } = await context.source.logEnd();
    const signal = new AbortController().signal;
    const { tables: past } = await context.source.past(position, {}, mine, { definitions, signal });
    for (const table of ['t', 'h']) {
      await root.query(`ALTER TABLE d.${table} ADD b INT FIRST`);
      await root.query(`ALTER TABLE d.${table} ADD c INT`);
    }
    const { tables } = await follow(position, past);
    for (const [i, name] of ['t', 't', 'h', 'h'].entries()) expect(tables[i]).toMatchObject({ name, doubt: null });
    expect(tables[0]!.after!.shape.foreignKeys).toMatchObject([
      { name: 'f', columns: [2], parentTable: 'p', onDelete: 'CASCADE' },
    ]);
    expect(tables[1]!.after!.create).toBe(await printed('d.t'));
    expect(tables[3]!.after!.create).toBe(await printed('d.h'));
    const kept = Object.fromEntries([...past].map(([name, { create }]) => [name, { create, position }]));
    const again = (await context.source.past(position, kept, mine, { definitions, signal })).tables.get('d.t')!;
    expect(again).toMatchObject({
      create: past.get('d.t')!.create,
      shape: { columns: past.get('d.t')!.shape.columns },
    });
    expect(again.shape.foreignKeys).toMatchObject([{ name: 'f', columns: [1], parentTable: 'p', onDelete: 'CASCADE' }]);
    await root.query('ALTER TABLE d.t DROP FOREIGN KEY f');
    await root.query('ALTER TABLE d.t DROP b');
    const later = await follow(position, new Map(past));
    expect(later.tables.map(({ doubt }) => doubt?.code ?? null)).toEqual([null, null, null, null, 'OT4030', null]);
  });
});
