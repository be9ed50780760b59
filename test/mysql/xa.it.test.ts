/** XA transactions in real logs: their rows come where they are committed, and never where they are rolled back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LogItem } from '../../src/model/ports.ts';
import { comparePoints } from '../../src/model/position.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { until } from '../site/harness.ts';
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
    await root.run('CREATE TABLE d.t (id INT PRIMARY KEY, v LONGTEXT)');
    await root.run('CREATE TABLE d.u (id INT PRIMARY KEY)');
    from = await position();
  });

  async function position(): Promise<string> {
    return (await context.source.logEnd()).position;
  }

  async function prepare(xid: string, ...statements: string[]): Promise<void> {
    let left: number;
    {
      await using session = await access(context.lab, context.lab.root).connect({ multipleStatements: true });
      const [own] = await session.rows<{ id: number }>('SELECT CONNECTION_ID() AS id');
      left = Number(own!.id);
      await session.query(`XA START ${xid}; ${statements.join('; ')}; XA END ${xid}; XA PREPARE ${xid}`);
    }
    // MariaDB knows no such XID for others before the session has gone.
    await until('its session has gone', async () => {
      const sessions = await root.rows<{ Id: string | number }>('SHOW PROCESSLIST');
      return sessions.every(({ Id }) => Number(Id) !== left);
    });
  }

  /** By which transaction came which rows; everything up to the end of the log. */
  async function told(start = from, source = context.source, partBytes = 1 << 20): Promise<string[]> {
    const items = rowItems(await readToEnd(source, { from: start, partBytes }));
    return items.map(({ changes, first, last }) => {
      const rows = changes.map((change) => (change.kind === 'delete' ? `-${change.before[0]}` : `${change.after[0]}`));
      return `${first ? '' : '… '}${rows.join(' ')}${last ? '.' : ''}`;
    });
  }

  /** Everything, also what cannot be read. */
  async function items(start: string): Promise<LogItem[]> {
    const end = (await context.source.logEnd()).point;
    const found: LogItem[] = [];
    for await (const batch of readUntil(context.source, { from: start }, ({ point }) => comparePoints(point, end) >= 0))
      found.push(...batch.items);
    return found;
  }

  test('rows come with the transaction that commits them, and rolled back ones do not', async () => {
    await prepare("'a''b\\\\c',x'00ff',7", "INSERT INTO d.t VALUES (1, 'x'), (2, 'y')", 'DELETE FROM d.t WHERE id=1');
    await prepare("'back'", "INSERT INTO d.t VALUES (3, 'x')");
    await root.run("INSERT INTO d.t VALUES (4, 'x')");
    const before = await position();
    await root.run("XA ROLLBACK 'back'");
    await root.run("XA COMMIT 'a''b\\\\c',x'00ff',7");
    await root.run("INSERT INTO d.t VALUES (5, 'x')");
    expect(await told()).toEqual(['4.', '1 2 -1.', '5.']);
    const [, xa] = rowItems(await items(from));
    expect(await told(xa!.position)).toEqual(['5.']);
    expect(xa!.position).not.toBe(before);
    // Begun behind both PREPAREs.
    expect(await told(before)).toEqual(['1 2 -1.', '5.']);
  });

  test('a name is used again and again, and an end is that of the last', async () => {
    for (const [id, verb] of [
      [1, 'COMMIT'],
      [2, 'ROLLBACK'],
      [3, 'COMMIT'],
    ] as const) {
      await prepare("'x'", `INSERT INTO d.t VALUES (${id}, 'x')`);
      from = id === 3 ? from : await position();
      await root.run(`XA ${verb} 'x'`);
    }
    await prepare("'x'", "INSERT INTO d.t VALUES (4, 'x')");
    await root.run("XA ROLLBACK 'x'");
    expect(await told()).toEqual(['3.']);
  });

  test('what is undone within it is not there', async () => {
    await prepare(
      "'s'",
      "INSERT INTO d.t VALUES (1, 'x')",
      'SAVEPOINT p',
      "INSERT INTO d.t VALUES (2, 'x')",
      'ROLLBACK TO p',
    );
    await root.run("XA COMMIT 's'");
    expect(await told()).toEqual(['1.']);
  });

  test('prepared in an earlier file, while other things happened', async () => {
    await prepare("'long'", "INSERT INTO d.t VALUES (1, 'x')");
    await prepare("'other'", "INSERT INTO d.t VALUES (2, 'x')");
    await root.query("FLUSH BINARY LOGS; ALTER TABLE d.u ADD n INT; XA ROLLBACK 'other'; FLUSH BINARY LOGS");
    const start = await position();
    await root.run("XA COMMIT 'long'");
    expect(await told(start)).toEqual(['1.']);
    expect((await told()).filter((line) => line.includes('1'))).toEqual(['1.']);
  });

  test('what is not in the log any more is told, of tables that nobody knows', async () => {
    await prepare("'gone'", "INSERT INTO d.t VALUES (1, 'x')");
    await root.run('FLUSH BINARY LOGS');
    const { file } = (await context.source.logEnd()).point;
    // MariaDB keeps what a crash might need, for a moment.
    await until('it is purged', async () => {
      await root.run(`PURGE BINARY LOGS TO '${file}'`);
      const [oldest] = await root.rows<{ Log_name: string }>('SHOW BINARY LOGS');
      return oldest?.Log_name === file;
    });
    const late = await position();
    await root.run("XA COMMIT 'gone'");
    await root.run("INSERT INTO d.t VALUES (2, 'x')");
    const found = await items(late);
    expect(found.map(({ kind }) => kind)).toEqual(['unreadable', 'rows']);
    expect(found[0]).toMatchObject({ tables: null, error: { code: 'OT4036' } });
    expect((found[0] as { error: Error }).error.message).toMatch(/transaction \S+ at /);
  });

  test('large ones come in parts, from memory and read again', async () => {
    const rows = Array.from({ length: 40 }, (_, n) => `INSERT INTO d.t VALUES (${n}, REPEAT('x', 10000))`);
    await prepare("'large'", ...rows);
    const start = await position();
    await root.run('INSERT INTO d.u VALUES (1)');
    await root.run("XA COMMIT 'large'");
    const inParts = await told(from, context.source, 50_000);
    expect(inParts.length).toBeGreaterThan(5);
    expect(inParts.join(' ').match(/\d+/g)).toEqual(['1', ...rows.keys()].map(String));
    for (const [begins, heldBytesMax] of [
      [from, 100_000],
      [start, 1 << 20],
    ] as const) {
      await using source = mysqlSource(context.options({ heldBytesMax, queueBytesMax: 60_000 }));
      expect(await told(begins, source, 50_000)).toEqual(inParts);
    }
  });

  test('a one-phase commit larger than what is kept', async () => {
    const xid = "'one'";
    const rows = Array.from({ length: 20 }, (_, n) => `INSERT INTO d.t VALUES (${n}, REPEAT('x', 10000))`);
    await root.query(`XA START ${xid}; ${rows.join('; ')}; XA END ${xid}; XA COMMIT ${xid} ONE PHASE`);
    await using source = mysqlSource(context.options({ heldBytesMax: 50_000 }));
    const found = await told(from, source, 30_000);
    expect(found.join(' ').match(/\d+/g)).toEqual([...rows.keys()].map(String));
    expect(found.at(-1)).toMatch(/\.$/);
  });

  // The last: sessions end with it.
  test('decided after a restart of the server', async () => {
    await prepare("'c'", "INSERT INTO d.t VALUES (1, 'x')");
    await prepare("'r'", "INSERT INTO d.t VALUES (2, 'x')");
    const between = await position();
    await context.lab.restart();
    await using after = await access(context.lab, context.lab.root).connect({ multipleStatements: true });
    await after.query("XA COMMIT 'c'; XA ROLLBACK 'r'; INSERT INTO d.t VALUES (3, 'x')");
    for (const start of [from, between]) expect(await told(start)).toEqual(['1.', '3.']);
  });
});
