/**
 * Logs that a server or a session writes in another form: compressed, encrypted, with parts of rows. Each is read to the
 * last row, or refused with what to set; no row is ever missing without a word.
 */
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Program } from '../../src/lab/binaries.ts';
import { startMySql } from '../../src/lab/servers.ts';
import type { LogItem } from '../../src/model/ports.ts';
import { comparePoints } from '../../src/model/position.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { access, type Context, type Family, open, readToEnd, readUntil, rowItems } from './context.ts';

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
    await root.run('CREATE TABLE d.t (id INT PRIMARY KEY, a VARCHAR(300), b LONGBLOB, n INT DEFAULT 5)');
    await root.run("INSERT INTO d.t VALUES (1,'x','blob',1),(2,'y',NULL,2)");
    from = (await context.source.logEnd()).position;
  });

  /** What a session did that was set in another way while others were not. */
  async function inSession(setting: string, statements: string): Promise<void> {
    await using session = await access(context.lab, context.lab.root).connect({ multipleStatements: true });
    await session.run(`SET SESSION ${setting}`);
    await session.query(statements);
  }

  describe.each(['MINIMAL', 'NOBLOB'])('binlog_row_image=%s of a session', (image) => {
    test.each([
      ["UPDATE d.t SET a='z' WHERE id=1", 'a row of d.t was logged without '],
      ['DELETE FROM d.t WHERE id=1', 'a row of d.t was logged without '],
    ])('%s is refused, and what other sessions wrote is delivered', async (statement, words) => {
      await root.run("INSERT INTO d.t VALUES (3,'before','b',1)");
      await inSession(`binlog_row_image=${image}`, statement);
      await root.run("INSERT INTO d.t VALUES (4,'after','b',1)");
      const items = await everything(context, from);
      expect(items.map(({ kind }) => kind)).toEqual(['rows', 'unreadable', 'rows']);
      expect(items[1]).toMatchObject({
        tables: [{ schema: 'd', name: 't' }],
        error: { code: 'OT4031', hint: expect.stringContaining('binlog_row_image = FULL') },
      });
      expect((items[1] as { error: Error }).error.message).toContain(words);
    });

    test('what is whole all the same is delivered', async () => {
      await root.run('CREATE TABLE d.k (a INT, b INT, PRIMARY KEY (a, b))');
      await inSession(
        `binlog_row_image=${image}`,
        "INSERT INTO d.k VALUES (1,2); UPDATE d.k SET a=3, b=4; DELETE FROM d.k; INSERT INTO d.t VALUES (5,'v','b',1)",
      );
      const changes = rowItems(await readToEnd(context.source, { from })).flatMap((item) => item.changes);
      expect(changes).toMatchObject([
        { kind: 'insert', after: ['1', '2'] },
        { kind: 'update', before: ['1', '2'], after: ['3', '4'] },
        { kind: 'delete', before: ['3', '4'] },
        { kind: 'insert', after: ['5', "'v'", "x'62'", '1'] },
      ]);
    });
  });

  test.each(['MINIMAL', 'FULL', ...(family === 'mariadb' ? ['NO_LOG'] : [])])(
    'binlog_row_metadata=%s: rows are the same',
    async (metadata) => {
      const [before] = await root.rows<{ v: string }>('SELECT @@GLOBAL.binlog_row_metadata AS v');
      await root.run(`SET GLOBAL binlog_row_metadata=${metadata}`);
      try {
        await root.run(
          "CREATE TABLE d.m (id INT UNSIGNED PRIMARY KEY, e ENUM('ä','b') CHARACTER SET latin1, s SET('x','y'), l CHAR(5) CHARACTER SET latin1, b BINARY(5), t TINYINT UNSIGNED, g POINT, c VARCHAR(5) CHARACTER SET ucs2)",
        );
        const start = (await context.source.logEnd()).position;
        await root.run(
          "INSERT INTO d.m VALUES (4294967295,'ä','x,y','é ',x'0100',255,ST_GeomFromText('POINT(1 2)', 4326),'日')",
        );
        const [item] = rowItems(await readToEnd(context.source, { from: start }));
        const shape = await context.source.shape('d', 'm');
        expect(item!.changes.map((change) => change.kind === 'insert' && change.after)).toEqual(
          await context.source.readChunk(shape!, null, 10, Infinity),
        );
      } finally {
        await root.run(`SET GLOBAL binlog_row_metadata=${before!.v}`);
      }
    },
  );
});

