/** Which servers are refused, what a connection does when endpoints fail, and how a dead line is noticed. */
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { access, type Context, type Family, open, readUntil } from './context.ts';

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let context: Context;

  beforeAll(async () => {
    context = await open(family);
  });

  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });

  test('a server as it should be passes', async () => {
    await context.source.preflight();
    const facts = await context.source.facts();
    expect(facts).toMatchObject({ family, logsCascades: family === 'mysql' });
    expect(facts.identity).not.toBe('');
  });

  const settings: [string, string][] = [
    ['binlog_format', 'MIXED'],
    ['binlog_row_image', 'MINIMAL'],
    ...(family === 'mysql'
      ? ([
          ['binlog_row_value_options', 'PARTIAL_JSON'],
          ['binlog_order_commits', 'OFF'],
        ] as [string, string][])
      : ([['binlog_alter_two_phase', 'ON']] as [string, string][])),
  ];

  test.each(settings)('%s = %s is refused, with what to type', async (setting, value) => {
    const { root, source } = context;
    const [row] = await root.rows<{ v: string | number }>(`SELECT @@GLOBAL.${setting} AS v`);
    await root.run(`SET GLOBAL ${setting} = '${value}'`);
    try {
      await expect(source.preflight()).rejects.toMatchObject({
        code: 'OT4021',
        retry: 'never',
        message: expect.stringMatching(new RegExp(`${setting} is (${value}|0) and must be`)),
        hint: expect.stringContaining(`SET GLOBAL ${setting} = `),
      });
      // What the hint says is what helps.
      const hint = await source.preflight().catch((error: { hint: string }) => error.hint);
      await root.run(/`(.*);`/.exec(String(hint))![1]!);
      await source.preflight();
    } finally {
      await root.run(`SET GLOBAL ${setting} = ${/^\d$/.test(`${row!.v}`) ? row!.v : `'${row!.v}'`}`);
    }
  });

  test.each([
    ['binlog_ignore_db', '--binlog-ignore-db=shop'],
    ['binlog_do_db', '--binlog-do-db=shop'],
  ])('a log that leaves out schemas (%s) is refused', async (setting, argument) => {
    await using other = await open(family, [argument]);
    await expect(other.source.preflight()).rejects.toMatchObject({
      code: 'OT4021',
      message: expect.stringContaining(`${setting} is shop and must be not set`),
      hint: `take \`${setting}\` out of the server configuration and restart it`,
    });
  });

  test('a replica that does not log what it applies is refused; another server may be without that', async () => {
    const name = family === 'mysql' ? 'log_replica_updates' : 'log_slave_updates';
    await using other = await open(family, [`--${name.replaceAll('_', '-')}=OFF`]);
    await other.source.preflight();
    await other.root.run(
      family === 'mysql'
        ? "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1"
        : "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x', MASTER_PASSWORD='x'",
    );
    if (family === 'mariadb') await other.root.run('START SLAVE');
    await expect(other.source.preflight()).rejects.toMatchObject({
      code: 'OT4021',
      message: expect.stringContaining(`${name} is OFF and must be ON, since the server is a replica`),
      hint: expect.stringContaining(`\`${name} = ON\``),
    });
  });

  test('no limit that the server sets for all sessions ends a statement of otter', async () => {
    const { root, lab } = context;
    const limit = family === 'mysql' ? 'max_execution_time' : 'max_statement_time';
    await root.run(`SET GLOBAL ${limit} = ${family === 'mysql' ? 1_000 : 1}`);
    try {
      await using session = await access(lab, lab.root).connect();
      const [row] = await session.rows<{ ended: string | number }>(
        'SELECT SLEEP(1.5) AS ended FROM mysql.user LIMIT 1',
      );
      expect(Number(row!.ended)).toBe(0);
    } finally {
      await root.run(`SET GLOBAL ${limit} = 0`);
    }
  });

  test('missing privileges are named with the statement that grants them', async () => {
    const { root, lab } = context;
    await root.query(
      "DROP USER IF EXISTS 'poor'@'%'; CREATE USER 'poor'@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON *.* TO 'poor'@'%'",
    );
    await using source = mysqlSource({ server: access(lab, { user: 'poor', password: 'secret' }) });
    const error: { code: string; hint: string } = await source.preflight().then(
      () => Promise.reject(new Error('passed')),
      (e) => e,
    );
    expect(error.code).toBe('OT4022');
    await root.run(/`(.*);`/.exec(error.hint)![1]!);
    await using again = mysqlSource({ server: access(lab, { user: 'poor', password: 'secret' }) });
    await again.preflight();
    await again.logEnd();
  });

  test('all that is wrong is named at once: settings, and what the user lacks', async () => {
    const { root, lab } = context;
    await root.query(
      "DROP USER IF EXISTS 'poor'@'%'; CREATE USER 'poor'@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON *.* TO 'poor'@'%'",
    );
    await root.query("SET GLOBAL binlog_format = 'MIXED'; SET GLOBAL binlog_row_image = 'MINIMAL'");
    try {
      await using source = mysqlSource({ server: access(lab, { user: 'poor', password: 'secret' }) });
      const error: { code: string; message: string; hint: string } = await source.preflight().then(
        () => Promise.reject(new Error('passed')),
        (e) => e,
      );
      expect(error.code).toBe('OT4021');
      for (const word of [
        'binlog_format is MIXED',
        'binlog_row_image is MINIMAL',
        "'poor'@'%' lacks REPLICATION SLAVE",
      ])
        expect(error.message).toContain(word);
      for (const statement of error.hint.matchAll(/`([^`]*;)`/g)) await root.query(statement[1]!);
      await using again = mysqlSource({ server: access(lab, { user: 'poor', password: 'secret' }) });
      await again.preflight();
    } finally {
      await root.query("SET GLOBAL binlog_format = 'ROW'; SET GLOBAL binlog_row_image = 'FULL'");
    }
  });

  test('a wrong password is refused without showing it', async () => {
    const server = access(context.lab, { user: context.lab.root.user, password: 'wrong-secret' });
    await expect(server.connect()).rejects.toMatchObject({
      code: 'OT4003',
      retry: 'never',
      message: expect.not.stringContaining('wrong-secret'),
    });
  });

  test('endpoints are tried in order, and the one that answered is kept', async () => {
    const { lab } = context;
    const server = new DatabaseServer({
      name: 'a',
      spec: { endpoints: ['127.0.0.1:1', `${lab.host}:${lab.port}`], user: lab.root.user, tls: null },
      password: lab.root.password,
    });
    await using session = await server.connect();
    expect(session.alive).toBe(true);
    expect(server.endpoint).toBe(`${lab.host}:${lab.port}`);
  });

  test('sessions keep values as they are', async () => {
    await using session = await context.server.connect();
    const [row] = await session.rows(
      `SELECT 18446744073709551615 AS big, 0.1 AS exact, TIMESTAMP('2024-01-01 00:00:00') AS time, @@time_zone AS zone, @@character_set_client AS charset`,
    );
    expect(row).toEqual({
      big: '18446744073709551615',
      exact: '0.1',
      time: '2024-01-01 00:00:00',
      zone: '+00:00',
      charset: 'utf8mb4',
    });
    await context.root.query('CREATE TABLE IF NOT EXISTS d.c (id INT PRIMARY KEY); REPLACE INTO d.c VALUES (1)');
    expect((await session.run('UPDATE d.c SET id = 1 WHERE id = 1')).affectedRows).toBe(1);
    await expect(session.run("INSERT INTO d.c VALUES ('x')")).rejects.toMatchObject({ code: 'OT4006' });
  });

  test('a session that is killed fails with an error to retry, and the next one works', async () => {
    const { source, root } = context;
    await source.logEnd();
    const mine = await root.rows<{ Id: number; User: string }>('SHOW PROCESSLIST');
    for (const { Id } of mine.filter(({ User }) => User === context.lab.otter.user))
      await root.run(`KILL ${Id}`).catch(() => undefined);
    const first = await source.logEnd().catch((error: unknown) => error);
    if (first instanceof Error) expect(first).toMatchObject({ code: 'OT4004', retry: 'backoff' });
    await source.logEnd();
  });

  test('a log that falls silent is given up', async () => {
    await using line = await freezable(context.lab.port);
    const { lab } = context;
    const server = new DatabaseServer({
      name: 'a',
      spec: { endpoints: [`127.0.0.1:${line.port}`], user: lab.otter.user, tls: null },
      password: lab.otter.password,
    });
    await using source = mysqlSource({ server, heartbeatMs: 100, silenceMsMax: 1_000 });
    const from = (await source.logEnd()).position;
    const reader = readUntil(source, { from }, () => false);
    await reader.next();
    line.freeze();
    await expect(
      (async () => {
        for (;;) await reader.next();
      })(),
    ).rejects.toMatchObject({ code: 'OT4004', retry: 'backoff', message: expect.stringContaining('silent') });
  });

  test('an idle log is not given up', async () => {
    await using source = mysqlSource(context.options({ heartbeatMs: 50, silenceMsMax: 400 }));
    const from = (await source.logEnd()).position;
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 1_500);
    for await (const _ of source.readLog({
      from,
      wants: () => true,
      definitions,
      partBytes: 1 << 20,
      signal: abort.signal,
    }));
    expect(abort.signal.aborted).toBe(true);
  });

  test('a server that is not there is an error to retry', async () => {
    const server = new DatabaseServer({
      name: 'a',
      spec: { endpoints: ['127.0.0.1:1', '127.0.0.1:2'], user: 'x', tls: null },
      password: '',
    });
    await expect(server.connect()).rejects.toMatchObject({
      code: 'OT4001',
      retry: 'backoff',
      where: { database: 'a', endpoint: '127.0.0.1:2' },
    });
  });
});

/** A line that can stop carrying anything without being closed. */
async function freezable(port: number): Promise<AsyncDisposable & { readonly port: number; freeze(): void }> {
  const { connect } = await import('node:net');
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [a, b] of [
      [near, far],
      [far, near],
    ] as const) {
      a.on('data', (chunk) => void (frozen || b.write(chunk)));
      a.on('error', () => undefined);
      a.on('close', () => b.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    freeze: () => {
      frozen = true;
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
