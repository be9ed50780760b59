/** Transactions of a real log: what is delivered, in what parts, where it resumes, and what is refused. */
import { Readable } from 'node:stream';
import { createConnection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { comparePoints, covers, parsePosition } from '../../src/model/position.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { tableStatement } from '../../src/replication/table-statement.ts';
import { rootOf } from '../site/harness.ts';
import { access, type Context, type Family, open, type ReadItem, readToEnd, readUntil, rowItems } from './context.ts';

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let context: Context;
  let root: Session;
  let from: string;

  beforeAll(async () => {
    context = await open(family);
    root = context.root;
  });

  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    await root.run('DROP DATABASE IF EXISTS d');
    await root.run('CREATE DATABASE d');
    await root.run('CREATE TABLE d.t (id INT PRIMARY KEY, a VARCHAR(100), b INT) ENGINE=InnoDB');
    from = (await context.source.logEnd()).position;
  });

  /** The rest of the log as short texts. */
  async function told(options: Partial<Parameters<typeof readToEnd>[1]> = {}): Promise<string[]> {
    return (await readToEnd(context.source, { from, ...options })).flatMap(tell);
  }

  test('inserts, updates, deletes and key changes of one transaction are one item', async () => {
    await root.query(`BEGIN; INSERT INTO d.t VALUES (1,'x',1),(2,'y',NULL); UPDATE d.t SET a='z' WHERE id=1;
      UPDATE d.t SET id=3 WHERE id=2; DELETE FROM d.t WHERE id=1; COMMIT`);
    expect(await told()).toEqual([
      "insert 1,'x',1",
      "insert 2,'y',null",
      "update 1,'x',1 > 1,'z',1",
      "update 2,'y',null > 3,'y',null",
      "delete 1,'z',1",
      'commit',
    ]);
  });

  test('what is rolled back is not there, savepoints included', async () => {
    await root.query("BEGIN; INSERT INTO d.t VALUES (1,'x',1); ROLLBACK");
    await root.query(
      "BEGIN; INSERT INTO d.t VALUES (2,'x',1); SAVEPOINT s; INSERT INTO d.t VALUES (3,'x',1); ROLLBACK TO s; COMMIT",
    );
    expect(await told()).toEqual(["insert 2,'x',1", 'commit']);
  });

  test('a change of another engine ends with a statement and is delivered', async () => {
    await root.run('CREATE TABLE d.m (id INT PRIMARY KEY) ENGINE=MyISAM');
    await root.run('INSERT INTO d.m VALUES (1),(2)');
    expect((await told()).slice(1)).toEqual(['insert 1', 'insert 2', 'commit']);
  });

  test('switched off foreign key checks are told', async () => {
    await root.query(
      "SET foreign_key_checks=0; INSERT INTO d.t VALUES (1,'x',1); SET foreign_key_checks=1; INSERT INTO d.t VALUES (2,'x',1)",
    );
    const items = rowItems(await readToEnd(context.source, { from }));
    expect(items.map((item) => item.changes[0]!.fkChecks)).toEqual([false, true]);
  });

  test('definitions are statements, rows after them have the new structure', async () => {
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    const reader = readUntil(context.source, { from }, () => false);
    const texts: string[] = [];
    const read = async (count: number): Promise<void> => {
      while (texts.length < count) texts.push(...(await reader.next()).value!.items.flatMap(tell));
    };
    await read(2);
    await root.run('ALTER TABLE d.t ADD COLUMN c INT DEFAULT 5 AFTER id');
    await root.run("INSERT INTO d.t VALUES (2,5,'y',2)");
    await root.run('TRUNCATE TABLE d.t');
    await read(6);
    await reader.return(undefined);
    expect(texts).toEqual([
      "insert 1,'x',1",
      'commit',
      'statement ALTER TABLE d.t ADD COLUMN c INT DEFAULT 5 AFTER id',
      "insert 2,5,'y',2",
      'commit',
      'statement TRUNCATE TABLE d.t',
    ]);
  });

  test('temporary tables leave no trace', async () => {
    const session = await access(context.lab, context.lab.root).connect({ multipleStatements: true });
    await session.query(
      'USE d; CREATE TEMPORARY TABLE tmp (id INT); INSERT INTO tmp VALUES (1); DROP TEMPORARY TABLE tmp; CREATE TEMPORARY TABLE tmp2 (id INT)',
    );
    await session[Symbol.asyncDispose]();
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    expect(await told()).toEqual(["insert 1,'x',1", 'commit']);
  });

  test('CREATE TABLE … SELECT is a statement and rows, and the statement does not cover the rows', async () => {
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    from = (await context.source.logEnd()).position;
    await root.run('CREATE TABLE d.c (id INT PRIMARY KEY) SELECT id FROM d.t');
    const items = await readToEnd(context.source, { from });
    expect(items.map(({ kind }) => kind)).toEqual(['statement', 'rows']);
    expect(items.flatMap(tell).slice(1)).toEqual(['insert 1', 'commit']);
    expect(items[0]!.position).not.toBe(items[1]!.position);
    const again = await readToEnd(context.source, { from: items[0]!.position });
    expect(again.at(-1)).toEqual(items[1]);
  });

  test('rows of tables that nobody wants are left out, whatever their types; the position passes them', async () => {
    await root.run(`CREATE TABLE d.odd (id INT PRIMARY KEY, v ${family === 'mysql' ? 'JSON' : 'UUID'})`);
    await root.run(`INSERT INTO d.odd VALUES (1, ${family === 'mysql' ? `'{}'` : 'UUID()'})`);
    await root.query("BEGIN; INSERT INTO d.t VALUES (1,'x',1); DELETE FROM d.odd; COMMIT");
    const wants = (schema: string, table: string): boolean => schema === 'd' && table === 't';
    expect((await told({ wants })).filter((text) => !text.startsWith('statement'))).toEqual([
      "insert 1,'x',1",
      'commit',
    ]);
    const items = await readToEnd(context.source, { from, wants });
    const end = (await context.source.logEnd()).position;
    expect(covers(parsePosition(items.at(-1)!.position), parsePosition(end))).toBe(true);
  });

  test.runIf(family === 'mariadb')('a table with history is refused, all its columns by name', async () => {
    await root.run('CREATE TABLE d.odd (id INT PRIMARY KEY, strange INT, odder INT) WITH SYSTEM VERSIONING');
    await root.run('INSERT INTO d.odd VALUES (1, 1, 1)');
    const refused = { code: 'OT4040', message: expect.stringMatching(/: id \(.*\), strange \(.*\), odder \(/) };
    await expect(told()).rejects.toMatchObject(refused);
    await expect(context.source.shape('d', 'odd')).rejects.toMatchObject(refused);
  });

  test('large transactions come in parts, in order and whole', async () => {
    await root.run('CREATE TABLE d.big (id INT PRIMARY KEY, v VARCHAR(1000))');
    from = (await context.source.logEnd()).position;
    await root.run('BEGIN');
    for (let i = 0; i < 40; i++) {
      await root.run(
        `INSERT INTO d.big VALUES ${Array.from({ length: 100 }, (_, k) => `(${i * 100 + k}, '${'v'.repeat(500)}')`).join(',')}`,
      );
    }
    await root.run('COMMIT');
    await root.run('DELETE FROM d.big WHERE id=0');
    const items = rowItems(await readToEnd(context.source, { from, partBytes: 100_000 }));
    const large = items.slice(0, -1);
    expect(large.length).toBeGreaterThan(5);
    expect(large.map(({ first }) => first)).toEqual(large.map((_, i) => i === 0));
    expect(large.map(({ last }) => last)).toEqual(large.map((_, i) => i === large.length - 1));
    expect(new Set(large.map(({ gtid, position }) => `${gtid} ${position}`)).size).toBe(1);
    expect(large.flatMap(({ changes }) => changes.map((c) => c.kind === 'insert' && c.after[0]))).toEqual(
      Array.from({ length: 4000 }, (_, i) => `${i}`),
    );
    expect(Math.max(...large.map(({ bytes }) => bytes))).toBeLessThan(300_000);
    expect(items.at(-1)).toMatchObject({ first: true, last: true });
  });

  test('a row larger than a packet of the protocol arrives', async () => {
    await root.run('CREATE TABLE d.huge (id INT PRIMARY KEY, v LONGBLOB)');
    from = (await context.source.logEnd()).position;
    await root.run("INSERT INTO d.huge VALUES (1, REPEAT(x'00ff', 10000000)), (2, 'after')");
    const items = rowItems(await readToEnd(context.source, { from }));
    const [big, after] = items.flatMap((item) => item.changes.map((c) => (c.kind === 'insert' ? c.after[1]! : '')));
    expect(big!.length).toBe(2 * 20_000_000 + 3);
    expect(big === `x'${'00ff'.repeat(10_000_000)}'`).toBe(true);
    expect(after).toBe(`x'${Buffer.from('after').toString('hex')}'`);
  });

  test('the position of an item is the log up to and including it; going on there repeats nothing', async () => {
    for (let i = 0; i < 20; i++) await root.run(`INSERT INTO d.t VALUES (${i},'x',${i})`);
    const items = rowItems(await readToEnd(context.source, { from }));
    expect(items).toHaveLength(20);
    for (const [i, item] of items.entries()) {
      const rest = rowItems(await readToEnd(context.source, { from: item.position }));
      expect(rest).toEqual(items.slice(i + 1));
    }
  }, 60_000);

  test('a killed connection ends the log with an error to retry; resumed, every transaction comes exactly once', async () => {
    let done = false;
    const writing = (async () => {
      const session = await access(context.lab, context.lab.root).connect();
      for (let i = 0; i < 1500; i++) await session.run(`INSERT INTO d.t VALUES (${i},'x',${i})`);
      await session[Symbol.asyncDispose]();
      done = true;
    })();
    const seen: string[] = [];
    let position = from;
    let kills = 0;
    for (;;) {
      try {
        for await (const { items } of readUntil(
          context.source,
          { from: position },
          () => done && seen.length === 1500,
        )) {
          for (const item of rowItems(items)) {
            seen.push(...item.changes.map((c) => (c.kind === 'insert' ? c.after[0]! : c.kind)));
            position = item.position;
          }
          if (seen.length >= (kills + 1) * 100) {
            kills++;
            await killDumps(root);
          }
        }
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'OT4004', retry: 'backoff' });
      }
    }
    await writing;
    expect(kills).toBeGreaterThan(3);
    expect(seen).toEqual(Array.from({ length: 1500 }, (_, i) => `${i}`));
  }, 60_000);

  test('the point reaches the end of the log: after writes, rotation, and at once on a quiet log', async () => {
    const end = (await context.source.logEnd()).point;
    for await (const _ of readUntil(context.source, { from }, (b) => comparePoints(b.point, end) >= 0));
    const reader = readUntil(context.source, { from }, () => false);
    let point = (await reader.next()).value!.point;
    for (let i = 0; i < 30; i++) {
      if (i % 3 === 0) await root.run('FLUSH BINARY LOGS');
      if (i % 3 === 1) await root.run(`INSERT INTO d.t VALUES (${i},'x',1)`);
      if (i % 3 === 2) await root.run(`CREATE TABLE d.t${i} (id INT)`);
      const now = (await context.source.logEnd()).point;
      while (comparePoints(point, now) < 0) point = (await reader.next()).value!.point;
    }
    await reader.return(undefined);
  }, 60_000);

  test('the point never lies behind rows that were not delivered', async () => {
    const reader = readUntil(context.source, { from, partBytes: 2_000 }, () => false);
    const seen: string[] = [];
    for (let i = 0; i < 50; i++) {
      await root.run(`INSERT INTO d.t VALUES (${i * 2},'${'x'.repeat(100)}',1),(${i * 2 + 1},'y',2)`);
      const end = (await context.source.logEnd()).point;
      for (;;) {
        const { items, point } = (await reader.next()).value!;
        for (const item of rowItems(items))
          seen.push(...item.changes.map((c) => (c.kind === 'insert' ? c.after[0]! : c.kind)));
        if (comparePoints(point, end) >= 0) break;
      }
      expect(seen).toHaveLength(i * 2 + 2);
    }
    await reader.return(undefined);
  }, 60_000);

  test('several readers in one process do not disturb each other', async () => {
    await root.run('CREATE TABLE d.u (id INT PRIMARY KEY)');
    from = (await context.source.logEnd()).position;
    const writes = (async () => {
      for (let i = 0; i < 300; i++)
        await root.query(`INSERT INTO d.t VALUES (${i},'x',${i}); INSERT INTO d.u VALUES (${i})`);
    })();
    await writes;
    const [t, u, both] = await Promise.all([
      readToEnd(context.source, { from, wants: (_, table) => table === 't' }),
      readToEnd(context.source, { from, wants: (_, table) => table === 'u' }),
      readToEnd(context.source, { from }),
    ]);
    expect([t.length, u.length, both.length]).toEqual([300, 300, 600]);
  });

  test('a slow reader pauses the socket and loses nothing', async () => {
    await using small = mysqlSource(context.options({ queueBytesMax: 20_000 }));
    await root.run('CREATE TABLE d.big (id INT PRIMARY KEY, v VARCHAR(1000))');
    from = (await context.source.logEnd()).position;
    for (let i = 0; i < 200; i++) {
      await root.run(
        `INSERT INTO d.big VALUES ${Array.from({ length: 20 }, (_, k) => `(${i * 20 + k}, '${'v'.repeat(900)}')`).join(',')}`,
      );
    }
    const end = (await context.source.logEnd()).point;
    let rows = 0;
    let most = 0;
    for await (const batch of readUntil(small, { from, partBytes: 10_000 }, (b) => comparePoints(b.point, end) >= 0)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const items = rowItems(batch.items);
      rows += items.reduce((sum, item) => sum + item.changes.length, 0);
      most = Math.max(
        most,
        items.reduce((sum, item) => sum + item.bytes, 0),
      );
    }
    expect(rows).toBe(4000);
    // The limit, one chunk of the socket, and one event.
    expect(most).toBeLessThan(400_000);
  }, 60_000);

  test('ends when aborted, also while waiting', async () => {
    const abort = new AbortController();
    const log = context.source.readLog({
      from,
      wants: () => true,
      definitions,
      partBytes: 1 << 20,
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(), 300);
    for await (const _ of log);
    expect(abort.signal.aborted).toBe(true);
  });

  test('a position that the server purged is refused with what to do', async () => {
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    await root.run('FLUSH BINARY LOGS');
    const { point } = await context.source.logEnd();
    await expect
      .poll(
        async () => {
          await root.run(`PURGE BINARY LOGS TO '${point.file}'`);
          return (await root.rows('SHOW BINARY LOGS')).length;
        },
        { timeout: 30_000 },
      )
      .toBe(1);
    await root.run("INSERT INTO d.t VALUES (2,'x',1)");
    await expect(told()).rejects.toMatchObject({
      code: 'OT4020',
      retry: 'never',
      hint: expect.stringContaining('otter explain OT4020'),
    });
  });

  test('a position of the other family is refused', async () => {
    const other = family === 'mysql' ? 'mariadb:0-1-1' : 'mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';
    await expect(readToEnd(context.source, { from: other })).rejects.toMatchObject({ code: 'OT4002' });
  });

  test('the statement of a change is refused', async () => {
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    await using session = await access(context.lab, context.lab.root).connect();
    await session.run('SET SESSION binlog_format=STATEMENT');
    await session.run("UPDATE d.t SET a='y' WHERE id=1");
    await expect(told()).rejects.toMatchObject({ code: 'OT4032', message: expect.stringContaining('UPDATE') });
  });

  describe('a change that the log has as a statement', () => {
    let session: Session;
    const wants = (_: string, table: string): boolean => table === 't';

    beforeEach(async () => {
      await root.run('CREATE TABLE d.other (id INT PRIMARY KEY, a VARCHAR(100)) ENGINE=InnoDB');
      session = await access(context.lab, context.lab.root).connect();
      await session.run('SET SESSION binlog_format=STATEMENT');
      await session.run('USE d');
    });

    afterEach(async () => {
      await session[Symbol.asyncDispose]();
    });

    test.each([
      "INSERT INTO other VALUES (1, 'the table d.t')",
      "INSERT INTO d.other (id, a) VALUES (1, 'x') /* not t */",
      'CREATE TEMPORARY TABLE tmp (id INT)',
      'DELETE FROM `other` WHERE id > 5',
    ])('of a table that nobody wants is passed over: %s', async (statement) => {
      await session.run(statement);
      await root.query("BEGIN; INSERT INTO d.t VALUES (1,'x',1); COMMIT");
      expect((await told({ wants })).slice(-2)).toEqual(["insert 1,'x',1", 'commit']);
    });

    test('rows of the same transaction that are logged are delivered', async () => {
      await session.run('BEGIN');
      await session.run("INSERT INTO other VALUES (1, 'x')");
      await session.run('SET SESSION binlog_format=ROW').catch(() => undefined);
      await session.run('COMMIT');
      await root.run("INSERT INTO d.t VALUES (1,'x',1)");
      expect((await told({ wants })).slice(-2)).toEqual(["insert 1,'x',1", 'commit']);
    });

    test('strings end where the session that wrote them says', async () => {
      const statement = "INSERT INTO other SELECT id, '\\' FROM t WHERE a <> 'x' AND b = '5'";
      await session.run("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')");
      await session.run(statement);
      await expect(told({ wants })).rejects.toMatchObject({ code: 'OT4032' });
      from = (await context.source.logEnd()).position;
      await session.run("SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')");
      await session.run("INSERT INTO other VALUES (3, 'it\\'s t, \\'t\\' of d.t')");
      await root.run("INSERT INTO d.t VALUES (1,'x',1)");
      expect((await told({ wants })).slice(-2)).toEqual(["insert 1,'x',1", 'commit']);
    });

    test.each([
      ['a string with a backslash hides nothing', [], "UPDATE t SET a = 'x\\\\' WHERE id = 1"],
      ['another case', [], 'UPDATE d.`t` SET b = 2'],
      ['a view', ['CREATE VIEW d.seen AS SELECT * FROM d.t'], 'UPDATE seen SET b = 2'],
      [
        'a trigger',
        ['CREATE TRIGGER d.o AFTER INSERT ON d.other FOR EACH ROW UPDATE d.t SET b = 3'],
        "INSERT INTO other VALUES (1, 'x')",
      ],
      [
        'a trigger of a trigger',
        [
          'CREATE TABLE d.third (id INT)',
          'CREATE TRIGGER d.o AFTER INSERT ON d.other FOR EACH ROW INSERT INTO third VALUES (1)',
          'CREATE TRIGGER d.p AFTER INSERT ON d.third FOR EACH ROW UPDATE t SET b = 3',
        ],
        "INSERT INTO other VALUES (1, 'x')",
      ],
      [
        'a stored function',
        ['CREATE FUNCTION d.f() RETURNS INT DETERMINISTIC BEGIN UPDATE t SET b = 4; RETURN 1; END'],
        "INSERT INTO other VALUES (f(), 'x')",
      ],
      [
        'a foreign key',
        ['ALTER TABLE d.t ADD FOREIGN KEY (id) REFERENCES d.other (id) ON DELETE CASCADE'],
        'DELETE FROM other WHERE id = 7',
      ],
    ])('and that may reach a wanted table is refused: %s', async (_, before, statement) => {
      await root.run('DROP TABLE IF EXISTS d.third');
      for (const sql of before) await root.run(sql);
      from = (await context.source.logEnd()).position;
      await session.run(statement);
      await root.run('DELETE FROM d.t');
      await expect(told({ wants })).rejects.toMatchObject({ code: 'OT4032' });
    });

    test.each([
      ['LATIN1_SWEDISH_CI', 'größe'],
      ['GBK_CHINESE_CI', '誠表'],
      ['CP850_GENERAL_CI', 'größe'],
      ['UTF8MB4_GENERAL_CI', 'größe誠'],
    ])('names are those that the client meant, in %s', async (charset, name) => {
      const { host, port, root: account } = context.lab;
      const client = await createConnection({ host, port, ...account, charset, database: 'd' });
      const known = (_: string, table: string): boolean => table === name;
      try {
        await client.query(`CREATE TABLE \`${name}\` (id INT PRIMARY KEY, v INT, w INT)`);
        for (const statement of [
          `ALTER TABLE \`${name}\` MODIFY v INT AFTER w`,
          `TRUNCATE ${name}`,
          `RENAME TABLE ${name} TO was`,
          `RENAME TABLE was TO ${name}`,
          `DROP TABLE \`${name}\``,
          `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT, w INT)`,
        ]) {
          from = (await context.source.logEnd()).position;
          await client.query(statement);
          const [item] = await readToEnd(context.source, { from });
          const effect = item?.kind === 'statement' ? tableStatement(item) : null;
          const tables =
            effect?.kind === 'alters'
              ? [...effect.tables, ...effect.made]
              : effect?.kind === 'creates' && effect.tables;
          expect(tables, statement).toContainEqual({ schema: 'd', name });
        }
        await client.query('SET SESSION binlog_format = STATEMENT');
        from = (await context.source.logEnd()).position;
        await client.query(`INSERT INTO ${name} VALUES (1, 2, 3)`);
        await expect(told({ wants: known })).rejects.toMatchObject({ code: 'OT4032' });
      } finally {
        await client.end();
      }
    });

    test('LOAD DATA is passed over or refused like any other', async () => {
      await root.run('SET GLOBAL local_infile = 1');
      const loader = await rootOf(context.lab);
      await loader.query('SET SESSION binlog_format = STATEMENT');
      const load = async (into: string): Promise<unknown> =>
        loader.query({
          sql: `LOAD DATA LOCAL INFILE 'lines' INTO TABLE ${into} (id, a)`,
          infileStreamFactory: () => Readable.from([Buffer.from('5\tx\n')]),
        });
      await load('d.other');
      await root.run("INSERT INTO d.t VALUES (1,'x',1)");
      expect((await told({ wants })).slice(-2)).toEqual(["insert 1,'x',1", 'commit']);
      await load('d.t');
      await loader.end();
      await expect(told({ wants })).rejects.toMatchObject({ code: 'OT4032' });
    });
  });

  test('an XA transaction that is prepared and committed at once is delivered', async () => {
    await root.query("XA START 'y'; INSERT INTO d.t VALUES (1,'x',1); XA END 'y'; XA COMMIT 'y' ONE PHASE");
    await root.run("INSERT INTO d.t VALUES (2,'x',1)");
    expect(await told()).toEqual(["insert 1,'x',1", 'commit', "insert 2,'x',1", 'commit']);
  });

  test('a structure that has changed since is refused', async () => {
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    await root.run('ALTER TABLE d.t DROP COLUMN b');
    await expect(told()).rejects.toMatchObject({
      code: 'OT4030',
      message: expect.stringContaining('d.t'),
      where: expect.objectContaining({ table: 'd.t', gtid: expect.any(String) }),
    });
    await root.run('DROP TABLE d.t');
    await expect(told()).rejects.toMatchObject({ code: 'OT4030' });
  });

  test('rows between two changes that are both unread are refused, though the table is as it was', async () => {
    await root.run('CREATE TABLE d.n (id INT PRIMARY KEY, v INT, w INT)');
    from = (await context.source.logEnd()).position;
    await root.query(`ALTER TABLE d.n MODIFY v INT AFTER w; INSERT INTO d.n (id, v, w) VALUES (1, 7, 8);
      ALTER TABLE d.n ADD INDEX (v); TRUNCATE d.t; CREATE TABLE d.other (id INT); ALTER TABLE d.n COMMENT "", MODIFY v INT AFTER id`);
    await expect(told()).rejects.toMatchObject({ code: 'OT4030', message: expect.stringContaining('d.n') });
    const again = (await context.source.logEnd()).position;
    await root.query('INSERT INTO d.n (id, v, w) VALUES (2, 5, 6); ALTER TABLE d.n ADD INDEX (w); TRUNCATE d.n');
    from = again;
    expect((await told()).filter((line) => line.startsWith('insert'))).toEqual(['insert 2,5,6']);
  });

  test('a structure that is known stays so past definitions that do not change it', async () => {
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    const abort = new AbortController();
    const { source } = context;
    const log = source.readLog({
      from,
      wants: () => true,
      definitions,
      partBytes: 1 << 20,
      signal: abort.signal,
    });
    const seen: string[] = [];
    for await (const { items } of log) {
      for (const item of items) {
        if (item.kind === 'unreadable') throw item.error;
        if (item.kind === 'rows') for (const change of item.changes) seen.push(JSON.stringify(change));
        // What comes now is in the log before the reader asks for the table again.
        if (item.kind === 'rows' && seen.length === 1) {
          await root.query(`CREATE TABLE d.u (id INT); INSERT INTO d.t VALUES (2,'y',2);
            ALTER TABLE d.t DROP COLUMN b; INSERT INTO d.t VALUES (3,3)`);
        }
      }
      if (seen.length === 3) abort.abort();
    }
    const columns = seen.map((text) => (JSON.parse(text) as { table: { columns: unknown[] } }).table.columns.length);
    expect(columns).toEqual([3, 3, 2]);
  });

  test('a structure that has changed only in names is refused where the log has them', async () => {
    const [row] = await root.rows<{ v: string }>('SELECT @@GLOBAL.binlog_row_metadata AS v');
    await root.run("SET GLOBAL binlog_row_metadata='FULL'");
    const writer = await access(context.lab, context.lab.root).connect({ multipleStatements: true });
    try {
      await writer.run(
        `CREATE TABLE d.n (id INT PRIMARY KEY, v INT, w INT, e ENUM('a','it''s','é'), s SET('x','y'), u ENUM('a') CHARACTER SET ucs2)`,
      );
      const insert = "INSERT INTO d.n (id, v, w, e, s) VALUES (1, 7, 8, 'a', 'x')";
      await writer.run(insert);
      from = (await context.source.logEnd()).position;
      for (const change of [
        'MODIFY v INT AFTER w',
        'CHANGE v w INT, CHANGE w v INT',
        "MODIFY e ENUM('it''s','a','é')",
        "MODIFY s SET('y','x')",
      ]) {
        from = (await context.source.logEnd()).position;
        await writer.run('UPDATE d.n SET v = v + 1');
        expect((await told()).at(-1)).toBe('commit');
        await writer.run(`ALTER TABLE d.n ${change}`);
        await expect(told(), change).rejects.toMatchObject({ code: 'OT4030' });
      }
    } finally {
      await writer[Symbol.asyncDispose]();
      await root.run(`SET GLOBAL binlog_row_metadata='${row!.v}'`);
    }
  });

  test('generated columns do not disturb the others', async () => {
    await root.run(
      'CREATE TABLE d.g (id INT PRIMARY KEY, v INT AS (id + 1) VIRTUAL, s INT AS (id + 2) STORED, z INT, KEY (v))',
    );
    await root.run('INSERT INTO d.g (id, z) VALUES (1, 7), (2, NULL)');
    await root.run('UPDATE d.g SET z = 8 WHERE id = 1');
    const shape = await context.source.shape('d', 'g');
    expect(shape!.columns.map(({ generated }) => generated)).toEqual([false, true, true, false]);
    const changes = rowItems(await readToEnd(context.source, { from })).flatMap((item) => item.changes);
    const written = (image: readonly (string | null)[]): unknown[] => [image[0], image[3]];
    expect(changes.map((c) => written(c.kind === 'delete' ? c.before : c.after))).toEqual([
      ['1', '7'],
      ['2', null],
      ['1', '8'],
    ]);
  });

  test('commit times are those of the server', async () => {
    const before = Date.now();
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    const [item] = rowItems(await readToEnd(context.source, { from }));
    expect(item!.commitUs / 1000).toBeGreaterThanOrEqual(
      family === 'mysql' ? before - 5 : Math.floor(before / 1000) * 1000,
    );
    expect(item!.commitUs / 1000).toBeLessThanOrEqual(Date.now() + 5);
  });

  test.runIf(family === 'mariadb')('MariaDB: several domains each keep their place', async () => {
    await root.query(
      "SET SESSION gtid_domain_id=3; INSERT INTO d.t VALUES (1,'x',1); SET SESSION gtid_domain_id=0; INSERT INTO d.t VALUES (2,'x',1)",
    );
    await root.query("SET SESSION gtid_domain_id=3; INSERT INTO d.t VALUES (3,'x',1); SET SESSION gtid_domain_id=0");
    const items = rowItems(await readToEnd(context.source, { from }));
    expect(items.flatMap((item) => item.changes.map((c) => c.kind === 'insert' && c.after[0]))).toEqual([
      '1',
      '2',
      '3',
    ]);
    expect(items.at(-1)!.position).toBe((await context.source.logEnd()).position);
    for (const [i, item] of items.entries()) {
      expect(rowItems(await readToEnd(context.source, { from: item.position }))).toEqual(items.slice(i + 1));
    }
  });

  test.runIf(family === 'mariadb')('MariaDB: numbers of a domain that go backwards are refused', async () => {
    await root.run('SET GLOBAL gtid_strict_mode=OFF');
    const name = (sequence: number): string => `SET SESSION gtid_domain_id=9, SESSION gtid_seq_no=${sequence}`;
    try {
      await root.query(`${name(100)}; INSERT INTO d.t VALUES (1,'x',1)`);
      await root.query(`${name(50)}; INSERT INTO d.t VALUES (2,'x',1)`);
      // So that whoever begins here finds what he begins with.
      await root.query(`${name(101)}; INSERT INTO d.t VALUES (3,'x',1); SET SESSION gtid_domain_id=0`);
      await expect(told()).rejects.toMatchObject({
        code: 'OT4025',
        message: expect.stringMatching(/the log has 9-\d+-50 after \S*9-\d+-100/),
        hint: expect.stringContaining('gtid_strict_mode = ON'),
      });
    } finally {
      await root.run('SET GLOBAL gtid_strict_mode=ON');
    }
  });

  test.runIf(family === 'mariadb')('MariaDB: compressed events are read', async () => {
    await root.run('SET GLOBAL log_bin_compress=ON');
    try {
      await root.run(
        `INSERT INTO d.t VALUES (1,'${'x'.repeat(100)}',1),(2,'${'y'.repeat(100)}',1),(3,'${'x'.repeat(100)}',1),(4,'${'z'.repeat(100)}',1)`,
      );
      await root.run(`UPDATE d.t SET a='${'q'.repeat(100)}'`);
      await root.run(`CREATE TABLE d.c (id INT PRIMARY KEY COMMENT '${'long '.repeat(100)}')`);
      await root.run('DELETE FROM d.t');
    } finally {
      await root.run('SET GLOBAL log_bin_compress=OFF');
    }
    const texts = await told();
    expect(texts.map((text) => text.split(' ')[0])).toEqual([
      ...[
        'insert',
        'insert',
        'insert',
        'insert',
        'commit',
        'update',
        'update',
        'update',
        'update',
        'commit',
        'statement',
      ],
      ...['delete', 'delete', 'delete', 'delete', 'commit'],
    ]);
    expect(texts[0]).toBe(`insert 1,'${'x'.repeat(100)}',1`);
  });

  test.runIf(family === 'mariadb')('MariaDB: an offset in a file is a position', async () => {
    const { point } = await context.source.logEnd();
    await root.run("INSERT INTO d.t VALUES (1,'x',1)");
    expect(await told({ from: `file:${point.file}:${point.offset}` })).toEqual(["insert 1,'x',1", 'commit']);
  });

  test.runIf(family === 'mysql')('MySQL: tagged GTIDs are followed', async () => {
    await root.query(
      "SET gtid_next='AUTOMATIC:otter_hz'; INSERT INTO d.t VALUES (1,'x',1); DROP TABLE IF EXISTS d.none; SET gtid_next='AUTOMATIC'",
    );
    await root.run("INSERT INTO d.t VALUES (2,'x',1)");
    const items = await readToEnd(context.source, { from });
    expect(items.map(({ gtid }) => gtid.split(':').slice(1, -1).join())).toEqual(['otter_hz', 'otter_hz', '']);
    expect(items.flatMap(tell).filter((text) => text.startsWith('insert'))).toEqual([
      "insert 1,'x',1",
      "insert 2,'x',1",
    ]);
    expect(items[0]!.commitUs / 1000).toBeGreaterThan(Date.now() - 60_000);
    expect(items[0]!.commitUs / 1000).toBeLessThanOrEqual(Date.now());
    const rest = await readToEnd(context.source, { from: items[0]!.position });
    expect(rest).toEqual(items.slice(1));
    expect(parsePosition(items.at(-1)!.position)).toEqual(parsePosition((await context.source.logEnd()).position));
  });
});

function tell(item: ReadItem): string[] {
  if (item.kind === 'statement') return [`statement ${item.sql}`];
  const rows = item.changes.map((change) => {
    switch (change.kind) {
      case 'insert':
        return `insert ${change.after.map(String)}`;
      case 'delete':
        return `delete ${change.before.map(String)}`;
      case 'update':
        return `update ${change.before.map(String)} > ${change.after.map(String)}`;
      default:
        return change satisfies never;
    }
  });
  return item.last ? [...rows, 'commit'] : rows;
}

async function killDumps(root: Session): Promise<void> {
  const dumps = await root.rows<{ Id: number; Command: string }>('SHOW PROCESSLIST');
  for (const { Id, Command } of dumps.filter((row) => row.Command.startsWith('Binlog Dump'))) {
    expect(Command).toMatch(/Dump/);
    await root.run(`KILL ${Id}`).catch(() => undefined);
  }
}