describe('mysql', () => {
  let context: Context;
  let root: Session;
  let from: string;

  beforeAll(async () => {
    context = await open('mysql');
    root = context.root;
  });
  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await root.run('DROP DATABASE IF EXISTS d');
    await root.run('CREATE DATABASE d');
    await root.run('CREATE TABLE d.t (id INT PRIMARY KEY, a VARCHAR(300), b LONGBLOB, j JSON)');
    from = (await context.source.logEnd()).position;
    await root.run('SET SESSION binlog_transaction_compression=ON');
  });

  const rows = async (options: Partial<Parameters<typeof readToEnd>[1]> = {}): Promise<unknown[][]> =>
    rowItems(await readToEnd(context.source, { from, ...options })).flatMap((item) =>
      item.changes.map((change) => [change.kind, ...(change.kind === 'delete' ? change.before : change.after)]),
    );

  test('compressed transactions are read, among others and with tables that nobody wants', async () => {
    await root.query(
      "BEGIN; INSERT INTO d.t VALUES (1,'x',NULL,NULL); UPDATE d.t SET a='y'; CREATE TEMPORARY TABLE d.tmp (id INT); DELETE FROM d.t; COMMIT",
    );
    await root.run('CREATE TABLE d.u (id INT PRIMARY KEY)');
    await root.query('BEGIN; INSERT INTO d.u VALUES (1); INSERT INTO d.t VALUES (2,NULL,NULL,NULL); COMMIT');
    await root.run('SET SESSION binlog_transaction_compression=OFF');
    await root.run("INSERT INTO d.t VALUES (3,'z',NULL,NULL)");
    expect(await rows({ wants: (_, table) => table === 't' })).toEqual([
      ['insert', '1', "'x'", null, null],
      ['update', '1', "'y'", null, null],
      ['delete', '1', "'y'", null, null],
      ['insert', '2', null, null, null],
      ['insert', '3', "'z'", null, null],
    ]);
    const [status] = await root.rows<{ n: string }>(
      "SELECT SUM(TRANSACTION_COUNTER) AS n FROM performance_schema.binary_log_transaction_compression_stats WHERE LOG_TYPE='BINARY' AND COMPRESSION_TYPE='ZSTD'",
    );
    expect(Number(status!.n)).toBeGreaterThan(0);
  });

  test('the point moves past a compressed transaction only when all of it was read', async () => {
    await using slow = mysqlSource(context.options({ queueBytesMax: 4_000 }));
    await root.run(
      "INSERT INTO d.t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, repeat('a', 200), NULL, NULL FROM n",
    );
    const end = (await context.source.logEnd()).point;
    const ids: string[] = [];
    let batches = 0;
    const last = (batch: { point: typeof end }): boolean => comparePoints(batch.point, end) >= 0;
    for await (const batch of readUntil(slow, { from, partBytes: 2_000 }, last)) {
      const found = rowItems(batch.items);
      if (found.length > 0 && !found.some((item) => item.last)) expect(comparePoints(batch.point, end)).toBeLessThan(0);
      // Neither the transaction nor its rows are in memory as a whole.
      expect(found.reduce((sum, item) => sum + item.bytes, 0)).toBeLessThan(40_000);
      ids.push(
        ...found.flatMap((item) => item.changes.map((change) => (change.kind === 'insert' ? change.after[0]! : ''))),
      );
      batches += 1;
    }
    expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => String(i + 1)));
    expect(batches).toBeGreaterThan(20);
  });

  test('a table whose structure is asked for in the middle, and one that has changed since', async () => {
    await root.query(
      "INSERT INTO d.t VALUES (1,'x',NULL,NULL); CREATE TABLE d.v (id INT PRIMARY KEY, a INT); BEGIN; INSERT INTO d.t VALUES (2,'x',NULL,NULL); INSERT INTO d.v VALUES (1,1); INSERT INTO d.t VALUES (3,'x',NULL,NULL); COMMIT",
    );
    expect((await rows()).map(([, id]) => id)).toEqual(['1', '2', '1', '3']);
    await root.run('ALTER TABLE d.v ADD b INT FIRST');
    const items = await everything(context, from);
    expect(items.filter(({ kind }) => kind === 'unreadable')).toMatchObject([{ tables: [{ schema: 'd', name: 'v' }] }]);
  });

  test('by file and offset a compressed transaction ends where the log says', async () => {
    const { point } = await context.source.logEnd();
    const [uuid] = await root.rows<{ v: string }>('SELECT @@server_uuid AS v');
    await root.run("INSERT INTO d.t VALUES (1,'x',NULL,NULL)");
    await root.run("INSERT INTO d.t VALUES (2,'y',NULL,NULL)");
    const start = `file:${point.file}:${point.offset}@${uuid!.v}`;
    const items = rowItems(await readToEnd(context.source, { from: start }));
    expect(items).toHaveLength(2);
    expect(rowItems(await readToEnd(context.source, { from: items[0]!.position }))).toMatchObject([
      { changes: [{ after: ['2', "'y'", null, null] }] },
    ]);
  });

  test('where a session may log JSON values in part, rows that are whole are read', async () => {
    await root.run('CREATE TABLE d.plain (id INT PRIMARY KEY, a VARCHAR(9), n INT)');
    await root.run(`INSERT INTO d.t VALUES (1,'x',NULL,'{"a": 1}'),(2,'y',NULL,NULL)`);
    await root.run("INSERT INTO d.plain VALUES (1,'x',NULL),(2,NULL,7)");
    const start = (await context.source.logEnd()).position;
    await root.query(
      `SET SESSION binlog_row_value_options=PARTIAL_JSON; UPDATE d.plain SET a='new', n=n+1; UPDATE d.t SET a=CONCAT(a,'z'); UPDATE d.t SET j='[1]'; SET SESSION binlog_row_value_options=''`,
    );
    const items = rowItems(await everything(context, start));
    const afters = items.map(({ changes }) =>
      changes.map((change) => (change.kind === 'update' ? change.after : null)),
    );
    expect(afters).toEqual([
      [
        ['1', "'new'", null],
        ['2', "'new'", '8'],
      ],
      [
        ['1', "'xz'", null, `'{"a": 1}'`],
        ['2', "'yz'", null, null],
      ],
      [
        ['1', "'xz'", null, "'[1]'"],
        ['2', "'yz'", null, "'[1]'"],
      ],
    ]);
    await root.run('DROP TABLE d.plain');
  });

  test('what a session logs of a JSON value in part is refused', async () => {
    await root.run(`INSERT INTO d.t VALUES (1,'x',NULL,'{"a": 1, "b": "${'long'.repeat(50)}"}')`);
    for (const compressed of ['ON', 'OFF']) {
      const start = (await context.source.logEnd()).position;
      await root.query(
        `SET SESSION binlog_transaction_compression=${compressed}; SET SESSION binlog_row_value_options=PARTIAL_JSON; UPDATE d.t SET j=JSON_SET(j,'$.a',j->'$.a'+1); SET SESSION binlog_row_value_options=''; UPDATE d.t SET a=CONCAT(a,'z')`,
      );
      const items = await everything(context, start);
      expect(items.map(({ kind }) => kind)).toEqual(['unreadable', 'rows']);
      expect(items[0]).toMatchObject({
        tables: [{ schema: 'd', name: 't' }],
        error: { code: 'OT4033', hint: expect.stringContaining('binlog_row_value_options') },
      });
    }
  });
});

test('mysql: an encrypted log is read like any other, by GTIDs and by file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'otter-keyring-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => rm(folder, { recursive: true }));
  // The server may run as another user, and looks for its key rings beside the name by which it was started.
  await chmod(folder, 0o777);
  const program = async (found: Program): Promise<Program> => {
    const server = found.args.at(-1) ?? found.command;
    const link = join(folder, 'mysqld');
    await symlink(server, link);
    await symlink(join(server, `../../lib/mysql/plugin/${KEYRING}.so`), join(folder, `${KEYRING}.so`));
    await writeFile(join(folder, 'mysqld.my'), JSON.stringify({ components: `file://${KEYRING}` }));
    await writeFile(join(folder, `${KEYRING}.cnf`), JSON.stringify({ path: join(folder, 'keys'), read_only: false }));
    return found.args.length === 0
      ? { ...found, command: link }
      : { ...found, args: [...found.args.slice(0, -1), link] };
  };
  const args = [`--plugin-dir=${folder}/`, '--binlog-encryption=ON'];
  const lab = stack.use(await startMySql({ args, program }));
  const source = stack.use(mysqlSource({ server: access(lab, lab.otter) }));
  const root = stack.use(await access(lab, lab.root).connect({ multipleStatements: true }));
  await source.preflight();
  await root.query('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, a INT)');
  const { position, point } = await source.logEnd();
  await root.query(
    'INSERT INTO d.t VALUES (1,1); FLUSH LOGS; SET SESSION binlog_transaction_compression=ON; UPDATE d.t SET a=2',
  );
  expect(await root.rows('SHOW BINARY LOGS')).toMatchObject([{ Encrypted: 'Yes' }, { Encrypted: 'Yes' }]);
  const [uuid] = await root.rows<{ v: string }>('SELECT @@server_uuid AS v');
  for (const from of [position, `file:${point.file}:${point.offset}@${uuid!.v}`]) {
    const items = rowItems(await readToEnd(source, { from }));
    expect(items.flatMap(({ changes }) => changes)).toMatchObject([
      { kind: 'insert', after: ['1', '1'] },
      { kind: 'update', before: ['1', '1'], after: ['1', '2'] },
    ]);
  }
});

const KEYRING = 'component_keyring_file';

async function everything({ source }: Context, from: string): Promise<LogItem[]> {
  const end = (await source.logEnd()).point;
  const items: LogItem[] = [];
  for await (const batch of readUntil(source, { from }, (b) => comparePoints(b.point, end) >= 0))
    items.push(...batch.items);
  return items.filter(({ kind }) => kind !== 'statement');
}
